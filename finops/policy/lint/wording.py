"""Conditions that mean something else than they seem to, and those that could be said more plainly."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from finops.conditions.expressions import Call, Member
from finops.conditions.values import number
from finops.policy.expressions import calls, tree
from finops.policy.lint import Found, Subject, rule
from finops.policy.lint.walk import conditions, leaf, texts

IDENTITY = re.compile(r"requestContext\(\)\s*\.\s*identity", re.IGNORECASE)
GUARDS = ("coalesce", "if", "empty", "not", "equals", "contains", "string")


def _leaves(subject: Subject) -> Iterator[tuple[str, str, Any, str, Any]]:
    for place, node in _conditions(subject):
        found = leaf(node)
        if found:
            yield (place, *found)


def _conditions(subject: Subject) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from conditions(subject.condition, "policyRule.if")
    details = subject.details
    for key, value in details.items() if isinstance(details, dict) else ():
        if str(key).lower() == "existencecondition":
            yield from conditions(value, f"policyRule.then.details.{key}")


def _plain(value: Any) -> bool:
    return isinstance(value, str) and tree(value) is None


@rule("like-notlike-without-wildcards", "warning")
def like(subject: Subject) -> Iterator[Found]:
    for place, _, _, operator, value in _leaves(subject):
        if operator in ("like", "notlike") and _plain(value):
            if not {"*", "?"} & set(value):
                yield (
                    place,
                    f"compares with {value!r}, which has no wildcard.",
                    "Write equals or notEquals, or add a *.",
                )
            elif value.count("*") > 1:
                yield place, f"compares with {value!r}: Azure takes one * only.", "Use contains, or two conditions."


@rule("match-without-wildcards", "warning")
def match(subject: Subject) -> Iterator[Found]:
    for place, _, _, operator, value in _leaves(subject):
        if operator.replace("not", "").startswith("match") and _plain(value) and not {"#", "?", "."} & set(value):
            yield place, f"compares with {value!r}, which has no # or ?.", "Write equals or notEquals."


@rule("broad-type-matching-operator", "warning")
def broad(subject: Subject) -> Iterator[Found]:
    for place, _, name, operator, value in _leaves(subject):
        if str(name).lower() == "type" and operator in ("contains", "notcontains", "like", "notlike", "match"):
            yield place, f"finds every type that has {value!r} in it.", "List the types: in [...]."


@rule("deeply-nested-field-alias", "warning")
def nested(subject: Subject) -> Iterator[Found]:
    for place, _, name, _, _ in _leaves(subject):
        if isinstance(name, str) and name.count("[*]") > 2:
            yield (
                place,
                f"goes through {name.count('[*]')} arrays, more than Azure evaluates in time.",
                "Ask less deep.",
            )


@rule("equality-check-on-numeric-field", "note")
def numeric(subject: Subject) -> Iterator[Found]:
    for place, kind, name, operator, value in _leaves(subject):
        spelt = isinstance(value, str) and number(value) is not None
        if kind == "field" and "/" in str(name) and operator in ("equals", "notequals") and spelt:
            yield place, f"compares with the text {value!r}.", f"Where the field is a number, write {value}."


@rule("unguarded-tryget-operator-value", "error")
def unguarded_value(subject: Subject) -> Iterator[Found]:
    for place, _, _, operator, value in _leaves(subject):
        if _outermost(value) == "tryget":
            yield (
                f"{place}.{operator}",
                "is null where tryGet() finds nothing, which fails.",
                "Write coalesce(tryGet(...), '').",
            )


@rule("tryget-use-with-null-coercing-operator", "note")
def coerced(subject: Subject) -> Iterator[Found]:
    for place, kind, name, operator, _ in _leaves(subject):
        if kind == "value" and operator in ("equals", "notequals") and _outermost(name) == "tryget":
            yield place, 'takes null as "" where tryGet() finds nothing.', "Say so: coalesce(tryGet(...), '...')."


def _outermost(text: Any) -> str:
    found = tree(text)
    return found.name.lower() if isinstance(found, Call) else ""


@rule("request-context-identity-is-enforcement-only", "warning")
def identity(subject: Subject) -> Iterator[Found]:
    for place, text in texts(subject.rule, "policyRule"):
        if tree(text) is not None and IDENTITY.search(text):
            yield place, "asks who sends the request, which no compliance scan knows.", "Expect it at creation only."


@rule("unguarded-request-context-identity-access", "warning")
def unguarded_identity(subject: Subject) -> Iterator[Found]:
    for place, text in texts(subject.rule, "policyRule"):
        found = tree(text)
        if found is None or not IDENTITY.search(text):
            continue
        if isinstance(found, Member) or not any(each.name.lower() in ("tryget", "coalesce") for each in calls(found)):
            yield (
                place,
                "fails where the request has no such claim.",
                "Write coalesce(tryGet(requestContext().identity, ...), '').",
            )


@rule("unnecessary-quantifier-wrapper", "note")
def wrapped(subject: Subject) -> Iterator[Found]:
    for place, node in _conditions(subject):
        for key, value in node.items():
            if str(key).lower() in ("allof", "anyof") and isinstance(value, list) and len(value) == 1:
                yield place, f"is {key} of one condition.", "Write the condition itself."


@rule("nested-same-type-quantifiers-should-be-flattened", "note")
def flat(subject: Subject) -> Iterator[Found]:
    for place, node in _conditions(subject):
        for key, value in node.items():
            inner = [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
            if any(str(name).lower() == str(key).lower() for each in inner for name in each) and _is_logic(key):
                yield place, f"is {key} within {key}.", "Put the inner conditions into the outer one."


def _is_logic(key: Any) -> bool:
    return str(key).lower() in ("allof", "anyof")


@rule("simplify-multiple-equals-to-in", "note")
def as_in(subject: Subject) -> Iterator[Found]:
    yield from _repeated(subject, "anyof", "equals", "in")


@rule("simplify-multiple-notequals-to-notin", "note")
def as_not_in(subject: Subject) -> Iterator[Found]:
    yield from _repeated(subject, "allof", "notequals", "notIn")


def _repeated(subject: Subject, logic: str, operator: str, better: str) -> Iterator[Found]:
    for place, node in _conditions(subject):
        for key, value in node.items():
            if str(key).lower() != logic or not isinstance(value, list):
                continue
            found = [leaf(each) for each in value if isinstance(each, dict)]
            names = [str(each[1]).lower() for each in found if each and each[0] == "field" and each[2] == operator]
            for name in sorted({name for name in names if names.count(name) > 1}):
                yield place, f"asks {name} {names.count(name)} times.", f"Write one condition with {better}: [...]."


@rule("type-condition-first-in-allof", "note")
def type_first(subject: Subject) -> Iterator[Found]:
    for place, node in _conditions(subject):
        for key, value in node.items():
            if str(key).lower() == "allof" and isinstance(value, list):
                at = [n for n, each in enumerate(value) if isinstance(each, dict) and _asks_type(each)]
                if at and at[0] > 0:
                    yield (
                        f"{place}.{key}[{at[0]}]",
                        "asks for the type late.",
                        "Put it first: the rest is then not asked.",
                    )


def _asks_type(node: dict[str, Any]) -> bool:
    found = leaf(node)
    return bool(found and found[0] == "field" and str(found[1]).lower() == "type")
