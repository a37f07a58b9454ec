"""Management locks: listed, made and removed, and obeyed by every write."""

from __future__ import annotations

from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from finops.simulator import writes
from finops.simulator.answers import WireError, body_of, ok, page, shaped
from finops.simulator.ids import is_within, parts_of
from finops.simulator.services.arm import existing, existing_subscription
from finops.simulator.store import Json
from finops.simulator.world import World

TYPE = "Microsoft.Authorization/locks"
PATH = "/{scope:path}/providers/Microsoft.Authorization/locks"
LEVELS = {"cannotdelete": "CanNotDelete", "readonly": "ReadOnly"}


def routes(world: World) -> list[BaseRoute]:
    return [
        Route(PATH, partial(_list, world), methods=["GET"]),
        Route(f"{PATH}/{{lock}}", partial(_get, world), methods=["GET"]),
        Route(f"{PATH}/{{lock}}", partial(_put, world), methods=["PUT"]),
        Route(f"{PATH}/{{lock}}", partial(_delete, world), methods=["DELETE"]),
    ]


def admits(world: World, request: Request, change: writes.Change) -> None:
    """Refuse what a lock forbids: a deletion by a lock above, at or below; with ReadOnly, any change below it.

    A lock itself can always be taken away, and new locks can be set.
    """
    if parts_of(change.resource_id).type.lower() == TYPE.lower():
        return
    deletes = change.verb == "delete"
    held_by = []
    for lock in world.resources.of_type(TYPE):
        scope = scope_of(lock["id"])
        above = is_within(change.resource_id, scope)
        read_only = lock["properties"]["level"].lower() == "readonly"
        if (deletes and (above or is_within(scope, change.resource_id))) or (read_only and above):
            held_by.append(scope)
    if held_by:
        shown = "'" + "','".join(held_by) + "'"
        raise WireError(
            409,
            "ScopeLocked",
            f"The scope '{change.resource_id}' cannot perform {'delete' if deletes else 'write'} operation because "
            f"following scope(s) are locked: {shown}. Please remove the lock and try again.",
        )


def scope_of(lock_id: str) -> str:
    """What a lock is on."""
    return lock_id[: lock_id.lower().rindex("/providers/microsoft.authorization/locks/")]


def _scope(world: World, request: Request) -> str:
    """The scope asked about, which must exist."""
    parts = parts_of(request.path_params["scope"])
    found = existing_subscription(world, parts.name) if parts.type == "subscriptions" else existing(world, parts)
    return str(found["id"])


def _list(world: World, request: Request) -> Response:
    scope = _scope(world, request)
    only_here = "atscope()" in request.query_params.get("$filter", "").lower()
    found = []
    for lock in world.resources.of_type(TYPE):
        at = scope_of(lock["id"])
        if is_within(scope, at) or (is_within(at, scope) and not only_here):
            found.append(lock)
    return page(request, found)


def _named(world: World, request: Request) -> tuple[str, Json | None]:
    lock_id = f"{_scope(world, request)}/providers/{TYPE}/{request.path_params['lock']}"
    return lock_id, world.resources.get(lock_id)


def _get(world: World, request: Request) -> Response:
    _, found = _named(world, request)
    if found is None:
        name = request.path_params["lock"]
        raise WireError(404, "LockNotFound", f"The lock '{name}' could not be found.")
    return ok(found)


def _put(world: World, request: Request) -> Response:
    lock_id, found = _named(world, request)
    properties = shaped(body_of(request), {"properties": {"level": str, "notes": str}}).get("properties") or {}
    level = LEVELS.get(str(properties.get("level", "")).lower())
    if level is None:
        raise WireError(400, "LockLevelInvalid", "The level of the lock must be CanNotDelete or ReadOnly.")
    body: Json = {
        "id": lock_id,
        "name": request.path_params["lock"],
        "type": TYPE,
        "properties": {**{k: v for k, v in properties.items() if k in {"notes", "owners"}}, "level": level},
    }
    return ok(writes.put(world, request, body), 200 if found else 201)


def _delete(world: World, request: Request) -> Response:
    lock_id, found = _named(world, request)
    if found is None:
        return ok(None, 204)
    writes.delete(world, request, lock_id)
    return ok(None, 200)
