"""Effects that can never apply, effects that nobody will understand, and effects that are written out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from finops.conditions.aliases import type_in_alias
from finops.policy.lint import Found, Subject, part, rule
from finops.policy.lint.walk import leaf, required

GROUPS = ("microsoft.resources/subscriptions", "microsoft.resources/subscriptions/resourcegroups",
          "microsoft.resources/resourcegroups")  # fmt: skip
BLOCKING = ("deny", "append", "modify", "denyaction")
NEVER = "never-fires"


@rule("deny-without-message", "error")
def denied(subject: Subject) -> Iterator[Found]:
    if "deny" not in subject.effects:
        return
    metadata = part(subject.properties, "metadata")
    told = part(metadata, "nonComplianceMessage")
    if not isinstance(told, str) or not told.strip():
        yield ("metadata.nonComplianceMessage", "is missing, and this policy can deny.",
               "Say to the person who was denied what is wrong, why, and what to write instead.")  # fmt: skip
    elif told.strip().lower() == str(part(subject.properties, "displayName")).strip().lower():
        yield "metadata.nonComplianceMessage", "only repeats the display name.", "Say what to write instead."


@rule(NEVER, "error")
def switched_off(subject: Subject) -> Iterator[Found]:
    if subject.effects == ["disabled"]:
        place = f"parameters.{subject.effect_parameter}" if subject.effect_parameter else "policyRule.then.effect"
        yield place, "can only be Disabled.", "Allow an effect that does something, or take the policy out."


@rule(NEVER, "error")
def nothing_to_do(subject: Subject) -> Iterator[Found]:
    place = "policyRule.then.details"
    if "modify" in subject.effects and not part(subject.details, "operations"):
        yield place, "has no operations, so Modify changes nothing.", 'Add "operations": [...].'
    if "append" in subject.effects and not subject.details:
        yield place, "is missing, so Append adds nothing.", 'Add [{"field": ..., "value": ...}].'
    if "denyaction" in subject.effects and not part(subject.details, "actionNames"):
        yield place, "has no actionNames, so DenyAction denies none.", 'Add "actionNames": ["delete"].'


@rule(NEVER, "error")
def mode_without_the_type(subject: Subject) -> Iterator[Found]:
    if str(part(subject.properties, "mode")).lower() != "indexed":
        return
    for place, types in _types(subject):
        left = [each for each in types if each.lower() not in (*GROUPS, *subject.aliases.untaggable)]
        if types and not left:
            yield place, f"is about {types[0]}, which mode Indexed leaves out.", 'Write "mode": "All".'


@rule(NEVER, "error")
def contradicted(subject: Subject) -> Iterator[Found]:
    """Conditions that must all hold and cannot: two types, a field that is missing and has a value, an empty list."""
    allowed: dict[str, set[str]] = {}
    missing: set[str] = set()
    for place, node in required(subject.condition, "policyRule.if"):
        found = leaf(node)
        if found is None:
            continue
        kind, name, operator, value = found
        if operator == "in" and value == []:
            yield place, "is never true: its list is empty.", "Add what it shall be in."
        if kind != "field" or not isinstance(name, str) or "[*]" in name:
            continue
        low = name.lower()
        if operator == "exists" and str(value).lower() == "false":
            missing.add(low)
        values = _fixed(operator, value)
        if values is not None:
            before = allowed.get(low)
            allowed[low] = values if before is None else before & values
            if not allowed[low]:
                yield place, f"can never hold together with the others: no {name} is all of that.", "Use anyOf."
                return
    for name in missing & set(allowed):
        yield "policyRule.if", f"wants {name} to be missing and to have a value.", "Use anyOf."
    yield from _other_type(subject)


def _fixed(operator: str, value: Any) -> set[str] | None:
    """The values that a condition leaves, in lower case; None where it does not list them."""
    listed = [value] if operator == "equals" else value if operator == "in" else None
    if not isinstance(listed, list) or not listed:
        return None
    if not all(isinstance(each, str) and not each.startswith("[") for each in listed):
        return None
    return {each.lower() for each in listed}


def _other_type(subject: Subject) -> Iterator[Found]:
    """An alias of a type that the rule is not about: it is always missing."""
    types = {each.lower() for _, listed in _types(subject) for each in listed}
    for place, node in required(subject.condition, "policyRule.if") if types else ():
        found = leaf(node)
        if found is None or found[0] != "field" or not isinstance(found[1], str) or "/" not in found[1]:
            continue
        known = {each.type for each in subject.aliases.named(found[1])}
        known |= {type_in_alias(found[1])} if known else set()
        if known and not known & types and found[2] in ("equals", "in", "like", "greater", "less", "contains"):
            yield place, f"names {found[1]}, which {sorted(types)[0]} does not have.", "Name an alias of that type."


def _types(subject: Subject) -> Iterator[tuple[str, list[str]]]:
    """The types that the rule must be about."""
    for place, node in required(subject.condition, "policyRule.if"):
        found = leaf(node)
        if found and found[0] == "field" and str(found[1]).lower() == "type":
            values = [found[3]] if found[2] == "equals" else found[3] if found[2] == "in" else None
            if isinstance(values, list) and all(isinstance(each, str) and each[:1] != "[" for each in values):
                yield place, values


@rule("hard-coded-policy-enforcement-effect", "warning")
def written_out(subject: Subject) -> Iterator[Found]:
    if not subject.effect_parameter and subject.effects and subject.effects[0] in BLOCKING:
        yield ("policyRule.then.effect", f"is always {subject.effects[0]}.",
               "Make it a parameter, so that it can be assigned as Audit or Disabled.")  # fmt: skip


@rule("blocking-effect-on-role-assignments", "warning")
def role_assignments(subject: Subject) -> Iterator[Found]:
    if not set(subject.effects) & set(BLOCKING):
        return
    for place, types in _types(subject):
        if any(each.lower() == "microsoft.authorization/roleassignments" for each in types):
            yield place, "may lock out everybody, those who could undo it too.", "Use Audit."
