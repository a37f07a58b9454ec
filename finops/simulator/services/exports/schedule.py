"""When an export's schedule comes round, and for which days its missed runs are made up for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from finops.simulator.services.cost.period import months_later
from finops.simulator.store import Json

MONTH_TO_DATE = {"monthtodate", "billingmonthtodate", "thecurrentmonth"}
# For the first five days of a month a month-to-date export writes the month before once more
# (tutorial-improved-exports.md, "Cost export runs twice a day for the first five days of the month").
CLOSING_DAYS = 5


def next_run(export: Json, now: datetime) -> datetime | None:
    """When an active schedule comes round next; None where there is none, or it is over."""
    return next((at for at in _times(export) if at > now), None)


def missed(export: Json, last: datetime, now: datetime) -> list[date]:
    """For each run that fell due after `last` the day to make it as of, the newest of a month only.

    What Azure would have overwritten meanwhile is not written first. A month that is over is written as a whole.
    """
    month_to_date = str(export["properties"]["definition"].get("timeframe", "")).lower() in MONTH_TO_DATE
    days: dict[date, date] = {}
    for at in _times(export):
        if at > now:
            break
        if at <= last:
            continue
        day = at.date()
        month = day.replace(day=1)
        if month_to_date and day.day <= CLOSING_DAYS:
            days[months_later(month, -1)] = month - timedelta(days=1)
        days[month] = day
    if not month_to_date:
        return sorted(days.values())
    this = now.date().replace(day=1)
    return [day if month == this else months_later(month, 1) - timedelta(days=1) for month, day in sorted(days.items())]


def moment(text: object) -> datetime:
    """A time of a schedule; UTC where it names no zone."""
    from datetime import UTC

    found = datetime.fromisoformat(str(text))
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _times(export: Json) -> Iterator[datetime]:
    """Every time of an active schedule, oldest first."""
    schedule = export["properties"].get("schedule") or {}
    period = schedule.get("recurrencePeriod") or {}
    if str(schedule.get("status", "")).lower() != "active" or not period.get("from"):
        return
    began, recurrence = moment(period["from"]), str(schedule.get("recurrence", "")).lower()
    end = moment(period["to"]) if period.get("to") else began + timedelta(days=36_500)
    step, at = 0, began
    while at <= end:
        yield at
        step += 1
        if recurrence in {"daily", "weekly"}:
            at = began + timedelta(days=step * (7 if recurrence == "weekly" else 1))
        else:
            day = months_later(began.date(), step * (12 if recurrence == "annually" else 1))
            at = began.replace(year=day.year, month=day.month, day=day.day)
