"""Whether a change lasts: structural, temporary, or not known yet, by how its last days compare with the same weekdays.

A change lasts when on each of the last three days at least half of its daily amount is there, compared with the average
of the same weekday in the period before. It has passed when it is there on none of the last two. Anything else, and
fewer than seven days, is not known. Weekdays that were quiet before, with less than half of an average day, say nothing
and are passed over: a week ends on a Saturday as a rule.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from finops.charges import Period
from finops.report.gather import ZERO
from finops.report.model import Effect, Lasts

LAST = 3
GONE = 2
LEAST = 7
HALF = Decimal("0.5")


def lasting(
    days: Mapping[date, Decimal], before: Period, period: Period, change: Decimal, parts: tuple[Effect, ...] = ()
) -> tuple[Lasts, str]:
    """The word, and the observation behind it. days: cost of each day of both periods; one that lacks cost nothing."""
    bought = sum((part.amount.amount for part in parts if part.kind in {"purchase", "credit"}), ZERO)
    if change and abs(bought) * 2 > abs(change):
        return "temporary", "most of it was booked once: a purchase, a credit or a correction"
    now, then = period.days, before.days
    if len(now) < LEAST or len(then) < LEAST:
        return "not known", f"fewer than {LEAST} days say nothing of weekdays"
    if not change:
        return "not known", "it did not change as a whole"
    daily = _mean([days.get(day, ZERO) for day in now]) - _mean([days.get(day, ZERO) for day in then])
    if not daily:
        return "not known", "the cost a day did not change"

    usual = {weekday: _mean([days.get(day, ZERO) for day in then if day.weekday() == weekday]) for weekday in range(7)}
    average = _mean([days.get(day, ZERO) for day in then])
    busy = [day for day in now if usual[day.weekday()] * 2 >= average]

    held = [(days.get(day, ZERO) - usual[day.weekday()]) / daily >= HALF for day in busy[-LAST:]]
    if len(held) < LAST:
        return "not known", "too few days are busy ones"
    if all(held):
        return "structural", f"it is there on each of the last {LAST} days"
    if not any(held[-GONE:]):
        return "temporary", f"it was gone on the last {GONE} days"
    return "not known", f"it is there on {sum(held)} of the last {LAST} days"


def _mean(costs: list[Decimal]) -> Decimal:
    return sum(costs, ZERO) / len(costs)
