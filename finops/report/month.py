"""The month so far, against the same days of the month before, against the budget, and where its pace leads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from finops.charges import Period
from finops.report import periods
from finops.report.foreseeing import foreseen, lasting
from finops.report.gather import ZERO, Asked, cost_in
from finops.report.model import Begun, Budget, Budgeted, Money, Month, Moved, Pace, Range
from finops.report.movers import resource_name
from finops.report.periods import DAY, last_day, length
from finops.report.plans import record_of
from finops.report.rounding import rounded
from finops.report.table import worth_saying

if TYPE_CHECKING:
    from finops.anomalies.cases import Case

# Fewer days than a week lack its weekend or its busy days.
PACE_DAYS = 7
# The largest changes of the month that its one driver is looked for in.
RESOURCES = 200


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
        next=_begun(asked, periods.next_month(start), newest, now),
        moved=_moved(asked, period, budget) if is_whole and newest >= end and periods.is_whole_month(period) else None,
    )


def with_running(month: Month, asked: Asked, newest: date, strange: Sequence[Case] = ()) -> Month:
    """The month that has ended, with where the one that has begun since leads; strange: cases that may refute that."""
    begun = month.next
    if not month.ended or begun is None:
        return month
    seen, _ = foreseen(asked.book, asked.basis, asked.currency, newest, asked.share, strange, begun.first)
    seen, _ = lasting(seen, strange, asked.book, asked.basis, asked.currency, asked.share)
    budget = month.budget.amount if month.budget and month.budget.basis == asked.basis else None
    begun = replace(begun, budget=budget)
    if seen and not seen.why_no_range and seen.total.low is not None and seen.total.high is not None:
        low, middle, high = (Money(end, asked.currency) for end in (seen.total.low, seen.total.middle, seen.total.high))
        begun = replace(begun, range=Range(low, middle, high), record=record_of(seen.track))
        if budget:
            out = next((point.day for point in seen.path if point.middle > budget.amount), None)
            begun = replace(begun, over=Money(middle.amount - budget.amount, asked.currency), runs_out=out)
    return replace(month, next=begun)


def _moved(asked: Asked, period: Period, budget: Budgeted | None) -> Moved | None:
    """Against the whole month before: what was over the budget there already, and what moved most since."""
    before = Period((period.start.date() - DAY).replace(day=1), period.start)
    if _before(asked, period) is None:
        return None
    was, now = asked.by(["CostCenter"], before), asked.by(["CostCenter"], period)
    cost = sum((spent.cost for spent in was.values()), ZERO)
    change = sum((spent.cost for spent in now.values()), ZERO) - cost
    base, rises = None, change > 0
    if budget and budget.basis == asked.basis:
        rises = budget.left.amount < 0 or rises
        base = cost - budget.amount.amount if budget.left.amount < 0 and cost > budget.amount.amount else None
    changes = {key: cost_in(now, key) - cost_in(was, key) for key in {*was, *now}}
    mine = {key[0]: each for key, each in changes.items() if each and (each > 0) == rises}
    first = max(sorted(mine), key=lambda key: abs(mine[key]), default=None)
    keys = ["CostCenter", "ResourceId", "ResourceName"]
    resources = () if first is None else asked.side_by_side(keys, before, period, RESOURCES)
    named = [
        (after - earlier, resource_name(name, resource_id))
        for (key, resource_id, name), earlier, after in resources
        if key == first and (after > earlier) == rises and after != earlier
    ]
    return Moved(
        before=Money(cost, asked.currency),
        base=None if base is None else Money(base, asked.currency),
        key=first,
        change=Money(ZERO if first is None else mine[first], asked.currency),
        resource=max(named, key=lambda one: abs(one[0]))[1] if named else "",
    )


def _begun(asked: Asked, first: date, newest: date, now: datetime) -> Begun | None:
    if newest + DAY == first <= now.date():
        return Begun(first, None, Money(ZERO, asked.currency))
    if newest.replace(day=1) != first:
        return None
    days = Period(first, newest + DAY)
    return Begun(first, days, Money(asked.total(days), asked.currency))


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
