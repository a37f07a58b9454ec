"""checkPolicyRestrictions: what policies would refuse of a resource that nobody has made yet."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from finops.conditions import apply, shipped_aliases
from finops.conditions.changes import change
from finops.conditions.paths import parse
from finops.simulator.answers import WireError, body_of, ok, shaped
from finops.simulator.policy import Rule, governance_of
from finops.simulator.policy.compliance import judged, surroundings
from finops.simulator.policy.refusal import evaluation_details
from finops.simulator.policy.scopes import existing_scope
from finops.simulator.policy.shapes import listed
from finops.simulator.services.arm import RESOURCE
from finops.simulator.store import Json, inside
from finops.simulator.world import World

SHAPE: Json = {
    "resourceDetails": {"resourceContent": dict, "apiVersion": str, "scope": str},
    "pendingFields": list,
    "includeAuditEffect": bool,
}
# Stands for "some value" of a field that is still open.
SOME = "some-value"


def routes(world: World) -> list[BaseRoute]:
    path = "/{scope:path}/providers/Microsoft.PolicyInsights/checkPolicyRestrictions"
    return [Route(path, partial(_check, world), methods=["POST"])]


def _check(world: World, request: Request) -> Response:
    scope = existing_scope(world, request.path_params["scope"])
    asked = listed(shaped(body_of(request), SHAPE))
    details = asked.get("resourceDetails") or {}
    if not details.get("resourceContent"):
        raise WireError(400, "InvalidRequestContent", "The resourceContent of resourceDetails is required.")
    shaped(details["resourceContent"], {**RESOURCE, "type": str, "name": str, "id": str})
    body = _named(scope, details)
    pending = [each for each in asked.get("pendingFields") or [] if isinstance(each, dict) and each.get("field")]
    effects = {"deny", "audit"} if asked.get("includeAuditEffect") else {"deny"}
    restrictions: dict[str, list[Json]] = {}
    evaluations = []
    for rule in _rules(world, body, effects):
        found = [each for field in pending for each in _restrictions(world, rule, body, field)]
        for name, restriction in found:
            restrictions.setdefault(name, []).append(restriction)
        if not found and judged(world, rule, body).held:
            evaluations.append(_evaluated(world, rule, body))
    return ok(
        {
            "fieldRestrictions": [{"field": name, "restrictions": each} for name, each in restrictions.items()],
            "contentEvaluationResult": {"policyEvaluations": evaluations},
        }
    )


def _named(scope: str, details: Json) -> Json:
    """The content under the id that it would have; "new" where it has no name yet."""
    body: Json = copy.deepcopy(details["resourceContent"])
    kind, home = str(body.get("type") or ""), str(details.get("scope") or scope).rstrip("/")
    own = f"/providers/{kind}"
    words = kind.split("/")
    if "/providers/" in home.lower() and len(words) > 2:
        own = f"/{words[-1]}"
    return {**body, "id": body.get("id") or f"{home}{own}/{str(body.get('name') or 'new').rpartition('/')[2]}"}


def _rules(world: World, body: Json, effects: set[str]) -> Iterator[Rule]:
    governance = governance_of(world)
    for rule in governance.rules_for(body):
        enforced = rule.is_enforced or rule.policy.effect == "audit"
        if enforced and rule.policy.effect in effects and not governance.exemptions_of(rule, body["id"]):
            yield rule


def _restrictions(world: World, rule: Rule, body: Json, pending: Json) -> Iterator[tuple[str, Json]]:
    """What `rule` demands of one open field: that it is there, or which of its values it refuses."""
    field, values = str(pending["field"]), pending.get("values") or []
    names = _tags_in(rule) if field.lower() == "tags" else [field]
    for name in names:
        if not _mentions(rule, name):
            continue
        absent = bool(judged(world, rule, body).held)
        tried = {value: bool(judged(world, rule, _with(body, name, value)).held) for value in values or [SOME]}
        refused = [value for value, is_refused in tried.items() if is_refused]
        if values and refused:
            result = "Audit" if rule.policy.effect == "audit" else "Deny"
            yield name, {"result": result, "values": refused, **_why(rule, f"{name} must not be {', '.join(refused)}")}
        elif absent and not refused:
            yield name, {"result": "Required", **_why(rule, f"{name} is required")}


def _tags_in(rule: Rule) -> list[str]:
    text = str(inside(rule.definition, "properties", "policyRule").get("if"))
    plain = re.findall(r"tags\.([\w-]+)|tags\['?\"?([^'\"\]]+)", text)
    given = (
        [str(each) for each in rule.policy.parameters.values() if isinstance(each, str)]
        if "concat('tags[" in text
        else []
    )
    return [f"tags.{name}" for name in dict.fromkeys([one or two for one, two in plain if one or two] + given)]


def _mentions(rule: Rule, name: str) -> bool:
    text = str(inside(rule.definition, "properties", "policyRule").get("if")).lower()
    return name.lower() in text or name.lower().rpartition(".")[2] in text or "parameters(" in text


def _with(body: Json, field: str, value: str) -> Json:
    found = shipped_aliases().named(field)
    path = tuple(parse(found[0].path if found else field))
    return apply(body, [change("addOrReplace", field, path, value, body)])


def _reference(rule: Rule) -> Json:
    found = {"policyDefinitionId": rule.definition["id"], "policyAssignmentId": rule.assignment["id"]}
    if rule.initiative:
        found |= {"policySetDefinitionId": rule.initiative["id"], "policyDefinitionReferenceId": rule.reference}
    return found


def _why(rule: Rule, otherwise: str) -> Json:
    effect = rule.policy.effect.capitalize()
    return {"policy": _reference(rule), "policyEffect": effect, "reason": rule.message or otherwise}


def _evaluated(world: World, rule: Rule, body: Json) -> Json:
    context = rule.context(surroundings(world, body))
    explained = rule.policy.explain(body, now=world.clock.now(), context=context)
    return {
        "policyInfo": _reference(rule),
        "evaluationResult": "NonCompliant",
        "evaluationDetails": evaluation_details(rule, explained),
        "effectDetails": {"policyEffect": rule.policy.effect.capitalize()},
    }
