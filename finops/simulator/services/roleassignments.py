"""Role assignments: who was given which role where. They are kept and told; who may do what here is in the roles file.

Deleting what had an identity leaves the identity's assignments behind, without a principal ("Identity not found"):
learn.microsoft.com/azure/role-based-access-control/role-assignments (2025-05). Those made on what is
deleted go with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from finops.simulator import writes
from finops.simulator.answers import WireError, body_of, ok, page, principal_of, shaped
from finops.simulator.ids import is_within, parts_of
from finops.simulator.services.arm import existing, existing_subscription
from finops.simulator.store import Json, inside
from finops.simulator.world import World

TYPE = "Microsoft.Authorization/roleAssignments"
PATH = f"/{{scope:path}}/providers/{TYPE}"
FIXED = ("roleDefinitionId", "principalId", "scope")
SHAPE: Json = {
    "properties": {
        "roleDefinitionId": str,
        "principalId": str,
        "principalType": str,
        "description": str,
        "condition": str,
        "conditionVersion": str,
        "delegatedManagedIdentityResourceId": str,
    },
}


def routes(world: World) -> list[BaseRoute]:
    one = f"{PATH}/{{name}}"
    return [
        Route(PATH, partial(_list, world), methods=["GET"]),
        Route(one, partial(_get, world), methods=["GET"]),
        Route(one, partial(_put, world), methods=["PUT"]),
        Route(one, partial(_delete, world), methods=["DELETE"]),
    ]


def principals(world: World) -> Iterator[str]:
    """The object ids of everybody and everything that can be given a role, in lower case, as far as we know them."""
    yield from (person for person, user in (world.directory or {}).items() if not user.get("gone"))
    for body in world.resources.all():
        identity = inside(body, "identity")
        for each in (identity, *inside(identity, "userAssignedIdentities").values()):
            if isinstance(each, dict) and each.get("principalId"):
                yield str(each["principalId"]).lower()


def _scope(world: World, request: Request) -> str:
    parts = parts_of(request.path_params["scope"])
    found = existing_subscription(world, parts.name) if parts.type == "subscriptions" else existing(world, parts)
    return str(found["id"])


def _list(world: World, request: Request) -> Response:
    """Those at the scope, above and below it; `atScope()` leaves those below out, a principal all of others."""
    scope = _scope(world, request)
    text = request.query_params.get("$filter", "")
    only_here = "atscope()" in text.lower()
    asked = re.search(r"principalId\s+eq\s+'([^']*)'|assignedTo\('([^']*)'\)", text, re.I)
    rest = re.sub(r"atScope\(\)|principalId\s+eq\s+'[^']*'|assignedTo\('[^']*'\)|\band\b", "", text, flags=re.I)
    if rest.strip():
        raise WireError(400, "InvalidFilter", f"The filter '{text}' is not supported.")
    who = (asked[1] or asked[2] or "").lower() if asked else ""
    found = []
    for body in world.resources.of_type(TYPE):
        at = body["properties"]["scope"]
        if (is_within(scope, at) or (is_within(at, scope) and not only_here)) and (
            not who or body["properties"]["principalId"].lower() == who
        ):
            found.append(body)
    return page(request, found)


def _named(world: World, request: Request) -> tuple[str, str, Json | None]:
    scope = _scope(world, request)
    assignment = f"{scope}/providers/{TYPE}/{request.path_params['name']}"
    return scope, assignment, world.resources.get(assignment)


def _get(world: World, request: Request) -> Response:
    _, assignment, found = _named(world, request)
    if found is None:
        raise WireError(404, "RoleAssignmentNotFound", f"The role assignment '{assignment}' is not found.")
    return ok(found)


def _put(world: World, request: Request) -> Response:
    scope, assignment, found = _named(world, request)
    name = request.path_params["name"]
    if not re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", name, re.I):
        raise WireError(400, "InvalidRoleAssignmentId", f"The role assignment ID '{name}' is not valid. It is a GUID.")
    sent = shaped(body_of(request), SHAPE).get("properties") or {}
    if not sent.get("roleDefinitionId") or not sent.get("principalId"):
        raise WireError(400, "InvalidCreateRoleAssignmentRequest", "The request body is not valid.")
    told = {**{key: value for key, value in sent.items() if key in SHAPE["properties"]}, "scope": scope}
    if found:
        held = found["properties"]
        if any(_plain(key, told[key]) != _plain(key, held[key]) for key in FIXED):
            text = "Tenant ID, application ID, principal ID, and scope are not allowed to be updated."
            raise WireError(400, "RoleAssignmentUpdateNotPermitted", text)
    else:
        for other in world.resources.of_type(TYPE, under=scope):
            held = other["properties"]
            if all(_plain(key, told[key]) == _plain(key, held[key]) for key in FIXED):
                raise WireError(409, "RoleAssignmentExists", "The role assignment already exists.")
        # With principalType Azure takes it on trust: a fresh identity may not have been replicated yet.
        on_trust = world.directory is None or told.get("principalType")
        if not on_trust and told["principalId"].lower() not in set(principals(world)):
            who = told["principalId"].replace("-", "")
            text = f"Principal {who} does not exist in the directory {world.stamp.get('tenantId', '')}."
            raise WireError(400, "PrincipalNotFound", text)
    now, by = world.clock.now().isoformat(), principal_of(request)["objectId"]
    kept = (found or {}).get("properties", {"createdOn": now, "createdBy": by})
    blank = {"principalType": "ServicePrincipal", "condition": None, "conditionVersion": None, "description": None}
    properties = {**blank, **kept, **told, "updatedOn": now, "updatedBy": by}
    body = {"id": assignment, "name": name, "type": TYPE, "properties": properties}
    return ok(writes.put(world, request, body), 200 if found else 201)


def _delete(world: World, request: Request) -> Response:
    _, assignment, found = _named(world, request)
    if found is None:
        return ok(None, 204)
    writes.delete(world, request, assignment)
    return ok(found)


def _plain(key: str, value: object) -> str:
    """Role definitions are the same wherever they are said to lie: their GUID counts."""
    text = str(value).lower()
    return text.rpartition("/")[2] if key == "roleDefinitionId" else text
