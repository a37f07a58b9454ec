"""What a function may demand of an argument."""

from __future__ import annotations

from typing import Any

from finops.conditions.scope import TemplateError
from finops.conditions.values import is_number, kind, shown


def refuse(name: str, wanted: str, value: Any) -> TemplateError:
    """The error that `name` needed `wanted` and got `value`."""
    return TemplateError(f"{name}() needs {wanted}, not {kind(value)} {shown(value)}")


def a_text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise refuse(name, "text", value)
    return value


def a_list(name: str, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise refuse(name, "an array", value)
    return value


def an_int(name: str, value: Any) -> int:
    """A whole number, also one that is spelt as 3.0."""
    if isinstance(value, bool) or not isinstance(value, int | float) or int(value) != value:
        raise refuse(name, "a whole number", value)
    return int(value)


def a_number(name: str, value: Any) -> int | float:
    if not is_number(value):
        raise refuse(name, "a number", value)
    return value
