"""AML endpoints and their deployments: online, batch and serverless."""

from __future__ import annotations

import copy
import uuid
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from finops.simulator import writes
from finops.simulator.answers import WireError, body_of, ok, page, shaped
from finops.simulator.ids import parent_of, parts_of
from finops.simulator.services.arm import addressed, collection, existing, fresh, merged
from finops.simulator.services.ml import TOKEN, USUAL, WORKSPACE, create, identified, located, remove
from finops.simulator.services.tags import checked
from finops.simulator.store import Json, inside
from finops.simulator.world import World

KINDS = ("onlineEndpoints", "batchEndpoints", "serverlessEndpoints")
# Seconds: an endpoint is there at once, a managed online deployment takes minutes.
ENDPOINT, ONLINE_DEPLOYMENT, BATCH_DEPLOYMENT, DELETE = 10, 420, 10, 60
MOST_MIRRORED = 50


SHAPE: Json = {
    "properties": {
        "traffic": {"*": int},
        "mirrorTraffic": {"*": int},
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
        found.append(Route(f"{path}/{{endpoint}}/listKeys", partial(_keys, world), methods=["POST"]))
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
        properties["mirrorTraffic"] = properties["mirrorTraffic"] or {}
        _check_traffic(world, parts.id, properties["traffic"])
        _check_mirror(world, parts.id, properties["mirrorTraffic"])
    body["properties"] = properties
    if kind != "serverlessendpoints":
        body = identified(world, body, found, {"type": "SystemAssigned"})
    return create(world, request, body, ENDPOINT, "mfeOperation", settled)


def _check_traffic(world: World, endpoint_id: str, traffic: Json) -> None:
    names = {str(body["name"]).lower() for body in world.resources.children(endpoint_id)}
    missing = [name for name, share in traffic.items() if share and name.lower() not in names]
    if missing:
        raise _bad(f"The traffic names deployments that do not exist: {', '.join(missing)}.")
    if sum(traffic.values()) not in (0, 100):
        raise _bad(f"The traffic adds up to {sum(traffic.values())}; it must be 0 or 100.")


def _check_mirror(world: World, endpoint_id: str, mirror: Json) -> None:
    """At most half of the traffic can be mirrored, to one deployment (how-to-safely-rollout-online-endpoints)."""
    names = {str(body["name"]).lower() for body in world.resources.children(endpoint_id)}
    if len([share for share in mirror.values() if share]) > 1 or sum(mirror.values()) > MOST_MIRRORED:
        raise _bad(f"Mirror traffic goes to one deployment, and is at most {MOST_MIRRORED} %.")
    if missing := [name for name, share in mirror.items() if share and name.lower() not in names]:
        raise _bad(f"The mirror traffic names deployments that do not exist: {', '.join(missing)}.")


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
    """Tags, the identity of an endpoint, the sku of an online deployment, the description of a batch deployment.

    mfe.json, 2024-04-01, knows no other members: traffic is changed by a PUT of the whole endpoint. What Azure answers
    to others is not written down; 400 is our guess, because silence would look like success.
    """
    found = existing(world, parts_of(request.scope["path"]))
    sent = shaped(body_of(request), SHAPE)
    allowed = {"description"} if "/batchendpoints/" in found["id"].lower() and _is_deployment(found["id"]) else set()
    if wrong := sorted(set(sent.get("properties") or {}) - allowed):
        raise _bad(f"{', '.join(wrong)} cannot be changed with PATCH. Send the whole with PUT.")
    body = identified(world, merged(found, sent), found)
    checked(body.get("tags") or {})
    return create(world, request, body, ENDPOINT, "mfeOperation")


def _delete(world: World, request: Request) -> Response:
    """With an endpoint go its deployments, its identity and its keys.

    A deployment that has traffic is not deleted. Azure's own words for that were found nowhere (how-to-safely-rollout
    sets the traffic to 0 first); 400 and the words here are our guess.
    """
    parts = parts_of(request.scope["path"])
    found = addressed(world, parts)
    if found is None:
        return ok(None, 204)
    if not _is_deployment(parts.id):
        return remove(world, request, parts.id, DELETE, "mfeOperation")
    endpoint, name = parent_of(found["id"]), str(found["name"])
    share = _shares(world, endpoint, "traffic").get(name.lower(), 0)
    if share:
        raise _bad(f"The deployment {name} has {share} % of the traffic. Set it to 0 before deleting.")

    def forget() -> None:
        """What is gone has no share, not even of 0."""
        above = copy.deepcopy(world.resources.get(endpoint))
        if above is None:
            return
        for kind in ("traffic", "mirrorTraffic"):
            if isinstance(held := above["properties"].get(kind), dict):
                above["properties"][kind] = {each: part for each, part in held.items() if each.lower() != name.lower()}
        writes.put(world, request, above, quiet=True)

    return remove(world, request, parts.id, DELETE, "mfeOperation", forget)


def _shares(world: World, endpoint: str, kind: str) -> dict[str, int]:
    above = world.resources.get(endpoint) or {}
    return {name.lower(): share for name, share in inside(above, "properties", kind).items()}


def _keys(world: World, request: Request) -> Response:
    """Made when first asked for, gone with the endpoint: one made anew under its name has others."""
    found = existing(world, parts_of(request.scope["path"].rpartition("/")[0]))
    if str(found["properties"].get("authMode", "Key")).lower() != "key":
        raise _bad(f"The endpoint {found['name']} has no keys: its authMode is {found['properties']['authMode']}.")
    secret = world.keys.setdefault(found["id"].lower(), uuid.uuid4().hex)
    return ok({f"{which}Key": f"{which}-{secret}" for which in ("primary", "secondary")})


def _bad(message: str) -> WireError:
    return WireError(400, "BadRequest", message)
