"""GET {scope}/providers/Microsoft.CostManagement/dimensions: what can be grouped by, with the values there are."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response

from finops.simulator.services.cost import dataset, wire
from finops.simulator.services.cost.book import book_of, scope_clause
from finops.simulator.services.cost.wire import exact, invalid

if TYPE_CHECKING:
    from finops.simulator.world import World

NAMES = (
    "ChargeType", "Meter", "MeterCategory", "MeterSubcategory", "PricingModel", "PublisherType", "ResourceGroupName",
    "ResourceId", "ResourceLocation", "ResourceType", "ServiceName", "SubscriptionId", "SubscriptionName",
)  # fmt: skip
MOST = 1000


def answer(world: World, request: Request) -> Response:
    """Values of the last 31 days, at most $top a dimension, and only with $expand=properties/data."""
    scope = str(request.path_params["scope"]).strip("/")
    clause = scope_clause(scope, world)
    if clause is None:
        raise wire.not_found(scope)
    asked = request.query_params
    top = asked.get("$top", str(MOST))
    if not top.isdigit() or not 0 < int(top) <= MOST:
        raise invalid(f"Invalid $top '{top}': must be between 1 and {MOST}.")
    if asked.get("$filter") or asked.get("$skiptoken"):
        raise invalid("A filter on dimensions is not simulated: read them all.")
    book = book_of(world)
    last = world.clock.now().date()
    first = last - timedelta(days=30)
    found = []
    for name in NAMES:
        sql = dataset.dimension(name, book)
        rows = book.rows(
            f"SELECT DISTINCT {sql} AS value FROM charges"  # noqa: S608
            f" WHERE {clause[0]} AND day BETWEEN ? AND ? AND {sql} IS NOT NULL ORDER BY value",
            [*clause[1], first, last],
        )
        values = [value for (value,) in rows]
        key = f"dimensions_{name}_{first}_{last}_{top}"
        found.append(
            {
                "id": f"{scope}/providers/Microsoft.CostManagement/{key}",
                "name": key,
                "type": "microsoft.CostManagement/dimensions",
                "properties": {
                    "data": values[: int(top)] if "data" in asked.get("$expand", "").lower() else [],
                    "total": len(values),
                    "category": name,
                    "usageStart": f"{first}T00:00:00Z",
                    "usageEnd": f"{last}T00:00:00Z",
                    "description": name,
                    "filterEnabled": True,
                    "groupingEnabled": True,
                },
            }
        )
    return exact({"value": found})
