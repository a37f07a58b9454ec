"""What a day costs now, cost centre by cost centre: a level, the shape of the week, and what comes every month."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from finops.forecast.months import excess, habits, places
from finops.forecast.table import WEEK, Numbers, Table, Truths
from finops.forecast.trend import WEEKS, daily_growth

FADE = 0.1
"""By how much a day counts less than the day after it: half of what is known comes from the last seven days."""
LAG = (1 - FADE) / FADE
"""The mean age, in days, of what the level is made from."""
LOOK_BACK = 90
SHAPE_WEEKS = 8
NOTHING = 1e-9


@dataclass(frozen=True)
class Fit:
    """A level a row, factors of the seven weekdays (mean 1), what is added at a place of the month, growth a day."""

    level: Numbers
    shape: Numbers
    monthly: Numbers
    growth: float

    def days(self, ahead: NDArray[np.int64], weekdays: NDArray[np.int64], places: NDArray[np.int64]) -> Numbers:
        """Expected cost of each row so many days `ahead` of the last known one, with these weekdays (Monday is 0)."""
        grown = np.maximum(1 + self.growth * (LAG + ahead), 0.0)
        return np.asarray(self.level[:, None] * grown * self.shape[:, weekdays] + self.monthly[:, places])

    def of(self, rows: NDArray[np.int64]) -> Fit:
        """That of some rows."""
        return Fit(self.level[rows], self.shape[rows], self.monthly[rows], self.growth)


@dataclass(frozen=True)
class Past:
    """A table made ready to be looked at from any of its days, none of which sees what came after it.

    whole: where this is some rows of another, that one: what a row is expected to cost is said once, among all.
    """

    table: Table
    weekdays: NDArray[np.int64]
    places: NDArray[np.int64]
    above: Numbers
    whole: Past | None = None

    @classmethod
    def of(cls, table: Table) -> Past:
        weekdays = (np.arange(table.days) + table.start.weekday()) % WEEK
        return cls(table, weekdays, places([table.day(n) for n in range(table.days)]), excess(table))

    def only(self, keys: Collection[str]) -> Past:
        """The rows of `keys`."""
        rows = self.rows_of(keys)
        names = tuple(key for key in self.table.keys if key in keys)
        table = replace(self.table, keys=names, costs=self.table.costs[rows], partly=self.table.partly[rows])
        return replace(self, table=table, above=self.above[rows], whole=self)

    def rows_of(self, keys: Collection[str]) -> NDArray[np.int64]:
        return np.array([n for n, key in enumerate(self.table.keys) if key in keys], dtype=np.int64)


def fitted(past: Past, days: int) -> Fit:
    """The fit of the first `days` days."""
    if past.whole is not None:
        return fitted(past.whole, days).of(past.whole.rows_of(past.table.keys))
    monthly = habits(past.above[:, :days], past.places[:days])
    begin = max(days - LOOK_BACK, 0)
    weekdays, known = past.weekdays[begin:days], past.table.known[begin:days]
    costs = past.table.costs[:, begin:days] - monthly[:, past.places[begin:days]]
    shape = weekly(costs, weekdays)
    factors = shape[:, weekdays]
    faded: Numbers = (1 - FADE) ** np.arange(costs.shape[1], dtype=float)[::-1] * known
    weights = faded * _counts(past.table.costs[:, :days], costs)
    weights = _since_step(costs, factors, weights)
    level = (weights * costs).sum(1) / np.maximum((weights * factors).sum(1), NOTHING)
    long = slice(max(days - WEEKS * WEEK, 0), days)
    usual = past.table.costs[:, long].sum(0) - monthly[:, past.places[long]].sum(0)
    return Fit(level, shape, monthly, daily_growth(usual, float(level.sum())))


def weekly(costs: Numbers, weekdays: NDArray[np.int64]) -> Numbers:
    """Factors by weekday of each row, drawn towards those of all rows together, those towards 1."""
    weeks = min(costs.shape[1] // WEEK, SHAPE_WEEKS)
    if not weeks:
        return np.ones((costs.shape[0], WEEK))
    together = _factors(costs.sum(0, keepdims=True), weeks, np.ones((1, WEEK)), weeks / (weeks + 1))
    shape = _factors(costs, weeks, together, weeks / (weeks + 3))
    turned = np.empty_like(shape)
    turned[:, weekdays[-WEEK:]] = shape
    return turned


def _factors(costs: Numbers, weeks: int, towards: Numbers, share: float) -> Numbers:
    """The last seven days' factors: medians of day / mean of its week. Weeks near zero say nothing."""
    blocks = costs[:, -weeks * WEEK :].reshape(-1, weeks, WEEK)
    means = blocks.mean(2)
    usual = np.abs(means).mean(1, keepdims=True)
    says = means > np.maximum(usual * 0.1, NOTHING)
    ratios = np.where(says[:, :, None], blocks / np.where(says, means, 1.0)[:, :, None], towards[:, None, :])
    own = np.maximum(np.median(ratios, axis=1), 0.0)
    total = own.sum(1, keepdims=True)
    own = np.where(total > NOTHING, own / np.maximum(total, NOTHING) * WEEK, towards)
    return np.asarray(share * own + (1 - share) * towards)


def _counts(all_costs: Numbers, costs: Numbers) -> Truths:
    """Which days speak of the level: none before the first cost of a row, no lone credit among costs."""
    days = costs.shape[1]
    began = np.argmax(all_costs != 0, axis=1) - (all_costs.shape[1] - days)
    there = np.arange(days)[None, :] >= began[:, None]
    credit = (costs < 0) & ((costs < 0).mean(1) < 0.2)[:, None] & (costs.sum(1) > 0)[:, None]
    return np.asarray(there & ~credit)


SHORTEST_STEP, LONGEST_STEP = 5, 21
BASE = 60
SURE = 8.0
ON_ITS_SIDE = 0.85
BEFORE_STEP = 0.2
"""How much days before a step still count."""


def _since_step(costs: Numbers, factors: Numbers, weights: Numbers) -> Numbers:
    """The weights: little before the last days of a row where those lie apart, none where it is gone.

    A level that moved some days ago must not be averaged away. Four days in a row are no step yet: bursts are as long.
    """
    days = costs.shape[1]
    age = np.arange(days)[::-1]
    surest, since = np.zeros(len(costs)), np.zeros(len(costs), dtype=np.int64)
    cost_sums = np.cumsum(np.pad(costs, ((0, 0), (1, 0))), axis=1)
    factor_sums = np.cumsum(np.pad(factors, ((0, 0), (1, 0))), axis=1)
    for length in range(SHORTEST_STEP, min(LONGEST_STEP, days - WEEK) + 1):
        cut = days - length
        base = min(BASE, cut)
        after = _level(cost_sums, factor_sums, cut, days)
        before = _level(cost_sums, factor_sums, cut - base, cut)
        apart = after - before
        off = costs[:, cut - base : cut] - before[:, None] * factors[:, cut - base : cut]
        spread = np.sqrt((off**2).mean(1)) + 0.02 * np.abs(before) + NOTHING
        middle = (after + before)[:, None] / 2 * factors[:, cut:]
        side = ((costs[:, cut:] - middle) * np.sign(apart)[:, None] > 0).mean(1)
        sure = np.where(side >= ON_ITS_SIDE, np.abs(apart) / (spread * np.sqrt(1 / length + 1 / base)), 0.0)
        better = sure > surest
        surest, since = np.where(better, sure, surest), np.where(better, length, since)
    stepped = (surest > SURE)[:, None] & (age[None, :] >= since[:, None])
    gone = _idle(costs)[:, None] & (age[None, :] >= _trailing(costs)[:, None])
    return np.where(gone, 0.0, np.where(stepped, weights * BEFORE_STEP, weights))


def _level(cost_sums: Numbers, factor_sums: Numbers, first: int, last: int) -> Numbers:
    weight = factor_sums[:, last] - factor_sums[:, first]
    return np.asarray((cost_sums[:, last] - cost_sums[:, first]) / np.maximum(weight, NOTHING))


def _trailing(costs: Numbers) -> NDArray[np.int64]:
    """Days at the end of each row that cost nothing."""
    some = costs[:, ::-1] != 0
    return np.asarray(np.where(some.any(1), np.argmax(some, axis=1), costs.shape[1]), dtype=np.int64)


def _idle(costs: Numbers) -> Truths:
    """Whether a row costs nothing for longer than it ever did before, and for two days at least."""
    days = costs.shape[1]
    last = np.maximum.accumulate(np.where(costs != 0, np.arange(days)[None, :], -1), axis=1)
    run = np.arange(days)[None, :] - last
    trailing = _trailing(costs)
    earlier = np.arange(days)[None, :] < (days - trailing)[:, None]
    begun = last >= 0
    longest = np.where(earlier & begun, run, 0).max(1)
    return np.asarray((trailing >= 2) & (trailing > longest) & begun.any(1))
