"""The month so far, against the same days of the month before, against the budget, and where its pace leads."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from finops.charges import Period
from finops.report import periods
from finops.report.gather import Asked
from finops.report.model import Begun, Budget, Budgeted, Money, Month, Pace
from finops.report.periods import DAY, last_day, length
from finops.report.rounding import rounded
from finops.report.table import worth_saying

# Fewer days than a week lack its weekend or its busy days.
PACE_DAYS = 7


def month_so_far(
    asked: Asked, period: Period, budget: Budgeted | None, now: datetime, is_whole: bool, newest: date
) -> Month:
    """The month of `period`, which begins it. is_whole: nothing is known to be missing from those days.

    newest: the last complete day, which may lie in the month after it.
    """
    cost = asked.total(period)
    before = _before(asked, period) if is_whole else None
    start, end = period.start.date(), last_day(period)
    name = periods.month_name(end, now)
    return Month(
        name=name,
        short_name=f"{end:%b}",
        label=name if periods.is_whole_month(period) else f"{name}, {_days(period)}",
        period=period,
        cost=Money(cost, asked.currency),
        change=None if before is None else Money(cost - before, asked.currency),
        percent=None if before is None else worth_saying(cost, before),
        before_name=periods.month_name(periods.month_before(period).start.date(), now),
        budget=_budget(asked, period, budget, (periods.next_month(start) - start).days, is_whole) if budget else None,
        ended=periods.is_whole_month(period) and newest >= end,
        next=_begun(asked, periods.next_month(start), newest),
    )


def _begun(asked: Asked, first: date, newest: date) -> Begun | None:
    if newest.replace(day=1) != first:
        return None
    days = Period(first, newest + DAY)
    return Begun(days, Money(asked.total(days), asked.currency))


def _before(asked: Asked, period: Period) -> Decimal | None:
    """The cost of the same days of the month before, where all of it is known."""
    previous = periods.month_before(period)
    known = previous.start.date() >= asked.book.span.start.date() and not asked.book.missing(previous)
    return asked.total(previous) if known else None


def _budget(asked: Asked, period: Period, budget: Budgeted, in_month: int, is_whole: bool) -> Budget:
    days, spent = length(period), budget.spent.amount
    pace = None
    if is_whole and PACE_DAYS <= days < in_month and spent > 0:
        end = spent / days * in_month
        pace = Pace(Money(end, asked.currency), Money(end - budget.amount.amount, asked.currency))
    return Budget(
        amount=budget.amount,
        spent=budget.spent,
        left=budget.left,
        spent_percent=budget.spent_percent,
        month_gone_percent=rounded(Decimal(days) / in_month * 100, 0),
        pace=pace,
        name=budget.name,
        basis=budget.basis,
        later=budget.later,
    )


def _days(period: Period) -> str:
    """ "1 to 14 Nov"."""
    first, last = period.start.date(), last_day(period)
    return periods.short(last) if first == last else f"{first.day} to {periods.short(last)}"
