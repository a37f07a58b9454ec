"""Daily amounts as one table of numbers: a row a cost centre, a column a day, up to the last complete day."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal, localcontext

import numpy as np
from numpy.typing import NDArray

from finops.errors import DataError
from finops.forecast.model import Daily

WEEK = 7
DIGITS = 80  # Python's own sums keep 28: too few for the last digit of large and small amounts together

Numbers = NDArray[np.float64]
Truths = NDArray[np.bool_]


@dataclass(frozen=True)
class Table:
    """Amounts in units of `unit`, so that nothing below depends on the size or the currency of a bill.

    costs: of days that are not known, those of the same weekday before. known: days whose charges are all there.
    partly: what was charged on days that are not known, zero on all others.
    """

    keys: tuple[str, ...]
    start: date
    costs: Numbers
    known: Truths
    partly: Numbers
    unit: float

    @property
    def days(self) -> int:
        return int(self.costs.shape[1])

    def column(self, day: date) -> int:
        return (day - self.start).days

    def day(self, column: int) -> date:
        return self.start + timedelta(days=column)


def tabled(dailies: Sequence[Daily], through: date, missing: Collection[date] = ()) -> Table:
    """The days from the first amount to `through`, keys in order: what has the same key is added up."""
    missing = set(missing)
    began = [one.start for one in dailies if one.amounts and one.start <= through]
    start = min(began, default=through)
    days = (through - start).days + 1
    known = np.array([start + timedelta(days=n) not in missing for n in range(days)])
    if not began or not known.any():
        raise DataError(
            f"There are no charges to forecast from: no complete day up to {through:%d %b %Y}.",
            "Forecast again when a first day is complete.",
        )
    keys = tuple(sorted({one.key for one in dailies}))
    row = {key: n for n, key in enumerate(keys)}
    costs = np.zeros((len(keys), days))
    for one in dailies:
        at = (one.start - start).days
        amounts = one.amounts[: max(days - at, 0)]
        costs[row[one.key], at : at + len(amounts)] += np.array(amounts, dtype=float)
    if not np.isfinite(costs).all():
        raise DataError("An amount of a day is not a number.", "Load charges whose costs are numbers.")
    # A power of two: dividing by it loses no digit, so that the same days give the same figures in any company.
    unit = 2.0 ** int(np.frexp(np.abs(costs[:, known]).sum() / known.sum())[1])
    costs /= unit
    partly = np.where(known, 0.0, costs)
    for gap in np.flatnonzero(~known).tolist():
        costs[:, gap] = costs[:, gap - WEEK] if gap >= WEEK else 0.0
    return Table(keys, start, costs, known, partly, unit)


def usual(table: Table, aside: Collection[tuple[str, date]]) -> Table:
    """The table with the days that are set `aside`, by key, at what the same weekday before them cost."""
    costs = table.costs.copy()
    for key, day in sorted(aside, key=lambda one: one[1]):
        column = table.column(day)
        if key in table.keys and WEEK <= column < table.days:
            row = table.keys.index(key)
            costs[row, column] = costs[row, column - WEEK]
    return replace(table, costs=costs)


def exact(dailies: Sequence[Daily], first: date, last: date) -> dict[str, Decimal]:
    """By key, the exact sum of the days from `first` to `last`, both included."""
    sums: dict[str, Decimal] = {}
    with localcontext() as context:
        context.prec = DIGITS
        for one in dailies:
            low, high = (max((day - one.start).days, 0) for day in (first, last + timedelta(days=1)))
            sums[one.key] = sum(one.amounts[low:high], sums.get(one.key, Decimal(0)))
    return sums


def added(amounts: Iterable[Decimal]) -> Decimal:
    """Their sum, to the last digit."""
    with localcontext() as context:
        context.prec = DIGITS
        return sum(amounts, Decimal(0))


def written(amount: float) -> Decimal:
    """A computed amount with six digits after the point: no currency has more, and more would be noise."""
    return Decimal(f"{amount:.6f}") + 0
