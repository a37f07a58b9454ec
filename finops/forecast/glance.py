"""One look from the end of a day at the end of some days: what each row still costs, and how far off it may be."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from finops.forecast.level import Past, fitted
from finops.forecast.model import FEWEST_DAYS
from finops.forecast.months import places
from finops.forecast.reach import scattered
from finops.forecast.table import Numbers


@dataclass(frozen=True)
class Glance:
    """Days of the stretch whose charges are not known, first to last: some may have gone by.

    rest: what each row (first axis) is expected to cost on each of them. off: ways that their total may lie off that,
    a draw a row; None where too few days are known to say. floor: less than this no day costs.
    """

    days: tuple[date, ...]
    rest: Numbers
    off: Numbers | None
    floor: float
    lived: int  # complete days since the first charge

    def ways(self, wider: float = 1.0) -> Numbers | None:
        """What the total of these days may add up to by the end of each, a draw a row. None where nobody can say."""
        if self.off is None:
            return None
        middle = self.rest.sum(0)
        return np.asarray(np.cumsum(np.maximum(middle + wider * self.off, np.minimum(self.floor, middle)), axis=1))


def month_of(day: date) -> tuple[date, date]:
    """The first day of the month of `day`, and of the month after it."""
    first = day.replace(day=1)
    return first, (first + timedelta(days=32)).replace(day=1)


def glance(past: Past, days: int, first: date, after: date) -> Glance:
    """The look at the days from `first` to before `after` from the end of the first `days` days of `past`."""
    table = past.table
    seen = range(max(table.column(first), 0), min(table.column(after), days))
    gaps = [table.day(column) for column in seen if not table.known[column]]
    now = table.day(days)
    coming = [now + timedelta(days=n) for n in range((after - now).days)]
    ahead = [*gaps, *(day for day in coming if day >= first)]
    fit = fitted(past, days)
    distance = np.array([(day - now).days + 1 for day in ahead], dtype=np.int64)
    rest = fit.days(distance, np.array([day.weekday() for day in ahead], dtype=np.int64), places(ahead))
    charged = table.partly[:, [table.column(day) for day in gaps]]
    rest[:, : len(gaps)] = np.maximum(rest[:, : len(gaps)] - charged, np.minimum(rest[:, : len(gaps)], 0))
    total = table.costs[:, :days].sum(0)
    floor = min(float(total.min()), 0.0)
    lived = _lived(total, past, days)
    if lived < FEWEST_DAYS:
        return Glance(tuple(ahead), rest, None, floor, lived)
    off = scattered(past, days, fit, len(gaps), len(coming), seed=[first.toordinal(), now.toordinal()])
    skipped = len(gaps) + len(coming) - len(ahead)
    off = np.delete(off, slice(len(gaps), len(gaps) + skipped), axis=1)
    return Glance(tuple(ahead), rest, off, floor, lived)


def _lived(total: Numbers, past: Past, days: int) -> int:
    charged = np.flatnonzero(total)
    return int(past.table.known[charged[0] if len(charged) else 0 : days].sum())
