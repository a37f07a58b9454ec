"""The month so far, against the same days of the month before, against the budget, and where its pace leads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from finops.charges import Period
from finops.report import periods
from finops.report.foreseeing import foreseen, lasting
from finops.report.gather import PURCHASE, ZERO, Asked, cost_in
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


def month_so_far(
    asked: Asked, period: Period, budget: Budgeted | None, now: datetime, is_whole: bool, newest: date
) -> Month:
    """The month of `period`, which begins it. is_whole: nothing is known to be missing from those days.

    newest: the last complete day, which may lie in the month after it.
    """
    cost = asked.total(period)
    before = _before(asked, period) if is_whole else None
    start, end = period.start.date(), last_day(period)
    ended = periods.is_whole_month(period) and newest >= end
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
        ended=ended,
        next=_begun(asked, periods.next_month(start), newest, now),
        moved=_moved(asked, period, budget, ended) if is_whole and (ended or budget) else None,
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
            over, chance = Money(middle.amount - budget.amount, asked.currency), seen.chance_over(budget.amount)
            begun = replace(begun, over=over, runs_out=out, chance_over=chance)
    return replace(month, next=begun)


def _moved(asked: Asked, period: Period, budget: Budgeted | None, ended: bool) -> Moved | None:
    """Against the whole month before: what was over the budget there already, and what moved most since.

    A month that is not over is compared day by day, and asked only for what rose.
    """
    whole = Period((period.start.date() - DAY).replace(day=1), period.start)
    if whole.start.date() < asked.book.span.start.date() or asked.book.missing(whole):
        return None
    before = whole if ended else periods.month_before(period)
    cost, base, rises = asked.total(whole), None, not ended or asked.total(period) > asked.total(whole)
    if budget and budget.basis == asked.basis:
        over = not ended or budget.left.amount < 0
        rises = over or rises
        base = cost - budget.amount.amount if over and cost > budget.amount.amount else None
    changes = _changes(asked, ["CostCenter"], before, whole, period)
    mine = {key[0]: each for key, each in changes.items() if each and (each > 0) == rises}
    first = max(sorted(mine), key=lambda key: abs(mine[key]), default=None)
    keys = ["ResourceId", "ResourceName"]
    resources = {} if first is None else _changes(asked, keys, before, whole, period, {"CostCenter": [first]})
    named = {key: each for key, each in resources.items() if each and (each > 0) == rises}
    resource_id, name = max(sorted(named), key=lambda key: abs(named[key]), default=("", ""))
    return Moved(
        before=Money(cost, asked.currency),
        base=None if base is None else Money(base, asked.currency),
        key=first,
        change=Money(ZERO if first is None else mine[first], asked.currency),
        resource=resource_name(name, resource_id) if named else "",
        resource_id=resource_id,
    )


def _changes(
    asked: Asked,
    keys: list[str],
    before: Period,
    whole: Period,
    period: Period,
    where: Mapping[str, list[str]] | None = None,
) -> dict[tuple[str, ...], Decimal]:
    """By how much the cost of each of `keys` changed from `before`, the first days of the month `whole`, or all of it.

    What was bought on any day of that month is nothing new in this one, and is not missed before its day comes.
    """
    apart = [*keys, "ChargeCategory"]
    now, was = asked.by(apart, period, where=where), asked.by(apart, before, where=where)
    bought = asked.by(apart, whole, where=where) if before != whole else was
    changes: dict[tuple[str, ...], Decimal] = {}
    for key in sorted({*now, *was}):
        change = cost_in(now, key) - cost_in(was, key)
        if key[-1] == PURCHASE and before != whole:
            change = max(ZERO, cost_in(now, key) - cost_in(bought, key))
        changes[key[:-1]] = changes.get(key[:-1], ZERO) + change
    return changes


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
    if is_whole and not budget.begins and PACE_DAYS <= days < in_month and spent > 0:
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
        begins=budget.begins,
    )


def _days(period: Period) -> str:
    """ "1 to 14 Nov"."""
    first, last = period.start.date(), last_day(period)
    return periods.short(last) if first == last else f"{first.day} to {periods.short(last)}"
