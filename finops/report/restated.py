"""What was published and has changed since, and whether the period may still change.

Azure corrects estimates for 72 hours after a day and may change a month until its fifth day has passed
(learn.microsoft.com, understand-cost-mgt-data, 2023).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from finops.charges import Period
from finops.report.gather import Asked
from finops.report.known import Published
from finops.report.model import Money, PeriodState, Restated, Restatements
from finops.report.periods import is_whole_month, last_day, next_month
from finops.report.rounding import percent_of, rounded

CLOSES = 5  # the day of the month after, which is itself still open
SETTLES = timedelta(hours=72)
# Figures of longer ago belong to months that closed; they are looked at again when somebody asks.
BACK = timedelta(days=100)
MOST = 30


def state_of(period: Period, now: datetime) -> PeriodState:
    """open while its month runs, closing to the end of the fifth day after, then closed."""
    after = next_month(last_day(period))
    closed = datetime.combine(after + timedelta(days=CLOSES), datetime.min.time(), now.tzinfo)
    if now >= max(closed, period.end + SETTLES):
        return "closed"
    return "closing" if now.date() >= after else "open"


def closes_on(period: Period) -> date:
    """The last day on which it may change."""
    return next_month(last_day(period)) + timedelta(days=CLOSES - 1)


def restatements(
    asked: Asked, published: Iterable[Published], period: Period, now: datetime, digits: int
) -> Restatements:
    """Published totals that the charges now say differently, as seen at the digits that were printed; newest first.

    Only what was published for this audience, in this basis and currency, of days that the charges cover.
    """
    newest: dict[Period, Published] = {}
    for one in sorted(published, key=lambda one: one.at):
        if (one.basis, one.currency, one.audience) == (asked.basis, asked.currency, asked.share or ""):
            newest[one.period] = one
    span = asked.book.span
    looked = [
        one
        for one in newest.values()
        if one.period.start >= span.start and one.period.end <= span.end and now - one.period.end <= BACK
    ]
    looked = sorted(looked, key=lambda one: one.period.end, reverse=True)[:MOST]
    rows = []
    for one in looked:
        amount = asked.total(one.period)
        if rounded(amount - one.amount, digits):
            rows.append(
                Restated(
                    period=one.period,
                    label=_label(one.period),
                    published=Money(one.amount, asked.currency),
                    published_at=one.at,
                    now=Money(amount, asked.currency),
                    change=Money(amount - one.amount, asked.currency),
                    percent=percent_of(amount - one.amount, one.amount) if one.amount > 0 else None,
                    state=state_of(one.period, now),
                    figure=f"restated/{one.period.start:%Y-%m-%d}/{last_day(one.period)}",
                )
            )
    state = state_of(period, now)
    return Restatements(
        rows=tuple(rows),
        checked=len(looked),
        published=len(newest),
        since=min((one.period.start.date() for one in looked), default=None),
        state=state,
        closes_on=None if state == "closed" else closes_on(period),
    )


def _label(period: Period) -> str:
    if is_whole_month(period):
        return period.label
    return f"week of {period.label}" if len(period.days) == 7 else period.label
