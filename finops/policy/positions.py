"""On which line of a JSON file a place such as policyRule.if.allOf[1].field stands."""

from __future__ import annotations

import json
import re
from json.decoder import scanstring  # type: ignore[attr-defined]  # there, but not in typeshed
from typing import Any

SPACE = re.compile(r"\s*")
SCALAR = re.compile(r"[^\s,\]}]+")


def line_of(text: str, place: str) -> int:
    """The line (from 1) of the innermost part of `place` that the text has; 1 where it has none of it."""
    known = positions(text)
    wanted = place.lower()
    while wanted:
        for prefix in ("", "properties."):
            if prefix + wanted in known:
                return text.count("\n", 0, known[prefix + wanted]) + 1
        wanted = re.sub(r"(\.[^.\[\]]+|\[\d+\]|^[^.\[\]]+)$", "", wanted, count=1)
    return 1


def positions(text: str) -> dict[str, int]:
    """Where each place begins, by its path in lower case; what is there before the text breaks off."""
    found: dict[str, int] = {}
    try:
        _value(text, _skip(text, 1 if text.startswith("\ufeff") else 0), "", found)
    except (IndexError, ValueError, RecursionError):
        return found
    return found


def _skip(text: str, at: int) -> int:
    match = SPACE.match(text, at)
    return match.end() if match else at


def _value(text: str, at: int, place: str, found: dict[str, int]) -> int:
    if text[at] == "{":
        return _members(text, at, place, found)
    if text[at] == "[":
        return _items(text, at, place, found)
    if text[at] == '"':
        return int(scanstring(text, at + 1)[1])
    match = SCALAR.match(text, at)
    if match is None:
        raise ValueError
    return match.end()


def _members(text: str, at: int, place: str, found: dict[str, int]) -> int:
    at = _skip(text, at + 1)
    while text[at] != "}":
        start = at
        name, at = _name(text, at)
        inner = f"{place}.{name}" if place else name
        found.setdefault(inner.lower(), start)
        at = _skip(text, at)
        at = _skip(text, _value(text, _skip(text, at + 1), inner, found))
        if text[at] == ",":
            at = _skip(text, at + 1)
    return at + 1


def _items(text: str, at: int, place: str, found: dict[str, int]) -> int:
    at, number = _skip(text, at + 1), 0
    while text[at] != "]":
        inner = f"{place}[{number}]"
        found.setdefault(inner.lower(), at)
        at, number = _skip(text, _value(text, at, inner, found)), number + 1
        if text[at] == ",":
            at = _skip(text, at + 1)
    return at + 1


def _name(text: str, at: int) -> tuple[str, int]:
    if text[at] != '"':
        raise ValueError
    name: Any
    name, end = scanstring(text, at + 1)
    return str(name), int(end)


def broken_at(text: str) -> int:
    """The line at which the text stops being JSON; 1 where it is JSON."""
    try:
        json.loads(text.removeprefix("\ufeff"))
    except json.JSONDecodeError as fault:
        return fault.lineno
    except RecursionError:
        return 1
    return 1
