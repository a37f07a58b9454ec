"""Purchases: booked as they are, never a run rate; one that comes every month and has not come yet is due once more."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal

from finops.forecast.model import Purchase

MONTHS = 3
APART = 3
"""Days by which the day of a monthly purchase may move: a renewal on the 31st is booked on the 28th to the 31st."""


def booked(purchases: Mapping[str, Decimal] | Sequence[Purchase], first: date, through: date) -> list[Purchase]:
    """The purchases from `first` to `through`. Those without a day are taken for bought on the first."""
    if isinstance(purchases, Mapping):
        return [Purchase(key, first, amount) for key, amount in sorted(purchases.items())]
    return sorted(
        (one for one in purchases if first <= one.day <= through), key=lambda one: (one.day, one.key, one.what)
    )


def due(
    purchases: Mapping[str, Decimal] | Sequence[Purchase], first: date, after: date, through: date
) -> list[Purchase]:
    """Purchases to come from `first` to before `after`: those that came once in each of the last three months, on about
    the same day.

    With the latest amount. What is late is taken for cancelled; what is paid once a year is not guessed.
    """
    now = through.replace(day=1)
    if isinstance(purchases, Mapping) or after <= now:
        return []
    earlier = [now]
    for _ in range(MONTHS):
        earlier.append((earlier[-1] - timedelta(days=1)).replace(day=1))
    series: dict[tuple[str, str], dict[date, list[Purchase]]] = defaultdict(lambda: defaultdict(list))
    for one in purchases:
        if one.day <= through and one.amount:
            series[one.key, one.what][one.day.replace(day=1)].append(one)
    found = []
    for (key, what), months in sorted(series.items()):
        lasts = [months[first][0] for first in earlier[1:] if len(months[first]) == 1]
        days = [one.day.day for one in lasts]
        if len(lasts) < MONTHS or max(days) - min(days) > APART:
            continue
        here = months[now]
        if not here and _usual(now, days[0]) + timedelta(days=APART) <= through:
            continue
        wanted = max(_after(now) if here else now, first.replace(day=1))
        while wanted < after:
            day = max(_usual(wanted, days[0]), through + timedelta(days=1))
            if first <= day < min(after, _after(wanted)):
                found.append(Purchase(key, day, (here or lasts)[0].amount, what))
            wanted = _after(wanted)
    return found


def _usual(month: date, day: int) -> date:
    """That day of the month, or its last one."""
    return min(month + timedelta(days=day - 1), _after(month) - timedelta(days=1))


def _after(month: date) -> date:
    return (month + timedelta(days=32)).replace(day=1)
