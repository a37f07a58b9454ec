"""AML schedules: listed, made, switched off, deleted. They start nothing here: what they would run is in profiles."""

from __future__ import annotations

from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from finops.simulator.answers import WireError, body_of, page, shaped
from finops.simulator.ids import parts_of
from finops.simulator.services.arm import addressed, collection, fresh
from finops.simulator.services.ml import TOKEN, USUAL, WORKSPACE, create, remove
from finops.simulator.store import Json
from finops.simulator.world import World

SCHEDULE = f"{WORKSPACE}/schedules/{{name}}"
SHAPE: Json = {
    "properties": {
        "isEnabled": bool,
        "displayName": str,
        "tags": {"*": str},
        "properties": {"*": str},
        "trigger": {"triggerType": str, "expression": str, "timeZone": str, "frequency": str, "interval": int},
        "action": {
            "actionType": str,
            "jobDefinition": dict,
            "endpointInvocationDefinition": dict,
            "monitorDefinition": dict,
        },
    },
}
# What each action cannot do without (mfe.json, 2024-04-01; ImportData since 2023-04-01-preview).
ACTIONS = {
    "createjob": "jobDefinition",
    "invokebatchendpoint": "endpointInvocationDefinition",
    "createmonitor": "monitorDefinition",
    "importdata": "dataImportDefinition",
}
TRIGGERS = {"cron", "recurrence"}


def routes(world: World) -> list[BaseRoute]:
    return [
        Route(f"{WORKSPACE}/schedules", partial(_list, world), methods=["GET"]),
        Route(SCHEDULE, partial(_put, world), methods=["PUT"]),
        Route(SCHEDULE, partial(_delete, world), methods=["DELETE"]),
        Route(SCHEDULE, _patch, methods=["PATCH"]),
    ]


def _list(world: World, request: Request) -> Response:
    """Only those that are enabled where listViewType does not ask for DisabledOnly or All."""
    view = request.query_params.get("listViewType", "EnabledOnly").lower()
    found = [
        body
        for body in collection(world, parts_of(request.scope["path"]))
        if view == "all" or bool(body["properties"].get("isEnabled", True)) == (view == "enabledonly")
    ]
    return page(request, found, USUAL, TOKEN)


def _put(world: World, request: Request) -> Response:
    parts = parts_of(request.scope["path"])
    found = addressed(world, parts)
    shaped(body_of(request), SHAPE)
    body = fresh(world, request, parts, found)
    trigger, action = (body["properties"].get(name) or {} for name in ("trigger", "action"))
    if str(trigger.get("triggerType", "")).lower() not in TRIGGERS:
        raise _bad("The trigger of the schedule is required; its triggerType is Cron or Recurrence.")
    needed = ACTIONS.get(str(action.get("actionType", "")).lower())
    if needed is None or needed not in action:
        raise _bad("The action of the schedule is required, with its actionType and what that is to start.")
    body["properties"] = {"isEnabled": True, "tags": {}, "properties": {}, **body["properties"]}
    return create(world, request, body, 5, "mfeOperation")


def _delete(world: World, request: Request) -> Response:
    return remove(world, request, request.scope["path"], 10, "mfeOperation")


def _patch(request: Request) -> Response:
    """A schedule is switched on and off by a PUT of the whole: there is no PATCH (mfe.json, 2024-04-01)."""
    raise WireError(405, "MethodNotAllowed", "The requested resource does not support http method 'PATCH'.")


def _bad(message: str) -> WireError:
    return WireError(400, "UserError", message)
