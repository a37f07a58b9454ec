"""An explanation in words: what each expression of a rule asks, and what there is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from finops.conditions import Explanation, Policy
from finops.conditions.values import shown
from finops.policy.expressions import tree
from finops.policy.initiatives import outer_name
from finops.policy.lint.walk import leaf

Json = dict[str, Any]

MARKS = {True: "yes", False: "no ", None: "?  "}
VERBS = {
    "equals": "is", "notequals": "is not", "in": "is one of", "notin": "is none of", "like": "is like",
    "notlike": "is not like", "match": "matches", "notmatch": "does not match", "matchinsensitively": "matches",
    "notmatchinsensitively": "does not match", "contains": "contains", "notcontains": "does not contain",
    "containskey": "has the key", "notcontainskey": "does not have the key", "less": "is less than",
    "lessorequals": "is at most", "greater": "is more than", "greaterorequals": "is at least",
}  # fmt: skip
LOGIC = {"all of": "all of these:", "any of": "at least one of these:", "not": "not:"}
TAG = re.compile(r"tags\.([\w:-]+)|tags\['([^']+)'\]")
STEP = re.compile(r"[^.\[\]]+|\[\d+\]")
LONGEST = 110


def lines(told: Explanation, policy: Policy, rule: Json) -> Iterator[str]:
    """One line an expression. rule: the definition's properties, in which the places are looked up."""
    yield from _lines(told, policy, rule, 0)


def _lines(told: Explanation, policy: Policy, rule: Json, depth: int) -> Iterator[str]:
    if told.what.startswith("if, then"):
        for part in told.parts:
            yield from _lines(part, policy, rule, depth)
        return
    yield f"{'  ' * depth}{MARKS[told.held]} {_asked(told, policy, rule)}{_there(told)}"
    for part in told.parts:
        yield from _lines(part, policy, rule, depth + 1)


def _there(told: Explanation) -> str:
    if told.why:
        return f" (not known: {told.why})"
    if not told.compared:
        return ""
    return " (there is none)" if told.value in (None, "") else f" (it is {_value(told.value)})"


def _asked(told: Explanation, policy: Policy, rule: Json) -> str:
    if told.what in LOGIC:
        return LOGIC[told.what]
    node = _node(rule, told.place)
    found = leaf(node) if isinstance(node, dict) and not told.what.startswith("member ") else None
    if found is None:
        return told.what
    kind, subject, operator, wanted = found
    if operator == "exists":
        return f"{_subject(kind, subject)} is {'there' if str(wanted).lower() == 'true' else 'missing'}"
    return f"{_subject(kind, subject)} {VERBS[operator]} {_wanted(wanted, policy, told.what)}"


def _wanted(wanted: Any, policy: Policy, what: str) -> str:
    """What is asked for: of an expression, the value that the explanation computed."""
    name = outer_name(wanted)
    if name is None or name.lower() not in policy.parameters:
        computed = what.rpartition(" ")[2]
        return computed if tree(wanted) is not None and "]" not in computed else _value(wanted)
    return f"{name}: {_value(policy.parameters[name.lower()])}"


def _subject(kind: str, subject: Any) -> str:
    if kind == "count":
        inside = {str(key).lower(): value for key, value in subject.items()} if isinstance(subject, dict) else {}
        what = inside.get("field", inside.get("value"))
        named = outer_name(what)
        text = f"how many of {named or _short(str(what))}"
        return f"{text} fit" if "where" in inside else text
    return _short(str(subject))


def _short(text: str) -> str:
    """A field without the type that it is of; an expression without its brackets."""
    tag = TAG.fullmatch(text)
    if tag:
        return f"tag {tag[1] or tag[2]}"
    if text.startswith("["):
        inner = re.sub(r"'[\w.]+(?:/[\w]+)+/([\w.\[\]*]+)'", r"'\1'", text[1:-1])
        return inner if len(inner) <= LONGEST else f"{inner[: LONGEST - 3]}..."
    return text.rpartition("/")[2] if "/" in text else text


def _value(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_value, value)) or "(nothing)"
    plain = isinstance(value, str) and value and value == value.strip()
    return value if plain else str(shown(value))


def _node(rule: Any, place: str) -> Any:
    """What stands at a place of the definition; None where nothing does."""
    node = rule
    for step in STEP.findall(place):
        if step.startswith("["):
            at = int(step[1:-1])
            node = node[at] if isinstance(node, list) and at < len(node) else None
        elif isinstance(node, dict):
            node = next((value for key, value in node.items() if str(key).lower() == step.lower()), None)
    return node
