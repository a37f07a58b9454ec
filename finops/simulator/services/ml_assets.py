"""AML assets, such as environments and models: containers and their versions, listed, made, archived and deleted."""

from __future__ import annotations

import copy
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from finops.simulator import writes
from finops.simulator.answers import WireError, body_of, ok, page, shaped
from finops.simulator.ids import parent_of, parts_of
from finops.simulator.services.arm import addressed, collection, existing, fresh
from finops.simulator.services.ml import TOKEN, USUAL, WORKSPACE
from finops.simulator.store import Json
from finops.simulator.world import World

KINDS = ("environments", "models", "data", "components", "codes")
# What may still change of a version that is there; the rest is what it is (how-to-manage-environments-v2: versions are
# immutable). That another content is refused with 409 is our guess; its words are ours.
CHANGEABLE = {"isArchived", "description", "tags", "properties", "stage", "provisioningState"}
SHAPE: Json = {
    "properties": {
        "isArchived": bool,
        "isAnonymous": bool,
        "description": str,
        "tags": {"*": str},
        "properties": {"*": str},
        "image": str,
        "condaFile": str,
        "build": dict,
    },
}


def routes(world: World) -> list[BaseRoute]:
    containers = [f"{WORKSPACE}/{kind}" for kind in KINDS]
    versions = [f"{each}/{{name}}/versions" for each in containers]
    lists = [*containers, *versions, f"{WORKSPACE}/datastores"]
    return [
        *(Route(path, partial(_list, world), methods=["GET"]) for path in lists),
        *(Route(f"{path}/{{name}}", partial(_put_container, world), methods=["PUT"]) for path in containers),
        *(Route(f"{path}/{{version}}", partial(_put_version, world), methods=["PUT"]) for path in versions),
        *(Route(f"{path}/{{name}}", partial(_delete, world), methods=["DELETE"]) for path in containers),
        *(Route(f"{path}/{{version}}", partial(_delete, world), methods=["DELETE"]) for path in versions),
    ]


def _list(world: World, request: Request) -> Response:
    """By listViewType; versions newest first when `$orderBy` says so, and at most `$top` of them."""
    found = [body for body in collection(world, parts_of(request.scope["path"])) if _in_view(request, body)]
    order = request.query_params.get("$orderBy", "").lower()
    if "desc" in order or "createdtime" in order:
        found.sort(key=lambda body: str((body.get("systemData") or {}).get("createdAt", "")), reverse="desc" in order)
        return page(request, found, USUAL, "$skip", key=None)
    return page(request, found, USUAL, TOKEN)


def _in_view(request: Request, body: Json) -> bool:
    view = request.query_params.get("listViewType", "ActiveOnly").lower()
    return view == "all" or bool(body["properties"].get("isArchived")) == (view == "archivedonly")


def _put_container(world: World, request: Request) -> Response:
    parts = parts_of(request.scope["path"])
    found = addressed(world, parts)
    shaped(body_of(request), SHAPE)
    body = fresh(world, request, parts, found)
    kept = {"isArchived": False, "tags": {}, "properties": {}, **(found or {}).get("properties", {})}
    told = {key: value for key, value in body["properties"].items() if key not in {"latestVersion", "nextVersion"}}
    body["properties"] = {**kept, **told, **_state(parts.kind)}
    return ok(writes.put(world, request, body), 200 if found else 201)


def _put_version(world: World, request: Request) -> Response:
    """A new version, its container made with it; of one that is there, only what may still change."""
    parts = parts_of(request.scope["path"])
    sent = shaped(body_of(request), SHAPE)
    existing(world, parts_of("/".join(parts.id.split("/")[:9])))
    container = parent_of(parts.id)
    found = world.resources.get(parts.id)
    if found:
        told = sent.get("properties") or {}
        held = found["properties"]
        other = sorted(
            name for name, value in told.items() if name not in CHANGEABLE and value is not None and name in held
            and held[name] != value
        )  # fmt: skip
        if other:
            raise WireError(
                409, "Conflict", f"Version {parts.name} exists, and its {', '.join(other)} cannot be changed."
            )
        changed = {key: value for key, value in told.items() if key in CHANGEABLE}
        body = {**copy.deepcopy(found), "properties": {**copy.deepcopy(held), **changed}}
        return ok(writes.put(world, request, body), 200)
    if world.resources.get(container) is None:
        above = parts_of(container)
        kind = parts.type.rpartition("/")[0]
        blank = {"isArchived": False, "tags": {}, "properties": {}, **_state(parts.kind)}
        if "/data/" in f"/{parts.kind}/":
            blank["dataType"] = (sent.get("properties") or {}).get("dataType", "uri_file")
        writes.put(world, request, {"id": container, "name": above.name, "type": kind, "properties": blank}, quiet=True)
    body = fresh(world, request, parts, None)
    body["properties"] = {
        "isArchived": False,
        "isAnonymous": False,
        "tags": {},
        "properties": {},
        **body["properties"],
        **_state(parts.kind),
    }
    stored = writes.put(world, request, body)
    _number(world, request, container)
    return ok(stored, 201)


def _state(kind: str) -> Json:
    """Every asset says how it stands, but for data (mfe.json, 2024-04-01)."""
    return {} if "/data/" in f"/{kind}/" else {"provisioningState": "Succeeded"}


def _delete(world: World, request: Request) -> Response:
    """200, at once, and 204 where there is nothing; the versions of a container go with it (mfe.json, 2024-04-01)."""
    parts = parts_of(request.scope["path"])
    found = world.resources.get(parts.id)
    if found is None:
        existing(world, parts_of("/".join(parts.id.split("/")[:9])))
        return ok(None, 204)
    writes.delete(world, request, found["id"])
    if parts.kind.endswith("/versions"):
        _number(world, request, parent_of(found["id"]))
    return ok(None, 200)


def _number(world: World, request: Request, container: str) -> None:
    """Write the latest and the next version into the container. Latest is the one made last."""
    body = copy.deepcopy(world.resources.get(container))
    if body is None:
        return
    names = [
        str(version["name"])
        for version in sorted(
            world.resources.children(container),
            key=lambda version: (str((version.get("systemData") or {}).get("createdAt", "")), len(version["name"])),
        )
    ]
    numbers = [int(name) for name in names if name.isdigit()]
    body["properties"] |= {
        "latestVersion": names[-1] if names else None,
        "nextVersion": str(max(numbers, default=0) + 1),
    }
    writes.put(world, request, body, quiet=True)
