"""The forecast itself: exact amounts so far, means for the rest by cost centre, one range for the total."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal, localcontext

import numpy as np

from finops.errors import UsageError
from finops.forecast.buying import booked, due
from finops.forecast.glance import Glance, glance, month_of
from finops.forecast.level import Past
from finops.forecast.model import FEWEST_DAYS, Daily, Outlook, Point, Purchase, Reach
from finops.forecast.reach import DRAWS
from finops.forecast.record import looked, told, wider
from finops.forecast.table import DIGITS, WEEK, Numbers, added, exact, tabled, usual, written


@dataclass(frozen=True)
class _Sums:
    """Exact amounts of the month by key, and by day of all keys: charged, purchased, due."""

    paid: dict[str, Decimal]
    days: dict[date, Decimal]
    bought: list[Purchase]
    due: list[Purchase]

    @property
    def so_far(self) -> Decimal:
        return added(self.paid.values()) + _sum(self.bought)


def look(
    dailies: Sequence[Daily],
    month: date,
    through: date,
    purchases: Mapping[str, Decimal] | Sequence[Purchase],
    level: Decimal,
    missing: Collection[date],
    days: Sequence[int],
    until: date | None = None,
    only: Collection[str] | None = None,
    aside: Collection[tuple[str, date]] = (),
) -> Outlook:
    """Where the month ends, by what is known at the end of `through`; past months are looked at on their `days`."""
    if not 0 < level < 1:
        raise UsageError(f"A range that holds in {level} of all months cannot be made.", "Give a share such as 0.8.")
    first, after = month_of(month) if until is None else (month, until)
    was = Past.of(tabled(dailies, through, missing))
    past = Past.of(usual(was.table, aside)) if aside else was
    if only is not None:
        dailies = [one for one in dailies if one.key in only]
        was, past = was.only(only), past.only(only)
    now = first if until is None else max(first, month_of(through)[0])
    one_by_one = () if isinstance(purchases, Mapping) else purchases
    looks = looked(was, min(now, through + timedelta(days=1)), days, level, one_by_one)
    width = wider(looks, now, level)
    seen = glance(past, past.table.days, first, after)
    unit = past.table.unit
    record = told(dailies, was, looks, level)
    with localcontext() as context:
        context.prec = DIGITS
        last = min(after - timedelta(days=1), through)
        sums = _Sums(
            paid=exact(dailies, first, last),
            days={day: added(exact(dailies, day, day).values()) for day in _between(first, last)},
            bought=booked(purchases, first, last),
            due=due(purchases, first, after, through),
        )
        by = dict(sums.paid)
        for key, amount in zip(past.table.keys, seen.rest.sum(1) * unit, strict=True):
            by[key] += written(float(amount))
        for one in (*sums.bought, *sums.due):
            by[one.key] = by.get(one.key, Decimal(0)) + one.amount
        middle = added(by.values())
        ways = _ways(seen, width, unit)
        base = sums.so_far + _sum(sums.due)
        ends = () if ways is None else tuple(base + written(end) for end in np.sort(ways[:, -1]).tolist())
        return Outlook(
            month=first,
            through=through,
            level=level,
            so_far=sums.so_far,
            total=_reach(ways, -1, base, middle, level),
            by=by,
            path=tuple(_path(seen, sums, ways, unit, level, (first, after), middle)),
            purchases=_sum(sums.bought),
            due=_sum(sums.due),
            coming=tuple(sums.due),
            method=_method(seen, width),
            track=record,
            why_no_range=""
            if ways is not None
            else f"{seen.lived} complete days are known; a range is given from {FEWEST_DAYS} on.",
            ends=ends,
        )


def _ways(seen: Glance, width: float, unit: float) -> Numbers | None:
    """Draws of what the days ahead add up to; one draw of one day without cost where none is ahead; None: no range."""
    if not seen.days:
        return np.zeros((1, 1))
    ways = seen.ways(width)
    return None if ways is None else np.asarray(ways * unit)


def _reach(ways: Numbers | None, at: int, base: Decimal, middle: Decimal, level: Decimal) -> Reach:
    if ways is None:
        return Reach(None, middle, None)
    tail = (1 - float(level)) / 2
    low, high = np.quantile(ways[:, at], [tail, 1 - tail]).tolist()
    return Reach(min(base + written(low), middle), middle, max(base + written(high), middle))


def _path(
    seen: Glance,
    sums: _Sums,
    ways: Numbers | None,
    unit: float,
    level: Decimal,
    month: tuple[date, date],
    middle: Decimal,
) -> list[Point]:
    """Cost added up to the end of each day. The first day whose charges are not known is where the range begins."""
    expected = np.cumsum(seen.rest.sum(0)) * unit
    known, points = Decimal(0), []
    last = month[1] - timedelta(days=1)
    for day in _between(month[0], last):
        known += sums.days.get(day, Decimal(0))
        known += _sum(one for one in (*sums.bought, *sums.due) if one.day == day)
        ahead = sum(1 for one in seen.days if one <= day)
        if not ahead:
            points.append(Point(day, known, known, known))
            continue
        mean = middle if day == last else known + written(float(expected[ahead - 1]))
        reach = _reach(ways, ahead - 1, known, mean, level)
        points.append(Point(day, reach.low, reach.middle, reach.high))
    return points


def _between(first: date, last: date) -> list[date]:
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def _sum(purchases: Iterable[Purchase]) -> Decimal:
    return added(one.amount for one in purchases)


def _method(seen: Glance, width: float) -> str:
    """How it was made, in a sentence or two."""
    if not seen.days:
        return "Every day of the month is charged."
    shape = "by weekday" if seen.lived >= WEEK else "without the shape of a week, which is not known yet"
    said = f"The level of the latest days, {shape}, for the days to come."
    if seen.off is None:
        return said
    said += f" The range: {DRAWS:,} ways on, drawn from how weeks moved and days scattered before"
    return f"{said}; {width:.2f} times as wide, as past ranges held too seldom." if width > 1.005 else f"{said}."
