"""The record: what would have been said of past months, and how much wider that makes what is said now."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from statistics import NormalDist, median

import numpy as np

from finops.forecast.buying import MONTHS, booked, due
from finops.forecast.glance import Glance, glance, month_of
from finops.forecast.level import Past
from finops.forecast.model import Daily, Purchase, Said, Track
from finops.forecast.table import added, exact, tabled, written

BELIEVED = 20
"""Past looks that the simulation is believed for: the record weighs against these, which hold just as promised."""
WIDEST = 4.0


LATELY = timedelta(days=31 * MONTHS)
"""How far back the purchases lie that tell which are due."""


@dataclass(frozen=True)
class Look:
    """A past look whose month is over. strain: its distance from what came, in half widths of its range.

    bought: purchases that had come by then or were due, which were said as they are; came_bought: those of the month.
    """

    month: date
    day: int
    seen: Glance
    column: int  # days known
    strain: float | None
    bought: Decimal
    came_bought: Decimal


def track(
    dailies: Sequence[Daily],
    first_month: date | None,
    through: date | None,
    days: Sequence[int],
    level: Decimal,
    missing: Collection[date],
    purchases: Sequence[Purchase] = (),
) -> Track:
    """What would have been said of each whole month from `first_month` to `through`, and what came."""
    last = through or max((one.end for one in dailies if one.amounts), default=date.min) - timedelta(days=1)
    past = Past.of(tabled(dailies, last, missing))
    looks = looked(past, last + timedelta(days=1), days, level, purchases)
    return told(dailies, past, looks, level, first_month)


def looked(
    past: Past, before: date, days: Sequence[int], level: Decimal, purchases: Sequence[Purchase] = ()
) -> list[Look]:
    """The looks at every month that is whole and over before `before`, and has no day missing.

    Each is of the total, as it is printed: usage and purchases.
    """
    table = past.table
    purchases = sorted(purchases, key=_day)
    looks = []
    first, after = month_of(table.start if table.start.day == 1 else month_of(table.start)[1])
    while after <= before:
        a, b = table.column(first), table.column(after)
        if table.known[a:b].all():
            near = _between(purchases, first - LATELY, after)
            came_bought = added(one.amount for one in booked(near, first, after - timedelta(days=1)))
            for day in sorted({day for day in days if 0 < day < b - a}):
                seen = glance(past, a + day, first, after)
                now = first + timedelta(days=day - 1)
                bought = added(one.amount for one in (*booked(near, first, now), *due(near, first, after, now)))
                came = float(table.costs[:, a + day : b].sum(0).sum()) + float(came_bought - bought) / table.unit
                looks.append(Look(first, day, seen, a + day, _strain(seen, came, level), bought, came_bought))
        first, after = month_of(after)
    return looks


def _strain(seen: Glance, came: float, level: Decimal) -> float | None:
    reached = reach(seen, level, 1.0)
    if reached is None:
        return None
    low, middle, high = reached
    half = high - middle if came > middle else middle - low
    return abs(came - middle) / half if half > 0 else (0.0 if np.isclose(came, middle) else WIDEST)


def reach(seen: Glance, level: Decimal, wider: float) -> tuple[float, float, float] | None:
    """Low, middle and high of the sum of the days ahead."""
    ways = seen.ways(wider)
    if ways is None:
        return None
    tail = (1 - float(level)) / 2
    middle = float(seen.rest.sum(0).sum())
    low, high = np.quantile(ways[:, -1], [tail, 1 - tail])
    return min(float(low), middle), middle, max(float(high), middle)


def wider(looks: Sequence[Look], before: date, level: Decimal) -> float:
    """By how much ranges must be wider for `level` of the looks at months over by `before` to have held."""
    strains = [look.strain for look in looks if look.strain is not None and month_of(look.month)[1] <= before]
    normal = NormalDist()
    edge = normal.inv_cdf((1 + float(level)) / 2)
    strains += [normal.inv_cdf((1 + (n + 0.5) / BELIEVED) / 2) / edge for n in range(BELIEVED)]
    return float(np.clip(np.quantile(strains, float(level)), 1.0, WIDEST))


def told(
    dailies: Sequence[Daily], past: Past, looks: Sequence[Look], level: Decimal, first_month: date | None = None
) -> Track:
    """The looks in money, each with the width that was known to be needed on its day."""
    table = past.table
    rows = []
    came: dict[date, Decimal] = {}
    for look in looks:
        first, after = month_of(look.month)
        if first_month and first < first_month.replace(day=1):
            continue
        if first not in came:
            usage = added(exact(dailies, first, after - timedelta(days=1)).values())
            came[first] = usage + look.came_bought
        so_far = float(table.costs[:, table.column(first) : look.column].sum(0).sum())
        reached = reach(look.seen, level, wider(looks, first, level))
        middle, *ends = (
            look.bought + written((so_far + ahead) * table.unit)
            for ahead in (float(look.seen.rest.sum(0).sum()), *(reached[::2] if reached else ()))
        )
        low, high = ends or (None, None)
        rows.append(Said(first, look.day, low, middle, high, came[first]))
    ranged = [row for row in rows if row.is_inside is not None]
    misses = [row.miss_percent for row in ranged if row.miss_percent is not None]
    months = len({row.month for row in ranged})
    held = sum(row.is_inside is True for row in ranged)
    return Track(held, len(ranged), months, median(misses) if misses else None, tuple(rows))


def _day(one: Purchase) -> date:
    return one.day


def _between(purchases: Sequence[Purchase], first: date, after: date) -> Sequence[Purchase]:
    """Those of the days from `first` to before `after`, of purchases in the order of their days."""
    return purchases[bisect_left(purchases, first, key=_day) : bisect_left(purchases, after, key=_day)]
