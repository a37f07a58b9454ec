"""Resource Graph: every row of a query over subscriptions, or an error; never a part taken for the whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from finops.errors import AzureError, TemporaryError

from .shapes import Json, items_of, odd

if TYPE_CHECKING:
    from .gateway import Azure

PATH = "/providers/Microsoft.ResourceGraph/resources"
API_VERSION = "2021-03-01"  # azure-mgmt-resourcegraph 8.0.1
PAGE = 1000  # rows, the service's own limit
SUBSCRIPTIONS = 1000  # a call, the limit of Microsoft's own Search-AzGraph


def rows(azure: Azure, query: str, subscriptions: Sequence[str] | None) -> list[Json]:
    """The rows of `query` in `subscriptions`. No subscription means no rows: Azure would read an empty list as all.

    None: of a table that belongs to none, such as SpotResources, which answers for the whole tenant only.
    """
    if subscriptions is None:
        return _rows(azure, query, None)
    found: list[Json] = []
    for start in range(0, len(subscriptions), SUBSCRIPTIONS):
        found += _rows(azure, query, list(subscriptions[start : start + SUBSCRIPTIONS]))
    return found


def _rows(azure: Azure, query: str, subscriptions: list[str] | None) -> list[Json]:
    over = "the tenant" if subscriptions is None else f"{len(subscriptions)} subscriptions"
    doing = f"the Resource Graph query over {over}"
    found: list[Json] = []
    tokens: set[str] = set()
    token: str | None = None
    for _ in range(azure.max_pages):
        page = _page(azure, query, subscriptions, token, doing)
        found += page["data"]
        token = page.get("$skipToken")
        if not token:
            if len(found) != page["totalRecords"]:
                raise TemporaryError(
                    f"Resource Graph told of {page['totalRecords']} rows and gave {len(found)}: it changed meanwhile.",
                    "Run it again.",
                    code="CountMismatch",
                )
            return found
        if token in tokens:
            raise AzureError(f"Azure's pages of {doing} lead in a circle.", "Run it again.", code="PageLoop")
        tokens.add(token)
    raise AzureError(
        f"{doing} has more than {azure.max_pages} pages. Reading was stopped.",
        "Raise azure.max_pages if there is so much.",
        code="TooManyPages",
    )


def _page(azure: Azure, query: str, subscriptions: list[str] | None, token: str | None, doing: str) -> Json:
    options: Json = {"$top": PAGE, "resultFormat": "objectArray", "allowPartialScopes": False}
    if token:
        options["$skipToken"] = token
    of = {} if subscriptions is None else {"subscriptions": subscriptions}
    body = {**of, "query": query, "options": options}
    answer = azure.send("graph", "POST", PATH, API_VERSION, body=body, read=True, doing=doing)
    if (answer.header("x-ms-tenant-subscription-limit-hit") or "").lower() == "true":
        raise odd(doing, "covers only the first 10,000 subscriptions")
    page: Json = answer.json
    data = items_of(page, "data", doing)
    total, count = _whole(page, "totalRecords", doing), _whole(page, "count", doing)
    if count != len(data):
        raise odd(doing, f"counts {count} rows and holds {len(data)}")
    # "true" or "false" as text; truncated without a token means that rows were left out for good
    if str(page.get("resultTruncated", "false")).lower() == "true" and not page.get("$skipToken"):
        raise AzureError(
            f"Resource Graph left rows out of {doing}: {count} of {total} came.",
            "The query must project `id`, else the service cannot page.",
            code="Truncated",
        )
    return page


def _whole(page: Json, key: str, doing: str) -> int:
    value: Any = page.get(key)
    if isinstance(value, bool) or not isinstance(value, int):
        raise odd(doing, f"has no whole number in '{key}'")
    return value
