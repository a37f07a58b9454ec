"""Values that only become known later: a parameter without a value, what a provider computes while it applies.

Such a value stands in a body as a marked text. A condition that met one cannot be told, whatever it seemed to answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from finops.conditions import Explanation, Unknown, compile_condition
from finops.errors import FinopsError

# A noncharacter: it stands in no text that people write (Unicode 16, section 23.7).
MARK = "\ufdd0"
MARKED = re.compile(rf"{MARK}([^{MARK}]*){MARK}")
NAMED = re.compile(r"field\('([^']+)'\)", re.IGNORECASE)
TAGS = re.compile(r"field \"?tags\b|field\('tags\b", re.IGNORECASE)


def pending(reason: str) -> str:
    """A text in place of a value that is not known yet."""
    return f"{MARK}{reason.replace(MARK, '')}{MARK}"


def reasons(value: Any) -> Iterator[str]:
    """Why parts of `value` are not known yet."""
    if isinstance(value, str):
        yield from MARKED.findall(value)
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from reasons(key)
            yield from reasons(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from reasons(each)


def is_pending(value: Any) -> bool:
    return next(reasons(value), None) is not None


@dataclass(frozen=True)
class Doubt:
    """What is not known of one evaluation: parameters of the policy, values in the body, all of its tags."""

    body: dict[str, Any]
    missing: frozenset[str] = frozenset()
    tags: str = ""

    @property
    def any(self) -> bool:
        return bool(self.missing or self.tags) or is_pending(self.body)

    def of(self, told: Explanation) -> str:
        """Why one expression cannot be told; "" where it can."""
        for name in self.missing:
            if f"parameters('{name.lower()}')" in told.what.lower():
                return f"the policy's parameter {name} has no value"
        for found in (*reasons(told.value), *reasons(told.what)):
            return found
        if self.tags and told.value in (None, "") and TAGS.search(told.what):
            return self.tags
        for name in NAMED.findall(told.what):
            if why := next(reasons(_value_of(name, self.body)), None):
                return why
        return ""


def _value_of(field: str, body: dict[str, Any]) -> Any:
    try:
        return compile_condition({"field": field, "exists": True}, fields="any").explain(body).value
    except FinopsError:
        return None


def reconsidered(told: Explanation, doubt: Doubt) -> Explanation:
    """The explanation with its answers taken back where they rest on what is not known yet."""
    parts = tuple(reconsidered(part, doubt) for part in told.parts)
    combined = _LOGIC.get(told.what)
    if combined:
        return replace(told, held=combined([part.held for part in parts]), parts=parts)
    if told.what.startswith("if, then"):
        return replace(told, held=_all([part.held for part in parts]), parts=parts)
    why = doubt.of(told)
    if why:
        return replace(told, held=None, why=Unknown("", why), parts=())
    if any(part.held is None and was.held is not None for part, was in zip(parts, told.parts, strict=True)):
        return replace(told, held=None, parts=parts)
    return replace(told, parts=parts)


def _all(answers: list[bool | None]) -> bool | None:
    return False if False in answers else None if None in answers else True


def _any(answers: list[bool | None]) -> bool | None:
    return True if True in answers else None if None in answers else False


def _not(answers: list[bool | None]) -> bool | None:
    return None if answers[0] is None else not answers[0]


_LOGIC: dict[str, Callable[[list[bool | None]], bool | None]] = {"all of": _all, "any of": _any, "not": _not}
