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

    found: list[Incident] = []
    for run in sorted(runs, key=place):
        scope = table.scopes[run.row]
        near = [
            one for one in found
            if one.run.sign == run.sign and _overlap(one.run, run)
            and (one.run.row == run.row or meets(table.scopes[one.run.row], scope))
        ]  # fmt: skip
        whole = sum(max(0.0, run.sign * value) for value in run.over.values())
        left = sum(max(0.0, run.sign * (value - _told(near, day))) for day, value in run.over.items())
        if near and left < max(minimum, LEFT * whole):
            first = max(near, key=lambda one: (_together(one.run, run), -found.index(one)))
            first.also.append(run)
        else:
            found.append(Incident(run))
    return found


def _overlap(one: Run, other: Run) -> bool:
    return one.first <= other.last + 1 and other.first <= one.last + 1


def _told(near: list[Incident], day: int) -> float:
    return sum(one.run.over.get(day, 0.0) for one in near)


def _together(one: Run, other: Run) -> float:
    return sum(min(abs(one.over.get(day, 0.0)), abs(value)) for day, value in other.over.items())
