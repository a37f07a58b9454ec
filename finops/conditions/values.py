"""JSON values as Azure Policy compares them: text without case, numbers in text, dates as instants."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, TypeGuard

from finops.conditions.scope import Undecided

NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?")
# A date and a time of day; a bare date or an API version such as 2021-04-01 stays text, and sorts the same.
INSTANT = re.compile(r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?\s*(Z|z|[+-]\d\d:?\d\d)?")


def fold(text: str) -> str:
    """`text` without its case (Azure: InvariantCultureIgnoreCase)."""
    return text.lower() if text.isascii() else text.casefold()


def is_number(value: Any) -> TypeGuard[int | float]:
    """Whether `value` is a JSON number (true and false are none)."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def number(text: str) -> int | float | None:
    """The number that `text` spells, or None."""
    stripped = text.strip()
    if not NUMBER.fullmatch(stripped):
        return None
    return int(stripped) if stripped.lstrip("+-").isdigit() and len(stripped) < 300 else float(stripped)


def text_of(value: Any) -> str:
    """A scalar as text, as template functions write it; objects and arrays as compact JSON."""
    if isinstance(value, str):
        return value
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def same(left: Any, right: Any) -> bool:
    """Whether two values are equal for a condition: "443" equals 443, "TRUE" equals true, case does not matter."""
    if isinstance(left, str):
        if isinstance(right, str):
            return left == right or fold(left) == fold(right)
        return _text_is(left, right)
    if isinstance(right, str):
        return _text_is(right, left)
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict) and isinstance(right, dict):
        ours, theirs = ({fold(str(k)): v for k, v in side.items()} for side in (left, right))
        return ours.keys() == theirs.keys() and all(same(ours[k], theirs[k]) for k in ours)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right)


def _text_is(text: str, other: Any) -> bool:
    """Beside text, Azure compares a number and a boolean as they are written: "05" is not 5."""
    if isinstance(other, bool):
        return text.lower() == ("true" if other else "false")
    return is_number(other) and text in (text_of(other), repr(other))


def identical(left: Any, right: Any) -> bool:
    """Whether two values are equal for a template function: of one type, and with case."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(identical(left[k], right[k]) for k in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(identical, left, right))
    return bool(left == right)


def instant(text: str) -> datetime | None:
    """The moment that `text` tells (UTC where it names no zone), to the microsecond, or None."""
    found = INSTANT.fullmatch(text.strip())
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    micros = int((fraction or "0").ljust(6, "0")[:6])
    try:
        told = datetime(int(year), int(month), int(day), int(hour), int(minute), int(second or 0), micros, tzinfo=UTC)
        return told.replace(tzinfo=_zone(zone))
    except ValueError:
        return None


def _zone(text: str | None) -> timezone:
    if text is None or text in "Zz":
        return UTC
    minutes = int(text[1:3]) * 60 + int(text[-2:])
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))


def order(left: Any, right: Any) -> int:
    """-1, 0 or 1 for less, equal, greater. Values of two kinds cannot be ordered: Azure throws an error."""
    if isinstance(left, str) and isinstance(right, str):
        first, second = instant(left), instant(right)
        if first is not None and second is not None:
            return _sign(first, second)
        return _sign(fold(left), fold(right))
    a = number(left) if isinstance(left, str) else left if is_number(left) else None
    b = number(right) if isinstance(right, str) else right if is_number(right) else None
    if a is None or b is None:
        raise Undecided(f"{kind(left)} {shown(left)} cannot be ordered against {kind(right)} {shown(right)}")
    return _sign(a, b)


def _sign(a: Any, b: Any) -> int:
    return int(a > b) - int(a < b)


def kind(value: Any) -> str:
    """What kind of JSON value this is, in words."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if is_number(value):
        return "number"
    kinds: dict[type, str] = {str: "text", list: "array", dict: "object"}
    return kinds.get(type(value), type(value).__name__)


def shown(value: Any, width: int = 80) -> str:
    """`value` as JSON for a person, cut to `width` characters."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= width else text[: width - 3] + "..."
