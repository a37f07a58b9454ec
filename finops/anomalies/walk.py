"""Walk through the days as they came: each is judged by the days before it, and what is off is kept apart.

A day that is off does not teach what is usual: what was expected stands in for it. A level that stays off for
ADOPT days becomes the usual one: the days before are moved to it, so that shape and noise are kept.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from finops.anomalies.expect import FEWEST, NOTHING, WEEK, expected, spreads, twice, unit
from finops.anomalies.model import KINDS, Cell, Kind
from finops.anomalies.table import Numbers, Table, Truths

ADOPT = 14
STEP = 5
"""Days after which what is still off is a step and no spike."""
CALM = 3
"""Days within the usual after which something is over: a weekend, on which less is seen, does not end it."""
UNLIKE = 0.5
"""Of what a level moved by: where days differ by more than that from it, the days before tell nothing of its shape."""
STAYS, FELL = 0.5, 0.7
"""Of the bar: what is off stays so above it, and below it by so much of the usual, however high the bar."""
DROP = 1.4
"""A fall takes so many times the bar: people are away, and less cost is less urgent."""
GONE, EVER = 0.05, 0.15
"""Gone: below this part of what is expected, where no day of the last four weeks lay below that one."""
EDGE = 3
"""Days at either end of a month on which what came a month before is no surprise."""
HABIT = 2.0
"""How much more than then it takes: one batch or two tell little of how much they differ."""
HALF = 0.55
"""A fall by so much of the cost is one in a noisy scope, too, unless it fell so twice."""
AS_EVER = 1.35
"""How much more it takes than what the scope has done twice."""
BOTH = 0.6
"""Two days in a row tell from so much of the bar of one day: chance seldom speaks twice."""
AS_BOTH = 1.15
"""How much more each of the two takes than any two days in a row have come to ..."""
BOTH_TWICE = 0.9
"""... and how much of what single days did twice: two small bursts side by side are no news."""
LEAST_FALL, BOTH_FALL = 0.3, 0.24
"""Of what is expected: a smaller fall on one day, or on each of two, is none."""
NARROW = 1.25
"""How much higher the bar is for workspaces, services and meters: there are many, and each is told by chance."""
OPEN = 0.65
"""Of `times`: what goes beyond so much is kept apart; how clear it must be to be told depends on what it comes to."""
SURE = 99.0
"""How clear it is that something is new, or gone."""
REST = 0.85
"""A day on which the median scope of any kind cost less than that part of what is expected: people are away."""
ACTIVE = 5
"""Scopes of a kind it takes to see that all of them fell together, as on a holiday."""


@dataclass
class Run:
    """Days on which one row is off, first to last. should: what was expected of each day; spread: in money.

    force: how many times its bar it came to, alone or with the day before; cell: where it shows, if it is of a cell.
    """

    row: int
    first: int
    last: int
    sign: int
    kind: Kind = "spike"
    should: dict[int, float] = field(default_factory=dict)
    spread: dict[int, float] = field(default_factory=dict)
    over: dict[int, float] = field(default_factory=dict)  # cost - should
    away: dict[int, float] = field(default_factory=dict)  # in units; what is usual learns of it once it is over
    pair: float = 0.0  # in units, on the best two of its days in a row
    seen: int | None = None
    calm: int = 0
    on: bool = True
    force: dict[int, float] = field(default_factory=dict)
    cell: Cell = ()

    @property
    def side(self) -> int:
        return 0 if self.sign > 0 else 1

    @property
    def stands_out(self) -> float:
        """By how many usual deviations of such a stretch of days."""
        own = math.sqrt(sum(value**2 for value in self.spread.values()))
        return abs(sum(self.over.values())) / max(own, NOTHING)

    def add(self, day: int, cost: float, should: float, spread: float, minimum: float) -> None:
        self.should[day], self.spread[day], self.over[day] = should, spread, cost - should
        self.last = day
        if self.seen is None and abs(sum(self.over.values())) >= minimum:
            self.seen = day

    def cut(self) -> None:
        """Drop calm days behind the last one that is off."""
        for days in (self.should, self.spread, self.over):
            for day in [one for one in days if one > self.last]:
                del days[day]


@dataclass
class Walk:
    """The walk over one table. raised: money a day by row and column below which nothing is off.

    fell: by column, what is left where most scopes fell together; wider: that of the scopes that cells are parts of.
    """

    table: Table
    minimum: float
    times: float
    raised: Mapping[int, Numbers]
    wider: Numbers | None = None
    runs: list[Run] = field(default_factory=list)
    fell: Numbers = field(init=False)
    clean: Numbers = field(init=False)
    away: Numbers = field(init=False)
    began: NDArray[np.int64] = field(init=False)
    open_: dict[int, Run] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        costs = self.table.costs
        self.fell = np.ones(costs.shape[1])
        self.clean = costs.copy()
        self.away = np.full(costs.shape, np.nan)
        some = costs != 0
        self.began = np.where(some.any(1), np.argmax(some, axis=1), costs.shape[1]).astype(np.int64)
        self.excess, self.sizes = np.zeros(costs.shape), np.ones(costs.shape)
        # How far up and down each row was off on two days in a row; what yesterday came to, needed, was judged by.
        self.pairs = np.zeros((2, *costs.shape))
        self.last, self.needs, self.wide, self.before = (np.zeros((n, len(costs))) for n in (2, 2, 2, 3))
        self.places = [_places(table_day) for table_day in (self.table.day(n) for n in range(costs.shape[1] + 1))]
        self.strict = np.array([1.0 if scope.kind == "cost centre" else NARROW for scope in self.table.scopes])
        self.kinds = np.array([KINDS.index(scope.kind) for scope in self.table.scopes])

    def judge(self) -> list[Run]:
        for day in range(1, self.table.days):
            self._day(day)
        for run in list(self.open_.values()):
            self._end(run, self.table.days - 1)
        return [run for run in self.runs if run.seen is not None]

    def _day(self, day: int) -> None:
        costs = self.table.costs[:, day]
        should, level = expected(self.clean, self.began, day)
        if not self.table.known[day]:
            self.clean[:, day] = should
            self.last[:] = 0.0
            return
        size = unit(should, level, self.minimum / 10)
        off = costs - should
        shared = self._shared(costs, should) if self.wider is None else np.full(len(costs), self.wider[day])
        self.fell[day] = shared.min()
        # A fall on a day on which many fell is told on the next one, if it is still there.
        rest = float(self.fell[day]) < REST
        low = costs - should * shared
        upper, lower = spreads(self.away, day)
        judged = day - self.began >= WEEK  # before that, nothing is known of weekends
        self.away[:, day] = np.where(judged, np.where(off < 0, np.minimum(low, 0.0), off) / size, np.nan)
        if rest:
            self.away[:, day] = np.where(off < 0, np.nan, self.away[:, day])
        self.excess[:, day], self.sizes[:, day] = off, size
        if day < FEWEST:
            return
        if day == FEWEST:
            self._look_back(size)
        most, fell = twice(self.away, day)
        times = self.times * self.strict
        clear = np.array([times * upper, np.minimum(times * DROP * lower, HALF)]) * size
        wide = OPEN * clear
        bar = np.array([AS_EVER * most, np.maximum(AS_EVER * fell, LEAST_FALL)]) * size
        bar = np.maximum(bar, self.minimum / STEP)
        for row, least in self.raised.items():
            bar[:, row] = np.maximum(bar[:, row], least[day])
        stays, habit = STAYS * np.maximum(bar, wide), self._habit(day, size)
        stays[0] += habit / HABIT
        stays[1] = np.minimum(stays[1], STAYS * FELL * size)
        bar[0] = np.maximum(bar[0], habit)
        bar_up, bar_down = np.maximum(bar, wide)
        is_new = self.began == day
        gone = self._gone(costs, should, level, day) & (shared > 0.3)
        young = (day - self.began < FEWEST) & ~is_new
        spread = {1: upper * size, -1: lower * size}
        # What is no anomaly, but rare, must not move the level as if it were to stay.
        usual = np.clip(np.maximum(costs, np.minimum(costs / shared, should)), should - wide[1], should + wide[0])
        usual = np.where(off < 0, should, usual) if rest else usual
        self.clean[:, day] = np.where(young | is_new, costs, usual)
        if self._is_edge(day):
            # What comes with the month is judged by months, and says nothing of the days between.
            self.away[:, day] = np.where(off > wide[0], np.nan, self.away[:, day])
        up = (off > bar_up) & ~young
        down = ((-low > bar_down) | gone) & ~young & (not rest)
        both, clearly = self._both(day, size, off - habit, np.where(rest, 0.0, -low))
        self.needs, self.wide = BOTH_TWICE * np.array([most, fell]), BOTH * clear / size
        before, self.before = self.before, np.array([should, spread[1], spread[-1]])
        held = dict(self.open_)
        force = np.array([off, np.where(gone, SURE * size, -low)]) / np.maximum(bar, clear)
        force[0, is_new] = SURE
        for row, run in held.items():
            still = run.sign * off[row] > stays[run.side, row] and (
                run.kind != "gone" or costs[row] < 0.3 * should[row]
            )
            self._go_on(run, day, bool(still), float(should[row]), float(spread[run.sign][row]))
            # What comes by and by is growth: only what came since yesterday makes it clearer.
            now, was = run.sign * float(off[row]), max(run.sign * run.over.get(day - 1, 0.0), 0.0)
            since = max(0.0, 1 - was / max(now, NOTHING))
            second = clearly[run.side, row] if day == run.first + 1 else 0.0
            run.force[day] = max(float(force[run.side, row]) * since, float(second))
        for row in np.flatnonzero(up | down).tolist():
            if row not in held:  # on the day on which a level becomes the usual one, it is not off again
                sign = 1 if up[row] else -1
                fresh = bool(is_new[row]) and sign > 0
                kind: Kind = "new" if fresh else "gone" if gone[row] and sign < 0 else "spike"
                run = self.open_[row] = Run(row, day, day, sign, kind)
                run.force[day] = float(force[run.side, row])
                self.runs.append(run)
                self._go_on(run, day, True, float(should[row]), float(spread[sign][row]))
        for row in np.flatnonzero(both.any(0) & ~young & ~is_new).tolist():
            if row not in held and row not in self.open_:
                run = self.open_[row] = Run(row, day - 1, day, 1 if both[0, row] else -1)
                run.force[day] = float(clearly[run.side, row])
                self.runs.append(run)
                self._go_on(run, day - 1, True, float(before[0, row]), float(before[run.sign, row]))
                self._go_on(run, day, True, float(should[row]), float(spread[run.sign][row]))
                run.seen = None if run.seen is None else day  # the first of the two told nothing

    def _look_back(self, size: Numbers) -> None:
        """What came in the first weeks, of which nothing was expected, against the same weekday of the other one."""
        early = self.table.costs[:, :FEWEST]
        other = np.roll(early, WEEK, axis=1)
        self.excess[:, :FEWEST] = np.where(early > 2 * other, early - other, 0.0)
        self.sizes[:, :FEWEST] = size[:, None]

    def _both(self, day: int, size: Numbers, over: Numbers, under: Numbers) -> tuple[Truths, Numbers]:
        """Which rows are off on this day and the one before, up and down, and how clearly, by the days before both."""
        now = np.maximum(np.array([over, under]) / size, 0.0)
        least = np.full(len(size), self.minimum / STEP)
        for row, raised in self.raised.items():
            least[row] = max(least[row], raised[day])
        self.pairs[:, :, day] = np.minimum(now, self.last)
        needs = np.maximum(np.maximum(self.needs, AS_BOTH * self.pairs[:, :, :day].max(2)), least / size)
        needs[1] = np.maximum(needs[1], BOTH_FALL)
        self.last = now
        pair = self.pairs[:, :, day]
        return pair > np.maximum(needs, OPEN * self.wide), pair / np.maximum(needs, self.wide)

    def _go_on(self, run: Run, day: int, still: bool, should: float, spread: float) -> None:
        cost = float(self.table.costs[run.row, day])
        if not still:
            run.calm += 1
            if run.calm >= CALM:
                self._end(run, day, over=True)
            return
        for between in range(day - run.calm, day):  # calm days between belong to it
            run.should[between], run.over[between] = float(self.clean[run.row, between]), 0.0
            run.spread[between] = spread
        run.calm = 0
        run.add(day, cost, should, spread, self.minimum)
        self.clean[run.row, day] = should
        run.away[day], self.away[run.row, day] = float(self.away[run.row, day]), np.nan
        run.pair = max(run.pair, float(self.pairs[run.side, run.row, day]))
        self.pairs[run.side, run.row, day] = 0.0
        if day - run.first + 1 >= ADOPT:
            self._adopt(run, day)

    def _adopt(self, run: Run, day: int) -> None:
        """What is off has become the usual."""
        row, costs = run.row, self.table.costs[run.row]
        own = sorted(run.should)
        now, was = costs[own], np.array([run.should[n] for n in own])
        self.clean[row, run.first : day + 1] = costs[run.first : day + 1]
        before = slice(int(self.began[row]), run.first)
        added, times = _spread_of(now - was), _spread_of(now / np.maximum(was, NOTHING))
        if was.sum() <= NOTHING or min(added, times) > UNLIKE:
            self.clean[row, : run.first] = 0.0
            self.began[row] = run.first
        elif added <= times:
            # Nodes that run day and night add the same to each day; more people multiply it.
            moved = self.clean[row, before] + (now - was)[-WEEK:].mean()
            self.clean[row, before] = np.maximum(moved, 0.0)
        else:
            self.clean[row, before] *= now[-WEEK:].sum() / max(was[-WEEK:].sum(), NOTHING)
        self.away[row, run.first : day + 1] = np.nan
        self._end(run, day)
        if run.kind == "spike":
            run.kind = "growth" if _rises(run) else "step"

    def _end(self, run: Run, day: int, over: bool = False) -> None:
        """over: the days are as expected again."""
        self.open_.pop(run.row, None) if over or day - run.first + 1 >= ADOPT else None
        run.on = not over
        if over:
            # One burst is one: its first day alone tells how large bursts are here.
            told = [off for at, off in run.away.items() if not self._is_edge(at)]
            self.away[run.row, run.first] = max(told, key=abs, default=np.nan)
            self.pairs[run.side, run.row, run.first] = run.pair
        run.cut()
        if run.kind == "spike" and run.on and run.last - run.first + 1 >= STEP:
            run.kind = "growth" if _rises(run) else "step"

    def _gone(self, costs: Numbers, should: Numbers, level: Numbers, day: int) -> Truths:
        month = self.clean[:, max(day - 28, 0) : day]
        least = np.sort(month, axis=1)[:, 0]
        there = (self.began <= day - FEWEST) & (should > 0.3 * level) & (should >= self.minimum / 10)
        return np.asarray(there & (costs <= GONE * should) & (least > EVER * level))

    def _is_edge(self, day: int) -> bool:
        return min(self.places[day]) < EDGE

    def _habit(self, day: int, size: Numbers) -> Numbers:
        """What came at the same place of the months before, near the ends of a month, grown as the row has since."""
        from_start, to_end = self.places[day]
        if not self._is_edge(day):
            return np.zeros(len(self.began))
        alike = [
            n for n in range(max(day - 100, 0), day - 20)
            if (from_start < EDGE and abs(self.places[n][0] - from_start) <= 1)
            or (to_end < EDGE and abs(self.places[n][1] - to_end) <= 1)
        ]  # fmt: skip
        if not alike:
            return np.zeros(len(self.began))
        then = np.maximum(self.excess[:, alike], 0.0)
        grown = np.maximum(size[:, None] / np.maximum(self.sizes[:, alike], NOTHING), 1.0)
        return np.asarray((then * np.where(then > 0, grown, 1.0)).max(1) * HABIT)

    def _shared(self, costs: Numbers, should: Numbers) -> Numbers:
        """By how much the scopes of each kind fell together: 1, or the median part that is left."""
        factors = np.ones(len(costs))
        for kind in range(len(KINDS)):
            rows = (self.kinds == kind) & (should > self.minimum / 10)
            if rows.sum() >= ACTIVE:
                factors[self.kinds == kind] = min(1.0, max(0.05, float(np.median(costs[rows] / should[rows]))))
        return factors


def _spread_of(values: Numbers) -> float:
    return float(values.std() / max(abs(values.mean()), NOTHING))


def _rises(run: Run) -> bool:
    """Whether it grew all the way, and did not jump."""
    over = [abs(value) for _, value in sorted(run.over.items())]
    half = len(over) // 2
    return len(over) >= 7 and sum(over[-half:]) > 1.6 * sum(over[:half]) and max(over[:2]) < 0.5 * max(over)


def _places(day: object) -> tuple[int, int]:
    """Days since the first of the month, and days until its last."""
    from datetime import date

    assert isinstance(day, date)
    after = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
    return day.day - 1, (after - day).days - 1
