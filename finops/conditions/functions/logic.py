"""Template functions that compare. Unlike the conditions of a rule, equals() minds case and type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from finops.conditions.functions.arguments import refuse
from finops.conditions.scope import TemplateError
from finops.conditions.values import identical, instant, is_number, kind, shown


def equals(a: Any, b: Any) -> bool:
    return identical(a, b)


def negation(value: Any) -> bool:
    return not a_bool("not", value)


def a_bool(name: str, value: Any) -> bool:
    """True or false, also where it is spelt as text."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise refuse(name, "true or false", value)


def to_bool(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if is_number(value):
        return bool(value != 0)
    if isinstance(value, str) and value.lower() in ("true", "false", "1", "0"):
        return value.lower() in ("true", "1")
    raise refuse("bool", "true, false, 1 or 0", value)


def _ordered(name: str, accepted: set[int]) -> Callable[[Any, Any], bool]:
    def work(a: Any, b: Any) -> bool:
        if is_number(a) and is_number(b):
            return (a > b) - (a < b) in accepted
        if isinstance(a, str) and isinstance(b, str):
            first, second = instant(a), instant(b)
            if first is not None and second is not None:
                return (first > second) - (first < second) in accepted
            return (a > b) - (a < b) in accepted
        raise TemplateError(f"{name}() cannot order {kind(a)} {shown(a)} against {kind(b)} {shown(b)}")

    return work


def coalesce(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)


def true() -> bool:
    return True


def false() -> bool:
    return False


def null() -> None:
    return None


FUNCTIONS: dict[str, tuple[Callable[..., Any], int, int]] = {
    "bool": (to_bool, 1, 1),
    "coalesce": (coalesce, 1, 128),
    "equals": (equals, 2, 2),
    "false": (false, 0, 0),
    "greater": (_ordered("greater", {1}), 2, 2),
    "greaterOrEquals": (_ordered("greaterOrEquals", {0, 1}), 2, 2),
    "less": (_ordered("less", {-1}), 2, 2),
    "lessOrEquals": (_ordered("lessOrEquals", {-1, 0}), 2, 2),
    "not": (negation, 1, 1),
    "null": (null, 0, 0),
    "true": (true, 0, 0),
}
