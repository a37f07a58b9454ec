"""Proof that a changed rule decides as the old one does, for every resource: such a mutant cannot be noticed.

Three proofs are known. The same rule: what differs is no part of it. The same truth table: for every combination of
answers that its conditions can give, both rules answer alike; combinations that the language rules out (an alias of
another type holds a value, a field is missing and equals something) are left out. The same types: mode Indexed and All
differ only for groups, subscriptions and types without tags and location, none of which the rule can be about.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from finops.conditions import Aliases
from finops.policy.cases import Json
from finops.policy.expressions import calls, tree
from finops.policy.mutate import OPPOSITE

MOST_LEAVES = 9  # 3^9 combinations: about a tenth of a second
NEGATIVE = {value.lower(): key for key, value in OPPOSITE.items()}
POSITIVE = ("equals", "in", "like", "match", "matchinsensitively", "contains", "containskey", "less", "lessorequals",
            "greater", "greaterorequals")  # fmt: skip
NOT_INDEXED = ("microsoft.resources/subscriptions", "microsoft.resources/subscriptions/resourcegroups",
               "microsoft.resources/resourcegroups")  # fmt: skip
Answer = bool | None


@dataclass(frozen=True)
class Leaf:
    """One condition that cannot be taken apart, without its negation."""

    key: str
    field: str
    operator: str
    value: Any


def equivalent(before: Json, after: Json, aliases: Aliases) -> str:
    """Why both definitions decide alike for every resource; "" where that cannot be proved."""
    ours, theirs = _parts(before), _parts(after)
    if _plain(ours) == _plain(theirs):
        return "it is the same rule"
    differing = [name for name in ours if _plain(ours[name]) != _plain(theirs[name])]
    if differing == ["if"] and _same_table(ours["if"], theirs["if"], aliases):
        return "every combination of answers gives the same decision"
    if differing == ["mode"] and _never_about(ours["if"], aliases):
        return "the rule is about types that both modes evaluate"
    return ""


def _parts(properties: Json) -> Json:
    named = {str(key).lower(): value for key, value in properties.items()}
    rule = {str(key).lower(): value for key, value in (named.get("policyrule") or {}).items()}
    return {"if": rule.get("if"), "then": rule.get("then"), "mode": str(named.get("mode") or "All").lower(),
            "parameters": named.get("parameters")}  # fmt: skip


def _plain(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _same_table(before: Any, after: Any, aliases: Aliases) -> bool:
    leaves: dict[str, Leaf] = {}
    ours, theirs = _compiled(before, leaves), _compiled(after, leaves)
    if len(leaves) > MOST_LEAVES:
        return False
    ruled_out = _ruled_out(list(leaves.values()), aliases)
    for answers in itertools.product((True, False, None), repeat=len(leaves)):
        row = dict(zip(leaves, answers, strict=True))
        if not any(each(row) for each in ruled_out) and ours(row) is not theirs(row):
            return False
    return True


Row = Mapping[str, Answer]


def _compiled(node: Any, leaves: dict[str, Leaf]) -> Callable[[Row], Answer]:
    names = {str(key).lower(): key for key in node}
    for logic, decisive in (("allof", False), ("anyof", True)):
        if logic in names:
            return _combined([_compiled(each, leaves) for each in node[names[logic]]], decisive)
    if "not" in names:
        return _negated(_compiled(node[names["not"]], leaves))
    operator = next(key for key in names if key not in ("field", "value", "count"))
    value = node[names[operator]]
    negative = operator in NEGATIVE
    positive = NEGATIVE[operator].lower() if negative else operator
    if operator == "exists":
        negative, value = not (value is True or str(value).lower() == "true"), True
    subject = {key: node[names[key]] for key in ("field", "value", "count") if key in names}
    key = _plain([subject, positive, value])
    leaves[key] = Leaf(key, str(subject.get("field", "")).lower(), positive, value)
    test: Callable[[Row], Answer] = lambda row: row[key]  # noqa: E731
    return _negated(test) if negative else test


def _combined(parts: list[Callable[[Row], Answer]], decisive: bool) -> Callable[[Row], Answer]:
    def test(row: Row) -> Answer:
        answers = [part(row) for part in parts]
        return decisive if decisive in answers else None if None in answers else not decisive

    return test


def _negated(part: Callable[[Row], Answer]) -> Callable[[Row], Answer]:
    def test(row: Row) -> Answer:
        held = part(row)
        return None if held is None else not held

    return test


def _ruled_out(leaves: list[Leaf], aliases: Aliases) -> list[Callable[[Row], bool]]:
    """The combinations of two answers that no resource can give."""
    found: list[Callable[[Row], bool]] = []
    for one in leaves:
        if not one.field or not _holds_a_value(one):
            continue
        types = {each.type for each in aliases.named(one.field)}
        for other in leaves:
            if one is other:
                continue
            implied = other.field == one.field and other.operator == "exists" and "[*]" not in one.field
            if other.field == "type" and types and other.operator in ("equals", "in"):
                wanted = other.value if isinstance(other.value, list) else [other.value]
                implied = types <= {str(each).lower() for each in wanted}
            if implied:
                found.append(_implies(one.key, other.key, _is_known(one)))
    return found


def _implies(one: str, other: str, known: bool) -> Callable[[Row], bool]:
    """Where `other` is false the field has no value: then `one` is false too, known to be where what it asks for is."""

    def ruled_out(row: Row) -> bool:
        if row[other] is False and known:
            return row[one] is not False
        return row[one] is True and row[other] is not True

    return ruled_out


def _is_known(leaf: Leaf) -> bool:
    """Whether what the field is compared with is known whatever the resource is."""
    found = tree(leaf.value)
    return found is None or all(each.name.lower() == "parameters" for each in calls(found))


def _holds_a_value(leaf: Leaf) -> bool:
    """Whether the leaf can only be true where the field has a value."""
    return leaf.operator == "exists" or (leaf.operator in POSITIVE and leaf.value not in (None, ""))


def _never_about(condition: Any, aliases: Aliases) -> bool:
    """Whether the condition requires a type, and every type that it allows is evaluated in both modes."""
    for types in _required_types(condition, aliases):
        known = {str(each).lower() for each in types}
        if known and not known & (aliases.untaggable | set(NOT_INDEXED)):
            return True
    return False


def _required_types(condition: Any, aliases: Aliases) -> list[list[str]]:
    names = {str(key).lower(): key for key in condition} if isinstance(condition, dict) else {}
    if "allof" in names:
        return [found for each in condition[names["allof"]] for found in _required_types(each, aliases)]
    field = str(condition.get(names.get("field", ""), ""))
    if "/" in field and "[*]" not in field and any(key in names for key in POSITIVE):
        return [sorted({each.type for each in aliases.named(field)})]  # elsewhere an alias has no value
    if field.lower() == "type":
        value = condition.get(names.get("equals", names.get("in", "")))
        if isinstance(value, str) and not value.startswith("["):
            return [[value]]
        if isinstance(value, list) and all(isinstance(each, str) for each in value):
            return [value]
    return []
