"""Cost Management exports: create, read, list, delete, run now, run history, and the runs of their schedule.

A run on demand is whole when its request returns, where Azure takes minutes to hours. A scheduled run is made with the
first request of any kind after it fell due, with the charges published by then (see schedule.py).
"""

from __future__ import annotations

import contextlib
import hashlib
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from finops.simulator.answers import WireError, body_of, ok
from finops.simulator.services.cost import wire
from finops.simulator.services.cost.book import is_wide, scope_clause
from finops.simulator.services.cost.period import day_in
from finops.simulator.services.cost.wire import invalid
from finops.simulator.services.exports import run as runs
from finops.simulator.services.exports import schedule
from finops.simulator.store import Json

if TYPE_CHECKING:
    from finops.simulator.world import World

TYPE = "Microsoft.CostManagement/exports"
ALL = f"/{{scope:path}}/providers/{TYPE}"
MOST_RUNS = 100


@dataclass
class History:
    """The runs of each export, by its id in lower case, and until when those of schedules are made."""

    runs: dict[str, list[Json]] = field(default_factory=dict)
    until: datetime | None = None


HISTORIES: WeakKeyDictionary[World, History] = WeakKeyDictionary()


def settle(world: World) -> None:
    """Make the scheduled runs that fell due. One that cannot be made is tried again, and says why when it is asked."""
    history, now = HISTORIES.setdefault(world, History()), world.clock.now()
    if history.until == now:
        return
    history.until = now
    for export in world.resources.of_type(TYPE):
        with contextlib.suppress(WireError):
            scope = export["id"].lower().partition(f"/providers/{TYPE}/".lower())[0].strip("/")
            _catch_up(world, history.runs, export, scope)


def routes(world: World) -> list[BaseRoute]:
    history = HISTORIES.setdefault(world, History()).runs
    return [
        Route(ALL, partial(listed, world, history), methods=["GET"]),
        Route(f"{ALL}/{{name}}", partial(read, world, history), methods=["GET"]),
        Route(f"{ALL}/{{name}}", partial(written, world), methods=["PUT"]),
        Route(f"{ALL}/{{name}}", partial(deleted, world, history), methods=["DELETE"]),
        Route(f"{ALL}/{{name}}/run", partial(ran, world, history), methods=["POST"]),
        Route(f"{ALL}/{{name}}/runHistory", partial(told, world, history), methods=["GET"]),
    ]


def listed(world: World, history: dict[str, list[Json]], request: Request) -> Response:
    scope = _scope(world, request)
    prefix = f"/{scope}/providers/{TYPE}/".lower()
    found = [body for body in world.resources.of_type(TYPE) if body["id"].lower().startswith(prefix)]
    return ok({"value": [_shown(world, history, body, request) for body in found]})


def read(world: World, history: dict[str, list[Json]], request: Request) -> Response:
    return ok(_shown(world, history, _known(world, request), request))


def written(world: World, request: Request) -> Response:
    scope, body, name = _scope(world, request), body_of(request), str(request.path_params["name"])
    properties = body.get("properties")
    if not isinstance(properties, dict):
        raise invalid("Invalid export: properties are missing.")
    _check(scope, properties, world)
    export_id = f"/{scope}/providers/{TYPE}/{name}"
    known = world.resources.get(export_id)
    if known is not None and body.get("eTag") and body["eTag"] != known["eTag"]:
        raise WireError(412, "PreconditionFailed", "The export has changed since this eTag was read.")
    kept: Json = {key: body[key] for key in ("identity", "location") if key in body}
    if str((kept.get("identity") or {}).get("type", "")).lower() == "systemassigned":
        principal = str(uuid.uuid5(uuid.NAMESPACE_URL, export_id.lower()))
        tenant = world.stamp.get("tenantId") or str(uuid.UUID(int=0))
        kept["identity"] = {"type": "SystemAssigned", "principalId": principal, "tenantId": tenant}
    export = world.resources.put(
        {
            "id": export_id,
            "name": name,
            "type": TYPE,
            "eTag": '"' + hashlib.sha256(f"{properties}{world.clock.now()}".encode()).hexdigest()[:15] + '"',
            "systemData": known["systemData"] if known else {"createdAt": runs.zulu(world.clock.now())},
            **kept,
            "properties": {**properties, "partitionData": True},
        }
    )
    export["properties"].setdefault("format", "Csv")
    return ok(_public(export, world), 200 if known else 201)


def deleted(world: World, history: dict[str, list[Json]], request: Request) -> Response:
    export = _known(world, request)
    world.resources.delete(export["id"])
    history.pop(export["id"].lower(), None)
    return Response(status_code=200)


def ran(world: World, history: dict[str, list[Json]], request: Request) -> Response:
    export = _known(world, request)
    done = runs.run(
        world, export, _scope(world, request), body_of(request).get("timePeriod"), "OnDemand", world.clock.now().date()
    )
    history.setdefault(export["id"].lower(), []).append(done)
    return Response(status_code=200)


def told(world: World, history: dict[str, list[Json]], request: Request) -> Response:
    """The runs, newest first."""
    export = _known(world, request)
    _catch_up(world, history, export, _scope(world, request))
    return ok({"value": [_bare(one) for one in reversed(history.get(export["id"].lower(), [])[-MOST_RUNS:])]})


def _shown(world: World, history: dict[str, list[Json]], export: Json, request: Request) -> Json:
    _catch_up(world, history, export, _scope(world, request))
    body = _public(export, world)
    if "runhistory" in request.query_params.get("$expand", "").lower():
        done = history.get(export["id"].lower(), [])[-1:]
        body["properties"] = {**body["properties"], "runHistory": {"value": [_bare(one) for one in done]}}
    return body


def _public(export: Json, world: World) -> Json:
    body = _bare(export)
    following = schedule.next_run(export, world.clock.now())
    if following is not None:
        body["properties"] = {**body["properties"], "nextRunTimeEstimate": runs.zulu(following)}
    return body


def _bare(body: Json) -> Json:
    """The same body with the id as Cost Management tells it: without a leading slash (Microsoft's examples)."""
    return {**body, "id": body["id"].lstrip("/")}


def _catch_up(world: World, history: dict[str, list[Json]], export: Json, scope: str) -> None:
    """Make the scheduled runs that fell due since the last one."""
    made = history.setdefault(export["id"].lower(), [])
    times = [one["properties"]["submittedTime"] for one in made if one["properties"]["executionType"] == "Scheduled"]
    # Nothing ran here before the export was made, nor before the estate was recorded.
    recorded = schedule.moment(world.stamp["asOf"])
    created = schedule.moment((export.get("systemData") or {}).get("createdAt") or world.stamp["asOf"])
    last = schedule.moment(times[-1]) if times else max(created, recorded)
    for day in schedule.missed(export, last, world.clock.now()):
        made.append(runs.run(world, export, scope, None, "Scheduled", day))


def _check(scope: str, properties: Json, world: World) -> None:
    """Refuse what cannot be run, so that a run never fails for its definition."""
    definition = properties.get("definition")
    if not isinstance(definition, dict) or str(definition.get("type", "")).lower() not in runs.VERSIONS:
        raise invalid("Invalid export: definition.type must be ActualCost, AmortizedCost, FocusCost or Usage here.")
    if is_wide(scope) and str(definition["type"]).lower() == "focuscost" and "managementgroups" in scope.lower():
        raise invalid("Invalid export: FocusCost is not supported at management group scope.")
    destination = (properties.get("deliveryInfo") or {}).get("destination") or {}
    if not destination.get("resourceId") or not destination.get("container"):
        raise invalid("Invalid export: deliveryInfo.destination needs resourceId and container.")
    runs.ending_of(properties)
    runs.days_of(definition, None, world.clock.now().date())
    plan = properties.get("schedule") or {}
    period = plan.get("recurrencePeriod") or {}
    for end in ("from", "to"):
        if end in period:
            day_in(period[end], end)
    if plan and str(plan.get("recurrence", "")).lower() not in {"daily", "weekly", "monthly", "annually"}:
        raise invalid(f"Invalid export: recurrence '{plan.get('recurrence')}'.")


def _scope(world: World, request: Request) -> str:
    scope = str(request.path_params["scope"]).strip("/")
    if scope_clause(scope, world) is None:
        raise wire.not_found(scope)
    return scope


def _known(world: World, request: Request) -> Json:
    name = str(request.path_params["name"])
    found = world.resources.get(f"/{_scope(world, request)}/providers/{TYPE}/{name}")
    if found is None:
        raise WireError(404, "ExportNotFound", f"Export '{name}' was not found.")
    return found
