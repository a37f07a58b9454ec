"""Resource Graph: queries over what ARM tracks; computes, jobs and the like are not in it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from zlib import crc32

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from finops.simulator.answers import WireError, body_of, ok, opened, sealed, shaped
from finops.simulator.ids import parts_of
from finops.simulator.kql import BadQuery, Row, parsed
from finops.simulator.rbac import read_action
from finops.simulator.services.arm import tracked
from finops.simulator.sizes import SIZES
from finops.simulator.store import Json
from finops.simulator.world import World

# Rows of one page: what comes without $top, and the most (resource-graph/concepts/work-with-data).
USUAL_ROWS, MOST_ROWS = 100, 1000

BANDS = ("0-5", "5-10", "10-15", "15-20", "20+")  # percent an hour

SHAPE: Json = {
    "query": str,
    "subscriptions": list,
    "options": {"$top": int, "$skip": int, "$skipToken": str, "resultFormat": str},
}


def routes(world: World) -> list[BaseRoute]:
    return [Route("/providers/Microsoft.ResourceGraph/resources", partial(_query, world), methods=["POST"])]


def _query(world: World, request: Request) -> Response:
    body = shaped(body_of(request), SHAPE)
    options = body.get("options") or {}
    try:
        query = parsed(str(body.get("query", "")))
        if query.table not in TABLES:
            raise BadQuery(f"There is no table '{query.table}'.", query.table)
        found = TABLES[query.table](world, request)
        wanted = {str(name).lower() for name in body.get("subscriptions") or []}
        if wanted:
            found = [row for row in found if row["subscriptionId"].lower() in wanted]
        rows = query.run(found)
    except BadQuery as fault:
        raise _invalid(world, fault) from fault
    return ok(_page(request, options, rows))


def _page(request: Request, options: Json, rows: list[Row]) -> Json:
    """One page. Without `id` in the rows there is no token, and what does not fit is cut off and said so."""
    token = opened(options.get("$skipToken"))
    if token and not token.isdigit():
        raise WireError(400, "BadRequest", "The skip token is not valid.")
    start = max(0, int(token or options.get("$skip") or 0))
    top = int(options.get("$top") or USUAL_ROWS)
    if not 1 <= top <= MOST_ROWS:
        raise WireError(400, "BadRequest", f"$top must be from 1 to {MOST_ROWS}, not {top}.")
    if request.app.state.page_size:
        top = min(top, request.app.state.page_size)
    shown = rows[start : start + top]
    more = len(rows) > start + top
    pageable = bool(rows) and "id" in rows[0]
    answer: Json = {
        "totalRecords": len(rows),
        "count": len(shown),
        "resultTruncated": "true" if more and not pageable else "false",
        "facets": [],
        "data": _table(shown) if options.get("resultFormat", "objectArray") == "table" else shown,
    }
    if more and pageable:
        answer["$skipToken"] = sealed(str(start + top))
    return answer


def _table(rows: list[Row]) -> Json:
    names = list(rows[0]) if rows else []
    return {
        "columns": [
            {"name": name, "type": "string" if name not in {"tags", "properties"} else "object"} for name in names
        ],
        "rows": [[row.get(name) for name in names] for row in rows],
    }


def _resources(world: World, request: Request) -> list[Row]:
    found = [body for body in _as_seen(world, request) if tracked(body)]
    return [_row(world, body) for body in _readable(request, found)]


def _containers(world: World, request: Request) -> list[Row]:
    kinds = {
        "subscriptions": "microsoft.resources/subscriptions",
        "resourcegroups": "microsoft.resources/subscriptions/resourcegroups",
    }
    rows = []
    for body in _readable(request, _as_seen(world, request)):
        kind = kinds.get(parts_of(body["id"]).type)
        if kind:
            name = body.get("displayName", body.get("name"))
            rows.append({**_row(world, body), "type": kind, "name": name})
    return rows


def _spot(world: World, request: Request) -> list[Row]:
    """Eviction rates, as learn.microsoft.com/azure/virtual-machines/spot-vms shows them; of no subscription."""
    regions = {str(body["location"]).replace(" ", "").lower() for body in world.resources.all() if body.get("location")}
    return [
        {
            "id": f"/providers/Microsoft.Compute/skuSpotEvictionRate/{name}/location/{region}",
            "name": region,
            "type": "microsoft.compute/skuspotevictionrate/location",
            "location": region,
            "subscriptionId": "",
            "sku": {"name": name.lower()},
            "properties": {"skuName": name.lower(), "evictionRate": BANDS[crc32(f"{name}/{region}".encode()) % 5]},
        }
        for name in sorted(SIZES)
        for region in sorted(regions - {"global"})
    ]


TABLES: dict[str, Callable[[World, Request], list[Row]]] = {
    "resources": _resources,
    "resourcecontainers": _containers,
    "spotresources": _spot,
}


def _readable(request: Request, found: list[Json]) -> list[Json]:
    rbac = request.app.state.rbac
    return [body for body in found if rbac.may(request, read_action(body), body["id"])]


def _as_seen(world: World, request: Request) -> list[Json]:
    """Everything, by id; as it was some minutes ago where a fault says that the index is behind."""
    found = {str(body["id"]).lower(): body for body in world.resources.all()}
    stale = request.scope["state"].get("stale_minutes")
    if stale:
        since = world.clock.now() - timedelta(minutes=stale)
        for moment, resource_id, before in reversed(request.app.state.undo):
            if moment >= since:
                found.pop(resource_id.lower(), None)
                if before is not None:
                    found[resource_id.lower()] = before
    return [found[key] for key in sorted(found)]


def _row(world: World, body: Json) -> Row:
    parts = parts_of(body["id"])
    return {
        "id": body["id"],
        "name": body.get("name", parts.name),
        "type": str(body.get("type", parts.type)).lower(),
        "tenantId": world.stamp.get("tenantId", ""),
        "kind": body.get("kind") or "",
        "location": body.get("location") or "",
        "resourceGroup": parts.group.lower(),
        "subscriptionId": parts.subscription,
        "managedBy": body.get("managedBy") or "",
        "sku": body.get("sku"),
        "plan": body.get("plan"),
        "properties": body.get("properties") or {},
        "tags": body.get("tags"),
        "identity": body.get("identity"),
        "zones": body.get("zones"),
        "extendedLocation": body.get("extendedLocation"),
        "systemData": body.get("systemData"),
    }


def _invalid(world: World, fault: BadQuery) -> WireError:
    """Recorded: azure_cli_ext, resource-graph test_query_error."""
    return WireError(
        400,
        "BadRequest",
        "Please provide below info when asking for support: "
        f"timestamp = {world.clock.now().isoformat()}, correlationId = 00000000-0000-0000-0000-000000000000.",
        details=[
            {
                "code": "InvalidQuery",
                "message": "Query is invalid. Please refer to the documentation for the Azure Resource Graph service "
                f"and fix the error before retrying. {fault}",
            },
            {
                "code": "ParserFailure",
                "message": "ParserFailure",
                "line": 1,
                "characterPositionInLine": fault.position,
                "token": fault.token,
            },
        ],
    )
