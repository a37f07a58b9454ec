"""What the caller may do at a scope: GET {scope}/providers/Microsoft.Authorization/permissions.

As in azure-mgmt-authorization 4.0.0 (2022-04-01), `permissions.list_for_resource_group`: a permission for each role
that is held at the scope or above.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from finops.simulator.answers import ok
from finops.simulator.ids import is_within
from finops.simulator.rbac import Principal
from finops.simulator.store import Json
from finops.simulator.world import World

EVERYTHING = {"actions": ["*"], "notActions": [], "dataActions": ["*"], "notDataActions": []}


def routes(world: World) -> list[BaseRoute]:
    """One list at any scope."""

    def listed(request: Request) -> Response:
        rights: Principal | None = request.scope["state"].get("rights")
        scope = "/" + request.path_params["scope"].strip("/")
        held: list[Json] = [EVERYTHING]
        if rights is not None:
            held = [dict(role.permission) for role, at in rights.assignments if is_within(scope, at)]
        return ok({"value": held})

    return [Route("/{scope:path}/providers/Microsoft.Authorization/permissions", listed, methods=["GET"])]
