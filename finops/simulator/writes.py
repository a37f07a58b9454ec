"""The one door through which a request changes the estate: asked for leave, done, and put in the Activity Log."""

from __future__ import annotations

import copy
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from starlette.requests import Request

from finops.simulator.answers import origin, principal_of
from finops.simulator.ids import parts_of
from finops.simulator.store import Json
from finops.simulator.world import World

Verb = Literal["write", "delete", "action"]


@dataclass(frozen=True)
class Change:
    """What a request is about to do to one resource. `after` is the body as it would be, None when it goes."""

    verb: Verb
    resource_id: str
    before: Json | None = None
    after: Json | None = None
    action: str = ""


# A service module that defines `admits` is asked before every change, and raises WireError to refuse it: locks and
# policies do. One that defines `amends` may answer a write with another body than was asked for: policies do.
Admits = Callable[[World, Request, Change], None]
Amends = Callable[[World, Request, Change], Json]
# One that defines `hears` is told, by the id and by the operation as in the Activity Log, of all that has succeeded.
Hears = Callable[[World, Request, str, str], None]


def admit(world: World, request: Request, change: Change) -> None:
    """Ask every service for leave; the first refusal is raised."""
    for admits in request.app.state.admission:
        admits(world, request, change)


def put(world: World, request: Request, body: Json, *, quiet: bool = False, lasts: bool = False) -> Json:
    """Create or replace one resource, stamped and logged. `quiet` is for an operation's own later changes.

    lasts: it is not done yet; whoever began it says so when it is, see `succeeded`
    """
    before = world.resources.get(body["id"])
    if not quiet:
        for amends in request.app.state.amendments:
            body = amends(world, request, Change("write", body["id"], before, body))
        admit(world, request, Change("write", body["id"], before, body))
    body = _stamped(world, request, body, before)
    _remember(world, request, body["id"], before)
    world.resources.put(body)
    if not quiet:
        log(world, request, body["id"], "write", 200 if before else 201)
        if not lasts:
            succeeded(world, request, body["id"], "write")
    return body


def delete(world: World, request: Request, resource_id: str, *, quiet: bool = False) -> None:
    """Remove one resource and everything below it."""
    before = world.resources.get(resource_id)
    if not quiet:
        admit(world, request, Change("delete", resource_id, before))
        log(world, request, resource_id, "delete", 200)
        succeeded(world, request, resource_id, "delete")
    for child in [*world.resources.children(resource_id), *([before] if before else [])]:
        _remember(world, request, child["id"], child)
        world.resources.delete(child["id"])
        world.nodes.pop(child["id"].lower(), None)
        world.keys.pop(child["id"].lower(), None)


def act(world: World, request: Request, resource_id: str, action: str) -> None:
    """Ask leave for an action such as "stop", and log it."""
    before = world.resources.get(resource_id)
    admit(world, request, Change("action", resource_id, before, before, action))
    log(world, request, resource_id, f"{action}/action", 202)
    # Azure tells of it when it is done; that here it is told when it begins is a guess at what matters least.
    succeeded(world, request, resource_id, f"{action}/action")


def succeeded(world: World, request: Request, resource_id: str, operation: str) -> None:
    """Tell whoever hears of such things. Azure does so when an operation that lasts is done (our guess, as the name of
    the event is ResourceWriteSuccess); of tags it tells by their own id and type.
    """
    path = request.scope["path"].lower()
    if path.endswith("/providers/microsoft.resources/tags/default"):
        resource_id, kind = f"{resource_id}/providers/Microsoft.Resources/tags/default", "Microsoft.Resources/tags"
    elif parts_of(resource_id).type == "resourcegroups":
        kind = "Microsoft.Resources/subscriptions/resourceGroups"
    else:
        found = world.resources.get(resource_id)
        kind = str(found["type"]) if found and "type" in found else parts_of(resource_id).type
    for hears in request.app.state.hearers:
        hears(world, request, resource_id, f"{kind}/{operation}")


def log(
    world: World, request: Request, resource_id: str, operation: str, status: int, outcome: str = "Succeeded"
) -> None:
    """One Activity Log event, as the event of category Administrative that ends an operation."""
    parts = parts_of(resource_id)
    now = world.clock.now().isoformat()
    found = world.resources.get(resource_id)
    kind = found["type"] if found and "type" in found else parts.type
    who = principal_of(request)
    event_id = str(uuid.uuid4())

    def named(value: str, shown: str | None = None) -> Json:
        return {"value": value, "localizedValue": value if shown is None else shown}

    world.activity.append(
        {
            "authorization": {"action": f"{kind}/{operation}", "scope": resource_id},
            "caller": who["name"],
            "category": named("Administrative"),
            "channels": "Operation",
            "claims": {},
            "correlationId": request.scope["state"]["request_id"],
            "description": "",
            "eventDataId": event_id,
            "eventName": named("EndRequest", "End request"),
            "eventTimestamp": now,
            "httpRequest": {"method": request.method, "uri": origin(request) + request.scope["path"]},
            "id": f"{resource_id}/events/{event_id}/ticks/{int(world.clock.now().timestamp() * 1e7)}",
            "level": "Informational" if outcome == "Succeeded" else "Error",
            "operationId": request.scope["state"]["request_id"],
            "operationName": named(f"{kind}/{operation}"),
            "properties": {"statusCode": str(status), "entity": resource_id},
            "resourceGroupName": parts.group,
            "resourceId": resource_id,
            "resourceProviderName": named(kind.partition("/")[0]),
            "resourceType": named(kind),
            "status": named(outcome),
            "subStatus": named(""),
            "submissionTimestamp": now,
            "subscriptionId": parts.subscription,
            "tenantId": world.stamp.get("tenantId", ""),
        }
    )


def _remember(world: World, request: Request, resource_id: str, before: Json | None) -> None:
    # Resource Graph can be asked to answer as of some minutes ago (fault "graph-stale"): it undoes what is in here.
    request.app.state.undo.append((world.clock.now(), resource_id, copy.deepcopy(before)))


def _stamped(world: World, request: Request, body: Json, before: Json | None) -> Json:
    """`body` with systemData, where the type has it: AML's all do."""
    if not (before or body).get("systemData") and "machinelearningservices" not in body["id"].lower():
        return body
    now, who = world.clock.now().isoformat(), principal_of(request)["name"]
    kept = (before or {}).get("systemData") or {"createdAt": now, "createdBy": who, "createdByType": "User"}
    return {
        **body,
        "systemData": {**kept, "lastModifiedAt": now, "lastModifiedBy": who, "lastModifiedByType": "User"},
    }
