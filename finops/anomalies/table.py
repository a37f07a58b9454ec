"""Daily cost as a table: a row for each scope, a column for each day, and which days say anything."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from finops.anomalies.model import KINDS, Cell, Scope

Numbers = NDArray[np.float64]
Truths = NDArray[np.bool_]
Days = Mapping[Scope, Sequence[tuple[date, Decimal]]]
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Table:
    """known: days of which charges are there; amounts: the exact costs, by row and column."""

    scopes: tuple[Scope, ...]
    start: date
    costs: Numbers
    known: Truths
    amounts: tuple[Mapping[int, Decimal], ...]

    @property
    def days(self) -> int:
        return int(self.costs.shape[1])

    def day(self, column: int) -> date:
        return self.start + timedelta(days=column)

    def beside(self, cells: Mapping[Cell, Sequence[tuple[date, Decimal]]], least: float) -> tuple[Table, list[Cell]]:
        """The table of the cells that came to `least` on one of its days; a row is of the first scope of its cell."""
        names = sorted(cell for cell in cells if cell[0] in self.scopes)
        costs = np.zeros((len(names), self.days))
        for row, cell in enumerate(names):
            for day, cost in cells[cell]:
                column = (day - self.start).days
                if 0 <= column < self.days:
                    costs[row, column] += float(cost)
        rows = np.flatnonzero((costs >= least).any(1)).tolist()
        kept = [names[row] for row in rows]
        return Table(tuple(cell[0] for cell in kept), self.start, costs[rows], self.known, ()), kept

    def actual(self, row: int, first: int, last: int) -> Decimal:
        """The exact cost of a row from one column to another, both included."""
        own = self.amounts[row]
        return sum((own[n] for n in range(first, last + 1) if n in own), Decimal(0))


def table_of(days: Days, through: date, missing: Collection[date] = ()) -> Table | None:
    """The table up to `through`; None without a day. Days on which nothing at all has a cost are not known."""
    found = {
        scope: [(day, cost) for day, cost in own if day <= through]
        for scope, own in sorted(days.items(), key=lambda one: (KINDS.index(one[0].kind), one[0].key))
    }
    firsts = [day for own in found.values() for day, cost in own if cost]
    if not firsts:
        return None
    start = min(firsts)
    width = (through - start).days + 1
    costs = np.zeros((len(found), width))
    amounts: list[dict[int, Decimal]] = []
    for row, own in enumerate(found.values()):
        exact: dict[int, Decimal] = {}
        for day, cost in own:
            if day >= start:
                column = (day - start).days
                exact[column] = exact.get(column, Decimal(0)) + cost
        amounts.append(exact)
        costs[row, list(exact)] = [float(cost) for cost in exact.values()]
    known = (costs != 0).any(0)
    for day in missing:
        if start <= day <= through:
            known[(day - start).days] = False
    return Table(tuple(found), start, costs, known, tuple(amounts))
