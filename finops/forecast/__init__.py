"""Forecast: where a month ends by its charges so far, with a range that holds its promise.

seen = outlook(dailies, month=date(2026, 11, 1), through=date(2026, 11, 16))
seen.total, seen.by["CC-4300"], seen.chance_over(Decimal(34000)), seen.track
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from decimal import Decimal

from finops.forecast.model import FEWEST_DAYS, Daily, Outlook, Point, Purchase, Reach, Said, Track

__all__ = [
    "FEWEST_DAYS",
    "Daily",
    "Outlook",
    "Point",
    "Purchase",
    "Reach",
    "Said",
    "Track",
    "backtest",
    "outlook",
]

DAYS = (7, 14, 21)
"""Days of a month on which the record looks at it."""
LEVEL = Decimal("0.8")


def outlook(
    dailies: Sequence[Daily],
    month: date,
    through: date,
    purchases: Mapping[str, Decimal] | Sequence[Purchase] = (),
    level: Decimal | float = LEVEL,
    missing: Collection[date] = (),
    until: date | None = None,
    only: Collection[str] | None = None,
    aside: Collection[tuple[str, date]] = (),
) -> Outlook:
    """Where the month of `month` ends, by all that `dailies` say up to and with the day `through`.

    through: the last complete day. Later days in dailies are not used; one that ends before has cost nothing since.
    purchases: booked in the month so far, by key, which need not be a key of `dailies`; they are not projected.
    Given one by one, with those of the months before, one that came in each of the last three is expected once.
    missing: days without charges though there must have been some; they are estimated like days to come.
    until: the day after the last one of another stretch of days, which begins on `month`: a quarter, a year.
    only: keys of `dailies` that it is of; what they are expected to cost is what they are in the forecast of all.
    aside: days of keys that say nothing of what comes: what was off on them was ended. They count in what is charged.
    """
    from finops.forecast.ahead import look

    return look(dailies, month, through, purchases, Decimal(str(level)), missing, DAYS, until, only, aside)


def backtest(
    dailies: Sequence[Daily],
    first_month: date | None = None,
    through: date | None = None,
    days: Sequence[int] = DAYS,
    level: Decimal | float = LEVEL,
    missing: Collection[date] = (),
    purchases: Sequence[Purchase] = (),
) -> Track:
    """What `outlook` would have said on `days` of each whole month from `first_month` to `through`, and what came."""
    from finops.forecast.record import track

    return track(dailies, first_month, through, days, Decimal(str(level)), missing, purchases)
