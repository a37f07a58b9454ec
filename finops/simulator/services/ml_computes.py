"""AML computes: clusters and instances created, scaled, started, stopped and deleted, and the nodes of clusters."""

from __future__ import annotations

import copy
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from finops.simulator import operations, writes
from finops.simulator.answers import WireError, body_of, ok, page, principal_of, shaped
from finops.simulator.ids import parts_of
from finops.simulator.services.arm import addressed, existing, fresh, merged
from finops.simulator.services.ml import TOKEN, USUAL, WORKSPACE, create, located, places, provisioning, remove
from finops.simulator.store import Json
from finops.simulator.world import World

COMPUTE = f"{WORKSPACE}/computes/{{compute}}"
# How long each takes, in seconds: what AML needs about, minutes for an instance and less for an empty cluster.
CREATE, SCALE, DELETE = {"AmlCompute": 30, "ComputeInstance": 180}, 10, 60
TURNING = {"start": ("Starting", "Running"), "stop": ("Stopping", "Stopped"), "restart": ("Restarting", "Running")}
NODE_COUNTS = ("idle", "running", "preparing", "unusable", "leaving", "preempted")


SCALE_SETTINGS = {"minNodeCount": int, "maxNodeCount": int, "nodeIdleTimeBeforeScaleDown": str}
INNER: Json = {
    "vmSize": str,
    "vmPriority": str,
    "state": str,
    "idleTimeBeforeShutdown": str,
    "schedules": dict,
    "scaleSettings": SCALE_SETTINGS,
}
SHAPE: Json = {"properties": {"computeType": str, "computeLocation": str, "properties": INNER}}


def routes(world: World) -> list[BaseRoute]:
    return [
        Route(f"{WORKSPACE}/computes", partial(_list, world), methods=["GET"]),
        Route(COMPUTE, partial(_put, world), methods=["PUT"]),
        Route(COMPUTE, partial(_patch, world), methods=["PATCH"]),
        Route(COMPUTE, partial(_delete, world), methods=["DELETE"]),
        # The next page of a POSTed list is fetched with GET by Microsoft's clients.
        Route(f"{COMPUTE}/listNodes", partial(_nodes, world), methods=["POST", "GET"]),
        Route(f"{COMPUTE}/updateIdleShutdownSetting", partial(_idle_shutdown, world), methods=["POST"]),
        *(Route(f"{COMPUTE}/{action}", partial(_turn, world, action), methods=["POST"]) for action in TURNING),
    ]


def _list(world: World, request: Request) -> Response:
    existing(world, parts_of(request.scope["path"].rpartition("/")[0]))
    found = world.resources.of_type("microsoft.machinelearningservices/workspaces/computes", under=_workspace(request))
    return page(request, found, USUAL, TOKEN)


def _workspace(request: Request) -> str:
    return "/".join(request.scope["path"].split("/")[:9])


def _put(world: World, request: Request) -> Response:
    parts = parts_of(request.scope["path"])
    found = addressed(world, parts)
    shaped(body_of(request), SHAPE)
    body = located(world, fresh(world, request, parts, found))
    properties = body["properties"]
    kind = properties.get("computeType")
    if not kind:
        raise _bad("The computeType of the compute is required.")
    inner = dict(properties.get("properties") or {})
    if kind in CREATE and not (inner.get("vmSize") or found):
        raise _bad("The vmSize of the compute is required.")
    held = (found or {}).get("properties", {})
    if found:
        _same_kind(held, kind, inner)
        inner = {**(held.get("properties") or {}), **inner}
    elif kind == "AmlCompute":
        inner = {**_new_cluster(world), **inner}
    elif kind == "ComputeInstance":
        inner = {**_new_instance(request), **inner}
    if kind == "AmlCompute":
        _check_scale(inner)
    now = world.clock.now().isoformat()
    body["properties"] = {
        "createdOn": held.get("createdOn", now),
        "disableLocalAuth": True,
        "description": None,
        "resourceId": None,
        "computeLocation": held.get("computeLocation", body["location"]),
        "provisioningErrors": None,
        "isAttachedCompute": False,
        **properties,
        "modifiedOn": now,
        "properties": inner,
    }
    settled = {"properties": {**inner, "state": "Running"}} if kind == "ComputeInstance" and not found else None
    return create(world, request, body, CREATE.get(kind, 30) if not found else SCALE, "computeOperations", settled)


def _patch(world: World, request: Request) -> Response:
    """Scale settings of a cluster; nothing else is taken (ClusterUpdateParameters, 2024-04-01)."""
    found = existing(world, parts_of(request.scope["path"]))
    inner = (shaped(body_of(request), SHAPE).get("properties") or {}).get("properties") or {}
    _same_kind(found["properties"], found["properties"]["computeType"], inner)
    if found["properties"]["computeType"] != "AmlCompute":
        raise _bad("Only an AmlCompute can be updated with PATCH.")
    settings = {name: value for name, value in (inner.get("scaleSettings") or {}).items() if value is not None}
    body = merged(found, {"properties": {"properties": {"scaleSettings": settings}}})
    _check_scale(body["properties"]["properties"])
    body["properties"]["modifiedOn"] = world.clock.now().isoformat()
    return create(world, request, body, SCALE, "computeOperations")


def _delete(world: World, request: Request) -> Response:
    action = request.query_params.get("underlyingResourceAction", "")
    if action.lower() not in {"delete", "detach"}:
        raise _bad("The query parameter underlyingResourceAction must be Delete or Detach.")
    return remove(world, request, request.scope["path"], DELETE, "computeOperations")


def _same_kind(held: Json, kind: str, inner: Json) -> None:
    """A cluster keeps its VM size and its priority for life: to change them it is made anew."""
    if kind != held["computeType"]:
        raise _bad(f"The computeType of an existing compute cannot be changed from {held['computeType']} to {kind}.")
    for name in ("vmSize", "vmPriority"):
        before, after = (held.get("properties") or {}).get(name), inner.get(name)
        if before and after and before.lower() != after.lower():
            raise _bad(f"The property {name} of an existing compute cannot be changed from {before} to {after}.")


def _check_scale(inner: Json) -> None:
    scale = inner["scaleSettings"] = inner.get("scaleSettings") or {"minNodeCount": 0, "maxNodeCount": 1}
    low, high = int(scale.get("minNodeCount") or 0), int(scale.get("maxNodeCount") or 0)
    if not 0 <= low <= high:
        raise _bad(f"minNodeCount {low} must not be more than maxNodeCount {high}.")


def _new_cluster(world: World) -> Json:
    return {
        "osType": "Linux",
        "vmPriority": "Dedicated",
        "scaleSettings": {"minNodeCount": 0, "maxNodeCount": 1, "nodeIdleTimeBeforeScaleDown": "PT2M"},
        "currentNodeCount": 0,
        "targetNodeCount": 0,
        "nodeStateCounts": {f"{state}NodeCount": 0 for state in NODE_COUNTS},
        "allocationState": "Steady",
        "allocationStateTransitionTime": world.clock.now().isoformat(),
        "remoteLoginPortPublicAccess": "NotSpecified",
        "enableNodePublicIp": True,
        "errors": None,
    }


def _new_instance(request: Request) -> Json:
    who = principal_of(request)
    return {
        "state": "Creating",
        "applicationSharingPolicy": "Shared",
        "createdBy": {"userName": who["name"], "userId": who["objectId"]},
        "errors": [],
        "lastOperation": None,
    }


def _turn(world: World, action: str, request: Request) -> Response:
    found = existing(world, parts_of(request.scope["path"].rpartition("/")[0]))
    if found["properties"]["computeType"] != "ComputeInstance":
        raise _bad(f"The operation {action} is supported for compute instances only.")
    writes.act(world, request, found["id"], action)
    on_the_way, at_last = TURNING[action]
    before = str(found["properties"]["properties"].get("state") or "Unknown")
    _set_state(world, request, found["id"], on_the_way, action)
    path, result = places(found, "computeOperations")

    def finish() -> None:
        _set_state(world, request, found["id"], at_last, action)

    def failed(half: bool) -> None:
        _set_state(world, request, found["id"], before, action, "Failed")
        writes.log(world, request, found["id"], f"{action}/action", 500, "Failed")

    return operations.start(world, request, 60, finish, path=path, result_path=result, says_when=False, failed=failed)


def _set_state(
    world: World, request: Request, resource_id: str, state: str, action: str, outcome: str = "Succeeded"
) -> None:
    body = copy.deepcopy(world.resources.get(resource_id))
    if body is None:
        raise WireError(404, "ResourceNotFound", f"{resource_id} was deleted meanwhile.")
    now = world.clock.now().isoformat()
    done = not state.endswith("ing") or state == "Running"
    last = {
        "operationName": action.capitalize(),
        "operationTime": now,
        "operationStatus": outcome if done else "InProgress",
        "operationTrigger": "User",
    }
    body["properties"]["properties"] |= {"state": state, "lastOperation": last}
    body["properties"]["modifiedOn"] = now
    writes.put(world, request, provisioning(body, "Succeeded"), quiet=True)


def _idle_shutdown(world: World, request: Request) -> Response:
    found = existing(world, parts_of(request.scope["path"].rpartition("/")[0]))
    if found["properties"]["computeType"] != "ComputeInstance":
        raise _bad("Idle shutdown is a setting of compute instances only.")
    body = merged(found, {"properties": {"properties": shaped(body_of(request), INNER)}})
    writes.put(world, request, body)
    return ok(None, 200)


def _nodes(world: World, request: Request) -> Response:
    found = existing(world, parts_of(request.scope["path"].rpartition("/")[0]))
    if found["properties"]["computeType"] != "AmlCompute":
        # 400 for an instance: Azure/azure-rest-api-specs-examples #5127.
        raise _bad("The operation listNodes is supported for AmlCompute only.")
    nodes = world.nodes.get(found["id"].lower(), [])
    return page(request, nodes, USUAL, TOKEN, key=lambda node: str(node["nodeId"]), name="nodes")


def _bad(message: str) -> WireError:
    return WireError(400, "BadRequest", message)
