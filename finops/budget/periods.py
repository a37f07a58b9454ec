"""Which period a day belongs to: calendar months, or quarters and years that begin in a month of choice, in UTC."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from finops.budget.model import Budget
from finops.charges import Period

MONTHS = {"month": 1, "quarter": 3, "year": 12}
DAY = timedelta(days=1)
# Azure may change the charges of a month for five days after its end, and publishes the last ones a day late
# (azure-docs, understand-cost-mgt-data.md, 2023).
SETTLES = timedelta(days=6)


def period_of(budget: Budget, moment: datetime | date) -> Period | None:
    """The period of `budget` that `moment` lies in; None before its first day and after its last."""
    day = _utc(moment).date()
    if (budget.start and day < budget.start) or (budget.end and day > budget.end):
        return None
    first = calendar_start(budget, day)
    start = max(first, budget.start or first)
    after = _later(first, MONTHS[budget.every])
    return Period(start, min(after, budget.end + DAY) if budget.end else after)


def calendar_start(budget: Budget, day: date) -> date:
    """The first day of the calendar's month, quarter or year around `day`."""
    length = MONTHS[budget.every]
    count = day.year * 12 + day.month - 1
    offset = (count - (budget.year_starts - 1)) % length
    return _of(count - offset)


def periods_to_check(budget: Budget, now: datetime) -> tuple[Period, ...]:
    """The period of `now`, and before it the last one while charges of it may still come or change."""
    current = period_of(budget, now)
    if current is None:
        if budget.end is None or _utc(now).date() <= budget.end:
            return ()
        last = period_of(budget, budget.end)
        return (last,) if last and now < last.end + SETTLES else ()
    before = period_of(budget, current.start - DAY)
    return (before, current) if before and now < before.end + SETTLES else (current,)


def days_gone(period: Period, until: datetime) -> Decimal:
    """How much of `period` is over at `until`, in percent."""
    whole = (period.end - period.start) / timedelta(days=1)
    gone = min(max((until - period.start) / timedelta(days=1), 0.0), whole)
    return (Decimal(str(gone)) * 100 / Decimal(str(whole))).quantize(Decimal("0.1"))


def label_of(budget: Budget, period: Period) -> str:
    """How a person says it: "November 2026", "Oct to Dec 2026", "2026", "Apr 2026 to Mar 2027"."""
    first, last = period.start.date(), period.end.date() - DAY
    if budget.every == "month" or first.day != 1 or period.end.day != 1:
        return period.label
    if budget.every == "year" and first.month == 1 and last.month == 12:
        return f"{first.year}"
    return f"{first:%b}{'' if first.year == last.year else f' {first.year}'} to {last:%b %Y}"


def months_of(period: Period) -> Iterator[date]:
    """The first day of each month that `period` touches."""
    month = period.start.date().replace(day=1)
    while month < period.end.date():
        yield month
        month = _later(month, 1)


def _later(first: date, months: int) -> date:
    return _of(first.year * 12 + first.month - 1 + months)


def _of(count: int) -> date:
    return date(count // 12, count % 12 + 1, 1)


def _utc(moment: datetime | date) -> datetime:
    return moment.astimezone(UTC) if isinstance(moment, datetime) else datetime.combine(moment, time(), UTC)
