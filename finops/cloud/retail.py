"""Retail Prices items, as Microsoft publishes them to everybody (no sign-in)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from finops.errors import AzureError

from .paging import every_item
from .shapes import Json

if TYPE_CHECKING:
    from .gateway import Azure

PATH = "/api/retail/prices"
API_VERSION = "2023-01-01-preview"  # filter values are case-sensitive since


def items(azure: Azure, filter: str, currency: str) -> Iterator[Json]:  # noqa: A002 - as in Azure
    """Each price that `filter` selects, in `currency`; amounts are Decimal."""
    base = azure.cloud.prices
    if not base:
        raise AzureError("Azure China publishes no Retail Prices API.", "Use its price sheet, or leave prices unknown.")
    doing = f"the retail prices where {filter}"
    params = {"currencyCode": f"'{currency}'", "$filter": filter}

    def fetch(address: str | None) -> Any:
        return azure.send(
            "prices", "GET", address or base + PATH, API_VERSION, params=None if address else params, read=True,
            doing=doing, exact=True,
        ).json  # fmt: skip

    return every_item(fetch, base=base, doing=doing, most_pages=azure.max_pages, items="Items", link="NextPageLink")
