"""Why a condition holds, does not hold, or cannot be told: expression by expression, with the actual values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from finops.conditions.values import shown

MARKS = {True: "yes", False: "no ", None: "?  "}


@dataclass(frozen=True)
class Unknown:
    """A fact that would have to be known. `fact` is "" where something else is missing."""

    fact: str
    reason: str

    def __str__(self) -> str:
        return f"facts.{self.fact} is not known: {self.reason}" if self.fact else self.reason


@dataclass(frozen=True)
class Explanation:
    """One expression of a rule. `value` is what was compared, where `compared` says that something was."""

    place: str
    what: str
    held: bool | None
    value: Any = None
    compared: bool = False
    why: Unknown | None = None
    parts: tuple[Explanation, ...] = ()

    def unknown(self) -> Iterator[Unknown]:
        """What keeps this from being told, each once: only parts that would change the answer count."""
        if self.held is not None:
            return
        seen: set[Unknown] = set()
        for found in (*([self.why] if self.why else []), *(each for part in self.parts for each in part.unknown())):
            if found not in seen:
                seen.add(found)
                yield found

    def lines(self, depth: int = 0) -> Iterator[str]:
        """One line an expression: yes, no or ?, what was asked, and what is."""
        told = f"{'  ' * depth}{MARKS[self.held]} {self.what}"
        if self.why:
            told += f"  ({self.why})"
        elif self.compared:
            told += "  (there is none)" if self.value is None else f"  (it is {shown(self.value)})"
        yield told
        for part in self.parts:
            yield from part.lines(depth + 1)

    def __str__(self) -> str:
        return "\n".join(self.lines())
