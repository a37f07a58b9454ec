"""Storage accounts in ARM, what tiering needs of them: blob service, containers, lifecycle and inventory policies.

The account itself is a resource like any other (services/arm.py). Shapes: storage 2023-05-01, Microsoft's examples.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from finops.simulator import writes
from finops.simulator.answers import WireError, body_of, ok, page, shaped
from finops.simulator.ids import parts_of
from finops.simulator.services.arm import existing
from finops.simulator.storage import reports, rules
from finops.simulator.store import Json, inside
from finops.simulator.world import World

ACCOUNT = "Microsoft.Storage/storageAccounts"
ROOT = f"/subscriptions/{{subscription}}/resourceGroups/{{group}}/providers/{ACCOUNT}/{{account}}"
BLOBS = f"{ROOT}/blobServices"
LIFECYCLE, INVENTORY = f"{ROOT}/managementPolicies", f"{ROOT}/inventoryPolicies"
SERVICE: Json = {
    "properties": {
        "isVersioningEnabled": bool,
        "defaultServiceVersion": str,
        "changeFeed": dict,
        "deleteRetentionPolicy": {"enabled": bool, "days": int},
        "containerDeleteRetentionPolicy": {"enabled": bool, "days": int},
        "lastAccessTimeTrackingPolicy": {
            "enable": bool,
            "name": str,
            "trackingGranularityInDays": int,
            "blobType": list,
        },
        "cors": dict,
    }
}
CONTAINER: Json = {"properties": {"publicAccess": str, "metadata": {"*": str}}}


def routes(world: World) -> list[BaseRoute]:
    def at(path: str, work: Callable[[World, Request], Response], *methods: str) -> Route:
        return Route(path, partial(work, world), methods=list(methods or ("GET",)))

    return [
        at(BLOBS, _services),
        at(f"{BLOBS}/default", _service),
        at(f"{BLOBS}/default", _put_service, "PUT", "PATCH"),
        at(f"{BLOBS}/default/containers", _containers),
        at(f"{BLOBS}/default/containers/{{container}}", _container),
        at(f"{BLOBS}/default/containers/{{container}}", _put_container, "PUT", "PATCH"),
        at(f"{BLOBS}/default/containers/{{container}}", _delete_container, "DELETE"),
        at(f"{LIFECYCLE}/default", _lifecycle),
        at(f"{LIFECYCLE}/default", _put_lifecycle, "PUT"),
        at(f"{LIFECYCLE}/default", partial(_delete_policy, "managementPolicies"), "DELETE"),
        at(INVENTORY, _inventories),
        at(f"{INVENTORY}/default", _inventory),
        at(f"{INVENTORY}/default", _put_inventory, "PUT"),
        at(f"{INVENTORY}/default", partial(_delete_policy, "inventoryPolicies"), "DELETE"),
    ]


def service_of(world: World, account: Json) -> Json:
    """The blob service of an account, as it is where nobody ever set it."""
    found = world.resources.get(f"{account['id']}/blobServices/default")
    return found or {
        "id": f"{account['id']}/blobServices/default",
        "name": "default",
        "type": f"{ACCOUNT}/blobServices",
        "sku": account.get("sku"),
        "properties": {"cors": {"corsRules": []}, "deleteRetentionPolicy": {"enabled": False}},
    }


def _account(world: World, request: Request) -> Json:
    """The account that the path names."""
    path = request.scope["path"]
    at = path.lower().index("/storageaccounts/") + len("/storageaccounts/")
    end = path.find("/", at)
    return existing(world, parts_of(path if end < 0 else path[:end]))


def _services(world: World, request: Request) -> Response:
    return ok({"value": [service_of(world, _account(world, request))]})


def _service(world: World, request: Request) -> Response:
    return ok(service_of(world, _account(world, request)))


def _put_service(world: World, request: Request) -> Response:
    account = _account(world, request)
    before = service_of(world, account)
    sent = shaped(body_of(request), SERVICE).get("properties") or {}
    tracking = sent.get("lastAccessTimeTrackingPolicy")
    if tracking is not None and tracking.get("enable") is None:
        raise WireError(400, "InvalidXmlDocument", "lastAccessTimeTrackingPolicy must have 'enable'.")
    kept = copy.deepcopy(before["properties"])
    if tracking is not None and tracking["enable"]:
        sent["lastAccessTimeTrackingPolicy"] = {
            "enable": True,
            "name": "AccessTimeTracking",
            "trackingGranularityInDays": 1,
            "blobType": ["blockBlob"],
        }
    body = writes.put(world, request, {**before, "properties": {**kept, **sent}})
    return ok(body)


def _containers(world: World, request: Request) -> Response:
    account = _account(world, request)
    found = world.storage.containers(account)
    prefix = request.query_params.get("$filter", "")
    return page(request, [body for body in found if body["name"].startswith(prefix)])


def _container(world: World, request: Request) -> Response:
    account, name = _account(world, request), request.path_params["container"]
    found = next((body for body in world.storage.containers(account) if body["name"] == name), None)
    if found is None:
        raise WireError(404, "ContainerNotFound", "The specified container does not exist.")
    return ok(found)


def _put_container(world: World, request: Request) -> Response:
    account, name = _account(world, request), request.path_params["container"]
    sent = shaped(body_of(request), CONTAINER).get("properties") or {}
    known = world.storage.container(account, name)
    if known is None and not world.storage.fits(name):
        raise WireError(400, "ContainerOperationFailure", f"The specifed resource name '{name}' is not valid.")
    given = {key: value for key, value in sent.items() if key in {"publicAccess", "metadata"}}
    body = writes.put(world, request, world.storage.container_body(account, name, given))
    return ok(body, 200 if known else 201)


def _delete_container(world: World, request: Request) -> Response:
    account, name = _account(world, request), request.path_params["container"]
    found = world.storage.container(account, name)
    if found is None:
        return ok(None, 204)
    held = found["properties"]
    if held.get("hasLegalHold") or held.get("hasImmutabilityPolicy"):
        raise WireError(409, "ContainerProtectedFromDeletion", "The container is protected from deletion.")
    writes.delete(world, request, found["id"])
    return ok(None, 200)


def _lifecycle(world: World, request: Request) -> Response:
    account = _account(world, request)
    found = world.resources.get(f"{account['id']}/managementPolicies/default")
    if found is None:
        raise WireError(404, "ManagementPolicyNotFound", "No ManagementPolicy found for account " + account["name"])
    return ok(found)


def _put_lifecycle(world: World, request: Request) -> Response:
    account = _account(world, request)
    policy = rules.checked(inside(body_of(request), "properties").get("policy"), account)
    return ok(_put_policy(world, request, account, "managementPolicies", "DefaultManagementPolicy", policy))


def _inventories(world: World, request: Request) -> Response:
    account = _account(world, request)
    found = world.resources.get(f"{account['id']}/inventoryPolicies/default")
    return ok({"value": [found] if found else []})


def _inventory(world: World, request: Request) -> Response:
    account = _account(world, request)
    found = world.resources.get(f"{account['id']}/inventoryPolicies/default")
    if found is None:
        text = f"No BlobInventoryPolicy found for account {account['name']}"
        raise WireError(404, "BlobInventoryPolicyNotFound", text)
    return ok(found)


def _put_inventory(world: World, request: Request) -> Response:
    account = _account(world, request)
    policy = reports.checked(inside(body_of(request), "properties").get("policy"), account)
    return ok(_put_policy(world, request, account, "inventoryPolicies", "DefaultInventoryPolicy", policy))


def _put_policy(world: World, request: Request, account: Json, kind: str, name: str, policy: Json) -> Json:
    """A policy is written whole; it counts from the minute of the write."""
    return writes.put(
        world,
        request,
        {
            "id": f"{account['id']}/{kind}/default",
            "name": name,
            "type": f"{ACCOUNT}/{kind}",
            "properties": {"policy": policy, "lastModifiedTime": f"{world.clock.now():%Y-%m-%dT%H:%M:%S.%f}0Z"},
        },
    )


def _delete_policy(kind: str, world: World, request: Request) -> Response:
    found = world.resources.get(f"{_account(world, request)['id']}/{kind}/default")
    if found is None:
        return ok(None, 204)
    writes.delete(world, request, found["id"])
    return ok(None, 200)
