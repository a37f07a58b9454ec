"""AML endpoints and their deployments: online, batch and serverless."""

from __future__ import annotations

from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from finops.simulator.answers import WireError, body_of, ok, page, shaped
from finops.simulator.ids import parent_of, parts_of
from finops.simulator.services.arm import addressed, collection, existing, fresh, merged
from finops.simulator.services.ml import TOKEN, USUAL, WORKSPACE, create, located, remove
from finops.simulator.services.tags import checked
from finops.simulator.store import Json
from finops.simulator.world import World

KINDS = ("onlineEndpoints", "batchEndpoints", "serverlessEndpoints")
# Seconds: an endpoint is there at once, a managed online deployment takes minutes.
ENDPOINT, ONLINE_DEPLOYMENT, BATCH_DEPLOYMENT, DELETE = 10, 420, 10, 60


SHAPE: Json = {
    "properties": {
        "traffic": {"*": int},
        "properties": dict,
        "instanceType": str,
        "endpointComputeType": str,
        "scaleSettings": {"scaleType": str, "minInstances": int, "maxInstances": int},
    },
}


def routes(world: World) -> list[BaseRoute]:
    found: list[BaseRoute] = []
    for kind in KINDS:
        path = f"{WORKSPACE}/{kind}"
        for at in (path, f"{path}/{{endpoint}}/deployments") if kind != "serverlessEndpoints" else (path,):
            one = f"{at}/{{name}}"
            found += [
                Route(at, partial(_list, world), methods=["GET"]),
                Route(one, partial(_put, world), methods=["PUT"]),
                Route(one, partial(_patch, world), methods=["PATCH"]),
                Route(one, partial(_delete, world), methods=["DELETE"]),
            ]
    return found


def _list(world: World, request: Request) -> Response:
    return page(request, collection(world, parts_of(request.scope["path"])), USUAL, TOKEN)


def _is_deployment(resource_id: str) -> bool:
    return parts_of(resource_id).type.lower().endswith("/deployments")


def _put(world: World, request: Request) -> Response:
    parts = parts_of(request.scope["path"])
    found = addressed(world, parts)
    shaped(body_of(request), SHAPE)
    body = located(world, fresh(world, request, parts, found))
    if _is_deployment(parts.id):
        return _put_deployment(world, request, body, found)
    kind = parts.id.split("/")[-2].lower()
    held = (found or {}).get("properties", {})
    region = body["location"] or "eastus"
    settled: Json
    if kind == "serverlessendpoints":
        uri = f"https://{parts.name}.{region}.models.ai.azure.com"
        settled = {"inferenceEndpoint": {"uri": uri, "headers": {}}, "endpointState": "Online"}
    else:
        tail = "jobs" if kind == "batchendpoints" else "score"
        settled = {"scoringUri": f"https://{parts.name}.{region}.inference.ml.azure.com/{tail}"}
    properties = {"authMode": "Key", **held, **body["properties"]}
    if kind != "serverlessendpoints":
        properties.setdefault("properties", {})
    if kind == "onlineendpoints":
        properties = {"traffic": {}, "mirrorTraffic": {}, "publicNetworkAccess": "Enabled", **properties}
        properties["traffic"] = {
            name: share for name, share in (properties["traffic"] or {}).items() if share is not None
        }
        _check_traffic(world, parts.id, properties["traffic"])
    body["properties"] = properties
    return create(world, request, body, ENDPOINT, "mfeOperation", settled)


def _check_traffic(world: World, endpoint_id: str, traffic: Json) -> None:
    names = {str(body["name"]).lower() for body in world.resources.children(endpoint_id)}
    missing = [name for name, share in traffic.items() if share and name.lower() not in names]
    if missing:
        raise _bad(f"The traffic names deployments that do not exist: {', '.join(missing)}.")
    if sum(traffic.values()) not in (0, 100):
        raise _bad(f"The traffic adds up to {sum(traffic.values())}; it must be 0 or 100.")


def _put_deployment(world: World, request: Request, body: Json, found: Json | None) -> Response:
    online = "/onlineendpoints/" in body["id"].lower()
    properties = {**(found or {}).get("properties", {}), **body["properties"]}
    if online:
        if not (properties.get("instanceType") or properties.get("endpointComputeType") == "Kubernetes"):
            raise _bad("The instanceType of the deployment is required.")
        body["sku"] = {"name": "Default", "capacity": 1, **((found or {}).get("sku") or {}), **(body.get("sku") or {})}
        properties = {"endpointComputeType": "Managed", "scaleSettings": {"scaleType": "Default"}, **properties}
    body["properties"] = properties
    return create(world, request, body, ONLINE_DEPLOYMENT if online else BATCH_DEPLOYMENT, "mfeOperation")


def _patch(world: World, request: Request) -> Response:
    found = existing(world, parts_of(request.scope["path"]))
    body = merged(found, shaped(body_of(request), SHAPE))
    checked(body.get("tags") or {})
    return create(world, request, body, ENDPOINT, "mfeOperation")


def _delete(world: World, request: Request) -> Response:
    parts = parts_of(request.scope["path"])
    found = addressed(world, parts)
    if found is None:
        return ok(None, 204)
    if _is_deployment(parts.id):
        above = world.resources.get(parent_of(parts.id)) or {}
        share = (above.get("properties", {}).get("traffic") or {}).get(found["name"], 0)
        if share:
            raise _bad(f"The deployment {found['name']} has {share} % of the traffic. Set it to 0 before deleting.")
    return remove(world, request, parts.id, DELETE, "mfeOperation")


def _bad(message: str) -> WireError:
    return WireError(400, "BadRequest", message)
