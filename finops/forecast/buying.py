"""Purchases that come every month and have not come yet: all others are one-off, and nobody's run rate."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal

from finops.forecast.model import Purchase

MONTHS = 3
APART = 3
"""Days by which the day of a monthly purchase may move: a renewal on the 31st is booked on the 28th to 1st."""


def still_due(bought: Sequence[Purchase], month: date, through: date) -> Mapping[str, Decimal]:
    """By key, the latest amount of each purchase of the last months that has not come in this one."""
    this = month.replace(day=1)
    earlier = [this]
    for _ in range(MONTHS):
        earlier.append((earlier[-1] - timedelta(days=1)).replace(day=1))
    series: dict[tuple[str, str], dict[date, list[Purchase]]] = defaultdict(lambda: defaultdict(list))
    for one in sorted(bought, key=lambda one: (one.day, one.amount)):
        if one.day <= through and one.amount:
            series[one.key, one.what][one.day.replace(day=1)].append(one)
    found: dict[str, Decimal] = defaultdict(Decimal)
    for (key, _), months in sorted(series.items()):
        if not months[this] and all(len(months[first]) == 1 for first in earlier[1:]):
            lasts = [months[first][0] for first in earlier[1:]]
            days = [one.day.day for one in lasts]
            if max(days) - min(days) <= APART:
                found[key] += lasts[0].amount
    return dict(found)
