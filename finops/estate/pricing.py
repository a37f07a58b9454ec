"""What a VM hour costs by the published prices that were read; how they are read is finops.prices' matter."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Protocol

from finops.estate import queries
from finops.estate.asking import Ask
from finops.estate.model import Json, text

if TYPE_CHECKING:
    from finops.cloud import Azure

CURRENCY = "USD"  # list prices
TOGETHER = 15  # sizes in one filter, so that the address stays short of 2,000 characters


class Pricing(Protocol):
    """What we need of finops.prices, which stands on our floor and is not imported: the module itself fits."""

    def vm_filter(self, size: str, region: str) -> str: ...
    def priority_of(self, vm_priority: str, at: datetime) -> Any: ...
    def vm_hour(
        self,
        items: Iterable[Json],
        size: str,
        region: str,
        *,
        at: datetime,
        priority: Any,
        windows: bool,
        currency: str,
    ) -> Any: ...


@dataclass(frozen=True)
class Rates:
    """The published prices of the sizes in use, and what tells which of them holds."""

    items: tuple[Json, ...]
    pricing: Pricing

    def vm_hour(self, size: str, region: str, at: datetime, vm_priority: str = "Dedicated") -> Decimal | str:
        """USD for an hour of one VM by the list, or why there is no price."""
        found = self.pricing.vm_hour(
            self._by_size.get((size.lower(), region.lower()), []),
            size,
            region.lower(),
            at=at,
            priority=self.pricing.priority_of(vm_priority, at),
            windows=False,
            currency=CURRENCY,
        )
        amount = getattr(found, "amount", None)
        return amount if isinstance(amount, Decimal) else str(getattr(found, "reason", "there is no price"))

    @cached_property
    def _by_size(self) -> dict[tuple[str, str], list[Json]]:
        found: dict[tuple[str, str], list[Json]] = {}
        for item in self.items:
            found.setdefault((text(item, "armSkuName").lower(), text(item, "armRegionName").lower()), []).append(item)
        return found


def prices(azure: Azure, bodies: Iterable[Json], pricing: Pricing) -> Iterator[Ask]:
    """The published prices of the VM sizes in use, some at once, by region."""
    for region, sizes in sorted(sizes_in_use(bodies).items()):
        filters = [pricing.vm_filter(size, region) for size in sorted(sizes)]
        for start in range(0, len(filters), TOGETHER):
            yield Ask(queries.PRICES, "/", partial(_items, azure, _any_of(filters[start : start + TOGETHER])))


def _any_of(filters: list[str]) -> str:
    """Filters that differ in their last condition alone, as one."""
    common = filters[0].rpartition(" and ")[0]
    last = " or ".join(one.rpartition(" and ")[2] for one in filters)
    return f"{common} and ({last})"


def _items(azure: Azure, wanted: str) -> list[Json]:
    return list(azure.retail_prices(wanted))


def sizes_in_use(bodies: Iterable[Json]) -> dict[str, set[str]]:
    """VM sizes of computes and deployments in lower case, by region."""
    found: dict[str, set[str]] = {}
    for body in bodies:
        region = text(body, "location").replace(" ", "").lower()
        for path in ("properties.properties.vmSize", "properties.vmSize", "properties.instanceType"):
            size = text(body, path).lower()
            if size and region.isalnum():
                found.setdefault(region, set()).add(size)
    return found
