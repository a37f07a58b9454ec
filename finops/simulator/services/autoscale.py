"""Monitor's autoscale settings: rules of their own in a resource group, which name what they scale.

They are kept and told; nothing here is scaled by them. Deleting what they name leaves them behind (our guess: nothing
says that it does not, and they are resources of their own).
"""

from __future__ import annotations

from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from finops.simulator import writes
from finops.simulator.answers import WireError, body_of, ok, page, shaped
from finops.simulator.ids import parts_of
from finops.simulator.services.arm import addressed, existing, existing_group, existing_subscription, fresh, merged
from finops.simulator.services.tags import checked
from finops.simulator.store import Json
from finops.simulator.world import World

TYPE = "Microsoft.Insights/autoscaleSettings"
GROUP = f"/subscriptions/{{subscription}}/resourceGroups/{{group}}/providers/{TYPE}"
SHAPE: Json = {
    "properties": {
        "enabled": bool,
        "targetResourceUri": str,
        "targetResourceLocation": str,
        "profiles": list,
        "notifications": list,
    },
}
MOST_PROFILES = 20


def routes(world: World) -> list[BaseRoute]:
    one = f"{GROUP}/{{name}}"
    return [
        Route(f"/subscriptions/{{subscription}}/providers/{TYPE}", partial(_list, world), methods=["GET"]),
        Route(GROUP, partial(_list, world), methods=["GET"]),
        Route(one, partial(_get, world), methods=["GET"]),
        Route(one, partial(_put, world), methods=["PUT"]),
        Route(one, partial(_patch, world), methods=["PATCH"]),
        Route(one, partial(_delete, world), methods=["DELETE"]),
    ]


def _list(world: World, request: Request) -> Response:
    parts = parts_of(request.scope["path"])
    scope = existing_group(world, parts) if parts.group else existing_subscription(world, parts.subscription)
    return page(request, world.resources.of_type(TYPE, under=scope["id"]))


def _get(world: World, request: Request) -> Response:
    return ok(existing(world, parts_of(request.scope["path"])))


def _put(world: World, request: Request) -> Response:
    parts = parts_of(request.scope["path"])
    existing_group(world, parts)
    found = addressed(world, parts)
    shaped(body_of(request), SHAPE)
    body = fresh(world, request, parts, found)
    body["type"] = TYPE
    properties = body["properties"]
    if not body.get("location"):
        raise WireError(400, "LocationRequired", "The location property is required for this definition.")
    profiles = properties.get("profiles")
    if not profiles or len(profiles) > MOST_PROFILES:
        raise WireError(400, "BadRequest", f"An autoscale setting has from 1 to {MOST_PROFILES} profiles.", flat=True)
    target = str(properties.get("targetResourceUri") or "")
    if not target or world.resources.get(target) is None:
        raise WireError(400, "BadRequest", f"The target resource '{target}' was not found.", flat=True)
    body["properties"] = {"enabled": False, "name": parts.name, "notifications": [], **properties}
    body["tags"] = checked(body.get("tags") or {})
    return ok(writes.put(world, request, body), 200 if found else 201)


def _patch(world: World, request: Request) -> Response:
    found = existing(world, parts_of(request.scope["path"]))
    body = merged(found, shaped(body_of(request), SHAPE))
    checked(body.get("tags") or {})
    return ok(writes.put(world, request, body))


def _delete(world: World, request: Request) -> Response:
    """At once: 200, or 204 where there is nothing (azure-mgmt-monitor 7.0.0)."""
    found = addressed(world, parts_of(request.scope["path"]))
    if found is None:
        return ok(None, 204)
    writes.delete(world, request, found["id"])
    return ok(None, 200)
