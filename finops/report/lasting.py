"""Whether a change lasts: structural, temporary, or not known yet, by how its last days compare with days before it.

A change lasts when on each of the last three days at least half of its daily amount is there; it has passed when it is
there on none of the last ones, from the second last on. A day is compared with the same weekday before: weekdays that
were quiet then, with less than half of an average day, say nothing and are passed over, as a week ends on a Saturday as
a rule, unless the change is there on them.

The period before may hold a part of the change itself: what began in its middle is the same on the last days of both.
So the days before that one count, too: as they were, and at the level that the period before had on average. What goes
on is there against one of the three, whatever the weekdays look like; only what is there against none has passed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal

from finops.charges import Period
from finops.report.gather import ZERO
from finops.report.model import Effect, Lasts

LAST = 3
GONE = 2
LEAST = 7
HALF = Decimal("0.5")
# Averages of days end in thirds and sevenths.
FINEST = Decimal("1e-12")


def lasting(
    days: Mapping[date, Decimal],
    before: Period,
    period: Period,
    change: Decimal,
    parts: tuple[Effect, ...] = (),
    earlier: Period | None = None,
) -> tuple[Lasts, str]:
    """The word, and the observation behind it. days: cost of each day of all periods; one that lacks cost nothing.

    earlier: the days before those of `before`; None where they are not known.
    """
    bought = sum((part.amount.amount for part in parts if part.kind in {"purchase", "credit"}), ZERO)
    if change and abs(bought) * 2 > abs(change):
        return "temporary", "most of it was booked once: a purchase, a credit or a correction"
    now, then = period.days, before.days
    if len(now) < LEAST or len(then) < LEAST:
        return "not known", f"fewer than {LEAST} days say nothing of weekdays"
    if not change:
        return "not known", "it did not change as a whole"
    daily = _mean(days, now) - _mean(days, then)
    if abs(daily) < FINEST:
        return "not known", "the cost a day did not change"

    usual = _usual(days, then)
    held = _held(days, now, usual, daily)
    if len(held) < LAST:
        return "not known", "too few days are busy ones"
    if all(held[-LAST:]):
        return "structural", f"it is there on each of the last {LAST} days"
    if earlier is None or len(earlier.days) < LEAST:
        return "not known", "the days before those that it is compared with are not known"
    first = _usual(days, earlier.days)
    risen = _mean(days, then) - _mean(days, earlier.days)
    level = _held(days, now, {weekday: cost + risen for weekday, cost in first.items()}, daily)
    if len(level) >= LAST and all(level[-LAST:]):
        return "structural", f"it began before, and is there on each of the last {LAST} days"
    if any(any(each[-GONE:]) for each in (held, level, _held(days, now, first, daily))):
        return "not known", f"it is there on {sum(held[-LAST:])} of the last {LAST} days"
    # Months differ in weekdays: then a change is none of the days themselves.
    if sum((days.get(day, ZERO) - usual[day.weekday()] for day in now), ZERO) / len(now) / daily < HALF:
        return "not known", "most of it is that the weekdays are others"
    return "temporary", f"it was gone on the last {GONE} days"


def _held(
    days: Mapping[date, Decimal], now: Sequence[date], usual: Mapping[int, Decimal], daily: Decimal
) -> list[bool]:
    """Of each day that says something, whether the change is there against what was usual on its weekday."""
    average = sum(usual.values(), ZERO) / len(usual)
    found = []
    for day in now:
        there = (days.get(day, ZERO) - usual[day.weekday()]) / daily >= HALF
        if there or usual[day.weekday()] * 2 >= average:
            found.append(there)
    return found


def _usual(days: Mapping[date, Decimal], then: Sequence[date]) -> dict[int, Decimal]:
    """What each weekday cost on average."""
    return {weekday: _mean(days, [day for day in then if day.weekday() == weekday]) for weekday in range(7)}


def _mean(days: Mapping[date, Decimal], of: Sequence[date]) -> Decimal:
    return sum((days.get(day, ZERO) for day in of), ZERO) / len(of)
