"""Azure Resource Manager itself: subscriptions, resource groups, resources of any type by id and by list."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from finops.simulator import operations, writes
from finops.simulator.answers import WireError, body_of, ok, page, shaped
from finops.simulator.ids import Parts, parent_of, parts_of
from finops.simulator.odata import BadFilter, compiled, field_reader
from finops.simulator.rbac import read_action
from finops.simulator.store import Json
from finops.simulator.world import World

# Providers that answer even where the estate has nothing of theirs; those that the estate holds are known anyway.
NAMESPACES = {
    "microsoft.authorization",
    "microsoft.compute",
    "microsoft.containerregistry",
    "microsoft.costmanagement",
    "microsoft.insights",
    "microsoft.keyvault",
    "microsoft.machinelearningservices",
    "microsoft.network",
    "microsoft.operationalinsights",
    "microsoft.resources",
    "microsoft.storage",
}
# The types that resources.list and Resource Graph leave out: data of a workspace or a storage account, and what only
# extends a scope (locks, policies, budgets, exports).
UNTRACKED = re.compile(
    r"microsoft\.(authorization|consumption|costmanagement|management|policyinsights)/"
    r"|microsoft\.machinelearningservices/(workspaces|registries)/|microsoft\.storage/storageaccounts/"
)
# With the exception of these, which WIRE.md lists as covered by Resource Graph.
TRACKED_CHILDREN = {
    f"microsoft.machinelearningservices/workspaces/{kind}"
    for kind in (
        "onlineendpoints",
        "onlineendpoints/deployments",
        "batchendpoints",
        "batchendpoints/deployments",
        "serverlessendpoints",
    )
}
# What every resource may have, and of which kind it must be.
RESOURCE: Json = {
    "location": str,
    "kind": str,
    "tags": {"*": str | int | float},
    "sku": {"capacity": int},
    "identity": dict,
    "properties": dict,
}
# What AML has besides what an estate may hold, so that an empty list can be told from a type that does not exist
# (machinelearningservices 2024-04-01).
_ASSETS = ("codes", "components", "data", "environments", "featuresets", "featurestoreentities", "models")
_FLAT = ("computes", "connections", "datastores", "jobs", "schedules", "serverlessendpoints", "features")
AML_TYPES = {
    "workspaces",
    "registries",
    "locations",
    *(f"workspaces/{kind}" for kind in (*_FLAT, *_ASSETS, "onlineendpoints", "batchendpoints")),
    *(f"workspaces/{kind}/deployments" for kind in ("onlineendpoints", "batchendpoints")),
    *(
        f"{home}/{kind}{part}"
        for home in ("workspaces", "registries")
        for kind in _ASSETS
        for part in ("", "/versions")
    ),
}


def routes(world: World) -> list[BaseRoute]:
    def at(path: str, endpoint: Callable[[World, Request], Response], *methods: str) -> Route:
        return Route(path, partial(endpoint, world), methods=list(methods or ("GET",)))

    return [
        at("/subscriptions", _subscriptions),
        at("/subscriptions/{subscription}", _subscription),
        at("/subscriptions/{subscription}/locations", _locations),
        at("/subscriptions/{subscription}/resourcegroups", _groups),
        at("/subscriptions/{subscription}/resources", _resources),
        at("/subscriptions/{subscription}/resourcegroups/{group}/resources", _resources),
        at("/tenants", _tenants),
        at("/{id:path}", _get, "GET", "HEAD"),
        at("/{id:path}", _put, "PUT"),
        at("/{id:path}", _patch, "PATCH"),
        at("/{id:path}", _delete, "DELETE"),
    ]


def tracked(resource: Json) -> bool:
    """Whether ARM keeps `resource` in its own index, where resources.list and Resource Graph find it."""
    kind = parts_of(str(resource["id"])).type.lower()
    return "/" in kind and (kind in TRACKED_CHILDREN or not UNTRACKED.match(kind))


def _subscriptions(world: World, request: Request) -> Response:
    rbac = request.app.state.rbac
    found = [body for body in world.resources.of_type("subscriptions") if rbac.may_see(request, body["id"])]
    return page(request, found, more={"count": {"type": "Total", "value": len(found)}})


def _subscription(world: World, request: Request) -> Response:
    return ok(existing_subscription(world, request.path_params["subscription"]))


def _tenants(world: World, request: Request) -> Response:
    tenant = world.stamp.get("tenantId", "00000000-0000-0000-0000-000000000000")
    return ok({"value": [{"id": f"/tenants/{tenant}", "tenantId": tenant, "displayName": world.stamp.get("name", "")}]})


def _locations(world: World, request: Request) -> Response:
    subscription = existing_subscription(world, request.path_params["subscription"])
    names = sorted({body["location"] for body in world.resources.all() if body.get("location")})
    return ok({"value": [{"id": f"{subscription['id']}/locations/{name}", "name": name} for name in names]})


def _groups(world: World, request: Request) -> Response:
    subscription = existing_subscription(world, request.path_params["subscription"])
    found = world.resources.of_type("resourcegroups", under=subscription["id"])
    return page(request, filtered(found, request))


def _resources(world: World, request: Request) -> Response:
    scope = existing_subscription(world, request.path_params["subscription"])["id"]
    if "group" in request.path_params:
        scope = existing_group(world, parts_of(request.scope["path"]))["id"]
    rbac = request.app.state.rbac
    found = [body for body in world.resources.children(scope) if tracked(body)]
    found = [body for body in found if rbac.may(request, read_action(body), body["id"])]
    expand = request.query_params.get("$expand", "").lower()
    return page(request, [_summary(body, expand) for body in filtered(found, request)])


def _summary(body: Json, expand: str) -> Json:
    """The list leaves `properties` and `systemData` out, as Azure's does."""
    shown = {key: value for key, value in body.items() if key not in {"properties", "systemData", "etag"}}
    stamped = body.get("systemData", {})
    for name, source in (("createdTime", "createdAt"), ("changedTime", "lastModifiedAt")):
        if name.lower() in expand and stamped.get(source):
            shown[name] = stamped[source]
    if "provisioningstate" in expand and "provisioningState" in body.get("properties", {}):
        shown["provisioningState"] = body["properties"]["provisioningState"]
    return shown


def filtered(found: list[Json], request: Request) -> list[Json]:
    """`found` by $filter: resourceType, name, location, resourceGroup, tagName, tagValue."""
    text = request.query_params.get("$filter")
    if not text:
        return found
    names = ("resourceType", "name", "location", "resourceGroup", "kind", "tagName", "tagValue")
    try:
        test = compiled(text, field_reader(*names), ignore_case=True)
    except BadFilter as fault:
        raise WireError(400, "InvalidFilterInQueryString", f"Invalid $filter '{text}': {fault}") from fault
    by_tag = "tagname" in text.lower()
    return [body for body in found if any(test(record) for record in _records(body, by_tag))]


def _records(body: Json, by_tag: bool) -> list[Json]:
    """`body` as the filter sees it: once for each of its tags where tags are asked for."""
    parts = parts_of(body["id"])
    plain: Json = {
        "resourceType": body.get("type", parts.type),
        "name": body.get("name"),
        "location": body.get("location"),
        "resourceGroup": parts.group,
        "kind": body.get("kind"),
    }
    if not by_tag:
        return [plain]
    return [{**plain, "tagName": name, "tagValue": value} for name, value in (body.get("tags") or {}).items()]


def _get(world: World, request: Request) -> Response:
    parts = parts_of(request.scope["path"])
    if parts.is_collection:
        return page(request, collection(world, parts))
    found = existing(world, parts)
    return ok(None, 204) if request.method == "HEAD" else ok(found)


def _put(world: World, request: Request) -> Response:
    parts = _one(request)
    found = addressed(world, parts)
    body = fresh(world, request, parts, found)
    if parts.type not in {"resourcegroups", "subscriptions"} and "provisioningState" not in body["properties"]:
        body["properties"] = {**body["properties"], "provisioningState": "Succeeded"}
    return ok(writes.put(world, request, body), 200 if found else 201)


def _one(request: Request) -> Parts:
    """The one resource that a write is about; lists, subscriptions and providers cannot be written."""
    parts = parts_of(request.scope["path"])
    if parts.is_collection or not parts.type or parts.type == "subscriptions" or not parts.kind + parts.group:
        text = f"The requested resource does not support http method '{request.method}'."
        raise WireError(405, "MethodNotAllowed", text)
    return parts


def fresh(world: World, request: Request, parts: Parts, found: Json | None) -> Json:
    """The body that a PUT asks for, under the id and name that the resource has or will have."""
    sent = shaped(body_of(request), RESOURCE)
    kind = next((body["type"] for body in world.resources.of_type(parts.type) if "type" in body), parts.type)
    if parts.type == "resourcegroups":
        kind = "Microsoft.Resources/resourceGroups"
        sent.setdefault("properties", {"provisioningState": "Succeeded"})
    settled: Json = {"id": found["id"] if found else spelled(world, parts), "name": parts.name, "type": kind}
    if found and "location" in found and "location" not in sent:
        settled["location"] = found["location"]
    properties = sent.get("properties")
    read_only = {"id", "name", "type", "systemData", "properties"}
    return {
        **settled,
        **{key: value for key, value in sent.items() if key not in read_only},
        "properties": dict(properties) if isinstance(properties, dict) else {},
        **({"systemData": found["systemData"]} if found and "systemData" in found else {}),
    }


def spelled(world: World, parts: Parts) -> str:
    """The id of something new: its parent's as it is spelled there, then as the caller wrote it."""
    parent = world.resources.get(parent_of(parts.id))
    return parts.id if parent is None else str(parent["id"]) + parts.id[len(parent["id"]) :]


def _patch(world: World, request: Request) -> Response:
    parts = _one(request)
    return ok(writes.put(world, request, merged(existing(world, parts), body_of(request))))


def merged(found: Json, patch: Json) -> Json:
    """`found` with `patch` worked in: objects member by member, tags replaced as a whole, null removes."""
    result = copy.deepcopy(found)
    for key, value in shaped(patch, RESOURCE).items():
        if key in {"id", "name", "type", "systemData"}:
            continue
        if isinstance(value, dict) and isinstance(result.get(key), dict) and key != "tags":
            result[key] = _worked_in(result[key], value)
        elif value is not None:
            result[key] = value
        elif key != "properties":
            result.pop(key, None)
    return result


def _worked_in(held: Json, patch: Json) -> Json:
    result = dict(held)
    for key, value in patch.items():
        if isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = _worked_in(result[key], value)
        elif value is None:
            result.pop(key, None)
        else:
            result[key] = value
    return result


def _delete(world: World, request: Request) -> Response:
    parts = _one(request)
    found = addressed(world, parts)
    if found is None:
        if parts.type == "resourcegroups":
            raise missing(parts)
        return ok(None, 204)
    writes.admit(world, request, writes.Change("delete", found["id"], found))
    writes.log(world, request, found["id"], "delete", 202)

    def finish() -> None:
        writes.delete(world, request, found["id"], quiet=True)
        writes.succeeded(world, request, found["id"], "delete")

    return operations.start(world, request, 30, finish)


def existing_subscription(world: World, name: str) -> Json:
    found = world.resources.get(f"/subscriptions/{name}")
    if found is None:
        raise WireError(404, "SubscriptionNotFound", f"The subscription '{name}' could not be found.")
    return found


def existing_group(world: World, parts: Parts) -> Json:
    existing_subscription(world, parts.subscription)
    found = world.resources.get(f"/subscriptions/{parts.subscription}/resourceGroups/{parts.group}")
    if found is None:
        raise WireError(404, "ResourceGroupNotFound", f"Resource group '{parts.group}' could not be found.")
    return found


def addressed(world: World, parts: Parts) -> Json | None:
    """What `parts` names, or None where only it itself is absent; what it lies in must exist, and its type too."""
    if not parts.subscription:
        raise WireError(
            404,
            "MissingSubscription",
            "The request did not have a subscription or a valid tenant level resource provider.",
        )
    existing_subscription(world, parts.subscription)
    if parts.group and parts.type != "resourcegroups":
        existing_group(world, parts)
    if "/" in parts.type:
        check_type(world, parts)
        above = parent_of(parts.id)
        if world.resources.get(above) is None and "/providers/" in above.lower():
            raise missing(parts_of(above))
    return world.resources.get(parts.id)


def existing(world: World, parts: Parts) -> Json:
    found = addressed(world, parts)
    if found is None:
        raise missing(parts)
    return found


def collection(world: World, parts: Parts) -> list[Json]:
    """All of one type: directly under its parent resource, or anywhere in the group or subscription named."""
    parent = parts.id.rpartition("/")[0]
    if parent.lower().endswith(f"/providers/{parts.namespace.lower()}"):
        existing_group(world, parts) if parts.group else existing_subscription(world, parts.subscription)
        check_type(world, parts)
        return world.resources.of_type(parts.type, under=parent.lower().rpartition("/providers/")[0])
    existing(world, parts_of(parent))
    check_type(world, parts)
    return world.resources.of_type(parts.type, under=parent)


def check_type(world: World, parts: Parts) -> None:
    """Refuse a provider or a type that Azure does not have, as far as the simulator can know."""
    namespace = parts.namespace.lower()
    if world.resources.of_type(parts.type):
        return
    held = {parts_of(body["id"]).namespace.lower() for body in world.resources.all()}
    if namespace not in NAMESPACES | held or not parts.kind:
        raise WireError(404, "InvalidResourceNamespace", f"The resource namespace '{parts.namespace}' is invalid.")
    if namespace == "microsoft.machinelearningservices" and parts.kind.lower() not in AML_TYPES:
        raise WireError(
            404,
            "InvalidResourceType",
            f"The resource type '{parts.kind}' could not be found in the namespace '{parts.namespace}'.",
        )


def missing(parts: Parts) -> WireError:
    """The 404 for what `parts` names, in the words of the service that would have it."""
    if parts.type == "subscriptions":
        return WireError(404, "SubscriptionNotFound", f"The subscription '{parts.name}' could not be found.")
    if parts.type == "resourcegroups":
        return WireError(404, "ResourceGroupNotFound", f"Resource group '{parts.name}' could not be found.")
    words = parts.id.split("/")
    workspace = words[8] if len(words) > 8 else ""
    kind = parts.type.lower().removeprefix("microsoft.machinelearningservices/workspaces/")
    if kind in {"onlineendpoints", "batchendpoints", "serverlessendpoints"}:
        # Recorded: azure_ai_ml, test_batch_endpoint_create.
        return WireError(
            404,
            "NotFound",
            "The specified resource was not found.",
            details=[
                {"code": "NoSuchEndpoint", "message": f"There is no endpoint with name: {parts.name} in {workspace}"}
            ],
        )
    if kind == "datastores":
        return WireError(404, "UserError", f"Could not find datastore: {parts.name}.")
    if kind == "jobs":
        return WireError(404, "UserError", f"Run {parts.name} was not found.")
    named = f"{parts.type}/{parts.name}" if parts.group else parts.type
    if parts.kind.count("/"):
        pairs = parts.id.rpartition("/providers/")[2].split("/")
        named = f"{parts.type}/{'/'.join(pairs[2::2])}"
    return WireError(
        404,
        "ResourceNotFound",
        f"The Resource '{named}' under resource group '{parts.group or '<null>'}' was not found. "
        "For more details please go to https://aka.ms/ARMResourceNotFoundFix",
    )
