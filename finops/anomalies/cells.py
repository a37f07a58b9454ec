"""What is off in a cell: what a thing costs is in one, where nothing else hides it and no two chances add up."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

import numpy as np

from finops.anomalies.model import Cell, Scope
from finops.anomalies.table import Numbers, Table
from finops.anomalies.walk import STEP, Run, Walk

Cells = Mapping[Cell, Sequence[tuple[date, Decimal]]]


def of_cells(cells: Cells, walk: Walk) -> list[Run]:
    """Runs of cells, as runs of the cost centre that they are in: those of one day are one. Up, or all gone.

    A cell that falls in part is no news: a thing is used less now and then, and its cost centre tells if that matters.
    """
    table, rows = walk.table, {scope: row for row, scope in enumerate(walk.table.scopes)}
    inner, kept = table.beside(cells, walk.minimum / STEP)
    if not kept:
        return []
    raised = {row: least for row, cell in enumerate(kept) if (least := _raised(cell, rows, walk.raised)) is not None}
    found: defaultdict[tuple[int, int, int], list[Run]] = defaultdict(list)
    for run in Walk(inner, walk.minimum, walk.times, raised, walk.fell).judge():
        if (run.sign > 0 or run.kind == "gone") and abs(sum(run.over.values())) >= walk.minimum:
            cell = tuple(scope for scope in kept[run.row] if scope.kind in ("cost centre", "workspace"))
            found[rows[inner.scopes[run.row]], run.sign, run.first].append(replace(run, cell=cell))
    return [_together(table, row, own) for (row, _, _), own in found.items()]


def _raised(cell: Cell, rows: Mapping[Scope, int], raised: Mapping[int, Numbers]) -> Numbers | None:
    """What was said to be none in one of its scopes is none in the cell."""
    own = [raised[rows[scope]] for scope in cell if rows.get(scope) in raised]
    return np.maximum.reduce(own) if own else None


def _together(table: Table, row: int, runs: list[Run]) -> Run:
    """The run of a cost centre of what its cells went off by, the one with most of it first."""
    runs = sorted(runs, key=lambda run: (-abs(sum(run.over.values())), run.cell))
    days = sorted({day for run in runs for day in run.over})
    over = {day: sum(run.over.get(day, 0.0) for run in runs) for day in days}
    return replace(
        runs[0],
        row=row,
        last=days[-1],
        over=over,
        should={day: float(table.costs[row, day]) - value for day, value in over.items()},
        spread={day: float(np.hypot.reduce([run.spread.get(day, 0.0) for run in runs])) for day in days},
        seen=min(run.seen for run in runs if run.seen is not None),
        on=any(run.on for run in runs),
        force={day: max(run.force.get(day, 0.0) for run in runs) for day in days},
        cell=tuple(dict.fromkeys(scope for run in runs for scope in run.cell)),
    )
