"""What a person or a test may ask the simulator itself, beside Azure's API: its clock, faults, log and people."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from finops.simulator.answers import WireError, body_of, ok
from finops.simulator.faults import FaultError, rules_of
from finops.simulator.store import Json, type_of

if TYPE_CHECKING:
    from finops.simulator.app import App


def control_routes(app: App) -> list[BaseRoute]:
    """/simulator: what there is; /simulator/clock, /simulator/faults, /simulator/requests, /simulator/life."""
    world = app.world

    def about(request: Request) -> Response:
        return ok(
            {
                "name": world.stamp.get("name"),
                "now": world.clock.now().isoformat(),
                "resources": len(world.resources),
                "faults": len(app.faults.rules),
                "requests": len(app.requests),
            }
        )

    def clock(request: Request) -> Response:
        if request.method == "POST":
            try:
                moved = _wanted(body_of(request), world.clock.now())
            except (TypeError, ValueError) as fault:
                raise WireError(400, "BadClock", f"{fault}. Send {_CLOCK_HELP}.") from fault
            if moved < world.clock.now():
                raise WireError(400, "BadClock", "Time only goes forward: what was charged cannot be taken back.")
            world.clock.move_to(moved)
            app.settle()
        return ok({"now": world.clock.now().isoformat()})

    def faults(request: Request) -> Response:
        if request.method == "POST":
            try:
                app.faults.add(rules_of(request.scope["state"]["body"]))
            except FaultError as fault:
                raise WireError(400, "BadFault", str(fault)) from fault
        elif request.method == "DELETE":
            app.faults.clear()
        return ok({"rules": [rule.described() for rule in app.faults.rules]})

    def requests(request: Request) -> Response:
        if request.method == "DELETE":
            app.requests.clear()
        return ok({"value": list(app.requests)})

    def life(request: Request) -> Response:
        sent = body_of(request)
        resource_id = str(sent.pop("resourceId", ""))
        found = world.resources.get(resource_id)
        if found is None:
            raise WireError(404, "ResourceNotFound", f"There is no {resource_id!r} here. Send {_LIFE_HELP}.")
        world.life.profile(found["id"], _wanted_use(type_of(found["id"]), sent, world.life.profiles, found["id"]))
        return ok({"resourceId": found["id"], **sent})

    return [
        Route("/simulator", about, methods=["GET"]),
        Route("/simulator/clock", clock, methods=["GET", "POST"]),
        Route("/simulator/faults", faults, methods=["GET", "POST", "DELETE"]),
        Route("/simulator/requests", requests, methods=["GET", "DELETE"]),
        Route("/simulator/life", life, methods=["POST"]),
    ]


_CLOCK_HELP = '{"advanceHours": 24}, {"advanceMinutes": 30} or {"to": "2026-11-23T06:00:00Z"}'


def _wanted(body: dict[str, object], now: datetime) -> datetime:
    from datetime import UTC, timedelta

    if set(body) == {"to"}:
        moment = datetime.fromisoformat(str(body["to"]))
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if body and set(body) <= {"advanceHours", "advanceMinutes", "advanceDays"}:
        hours, minutes, days = (float(str(body.get(f"advance{unit}", 0))) for unit in ("Hours", "Minutes", "Days"))
        return now + timedelta(hours=hours, minutes=minutes, days=days)
    raise ValueError(f"{sorted(body)} is not a way to move the clock")


_LIFE_HELP = (
    '{"resourceId": "...", "requestsPerMinute": 12} for an online endpoint or a deployment, '
    '"jobsPerDay" for a cluster, "cpuPercent" for a compute instance'
)
_USES = {
    "microsoft.machinelearningservices/workspaces/onlineendpoints": "requestsPerMinute",
    "microsoft.machinelearningservices/workspaces/onlineendpoints/deployments": "requestsPerMinute",
    "microsoft.machinelearningservices/workspaces/computes": "jobsPerDay",
}
_INSTANCES = "cpuPercent"
MOST = 1e6


def _wanted_use(kind: str, sent: Json, profiles: Mapping[str, Json], resource_id: str) -> Json:
    """How people use a resource from now on. Calls go by the endpoint's traffic, or past it to one deployment."""
    name = _INSTANCES if _INSTANCES in sent and kind.endswith("/computes") else _USES.get(kind, "")
    value = sent.get(name)
    fits = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= MOST
    if set(sent) != {name} or not fits:
        raise WireError(400, "BadLife", f"{sorted(sent)} is not a way to use a {kind}. Send {_LIFE_HELP}.")
    assert isinstance(value, int | float)
    before = {
        key: told for key, told in profiles.get(resource_id.lower(), {}).items() if key not in ("id", "silentSince")
    }
    if name == _INSTANCES:
        return {**before, "cpu": [float(value), float(value)]}
    if name == "requestsPerMinute":
        before = {key: told for key, told in before.items() if key == "noMetrics"}
        direct = {"direct": True} if kind.endswith("/deployments") else {}
        return {**before, "requestsPerMinute": float(value), "shape": "steady", **direct}
    return {"minutes": 45, "shape": "steady", **before, "jobsPerDay": float(value)}
