"""How Azure words what a policy forbids: RequestDisallowedByPolicy, with the whole evaluation beside it.

The shape is that of Azure's answers of 2023 to 2025 as people have posted them in public issues.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from finops.conditions import Explanation, shipped_aliases
from finops.conditions.calls import compile_value
from finops.conditions.compiler import Compiler
from finops.errors import DataError
from finops.simulator.answers import WireError
from finops.simulator.ids import parts_of
from finops.simulator.policy.rules import Rule
from finops.simulator.store import Json, inside

KINDS = ("field", "value", "count")


def refusal(resource_id: str, verb: str, violations: Sequence[tuple[Rule, Explanation]]) -> WireError:
    """403 for a request that one rule or more forbid."""
    name = full_name(resource_id)
    reasons = [rule.message for rule, _ in violations if rule.message]
    what = f"Resource '{name}'" if verb == "write" else f"Deletion of resource '{name}'"
    if reasons:
        shown = "','".join(dict.fromkeys(reasons))
        message = f"{what} was disallowed by policy. Reasons: '{shown}'. See error details for policy resource IDs."
    else:
        told = json.dumps([identifiers(rule) for rule, _ in violations], separators=(",", ":"), ensure_ascii=False)
        message = f"{what} was disallowed by policy. Policy identifiers: '{told}'."
    more = [{"type": "PolicyViolation", "info": violation(rule, explained)} for rule, explained in violations]
    return WireError(403, "RequestDisallowedByPolicy", message, target=name, additionalInfo=more)


def full_name(resource_id: str) -> str:
    """ "workspace/compute": the names along the id, without types."""
    if "/providers/" not in resource_id.lower():
        return resource_id.rpartition("/")[2]
    return "/".join(parts_of(resource_id).id.split("/providers/")[-1].split("/")[2::2])


def identifiers(rule: Rule) -> Json:
    def named(body: Json, versioned: bool) -> Json:
        told = inside(body, "properties")
        found = {"name": told.get("displayName") or body["name"], "id": body["id"]}
        return {**found, "version": told.get("version") or "1.0.0"} if versioned else found

    found = {"policyAssignment": named(rule.assignment, False), "policyDefinition": named(rule.definition, True)}
    return {**found, "policySetDefinition": named(rule.initiative, True)} if rule.initiative else found


def violation(rule: Rule, explained: Explanation) -> Json:
    """The info of one PolicyViolation."""
    definition, settings = inside(rule.definition, "properties"), rule.settings
    info: Json = {
        "evaluationDetails": evaluation_details(rule, explained),
        "policyDefinitionId": rule.definition["id"],
        "policyDefinitionName": rule.definition["name"],
        "policyDefinitionDisplayName": definition.get("displayName") or rule.definition["name"],
        "policyDefinitionVersion": definition.get("version") or "1.0.0",
        "policyDefinitionEffect": rule.policy.effect,
        "policyAssignmentId": rule.assignment["id"],
        "policyAssignmentName": rule.assignment["name"],
        "policyAssignmentDisplayName": settings.get("displayName") or rule.assignment["name"],
        "policyAssignmentScope": rule.scope,
        "policyAssignmentParameters": settings.get("parameters") or {},
        "policyExemptionIds": [],
        "policyEnrollmentIds": [],
    }
    if rule.initiative:
        told = inside(rule.initiative, "properties")
        info |= {
            "policySetDefinitionId": rule.initiative["id"],
            "policySetDefinitionName": rule.initiative["name"],
            "policySetDefinitionDisplayName": told.get("displayName") or rule.initiative["name"],
            "policySetDefinitionVersion": told.get("version") or "1.0.0",
            "policyDefinitionReferenceId": rule.reference,
        }
    return info


def evaluation_details(rule: Rule, explained: Explanation) -> Json:
    """Each comparison of the rule with what was compared, and what the assignment says to who is refused."""
    found = {"evaluatedExpressions": list(_expressions(rule, explained))}
    return {**found, **({"reason": rule.message} if rule.message else {})}


def _expressions(rule: Rule, explained: Explanation) -> Iterator[Json]:
    for part in explained.parts:
        yield from _expressions(rule, part)
    leaf = _at(inside(rule.definition, "properties", "policyRule"), explained.place) if explained.compared else None
    if not isinstance(leaf, dict):
        return
    kind = next((name for name in KINDS if name in {str(key).lower() for key in leaf}), "")
    subject = next((value for key, value in leaf.items() if str(key).lower() == kind), "")
    others = {key: value for key, value in leaf.items() if str(key).lower() not in (kind, "where", "name")}
    if not kind or not others:
        return
    operator, target = next(iter(others.items()))
    expression = subject.get("field") or str(subject.get("value")) if isinstance(subject, dict) else str(subject)
    found = {
        "result": str(explained.held) if explained.held is not None else "Error",
        "expressionKind": kind.capitalize(),
        "expression": expression,
        "path": _path(expression) if kind != "value" else None,
        "expressionValue": explained.value,
        "targetValue": _resolved(target, rule),
        "operator": operator[0].upper() + operator[1:],
    }
    yield {name: value for name, value in found.items() if value is not None}


def _at(rule: Json, place: str) -> Any:
    """What stands at a place such as policyRule.if.allOf[1].not.field."""
    found: Any = rule
    for word in re.findall(r"[^.\[\]]+", place.removeprefix("policyRule.")):
        if isinstance(found, list) and word.isdigit():
            found = found[int(word)]
        elif isinstance(found, dict):
            found = next((value for key, value in found.items() if str(key).lower() == word.lower()), None)
    if isinstance(found, dict) and "not" in {str(key).lower() for key in found}:
        return next(iter(found.values()))
    return found


def _path(expression: str) -> str:
    found = shipped_aliases().named(expression)
    return found[0].path if found else expression


def _resolved(target: Any, rule: Rule) -> Any:
    """`target` with the values of parameters; as it is written, where it depends on the resource."""
    try:
        value = compile_value(target, "", Compiler(shipped_aliases(), rule.policy.parameters))
    except DataError:
        return target  # current() has a meaning within its count only
    return value.value if value.constant else target
