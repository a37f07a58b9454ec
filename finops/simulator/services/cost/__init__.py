"""Cost Management: queries, dimensions and cost details reports over the charges published so far."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from starlette.routing import BaseRoute, Route

from finops.simulator.services.cost import details, dimensions, query
from finops.simulator.services.cost.period import qpu

if TYPE_CHECKING:
    from finops.simulator.world import World

__all__ = ["qpu", "routes"]

PREFIX = "/{scope:path}/providers/Microsoft.CostManagement"


def routes(world: World) -> list[BaseRoute]:
    return [
        Route(f"{PREFIX}/query", partial(query.answer, world), methods=["POST"]),
        Route(f"{PREFIX}/dimensions", partial(dimensions.answer, world), methods=["GET"]),
        Route(f"{PREFIX}/generateCostDetailsReport", partial(details.asked, world), methods=["POST"]),
        Route(f"/{details.ACCOUNT}/{details.CONTAINER}/{{name}}/{{part}}", partial(details.fetched, world)),
    ]
