"""What a rule is compiled with: its parameters, the alias table, the counts around it, and how it complains."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NoReturn

from finops.conditions.aliases import Aliases
from finops.errors import DataError

# Which fields a rule may name: those that Azure accepts, also plain paths of an ARM body, or any path.
Fields = Literal["azure", "arm", "any"]


@dataclass(frozen=True)
class Counting:
    """One enclosing count: the index name of a value count, or the array prefixes of a field count, and their slots."""

    slots: Mapping[str, int]
    current: int


@dataclass
class Compiler:
    """Carried down through one rule."""

    aliases: Aliases
    parameters: Mapping[str, Any]
    declared: frozenset[str] | None = None
    fields: Fields = "azure"
    strict: bool = True
    facts: frozenset[str] | None = None
    source: str = ""
    existence: bool = False
    counts: list[Counting] = field(default_factory=list)
    slots: int = 0
    gaps: list[tuple[str, str]] = field(default_factory=list)
    asked: set[str] = field(default_factory=set)
    types: set[str] = field(default_factory=set)

    def slot(self) -> int:
        """A new place for the member that a count is at."""
        self.slots += 1
        return self.slots - 1

    def gap(self, place: str, reason: str) -> str:
        """Notes what cannot be evaluated, and returns why."""
        if (place, reason) not in self.gaps:
            self.gaps.append((place, reason))
        return reason

    def refuse(self, place: str, what: str, fix: str) -> NoReturn:
        """The rule is wrong at `place` (a JSON path within it)."""
        where = f"{self.source}: {place}" if self.source else place
        raise DataError(f"{where} {what}.", fix)


def meant(word: str, among: Iterable[str]) -> str:
    """ " Did you mean X?" for the word that comes nearest; "" where none is near."""
    known = {each.lower(): each for each in among}
    near = difflib.get_close_matches(word.lower(), known, 1, 0.6)
    return f" Did you mean {known[near[0]]!r}?" if near else ""


def either(words: Iterable[str]) -> str:
    """ "a, b or c"."""
    listed = list(words)
    return listed[0] if len(listed) == 1 else f"{', '.join(listed[:-1])} or {listed[-1]}"
