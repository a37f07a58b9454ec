"""One incident shows in several scopes: it is told once, in the scope that says most."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from finops.anomalies.model import KINDS, Scope
from finops.anomalies.table import Table
from finops.anomalies.walk import Run

CLEAR = 8.0
"""Deviations from which on more of them say no more."""
LEFT = 0.5
"""The part of a run that must remain unexplained for it to be an incident of its own."""


@dataclass
class Incident:
    """A run, and the runs of other scopes in which the same money shows."""

    run: Run
    also: list[Run] = field(default_factory=list)


def incidents(runs: list[Run], table: Table, minimum: float, meets: Callable[[Scope, Scope], bool]) -> list[Incident]:
    """The runs that tell most, each with those that it explains. meets: whether two scopes share charges."""

    def place(run: Run) -> tuple[float, int, float, str, int]:
        scope = table.scopes[run.row]
        total = abs(sum(run.over.values()))
        return (-min(run.stands_out, CLEAR), KINDS.index(scope.kind), -total, scope.key, run.first)

    def same(one: Run, other: Run) -> bool:
        here, there = table.scopes[one.row], table.scopes[other.row]
        near = one.sign == other.sign and _overlap(one, other)
        return near and (one.row == other.row or meets(here, there) or grow_together(one, other))

    def grow_together(one: Run, other: Run) -> bool:
        """Whether both rise in one cost centre, one steadily: growth is of no single thing there, and has steps."""
        here, there = table.scopes[one.row], table.scopes[other.row]
        in_one = any(all(at == centre or meets(at, centre) for at in (here, there)) for centre in centres)
        rises = {one.kind, other.kind}
        return in_one and "growth" in rises <= {"growth", "step"}

    def explained(run: Run, near: list[Incident]) -> bool:
        whole = sum(max(0.0, run.sign * value) for value in run.over.values())
        left = sum(max(0.0, run.sign * (value - _told(near, day))) for day, value in run.over.items())
        return left < max(minimum, LEFT * whole)

    def absorbed(run: Run, into: list[Incident]) -> Incident | None:
        near = [one for one in into if same(one.run, run)]
        if not near or not explained(run, near):
            return next((one for one in near if run.kind == "growth" and grow_together(one.run, run)), None)
        return max(near, key=lambda one: (_together(one.run, run), -into.index(one)))

    centres = [scope for scope in table.scopes if scope.kind == "cost centre"]
    found: list[Incident] = []
    for run in sorted(runs, key=place):
        first = absorbed(run, found)
        if first is not None:
            first.also.append(run)
        else:
            found.append(Incident(run))
    # What told more clearly may be part of what came to more.
    for one in sorted(found, key=lambda one: abs(sum(one.run.over.values()))):
        first = absorbed(one.run, [other for other in found if other is not one])
        if first is not None:
            found.remove(one)
            first.also += [one.run, *one.also]
    return found


def _overlap(one: Run, other: Run) -> bool:
    return one.first <= other.last + 1 and other.first <= one.last + 1


def _told(near: list[Incident], day: int) -> float:
    return sum(one.run.over.get(day, 0.0) for one in near)


def _together(one: Run, other: Run) -> float:
    return sum(min(abs(one.over.get(day, 0.0)), abs(value)) for day, value in other.over.items())
