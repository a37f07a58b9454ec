"""What AML's services have in common: workspaces, where their operations report, and how a change settles."""

from __future__ import annotations

import copy
import uuid
from collections.abc import Callable
from functools import partial
from typing import Literal

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from finops.simulator import operations, writes
from finops.simulator.answers import WireError, body_of, ok, page
from finops.simulator.ids import parts_of
from finops.simulator.services.arm import addressed, existing, existing_group, existing_subscription, fresh, merged
from finops.simulator.services.tags import checked
from finops.simulator.store import Json
from finops.simulator.world import World

NAMESPACE = "Microsoft.MachineLearningServices"
WORKSPACES = (
    "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.MachineLearningServices/workspaces"
)
WORKSPACE = f"{WORKSPACES}/{{workspace}}"
# Items of a page where AML is not told otherwise; its own pages are about so long.
USUAL = 100
TOKEN = "$skipToken"  # noqa: S105  # the name of a query parameter

Desk = Literal["computeOperations", "mfeOperation", "workspaceOperations"]


def routes(world: World) -> list[BaseRoute]:
    everywhere = "/subscriptions/{subscription}/providers/Microsoft.MachineLearningServices/workspaces"
    return [
        Route(everywhere, partial(_list, world), methods=["GET"]),
        Route(WORKSPACES, partial(_list, world), methods=["GET"]),
        Route(WORKSPACE, partial(_put, world), methods=["PUT"]),
        Route(WORKSPACE, partial(_patch, world), methods=["PATCH"]),
        Route(WORKSPACE, partial(_delete, world), methods=["DELETE"]),
    ]


def places(resource: Json, desk: Desk) -> tuple[str, str]:
    """Where Azure-AsyncOperation and Location lead for a change of `resource`, as recorded."""
    subscription = parts_of(resource["id"]).subscription
    home = f"/subscriptions/{subscription}/providers/{NAMESPACE}/locations/{resource.get('location') or 'eastus'}"
    results = desk.rstrip("s") + "Results" if desk == "mfeOperation" else f"{desk}Results"
    return f"{home}/{desk}{'sStatus' if desk == 'mfeOperation' else 'Status'}", f"{home}/{results}"


def located(world: World, body: Json) -> Json:
    """`body` with its workspace's region where it names none, and tags that Azure would take."""
    workspace = world.resources.get("/".join(body["id"].split("/")[:9])) or {}
    return {
        **body,
        "location": body.get("location") or workspace.get("location"),
        "tags": checked(body.get("tags") or {}),
    }


def provisioning(body: Json, state: str) -> Json:
    return {**body, "properties": {**body["properties"], "provisioningState": state}}


def create(
    world: World, request: Request, body: Json, seconds: float, desk: Desk, settled: Json | None = None
) -> Response:
    """Take `body` in as Creating or Updating, 201 or 200 with Azure-AsyncOperation; it is there when that is done.

    settled: properties that appear with success
    """
    found = copy.deepcopy(world.resources.get(body["id"]))
    _ready(found)
    stored = writes.put(world, request, provisioning(body, "Updating" if found else "Creating"), lasts=True)
    path, result = places(body, desk)

    def finish() -> Json:
        current = world.resources.get(body["id"])
        if current is None:
            raise WireError(404, "ResourceNotFound", f"{body['id']} was deleted meanwhile.")
        done = provisioning(copy.deepcopy(current), "Succeeded")
        done["properties"] |= settled or {}
        stored = writes.put(world, request, done, quiet=True)
        writes.succeeded(world, request, body["id"], "write")
        return stored

    return operations.start(
        world,
        request,
        seconds,
        finish,
        status=200 if found else 201,
        body=copy.deepcopy(stored),
        path=path,
        result_path=result if desk == "mfeOperation" else None,
        says_when=False,
        progress="Updating" if desk == "mfeOperation" else "InProgress",
        failed=lambda half: _unmade(world, request, body["id"], found),
    )


def _ready(found: Json | None) -> None:
    """Refuse to change what is being deleted. 409 is Azure's answer to two operations at once; the words are ours."""
    if found and str(found["properties"].get("provisioningState", "")).lower() == "deleting":
        raise WireError(409, "Conflict", f"{found['name']} is being deleted. Try again when it is gone.")


def _unmade(world: World, request: Request, resource_id: str, before: Json | None) -> None:
    """A change that failed in the end: what was there is there again, what was to be made is there as Failed."""
    current = world.resources.get(resource_id)
    if current is not None:
        writes.put(world, request, before or provisioning(copy.deepcopy(current), "Failed"), quiet=True)
        writes.log(world, request, resource_id, "write", 500, "Failed")


def remove(
    world: World,
    request: Request,
    resource_id: str,
    seconds: float,
    desk: Desk,
    after: Callable[[], None] = lambda: None,
) -> Response:
    """202 with both headers; gone, with everything below, when that is done. 204 where there is nothing.

    One that fails in the end leaves everything as it was; one that fails half-way has deleted what lay below, and the
    resource itself is Failed. Azure promises neither: these are the two ways that we thought of.
    """
    found = addressed(world, parts_of(resource_id))
    if found is None:
        return ok(None, 204)
    writes.admit(world, request, writes.Change("delete", found["id"], found))
    writes.log(world, request, found["id"], "delete", 202)
    writes.put(world, request, provisioning(copy.deepcopy(found), "Deleting"), quiet=True)
    path, result = places(found, desk)

    def finish() -> None:
        writes.delete(world, request, found["id"], quiet=True)
        writes.succeeded(world, request, found["id"], "delete")
        after()

    def failed(half: bool) -> None:
        current = copy.deepcopy(world.resources.get(found["id"]))
        if current is None:
            return
        if half:
            for child in world.resources.children(found["id"]):
                writes.delete(world, request, child["id"], quiet=True)
        before = str(found["properties"].get("provisioningState") or "Succeeded")
        state = "Failed" if half else "Succeeded" if before == "Deleting" else before
        writes.put(world, request, provisioning(current, state), quiet=True)
        writes.log(world, request, found["id"], "delete", 500, "Failed")

    return operations.start(
        world, request, seconds, finish, path=path, result_path=result, says_when=False, failed=failed
    )


def identified(world: World, body: Json, found: Json | None, otherwise: Json | None = None) -> Json:
    """`body` with the identity that it asks for or has: a system-assigned one is new for each thing that is made."""
    held = (found or {}).get("identity") or {}
    identity = dict(body.get("identity") or held or otherwise or {})
    kinds = str(identity.get("type", "")).lower()
    for name in ("principalId", "tenantId"):
        identity.pop(name, None)
    if "systemassigned" in kinds:
        identity["principalId"] = held.get("principalId") or str(uuid.uuid4())
        identity["tenantId"] = held.get("tenantId") or world.stamp.get("tenantId", "")
    if "userassigned" in kinds:
        identity["userAssignedIdentities"] = {
            each: {"principalId": _number(each, "principal"), "clientId": _number(each, "client")}
            for each in identity.get("userAssignedIdentities") or {}
        }
    return {**body, "identity": identity} if identity else body


def _number(resource_id: str, what: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{resource_id.lower()}#{what}"))


def _list(world: World, request: Request) -> Response:
    parts = parts_of(request.scope["path"])
    scope = existing_group(world, parts) if parts.group else existing_subscription(world, parts.subscription)
    found = world.resources.of_type(f"{NAMESPACE}/workspaces", under=scope["id"])
    kinds = {kind.lower() for kind in request.query_params.get("kind", "").split(",") if kind}
    found = [body for body in found if not kinds or str(body.get("kind", "default")).lower() in kinds]
    return page(request, found, USUAL, TOKEN)


def _put(world: World, request: Request) -> Response:
    parts = parts_of(request.scope["path"])
    found = addressed(world, parts)
    body = located(world, fresh(world, request, parts, found))
    if not body["location"]:
        raise WireError(400, "LocationRequired", "The location property is required for this definition.")
    body = identified(world, body, found, {"type": "SystemAssigned"})
    body["properties"] = {"friendlyName": parts.name, **body["properties"]}
    path, _ = places(body, "workspaceOperations")
    stored = writes.put(world, request, provisioning(body, "Updating" if found else "Creating"), lasts=True)

    def finish() -> Json:
        current = world.resources.get(stored["id"])
        assert current is not None
        done = writes.put(world, request, provisioning(copy.deepcopy(current), "Succeeded"), quiet=True)
        writes.succeeded(world, request, done["id"], "write")
        return done

    return operations.start(world, request, 60, finish, path=path, says_when=False)


def _patch(world: World, request: Request) -> Response:
    found = existing(world, parts_of(request.scope["path"]))
    body = merged(found, body_of(request))
    checked(body.get("tags") or {})
    # Recorded: 202 without a body, then the changed workspace under its own URL.
    writes.put(world, request, body)
    path, _ = places(found, "workspaceOperations")
    return operations.start(world, request, 5, lambda: None, path=path, says_when=False)


def _delete(world: World, request: Request) -> Response:
    return remove(world, request, request.scope["path"], 60, "workspaceOperations")
