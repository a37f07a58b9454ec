"""Policy assignments: made, changed, listed and removed at any scope."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from finops.errors import FinopsError
from finops.simulator import writes
from finops.simulator.answers import WireError, body_of, ok, page, shaped
from finops.simulator.policy.rules import Rule, rules_of
from finops.simulator.policy.scopes import (
    ASSIGNMENTS,
    DEFINITIONS,
    SETS,
    covers,
    existing_scope,
    home_of,
    is_group,
)
from finops.simulator.policy.shapes import listed
from finops.simulator.services.arm import merged
from finops.simulator.services.policydefinitions import found_or_404, stamped
from finops.simulator.store import Json, inside, type_of
from finops.simulator.world import World

PATH = f"/{{scope:path}}/providers/{ASSIGNMENTS}"
SHAPE: Json = {
    "displayName": str,
    "description": str,
    "policyDefinitionId": str,
    "enforcementMode": str,
    "metadata": dict,
    "parameters": {"*": dict},
    "notScopes": list,
    "nonComplianceMessages": list,
    "overrides": list,
    "resourceSelectors": list,
}
# Longest name of an assignment, at a management group and elsewhere (azure-docs, resource-name-rules).
LONGEST_AT_GROUP, LONGEST = 24, 64
MODES = {"default": "Default", "donotenforce": "DoNotEnforce", "enroll": "Enroll"}


def routes(world: World) -> list[BaseRoute]:
    return [
        Route(PATH, partial(_list, world), methods=["GET"]),
        Route(f"{PATH}/{{name}}", partial(_get, world), methods=["GET"]),
        Route(f"{PATH}/{{name}}", partial(_put, world), methods=["PUT"]),
        Route(f"{PATH}/{{name}}", partial(_patch, world), methods=["PATCH"]),
        Route(f"{PATH}/{{name}}", partial(_delete, world), methods=["DELETE"]),
    ]


def _list(world: World, request: Request) -> Response:
    """What holds at the scope and, unless $filter says atScope() or atExactScope(), what is assigned below it."""
    scope = existing_scope(world, request.path_params["scope"])
    found = at_scope(world, world.resources.of_type(ASSIGNMENTS), scope, request)
    text = request.query_params.get("$filter") or ""
    if "policydefinitionid" in text.lower():
        wanted = text.partition("'")[2].partition("'")[0].lower()
        found = [body for body in found if str(inside(body, "properties")["policyDefinitionId"]).lower() == wanted]
    return page(request, found)


def at_scope(world: World, bodies: Iterable[Json], scope: str, request: Request) -> list[Json]:
    """Those of `bodies` that hold at `scope`: made there, above and, unless $filter says otherwise, below."""
    text = (request.query_params.get("$filter") or "").lower()
    if "atexactscope()" in text:
        return [body for body in bodies if home_of(body["id"]).lower() == scope.lower()]
    with_below = "atscope()" not in text
    return [
        body
        for body in bodies
        if covers(world, home_of(body["id"]), scope) or (with_below and covers(world, scope, home_of(body["id"])))
    ]


def _named(world: World, request: Request) -> tuple[str, Json | None]:
    scope = existing_scope(world, request.path_params["scope"])
    assignment_id = f"{scope}/providers/{ASSIGNMENTS}/{request.path_params['name']}"
    return assignment_id, world.resources.get(assignment_id)


def existing_assignment(world: World, assignment_id: str) -> Json:
    found = world.resources.get(assignment_id)
    if found is None or type_of(assignment_id) != ASSIGNMENTS.lower():
        name = assignment_id.rpartition("/")[2]
        raise WireError(404, "PolicyAssignmentNotFound", f"The policy assignment '{name}' is not found.")
    return found


def _get(world: World, request: Request) -> Response:
    return ok(existing_assignment(world, _named(world, request)[0]))


def _put(world: World, request: Request) -> Response:
    assignment_id, found = _named(world, request)
    sent = shaped(body_of(request), {"location": str, "identity": {"type": str}, "properties": SHAPE})
    given = {key: value for key, value in listed(sent.get("properties") or {}).items() if value is not None}
    scope = home_of(assignment_id)
    mode = MODES.get(str(given.get("enforcementMode") or "Default").lower())
    if mode is None:
        raise WireError(400, "InvalidRequestContent", f"'{given['enforcementMode']}' is no enforcement mode.")
    read_only = {"scope", "instanceId", "effectiveDefinitionVersion", "latestDefinitionVersion"}
    properties: Json = {
        "parameters": {},
        "definitionVersion": "1.*.*",
        **{key: value for key, value in given.items() if key not in read_only},
        "notScopes": given.get("notScopes") or [],
        "enforcementMode": mode,
        "metadata": stamped(world, request, given.get("metadata"), found),
        "scope": scope,
    }
    body: Json = {
        "id": found["id"] if found else assignment_id,
        "name": request.path_params["name"],
        "type": ASSIGNMENTS,
        "properties": properties,
        "systemData": (found or {}).get("systemData") or {"createdAt": world.clock.now().isoformat()},
    }
    return ok(_stored(world, request, body, sent, found), 201)


def _patch(world: World, request: Request) -> Response:
    """Location, identity, resourceSelectors and overrides; nothing else is taken (PolicyAssignmentUpdate)."""
    found = existing_assignment(world, _named(world, request)[0])
    sent = shaped(body_of(request), {"location": str, "identity": {"type": str}, "properties": SHAPE})
    allowed = {"resourceSelectors", "overrides"}
    kept = {key: value for key, value in listed(sent.get("properties") or {}).items() if key in allowed}
    body = merged(found, {"properties": kept})
    return ok(_stored(world, request, body, {**found, **sent}, found))


def _stored(world: World, request: Request, body: Json, sent: Json, found: Json | None) -> Json:
    identity = sent.get("identity") or {}
    if str(identity.get("type") or "None").lower() != "none":
        body["identity"] = _identity(world, identity, found)
    if sent.get("location"):
        body["location"] = sent["location"]
    _check(world, body)
    return writes.put(world, request, body)


def _identity(world: World, identity: Json, found: Json | None) -> Json:
    held = (found or {}).get("identity") or {}
    tenant = world.stamp.get("tenantId") or str(uuid.UUID(int=0))
    if "user" in str(identity["type"]).lower():
        users = {
            name: {
                "principalId": str(uuid.uuid5(uuid.NAMESPACE_URL, name)),
                "clientId": str(uuid.uuid5(uuid.NAMESPACE_OID, name)),
            }
            for name in identity.get("userAssignedIdentities") or {}
        }
        return {"type": "UserAssigned", "userAssignedIdentities": users}
    return {"type": "SystemAssigned", "principalId": held.get("principalId") or str(uuid.uuid4()), "tenantId": tenant}


def _check(world: World, body: Json) -> None:
    name, properties, scope = body["name"], body["properties"], home_of(body["id"])
    longest = LONGEST_AT_GROUP if is_group(scope) else LONGEST
    if len(name) > longest:
        text = f"The policy assignment name '{name}' is invalid: it must not be longer than {longest} characters."
        raise WireError(400, "InvalidPolicyAssignmentName", text)
    wanted = properties.get("policyDefinitionId")
    if not wanted:
        raise _bad("InvalidRequestContent", "The property 'policyDefinitionId' of the policy assignment is required.")
    kind = SETS if type_of(wanted) == SETS.lower() else DEFINITIONS
    definition = found_or_404(world, kind, wanted)
    if not covers(world, home_of(definition["id"]), scope):
        text = f"The policy definition '{definition['id']}' is not available at the scope '{scope}'."
        raise _bad("InvalidCreatePolicyAssignmentRequest", text)
    for outside in properties["notScopes"]:
        if not isinstance(outside, str) or not covers(world, scope, outside):
            text = f"The not scope '{outside}' of the policy assignment '{name}' is not a child of '{scope}'."
            raise _bad("InvalidPolicyAssignmentNotScopes", text)
    _check_parameters(name, properties["parameters"], definition)
    known = {each["id"].lower(): each for kind in (DEFINITIONS, SETS) for each in world.resources.of_type(kind)}
    try:
        rules = list(rules_of(body, known))
    except (FinopsError, AttributeError, KeyError, TypeError) as fault:
        text = f"The parameters of the policy assignment '{name}' are invalid. {getattr(fault, 'what', fault)}"
        raise _bad("InvalidPolicyParameters", text) from fault
    _check_identity(body, rules)


def _check_parameters(name: str, given: Json, definition: Json) -> None:
    declared = {str(key).lower(): about for key, about in inside(definition, "properties", "parameters").items()}
    low = {str(key).lower() for key, value in given.items() if "value" in value}
    missing = [key for key, about in declared.items() if key not in low and about.get("defaultValue") is None]
    if missing:
        text = f"The policy assignment '{name}' is missing the parameter value(s) '{','.join(missing)}' as defined in "
        raise _bad("MissingPolicyParameter", f"{text}the policy definition '{definition['name']}'.")
    unknown = sorted(low - set(declared))
    if unknown:
        text = f"The policy assignment '{name}' has undefined parameter(s) '{','.join(unknown)}', which the policy "
        raise _bad("UndefinedPolicyParameter", f"{text}definition '{definition['name']}' does not declare.")


def _check_identity(body: Json, rules: list[Rule]) -> None:
    """Modify and deployIfNotExists act as somebody. What the definition could do counts, not the effect chosen."""
    can_change = {"operations", "deployment"}
    if any(can_change & set(rule.details) for rule in rules) and not body.get("identity"):
        raise _bad(
            "ResourceIdentityRequired",
            "Policy assignments must include a 'managed identity' when assigning 'Modify' or 'DeployIfNotExists' "
            "policy definitions or policy definitions that contain a deployment in the effect details.",
        )
    if body.get("identity") and not body.get("location"):
        raise _bad("LocationRequired", "The location property is required for a policy assignment with an identity.")


def _bad(code: str, message: str) -> WireError:
    return WireError(400, code, message)


def _delete(world: World, request: Request) -> Response:
    _, found = _named(world, request)
    if found is None:
        return ok(None, 204)
    writes.delete(world, request, found["id"])
    return ok(found)
