"""An assignment and the definitions that it assigns, compiled into rules."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from finops.conditions import Policy, compile_policy, shipped_aliases
from finops.conditions.calls import compile_value
from finops.conditions.compiler import Compiler
from finops.conditions.parameters import resolve
from finops.errors import FinopsError
from finops.simulator.policy.scopes import SETS, home_of
from finops.simulator.store import Json, inside, type_of

# Of a rule's `if`, what tells whether a resource is one that the rule is about at all; everything else counts as met.
# https://learn.microsoft.com/azure/governance/policy/concepts/policy-applicability (read November 2026)
TELLING = {"type", "name", "kind"}
MET: Json = {"value": "met", "equals": "met"}
UNMET: Json = {"value": "met", "equals": "unmet"}


@dataclass(frozen=True)
class Rule:
    """One definition as one assignment assigns it. `applies` is the same rule reduced to whom it is about."""

    assignment: Json
    definition: Json
    initiative: Json | None
    reference: str
    groups: tuple[str, ...]
    parameters: Mapping[str, Any]
    policy: Policy
    applies: Policy

    @property
    def scope(self) -> str:
        return home_of(str(self.assignment["id"]))

    @property
    def settings(self) -> Json:
        """The assignment's properties."""
        return inside(self.assignment, "properties")

    @property
    def details(self) -> Json:
        return inside(self.definition, "properties", "policyRule", "then", "details")

    @property
    def is_enforced(self) -> bool:
        return str(self.settings.get("enforcementMode") or "Default").lower() == "default"

    @property
    def message(self) -> str:
        """What the assignment says to who is refused: its message for this definition, else its own; "" for none."""
        told = {
            str(each.get("policyDefinitionReferenceId") or "").lower(): str(each.get("message") or "")
            for each in self.settings.get("nonComplianceMessages") or []
        }
        return told.get(self.reference.lower()) or told.get("", "")

    def selects(self, body: Json) -> bool:
        """Whether the assignment's resourceSelectors keep `body`: any of them, each with all of its selectors."""
        selectors = self.settings.get("resourceSelectors") or []
        return not selectors or any(
            all(_selected(one, body) for one in each.get("selectors") or []) for each in selectors
        )

    def context(self, about: Json) -> Json:
        """`about` and what policy() tells within this rule."""
        return {
            **about,
            "policy": {
                "assignmentId": self.assignment["id"],
                "definitionId": self.definition["id"],
                "setDefinitionId": self.initiative["id"] if self.initiative else "",
                "definitionReferenceId": self.reference,
            },
        }

    def is_exempted_by(self, exemption: Json, now: datetime) -> bool:
        """Whether `exemption` takes this rule out, where it lies."""
        told = inside(exemption, "properties")
        ends, only = told.get("expiresOn"), told.get("policyDefinitionReferenceIds") or []
        return (
            str(told.get("policyAssignmentId")).lower() == self.assignment["id"].lower()
            and not (ends and _moment(str(ends)) <= now)
            and (not only or self.reference.lower() in {str(each).lower() for each in only})
        )


def _moment(text: str) -> datetime:
    from datetime import UTC

    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _selected(selector: Json, body: Json) -> bool:
    kind = str(selector.get("kind")).lower()
    if kind == "resourcelocation":
        value = str(body.get("location") or "").replace(" ", "").lower()
    elif kind == "resourcetype":
        value = str(body.get("type") or type_of(body["id"])).lower()
    elif kind == "resourcewithoutlocation":
        return not body.get("location")
    else:
        return True
    return _is_listed(selector, value)


def _is_listed(selector: Json, value: str) -> bool:
    listed = {str(each).replace(" ", "").lower() for each in selector.get("in") or selector.get("notIn") or []}
    return (value.lower() in listed) is ("in" in selector)


def rules_of(assignment: Json, known: Mapping[str, Json]) -> Iterator[Rule]:
    """The rules of one assignment; FinopsError where a parameter or a rule cannot be meant.

    known: definitions and set definitions by id in lower case; what is not among them is left out
    """
    wanted = str(inside(assignment, "properties").get("policyDefinitionId") or "")
    found = known.get(wanted.lower())
    given = inside(assignment, "properties", "parameters")
    if found is None:
        return
    if type_of(found["id"]) != SETS.lower():
        yield _rule(assignment, found, None, "", (), given)
        return
    c = Compiler(shipped_aliases(), {}, source=str(found["name"]))
    values = resolve(inside(found, "properties").get("parameters") or {}, given, c)
    c.parameters = values
    c.declared = frozenset(str(name).lower() for name in inside(found, "properties", "parameters"))
    for member in inside(found, "properties").get("policyDefinitions") or []:
        definition = known.get(str(member.get("policyDefinitionId")).lower())
        if definition is None:
            continue
        reference = str(member.get("policyDefinitionReferenceId") or "")
        handed = {
            name: {"value": compile_value(each.get("value"), f"{reference}.{name}", c).value}
            for name, each in (member.get("parameters") or {}).items()
        }
        yield _rule(assignment, definition, found, reference, tuple(member.get("groupNames") or ()), handed)


def _rule(
    assignment: Json, definition: Json, initiative: Json | None, reference: str, groups: tuple[str, ...], given: Json
) -> Rule:
    override = next((each["value"] for each in _overrides(assignment) if _is_meant(each, reference)), None)
    policy, applies = _compiled(json.dumps(definition), json.dumps(given), override)
    return Rule(assignment, definition, initiative, reference, groups, given, policy, applies)


def _overrides(assignment: Json) -> list[Json]:
    found = inside(assignment, "properties").get("overrides") or []
    return [each for each in found if str(each.get("kind")).lower() == "policyeffect"]


def _is_meant(override: Json, reference: str) -> bool:
    return all(_is_listed(each, reference) for each in override.get("selectors") or [])


@lru_cache(maxsize=512)
def _compiled(definition: str, given: str, effect: str | None) -> tuple[Policy, Policy]:
    body, parameters = json.loads(definition), json.loads(given)
    if effect is not None:
        body["properties"]["policyRule"]["then"]["effect"] = effect
    return compile_policy(body, parameters, facts=()), compile_policy(reduced(body), parameters, facts=())


def reduced(definition: Json) -> Json:
    """`definition` as an audit of which resources it is about (see TELLING), of whatever else they are.

    Auditing and deploying what does not exist is about those resources that meet its whole `if`.
    """
    result = copy.deepcopy(definition)
    rule = result["properties"]["policyRule"]
    if "deployment" not in str(rule["then"]) and "existenceCondition" not in str(rule["then"]):
        rule["if"] = _reduced(rule["if"], MET)
    rule["then"] = {"effect": "audit"}
    return result


def _reduced(condition: Any, otherwise: Json) -> Any:
    """Conditions that do not tell are kept, so that their aliases count, but cannot change the answer."""
    if not isinstance(condition, dict):
        return condition
    for key, inner in condition.items():
        if str(key).lower() == "not":
            return {key: _reduced(inner, UNMET if otherwise is MET else MET)}
        if str(key).lower() in ("allof", "anyof"):
            return {key: [_reduced(each, otherwise) for each in inner]}
    if str(condition.get("field", "")).lower() in TELLING:
        return condition
    return {"anyOf" if otherwise is MET else "allOf": [condition, otherwise]}


def check(definition: Json) -> Policy:
    """The definition compiled with values that its parameters could have; FinopsError where it cannot be meant."""
    declared = inside(definition, "properties", "parameters")
    return compile_policy(definition, {name: _possible(about) for name, about in declared.items()}, facts=())


def _possible(about: Json) -> Any:
    kinds = {str(key).lower(): value for key, value in about.items()}
    allowed = kinds.get("allowedvalues")
    kind = str(kinds.get("type") or "").lower()
    if kinds.get("defaultvalue") is not None:
        return kinds["defaultvalue"]
    if allowed:
        return [allowed[0]] if kind == "array" else allowed[0]
    # "audit" stands for any text: it is one that an effect may be.
    usual: Json = {"array": [], "object": {}, "boolean": True, "integer": 1, "float": 1.0}
    return usual.get(kind, "2026-01-01T00:00:00Z" if kind == "datetime" else "audit")


__all__ = ["FinopsError", "Rule", "check", "reduced", "rules_of"]
