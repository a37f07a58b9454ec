"""Policy definitions and set definitions: made, listed and removed at a subscription or a management group."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterable
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from finops.errors import FinopsError
from finops.simulator import writes
from finops.simulator.answers import WireError, body_of, ok, page, principal_of, shaped
from finops.simulator.odata import BadFilter, compiled
from finops.simulator.policy import governance_of
from finops.simulator.policy.rules import check
from finops.simulator.policy.scopes import ASSIGNMENTS, DEFINITIONS, SETS, covers, existing_scope, home_of
from finops.simulator.policy.shapes import listed
from finops.simulator.store import Json, inside
from finops.simulator.world import World

SHAPE: Json = {
    "displayName": str,
    "description": str,
    "policyType": str,
    "mode": str,
    "metadata": dict,
    "parameters": {"*": {"type": str, "allowedValues": list, "metadata": dict}},
    "policyRule": dict,
    "policyDefinitions": list,
    "policyDefinitionGroups": list,
}
SHOWN = {DEFINITIONS: "policy definition", SETS: "policy set definition"}
MISSING = {DEFINITIONS: "PolicyDefinitionNotFound", SETS: "PolicySetDefinitionNotFound"}


def routes(world: World) -> list[BaseRoute]:
    governance_of(world)
    found: list[BaseRoute] = []
    for kind in (DEFINITIONS, SETS):
        for at in (f"/providers/{kind}", f"/{{scope:path}}/providers/{kind}"):
            found += [
                Route(at, partial(_list, world, kind), methods=["GET"]),
                Route(f"{at}/{{name}}", partial(_get, world, kind), methods=["GET"]),
            ]
        found += [
            Route(f"{at}/{{name}}", partial(_put, world, kind), methods=["PUT"]),
            Route(f"{at}/{{name}}", partial(_delete, world, kind), methods=["DELETE"]),
        ]
    return found


def _scope(world: World, request: Request) -> str:
    return existing_scope(world, request.path_params.get("scope") or "")


def _list(world: World, kind: str, request: Request) -> Response:
    """What can be assigned at the scope: its own, those of the management groups above, and the built-ins."""
    scope = _scope(world, request)
    found = [
        body
        for body in world.resources.of_type(kind)
        if home_of(body["id"]) == "" or (scope and covers(world, home_of(body["id"]), scope))
    ]
    return page(request, _filtered(found, scope, request), key=lambda body: str(body["id"]).lower())


def _filtered(found: Iterable[Json], scope: str, request: Request) -> list[Json]:
    """By atExactScope(), policyType and category, as the API takes them."""
    text = request.query_params.get("$filter") or ""
    kept = list(found)
    if "atexactscope()" in text.lower():
        kept = [body for body in kept if home_of(body["id"]).lower() == scope.lower()]
        text = re.sub(r"(?i)\s*(and\s*)?atExactScope\(\)(\s*and)?\s*", " ", text)
    if not text.strip():
        return kept

    def read(name: str):  # type: ignore[no-untyped-def]
        if name.lower() == "policytype":
            return lambda body: inside(body, "properties").get("policyType")
        if name.lower() == "category":
            return lambda body: inside(body, "properties", "metadata").get("category")
        return None

    try:
        test = compiled(text.replace("-eq", "eq"), read, ignore_case=True)
    except BadFilter as fault:
        raise WireError(400, "InvalidFilterInQueryString", f"Invalid $filter '{text}': {fault}") from fault
    return [body for body in kept if test(body)]


def found_or_404(world: World, kind: str, definition_id: str) -> Json:
    found = world.resources.get(definition_id)
    if found is None:
        # Recorded for a name; an assignment that names an id says the same of it.
        name = definition_id.rpartition("/")[2]
        raise WireError(404, MISSING[kind], f"The {SHOWN[kind]} '{name}' could not be found.")
    return found


def _id(world: World, kind: str, request: Request) -> str:
    return f"{_scope(world, request)}/providers/{kind}/{request.path_params['name']}"


def _get(world: World, kind: str, request: Request) -> Response:
    return ok(found_or_404(world, kind, _id(world, kind, request)))


def _put(world: World, kind: str, request: Request) -> Response:
    definition_id = _id(world, kind, request)
    found = world.resources.get(definition_id)
    sent = shaped(body_of(request), {"properties": SHAPE})
    given = listed(sent.get("properties") or {})
    properties = {key: value for key, value in given.items() if value is not None}
    if str(properties.get("policyType") or "Custom").lower() not in ("custom", "notspecified"):
        raise WireError(400, "InvalidPolicyType", "A policy definition that is created must be of type Custom.")
    name = request.path_params["name"]
    settled: Json = {
        "policyType": "Custom",
        **({"mode": "All"} if kind == DEFINITIONS else {}),
        "parameters": {},
        **properties,
        "metadata": stamped(world, request, properties.get("metadata"), found),
        "version": inside(properties, "metadata").get("version") or "1.0.0",
    }
    settled["policyType"] = "Custom"
    settled["versions"] = [settled["version"]]
    body: Json = {
        "id": found["id"] if found else definition_id,
        "name": name,
        "type": kind,
        "properties": settled,
        "systemData": (found or {}).get("systemData") or {"createdAt": world.clock.now().isoformat()},
    }
    _check_definition(body) if kind == DEFINITIONS else _check_set(world, body)
    if found:
        _check_update(world, body, found)
    stored = writes.put(world, request, body)
    return ok(stored, 201 if kind == DEFINITIONS or not found else 200)


def stamped(world: World, request: Request, metadata: Json | None, found: Json | None) -> Json:
    """Metadata as Azure keeps it: with who made and who last changed it (object ids)."""
    who, now = principal_of(request)["objectId"], world.clock.now().isoformat()
    held = inside(found, "properties", "metadata")
    own = {"createdBy", "createdOn", "updatedBy", "updatedOn"}
    return {
        **{key: value for key, value in (metadata or {}).items() if key not in own},
        "createdBy": held.get("createdBy", who),
        "createdOn": held.get("createdOn", now),
        "updatedBy": who if found else None,
        "updatedOn": now if found else None,
    }


def _check_definition(body: Json) -> None:
    name, properties = body["name"], body["properties"]
    if not properties.get("policyRule"):
        raise WireError(400, "InvalidPolicyRule", f"The policy definition '{name}' has no policy rule.")
    try:
        policy = check(body)
    except (FinopsError, AttributeError, TypeError) as fault:
        what = getattr(fault, "what", str(fault))
        raise WireError(
            400,
            "InvalidPolicyRule",
            f"The policy definition '{name}' rule is invalid. {what} {getattr(fault, 'fix', '')}",
        ) from fault
    unused = [each for each in properties["parameters"] if each.lower() not in policy.used]
    if unused:
        raise _unused(name, unused, "policy")
    _check_named(name, {str(each).lower() for each in properties["parameters"]}, policy.used)


def _unused(name: str, unused: list[str], kind: str) -> WireError:
    return WireError(
        400,
        "UnusedPolicyParameters",
        f"The {kind} '{name}' has defined parameters '{','.join(unused)}' which are not used in the {kind} rule. "
        "Please either remove these parameters from the definition or ensure that they are used in the rule.",
    )


def _check_named(name: str, declared: Iterable[str], used: Iterable[str]) -> None:
    unknown = sorted(set(used) - set(declared))
    if unknown:
        text = f"The policy definition '{name}' uses parameters '{','.join(unknown)}' that it does not define."
        raise WireError(400, "InvalidPolicyParameters", text)


def _check_set(world: World, body: Json) -> None:
    name, properties = body["name"], body["properties"]
    members = properties.get("policyDefinitions") or []
    if not members:
        raise WireError(400, "InvalidPolicySetDefinition", f"The policy set definition '{name}' has no definitions.")
    references: set[str] = set()
    for member in members:
        if not isinstance(member, dict) or not isinstance(member.get("policyDefinitionId"), str):
            raise WireError(400, "InvalidRequestContent", "Each of policyDefinitions must have a policyDefinitionId.")
        definition = found_or_404(world, DEFINITIONS, member["policyDefinitionId"])
        if not covers(world, home_of(definition["id"]), home_of(body["id"])):
            text = f"The policy definition '{definition['id']}' is not available at the scope of the set '{name}'."
            raise WireError(400, "InvalidPolicySetDefinition", text)
        member.setdefault("policyDefinitionReferenceId", str(uuid.uuid4().int % 10**20))
        member.setdefault("definitionVersion", "1.*.*")
        reference = str(member["policyDefinitionReferenceId"])
        if reference.lower() in references:
            text = f"The policy set definition '{name}' has the reference id '{reference}' twice."
            raise WireError(400, "PolicyDefinitionReferenceIdNotUnique", text)
        references.add(reference.lower())
        _check_member(name, member, definition)
    used = set(re.findall(r"parameters\(\s*'([^']+)'\s*\)", json.dumps([each.get("parameters") for each in members])))
    low = {each.lower() for each in used}
    unused = [each for each in properties["parameters"] if each.lower() not in low]
    if unused:
        raise _unused(name, unused, "policy set")
    _check_named(name, {each.lower() for each in properties["parameters"]}, low)


def _check_member(name: str, member: Json, definition: Json) -> None:
    declared = {str(key).lower(): about for key, about in inside(definition, "properties", "parameters").items()}
    given = {str(key).lower() for key in member.get("parameters") or {}}
    missing = [key for key, about in declared.items() if key not in given and about.get("defaultValue") is None]
    for code, names, what in (
        ("MissingPolicyParameter", missing, "is missing the parameter(s)"),
        ("UndefinedPolicyParameter", sorted(given - set(declared)), "has undefined parameter(s)"),
    ):
        if names:
            text = f"The policy set definition '{name}' {what} '{','.join(names)}' of the policy definition "
            raise WireError(400, code, f"{text}'{definition['name']}'.")


def _check_update(world: World, body: Json, found: Json) -> None:
    """Parameters of a definition that is in use cannot go, and new ones need a default value."""
    if not _users(world, body["id"]):
        return
    before = {each.lower() for each in inside(found, "properties", "parameters")}
    after = inside(body, "properties", "parameters")
    gone = sorted(before - {each.lower() for each in after})
    bare = [each for each, about in after.items() if each.lower() not in before and about.get("defaultValue") is None]
    if gone or bare:
        text = f"The definition '{body['name']}' is in use: parameters '{','.join([*gone, *bare])}' cannot be "
        raise WireError(400, "InvalidPolicyParameterUpdate", f"{text}{'removed' if gone else 'added without default'}.")


def _users(world: World, definition_id: str) -> list[str]:
    """The assignments and sets that name a definition."""
    low = definition_id.lower()
    named = [
        (body, [inside(body, "properties").get("policyDefinitionId")]) for body in world.resources.of_type(ASSIGNMENTS)
    ]
    for body in world.resources.of_type(SETS):
        members = inside(body, "properties").get("policyDefinitions") or []
        named.append((body, [each.get("policyDefinitionId") for each in members]))
    return [str(body["id"]) for body, ids in named if low in {str(each).lower() for each in ids}]


def _delete(world: World, kind: str, request: Request) -> Response:
    found = world.resources.get(_id(world, kind, request))
    if found is None:
        return ok(None, 204)
    users = _users(world, found["id"])
    if users:
        code = f"InvalidDeletePolicy{'Set' if kind == SETS else ''}DefinitionRequest"
        text = f"The {SHOWN[kind]} '{found['name']}' delete request is invalid. "
        raise WireError(400, code, f"{text}'{','.join(users)}' must be deleted first.")
    writes.delete(world, request, found["id"])
    return ok(None, 200)
