"""The conditions of Azure Policy: each takes what a rule asks for and gives a test of one value.

Missing and null are alike. A missing value satisfies none of the positive conditions (but `exists: false` and
`equals: null`) and all of the negated ones.
https://learn.microsoft.com/azure/governance/policy/concepts/definition-structure-policy-rule#conditions
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from finops.conditions.scope import Undecided
from finops.conditions.values import fold, is_number, kind, order, same, shown, text_of

Check = Callable[[Any], bool]
Maker = Callable[[Any], Check]


def equals(wanted: Any) -> Check:
    if not isinstance(wanted, str):
        return lambda value: same(value, wanted)
    folded = fold(wanted)

    def check(value: Any) -> bool:
        if type(value) is str:
            return value == wanted or fold(value) == folded
        return value is not None and same(value, wanted)

    return check


def is_in(wanted: Any) -> Check:
    if not isinstance(wanted, list):
        raise Undecided(f"`in` and `notIn` need a list, not {kind(wanted)} {shown(wanted)}")
    folded = frozenset(fold(each) for each in wanted if isinstance(each, str))
    others = [each for each in wanted if not isinstance(each, str)]

    def check(value: Any) -> bool:
        if type(value) is str:
            return fold(value) in folded or (bool(others) and any(same(value, each) for each in others))
        return any(same(value, each) for each in wanted)

    return check


def like(wanted: Any) -> Check:
    """`*` stands for any text and `?` for any one character."""
    pattern = fold(_text(wanted, "like"))
    if "*" not in pattern and "?" not in pattern:
        return lambda value: _is_scalar(value) and fold(text_of(value)) == pattern
    head, star, tail = pattern.partition("*")
    if star and not tail and "?" not in head:
        return lambda value: _is_scalar(value) and fold(text_of(value)).startswith(head)
    found = re.compile("".join({"*": ".*", "?": "."}.get(c, re.escape(c)) for c in pattern), re.DOTALL).fullmatch
    return lambda value: _is_scalar(value) and found(fold(text_of(value))) is not None


def match(wanted: Any) -> Check:
    """`#` stands for a digit, `?` for a letter, `.` for any character; case matters."""
    found = re.compile(_matching(_text(wanted, "match")), re.DOTALL).fullmatch
    return lambda value: _is_scalar(value) and found(text_of(value)) is not None


def match_insensitively(wanted: Any) -> Check:
    found = re.compile(_matching(fold(_text(wanted, "matchInsensitively"))), re.DOTALL).fullmatch
    return lambda value: _is_scalar(value) and found(fold(text_of(value))) is not None


def _matching(pattern: str) -> str:
    return "".join({"#": "[0-9]", "?": r"[^\W\d_]", ".": "."}.get(c, re.escape(c)) for c in pattern)


def contains(wanted: Any) -> Check:
    needle = fold(text_of(wanted))

    def check(value: Any) -> bool:
        if isinstance(value, str):
            return needle in fold(value)
        if isinstance(value, list):
            return any(same(each, wanted) for each in value)
        if isinstance(value, dict):
            return _has_key(value, needle)
        return value is not None and needle in text_of(value)

    return check


def contains_key(wanted: Any) -> Check:
    needle = fold(_text(wanted, "containsKey"))
    return lambda value: isinstance(value, dict) and _has_key(value, needle)


def exists(wanted: Any) -> Check:
    asked = wanted.strip().lower() if isinstance(wanted, str) else wanted
    if asked in ("true", True):
        return lambda value: value is not None
    if asked in ("false", False):
        return lambda value: value is None
    raise Undecided(f"`exists` needs true or false, not {shown(wanted)}")


def _ordered(accepted: frozenset[int]) -> Maker:
    def make(wanted: Any) -> Check:
        if wanted is None or isinstance(wanted, bool | list | dict):
            raise Undecided(f"{kind(wanted)} {shown(wanted)} cannot be ordered")
        if not is_number(wanted):
            return lambda value: value is not None and order(value, wanted) in accepted

        def check(value: Any) -> bool:
            if type(value) is int or type(value) is float:
                return (value > wanted) - (value < wanted) in accepted
            return value is not None and order(value, wanted) in accepted

        return check

    return make


def _not(positive: Maker) -> Maker:
    def make(wanted: Any) -> Check:
        check = positive(wanted)
        return lambda value: not check(value)

    return make


def _not_equals(wanted: Any) -> Check:
    if not isinstance(wanted, str):
        return lambda value: not same(value, wanted)
    folded = fold(wanted)

    def check(value: Any) -> bool:
        if type(value) is str:
            return value != wanted and fold(value) != folded
        return value is None or not same(value, wanted)

    return check


def _text(wanted: Any, name: str) -> str:
    if not _is_scalar(wanted):
        raise Undecided(f"`{name}` needs text, not {kind(wanted)} {shown(wanted)}")
    return text_of(wanted)


def _is_scalar(value: Any) -> bool:
    return value is not None and not isinstance(value, list | dict)


def _has_key(value: dict[str, Any], folded: str) -> bool:
    return any(fold(str(key)) == folded for key in value)


OPERATORS: dict[str, tuple[str, Maker]] = {
    name.lower(): (name, maker)
    for name, maker in {
        "equals": equals,
        "notEquals": _not_equals,
        "like": like,
        "notLike": _not(like),
        "match": match,
        "notMatch": _not(match),
        "matchInsensitively": match_insensitively,
        "notMatchInsensitively": _not(match_insensitively),
        "contains": contains,
        "notContains": _not(contains),
        "in": is_in,
        "notIn": _not(is_in),
        "containsKey": contains_key,
        "notContainsKey": _not(contains_key),
        "less": _ordered(frozenset({-1})),
        "lessOrEquals": _ordered(frozenset({-1, 0})),
        "greater": _ordered(frozenset({1})),
        "greaterOrEquals": _ordered(frozenset({0, 1})),
        "exists": exists,
    }.items()
}
