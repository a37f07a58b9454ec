"""Counts: how many members of an array meet a condition."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from finops.conditions.calls import compile_value
from finops.conditions.compiler import Compiler, Counting
from finops.conditions.explanation import Explanation, Unknown
from finops.conditions.fields import after, alias_of, alias_steps, compile_field, found_aliases, stars
from finops.conditions.operators import Check
from finops.conditions.paths import STAR, Reader, Step, parse, reader
from finops.conditions.scope import Scope, Test, Undecided
from finops.conditions.values import kind, shown

Members = Callable[[Scope], Iterator[Any]]
SHOWN = 20  # members that an explanation lists


@dataclass(frozen=True)
class Count:
    """How many members meet `where` (all, without one), and whether that number meets the condition."""

    place: str
    text: str
    members: Members
    slot: int
    where: Test | None
    explained: Callable[[Scope], Explanation] | None
    checking: Callable[[Scope], Check]

    def test(self, scope: Scope) -> bool | None:
        try:
            check = self.checking(scope)
            sure, unsure = self.tally(scope)
            return judged(check, sure, unsure)
        except Undecided:
            return None

    def tally(self, scope: Scope) -> tuple[int, int]:
        """How many members meet the condition, and of how many that cannot be told."""
        where, sure, unsure = self.where, 0, 0
        for _ in self.members(scope):
            held = True if where is None else where(scope)
            if held:
                sure += 1
            elif held is None:
                unsure += 1
        return sure, unsure

    def explain(self, scope: Scope) -> Explanation:
        try:
            check = self.checking(scope)
            parts: list[Explanation] = []
            sure = unsure = 0
            for member in self.members(scope):
                told = self.explained(scope) if self.explained else None
                held = True if told is None else told.held
                sure, unsure = sure + (held is True), unsure + (held is None)
                if told is not None and (len(parts) < SHOWN or told.held is None):
                    parts.append(Explanation(told.place, f"member {shown(member)}", told.held, parts=(told,)))
            held = judged(check, sure, unsure)
        except Undecided as unknown:
            return Explanation(self.place, self.text, None, why=Unknown(unknown.fact, unknown.reason))
        return Explanation(self.place, self.text, held, sure, compared=True, parts=tuple(parts))


def judged(check: Check, sure: int, unsure: int) -> bool | None:
    """The answer, where it is the same for every number that the count may be."""
    answers = {check(number) for number in range(sure, sure + unsure + 1)}
    return answers.pop() if len(answers) == 1 else None


def compile_array(given: Any, place: str, c: Compiler) -> tuple[Members, Counting]:
    """The members of a [*] field, each put into its slot, and what `where` may refer to."""
    named = compile_value(given, place, c)
    if not named.constant or not isinstance(named.value, str):
        c.refuse(place, f"is {kind(given)} {shown(given)}", "Name an array such as rules[*].")
    name = named.value
    prefixes = stars(name)
    if not prefixes or not name.endswith("[*]"):
        c.refuse(place, f"names {name!r}, which is no array", f"A count enumerates an array: write {name + '[*]'!r}.")
    slots = [c.slot() for _ in prefixes]
    bound = dict(zip(prefixes, slots, strict=True))
    return _members(name, prefixes, slots, place, c), Counting(bound, slots[-1])


def _members(name: str, prefixes: list[str], slots: list[int], place: str, c: Compiler) -> Members:
    """Enumerates from the member that an enclosing count is at, where this array lies within that one's."""
    for counting in reversed(c.counts):
        for depth in range(len(prefixes), 0, -1):
            outer = counting.slots.get(prefixes[depth - 1])
            if outer is not None:
                if depth == len(prefixes):
                    return _only(outer, slots)
                return _within(outer, _array_readers(name, depth, place, c), slots[depth:])
    readers = _array_readers(name, 0, place, c)
    return lambda scope: _walked(scope, scope.body, readers(scope), slots)


def _steps(name: str, place: str, c: Compiler) -> Callable[[Scope], list[Step]]:
    """Where the array is in a body; no steps, where the resource is not of the alias's type."""
    if "/" not in name.split("[")[0]:
        compile_field(name, place, c)  # refuses what is no field
        plain = parse(name)
        return lambda scope: plain
    found = found_aliases(name, place, c)
    if not found:
        reason = f"the alias {name} is not in the alias table"

        def unknown(scope: Scope) -> list[Step]:
            raise Undecided(reason)

        return unknown

    def steps(scope: Scope) -> list[Step]:
        alias = alias_of(found, scope)
        return alias_steps(alias, scope.api_version) if alias else []

    return steps


def _array_readers(name: str, depth: int, place: str, c: Compiler) -> Callable[[Scope], list[Reader]]:
    """One reader for each [*] behind number `depth`: from the member before it to its array."""
    steps = _steps(name, place, c)
    known: dict[tuple[Step, ...], list[Reader]] = {}

    def readers(scope: Scope) -> list[Reader]:
        whole = steps(scope)
        key = tuple(whole)
        if key not in known:
            found = after(whole, depth) if whole.count(STAR) >= depth else []
            made: list[Reader] = []
            while STAR in found:
                at = found.index(STAR)
                made.append(reader(found[:at]))
                found = found[at + 1 :]
            known[key] = made
        return known[key]

    return readers


def _only(outer: int, slots: list[int]) -> Members:
    """The array that is being enumerated already: within it, the current member is the only one."""

    def members(scope: Scope) -> Iterator[Any]:
        scope.slots[slots[-1]] = scope.slots[outer]
        yield scope.slots[outer]

    return members


def _within(outer: int, readers: Callable[[Scope], list[Reader]], slots: list[int]) -> Members:
    return lambda scope: _walked(scope, scope.slots[outer], readers(scope), slots)


def _walked(scope: Scope, node: Any, readers: list[Reader], slots: list[int]) -> Iterator[Any]:
    if not readers:
        return
    found = readers[0](node)
    members = list(found.values()) if isinstance(found, dict) else found if isinstance(found, list) else []
    for member in members:
        scope.slots[slots[0]] = member
        if len(readers) == 1:
            yield member
        else:
            yield from _walked(scope, member, readers[1:], slots[1:])
