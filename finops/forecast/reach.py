"""How far from its middle a month may end: simulated from how weeks moved and days scattered before."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from finops.forecast.level import NOTHING, Fit, Past
from finops.forecast.table import WEEK, Numbers

DRAWS = 2000
LOOK_BACK = 182
STAYS = 0.9
"""The share of a week's move that is still there a week later: launches stay, bursts of training do not.
With 1 the ranges of invented estates were a twentieth wider for one point of coverage more, with 0.6 they held in 75 of
100 (benchmarks/forecast.py --seeds 1)."""
USUAL_MOVES = (-0.2, -0.1, -0.04, 0.04, 0.1, 0.2)
"""Week-on-week moves of an estate, shares of its cost, that stand in for weeks not lived yet: with six months of data
they are one draw in fifteen, with three weeks of it one in two."""
REPEAT_USUAL = 2


def scattered(past: Past, days: int, fit: Fit, gaps: int, coming: int, seed: Sequence[int]) -> Numbers:
    """Ways that the total of a day may lie off its mean, a draw a row: `gaps` days gone by, then `coming` days.

    Of all rows together: levels and noise add up, so drawing a week for all rows at once is drawing it for the total.
    """
    moves, noise = _lived(past, days, fit)
    # One stream for the moves and one for the noise: what one day adds must not change the others' draws.
    dice = np.random.default_rng([*seed, 1])
    weeks = -(-coming // WEEK)
    signs = dice.choice([-1.0, 1.0], (DRAWS, weeks)) if weeks else np.zeros((DRAWS, 0))
    drawn = moves[dice.integers(0, len(moves), (DRAWS, weeks))] * signs
    level = np.zeros((DRAWS, weeks))
    carried = np.zeros(DRAWS)
    for week in range(weeks):
        carried = STAYS * carried + drawn[:, week]
        level[:, week] = carried
    dice = np.random.default_rng([*seed, 2])
    off = noise[dice.integers(0, len(noise), (DRAWS, gaps + coming))]
    off[:, gaps:] += np.repeat(level, WEEK, axis=1)[:, :coming]
    return off


def _lived(past: Past, days: int, fit: Fit) -> tuple[Numbers, Numbers]:
    """The moves from a week to the next and the noise of days around their week, at the size that the total has now."""
    begin = max(days - LOOK_BACK, 0)
    costs = past.table.costs[:, begin:days] - fit.monthly[:, past.places[begin:days]]
    total = costs.sum(0)
    size = _around(np.abs(total))
    now = size[-1]
    sums = np.cumsum(np.pad(total, (1, 0)))
    means = (sums[WEEK:] - sums[:-WEEK]) / WEEK
    moves = (means[WEEK:] - means[:-WEEK]) / size[2 * WEEK - 1 :] * now
    weeks = len(total) // WEEK
    blocks = costs[:, len(total) - weeks * WEEK :].reshape(len(costs), weeks, WEEK)
    shape = fit.shape[:, past.weekdays[days - WEEK : days]]
    noise = (blocks - blocks.mean(2)[:, :, None] * shape[:, None, :]).sum(0)
    # By the size at the end of its week, which that week is part of: on the days before a first charge there is none.
    noise = (noise / size[len(total) - weeks * WEEK + WEEK - 1 :: WEEK, None] * now).ravel()
    usual = np.tile(np.array(USUAL_MOVES) * now, REPEAT_USUAL)
    return np.concatenate([moves, usual]), noise - noise.mean()


def _around(total: Numbers) -> Numbers:
    """The mean of each day and the 27 before it; of the first four weeks, one mean for all their days."""
    sums = np.cumsum(np.pad(total, (1, 0)))
    last = np.maximum(np.arange(1, len(sums)), min(4 * WEEK, len(total)))
    first = np.maximum(last - 4 * WEEK, 0)
    return np.asarray(np.maximum((sums[last] - sums[first]) / (last - first), NOTHING))
