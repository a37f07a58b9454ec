"""AML assets, such as environments and models: containers and their versions, archived ones left out."""

from __future__ import annotations

from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from finops.simulator.answers import page
from finops.simulator.ids import parts_of
from finops.simulator.services.arm import collection
from finops.simulator.services.ml import TOKEN, USUAL, WORKSPACE
from finops.simulator.world import World

KINDS = ("environments", "models", "data", "components", "codes")


def routes(world: World) -> list[BaseRoute]:
    paths = [f"{WORKSPACE}/{kind}{part}" for kind in KINDS for part in ("", "/{name}/versions")]
    paths.append(f"{WORKSPACE}/datastores")
    return [Route(path, partial(_list, world), methods=["GET"]) for path in paths]


def _list(world: World, request: Request) -> Response:
    """By listViewType; versions newest first when `$orderBy` says so, and at most `$top` of them."""
    view = request.query_params.get("listViewType", "ActiveOnly").lower()
    found = []
    for body in collection(world, parts_of(request.scope["path"])):
        archived = bool(body["properties"].get("isArchived"))
        if view == "all" or archived == (view == "archivedonly"):
            found.append(body)
    order = request.query_params.get("$orderBy", "").lower()
    if "desc" in order or "createdtime" in order:
        found.sort(key=lambda body: str((body.get("systemData") or {}).get("createdAt", "")), reverse="desc" in order)
        return page(request, found, USUAL, "$skip", key=None)
    return page(request, found, USUAL, TOKEN)
