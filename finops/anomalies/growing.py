"""Steady growth: five weeks, each dearer than the one before, where no single day stands out."""

from __future__ import annotations

import numpy as np

from finops.anomalies.expect import WEEK, spreads
from finops.anomalies.walk import Run, Walk

BACK = 4
"""Weeks that must each be dearer than the one before."""
EACH, ALL = 1.03, 1.35
"""By what a week rises at least, and all of them together."""
ENDS = 1.015


def growing(walk: Walk, minimum: float, times: float) -> list[Run]:
    """Runs of steady growth. What else was found is out of the way: `walk.clean` holds what was expected there."""
    clean, days = walk.clean, walk.table.days
    sums = np.cumsum(np.pad(clean, ((0, 0), (1, 0))), axis=1)
    busy = {run.row: run for run in walk.runs}
    found: dict[int, Run] = {}
    ended: list[Run] = []
    for day in range((BACK + 1) * WEEK - 1, days):
        weeks = [sums[:, day + 1 - n * WEEK] - sums[:, day + 1 - (n + 1) * WEEK] for n in range(BACK + 1)]
        rose = np.all([weeks[n] > weeks[n + 1] * EACH for n in range(BACK)], axis=0)
        gained = weeks[0] - weeks[BACK]
        there = walk.began <= day - (BACK + 2) * WEEK + 1
        grows = np.flatnonzero(rose & there & (weeks[0] > ALL * weeks[BACK]) & (gained >= minimum))
        if not grows.size and not found:
            continue
        noises = (
            spreads(walk.away[grows], day + 1)[0] * walk.strict[grows] * weeks[BACK][grows] / WEEK * np.sqrt(2 * WEEK)
        )
        for row in list(found):
            if weeks[0][row] <= weeks[1][row] * ENDS:
                ended.append(found.pop(row))
                ended[-1].on = False
            else:
                _to(found[row], walk, day, minimum)
        for row, noise in zip(grows.tolist(), noises.tolist(), strict=True):
            if gained[row] <= times * noise or row in found:
                continue
            if any(one.row == row and day - one.last < BACK * WEEK for one in ended):
                continue
            if row in busy and any(one.row == row and one.last > day - BACK * WEEK for one in walk.runs):
                continue
            base = float(weeks[BACK][row])
            week = clean[row, day - (BACK + 1) * WEEK + 1 : day - BACK * WEEK + 1]
            run = Run(row, day - BACK * WEEK + 1, day, 1, "growth")
            run.should = {n: float(week[(n - run.first) % WEEK]) for n in range(run.first, day + 1)}
            run.spread = dict.fromkeys(run.should, noise / np.sqrt(2 * WEEK) if base else minimum)
            run.over = {n: float(walk.table.costs[row, n]) - run.should[n] for n in run.should}
            run.seen = day
            found[row] = run
    return [*ended, *found.values()]


def _to(run: Run, walk: Walk, day: int, minimum: float) -> None:
    run.add(day, float(walk.table.costs[run.row, day]), run.should[day - WEEK], run.spread[day - 1], minimum)
