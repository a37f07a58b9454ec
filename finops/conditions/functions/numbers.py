"""Template functions on numbers."""

from __future__ import annotations

import math
from typing import Any

from finops.conditions.functions.arguments import a_list, a_number, an_int, refuse
from finops.conditions.scope import TemplateError
from finops.conditions.values import is_number, number


def add(a: Any, b: Any) -> int | float:
    return _whole(a_number("add", a) + a_number("add", b))


def sub(a: Any, b: Any) -> int | float:
    return _whole(a_number("sub", a) - a_number("sub", b))


def mul(a: Any, b: Any) -> int | float:
    return _whole(a_number("mul", a) * a_number("mul", b))


def _whole(value: int | float) -> int | float:
    if isinstance(value, float) and not math.isfinite(value):
        raise TemplateError("the number is too large")
    return int(value) if isinstance(value, float) and value.is_integer() else value


def div(a: Any, b: Any) -> int:
    """The whole part of a / b: -10 / 3 is -3."""
    left, right = an_int("div", a), an_int("div", b)
    if right == 0:
        raise TemplateError("div() by zero")
    return abs(left) // abs(right) * (1 if (left < 0) == (right < 0) else -1)


def mod(a: Any, b: Any) -> int:
    """What is left of a / b, with the sign of a."""
    left, right = an_int("mod", a), an_int("mod", b)
    if right == 0:
        raise TemplateError("mod() by zero")
    return abs(left) % abs(right) * (-1 if left < 0 else 1)


def to_int(value: Any) -> int:
    found = number(value) if isinstance(value, str) else value
    if not is_number(found) or not math.isfinite(found):
        raise refuse("int", "a number, or text that spells one", value)
    return int(found)


def to_float(value: Any) -> float:
    found = number(value) if isinstance(value, str) else value
    if not is_number(found):
        raise refuse("float", "a number, or text that spells one", value)
    return float(found)


def least(*values: Any) -> int | float:
    return min(_numbers("min", values))


def greatest(*values: Any) -> int | float:
    return max(_numbers("max", values))


def _numbers(name: str, values: tuple[Any, ...]) -> list[int | float]:
    given = values[0] if len(values) == 1 and isinstance(values[0], list) else list(values)
    if not given:
        raise TemplateError(f"{name}() of an empty array")
    return [a_number(name, each) for each in a_list(name, given)]


FUNCTIONS = {
    "add": (add, 2, 2),
    "div": (div, 2, 2),
    "float": (to_float, 1, 1),
    "int": (to_int, 1, 1),
    "max": (greatest, 1, 128),
    "min": (least, 1, 128),
    "mod": (mod, 2, 2),
    "mul": (mul, 2, 2),
    "sub": (sub, 2, 2),
}
