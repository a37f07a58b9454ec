"""Which period is reported when none, or only its last day, is named, what it is compared with, what it is called."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from finops.charges import Period
from finops.errors import DataError
from finops.report.model import Wording

if TYPE_CHECKING:
    from finops.charges import Charges

DAY = timedelta(days=1)
WEEK = timedelta(days=7)
DAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
# The day after the newest complete one has been over for 36 hours, the limit of Azure's own anomaly job
# (learn.microsoft.com/azure/cost-management-billing/understand/analyze-unexpected-charges), and is still missing.
STALE = timedelta(hours=24 + 36)
# Data that is older and no longer than this is a sample or an archive: its last week would hide most of it.
ARCHIVED = timedelta(days=60)
SHORT = 45


@dataclass(frozen=True)
class Chosen:
    """The reported period, the one before it (None: the data does not reach back), and why, if nobody asked for it."""

    period: Period
    before: Period | None
    wording: Wording
    days_old: int | None
    fallback: str


def choose(book: Charges, now: datetime, week_ends: str, asked: Period | None) -> Chosen:
    """The period to report: the asked one, else the last week that is over and complete in the data.

    Raises DataError when the data has nothing in the asked period.
    """
    first, last = book.span.start.date(), last_day(book.span)
    newest = last_complete_day(book)
    days_old, fallback = None, ""
    if asked is None:
        period = last_week(min(newest, now.date() - DAY), week_ends)
        if period.start.date() < first:
            period = Period(first, last + DAY)
            fallback = f"The data holds no full week, so all of its days are shown: {period.label}."
        late = now - midnight_after(newest, now)
        if not fallback and late > ARCHIVED and length(book.span) <= SHORT:
            period = Period(first, last + DAY)
            fallback = f"The data is old and covers {length(period)} days, so all of them are shown: {period.label}."
        if late > STALE:
            days_old = (now.date() - newest).days
            expected = last_week(now.date() - 2 * DAY, week_ends)
            if not fallback and expected != period:
                fallback = f"The week of {expected.label} is not in the data; this is the last full week that is."
    else:
        period = _so_far(asked, newest, now)
        if period.start.date() > last or last_day(period) < first:
            raise DataError(
                f"There are no charges in {period.label}; the cost data covers {Period(first, last + DAY).label}.",
                "Ask for a period inside it, or load the cost data of that time.",
            )
    by_month = is_whole_month(asked or period)
    before = month_before(period) if by_month else days_before(period)
    return Chosen(
        period=period,
        before=before if before.start.date() >= first else None,
        wording=_monthly(period, before, now) if by_month else _daily(period, now),
        days_old=days_old,
        fallback=fallback,
    )


def last_week(newest: date, week_ends: str) -> Period:
    """The last week that ends on `week_ends` and is over by the end of `newest`."""
    end = newest - timedelta(days=(newest.weekday() - DAYS.index(week_ends)) % 7) + DAY
    return Period(end - WEEK, end)


def month_to(period: Period, newest: date) -> Period:
    """The month of the period's last day, as far as it is known: up to the `newest` complete day, or whole."""
    last = last_day(period)
    return Period(last.replace(day=1), min(max(last, newest) + DAY, next_month(last)))


def month_before(month: Period) -> Period:
    """The same days of the month before; all of it when `month` is longer or whole."""
    start = month.start.date()
    previous = (start - DAY).replace(day=1)
    if last_day(month) + DAY == next_month(start):
        return Period(previous, start)
    return Period(previous, min(previous + timedelta(days=length(month)), start))


def days_before(period: Period) -> Period:
    """As many days, up to the period."""
    return Period(period.start.date() - length(period) * DAY, period.start.date())


def next_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def is_whole_month(period: Period) -> bool:
    return period.start.date().day == 1 and period.end.date() == next_month(period.start.date())


def length(period: Period) -> int:
    return len(period.days)


def last_day(period: Period) -> date:
    """The last day that the period touches; its end is exclusive."""
    return (period.end - timedelta(microseconds=1)).date()


def last_complete_day(book: Charges) -> date:
    """The last day whose charges are all there."""
    until = book.complete_until
    if until is None:
        return last_day(book.span)
    return min(until.date() - DAY, last_day(book.span))


def midnight_after(day: date, now: datetime) -> datetime:
    return datetime.combine(day + DAY, datetime.min.time(), now.tzinfo)


def written(day: date) -> str:
    """ "21 Nov 2026"."""
    return f"{day.day} {day:%b %Y}"


def short(day: date) -> str:
    """ "21 Nov"."""
    return f"{day.day} {day:%b}"


def month_name(day: date, now: datetime) -> str:
    """ "November", with the year when it is not this one."""
    return f"{day:%B}" + (f" {day.year}" if day.year != now.year else "")


def _so_far(asked: Period, newest: date, now: datetime) -> Period:
    """A month that is not over is reported up to its newest complete day; anything else as asked."""
    over = midnight_after(last_day(asked), now) <= now
    if over or not is_whole_month(asked) or newest < asked.start.date():
        return asked
    return Period(asked.start.date(), min(newest, last_day(asked)) + DAY)


def _monthly(period: Period, before: Period, now: datetime) -> Wording:
    end = last_day(period)
    name, previous = month_name(end, now), month_name(before.start.date(), now)
    whole = is_whole_month(period)
    return Wording(
        kind="month",
        title=period.label if whole else f"Month to date, {period.label}",
        subject=name if whole else f"{name} to {short(end)}",
        this=name if whole else f"{name} to date",
        the=name if whole else f"{name} so far",
        before=previous if whole else f"the same days of {previous}",
    )


def _daily(period: Period, now: datetime) -> Wording:
    end, count = last_day(period), length(period)
    if count == 7:
        year = f" {end.year}" if end.year != now.year else ""
        return Wording(
            kind="week",
            title=f"Week of {period.label}",
            subject=f"week to {short(end)}{year}",
            this="This week",
            the="the week",
            before="the week before",
        )
    noun = "day" if count == 1 else f"{count} days"
    this = "This day" if count == 1 else f"These {count} days"
    return Wording("days", period.label, period.label, this, f"the {noun}", f"the {noun} before")
