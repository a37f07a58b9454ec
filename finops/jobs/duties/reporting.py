"""Duties that report: the week, and the month once it is closed. Held while charges are missing, never sent twice."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from statistics import median
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from finops.jobs.duties import counts as n
from finops.jobs.duties.figures import of_charges
from finops.jobs.duties.model import Done, Work, came_to, patient

if TYPE_CHECKING:
    from finops.charges import Period
    from finops.config.model import Settings

HELD = "report/held/"  # kept under, with the last day of the week: since when its report has waited for charges
LONGEST = timedelta(hours=24)
ASK_AGAIN = timedelta(hours=3)  # Azure brings its cost data up to date every four hours


@patient
def report(work: Work) -> Done:
    """Of the last week that was over when it was due, whatever week it is by now."""
    from finops.jobs.weekly import charged, lacking, weekly_report
    from finops.report.periods import last_day, last_week

    settings = _asked_lately(work)
    week = last_week(_day(work) - timedelta(days=1), settings.report.week_ends)
    waits = f"{HELD}{last_day(week)}"
    with work.azure() as azure:
        work.step("Looking whether the charges are complete")
        with charged(azure, settings, week, work.now) as book:
            lacks, figures = lacking(book, week), of_charges(book)
        if lacks and work.now < _until(work, waits):
            until = f"It is held until {_until(work, waits):%Y-%m-%d %H:%M} UTC at the latest."
            return Done("held", (until, *lacks), figures)
        done = weekly_report(azure, settings, work.now, work.step, week)
    work.state.drop(waits)
    mails = [(done.mail, done.sent), *((mail, sent) for _, mail, sent in done.shares)]
    counts = {**figures, n.REPORTS: sum(sent for _, sent in mails)}
    said = [
        f"The report of {week.label} {'is' if sent else 'was already'} in the outbox: {mail}" for mail, sent in mails
    ]
    return came_to([f"It was sent as incomplete. {why}" for why in lacks], counts, said)


@patient
def close(work: Work) -> Done:
    """Of the last month, by charges that were asked for after its end could change no more."""
    from finops import jobs
    from finops.jobs.weekly import at_hand, charged, lacking

    month = _month_before(_day(work))
    if why := _changes(work, month):
        return Done("held", (why,))
    settings = at_hand(work.settings)
    with work.azure() as azure, charged(azure, settings, month, work.now) as book:
        work.step(f"Closing {month.label}")
        lacks, figures = lacking(book, month), of_charges(book)
        if lacks:
            return Done("held", tuple(lacks), figures)
        known = jobs.known_of(book, settings, work.now, month)
        made = jobs.make(book, settings, work.now, month, known=known, closing=True)
    path, sent = jobs.send(made, settings)
    statement = made.figures.close
    missed = [abs(one.miss_percent) for one in statement.forecasts if one.miss_percent is not None] if statement else []
    counts = {**figures, n.REPORTS: int(sent), **({n.FORECAST_ERROR: float(median(missed))} if missed else {})}
    return Done(
        "done", (f"The statement of {month.label} {'is' if sent else 'was already'} in the outbox: {path}",), counts
    )


def _until(work: Work, waits: str) -> datetime:
    """Until when it waits for charges: from its slot on; begun by hand, from the first time that it was held."""
    if work.slot is not None:
        return work.slot + LONGEST
    since = work.state.kept(waits).get(waits)
    if since is None:
        since = work.now.isoformat()
        work.state.keep(waits, since, work.now)
    return datetime.fromisoformat(since) + LONGEST


def _asked_lately(work: Work) -> Settings:
    """The settings that read the store where that was filled lately; else those that ask Cost Management."""
    from finops.jobs.weekly import asked_at, at_hand

    asked = None if work.settings.charges.sources else asked_at(work.settings)
    return at_hand(work.settings) if asked is not None and work.now - asked < ASK_AGAIN else work.settings


def _day(work: Work) -> date:
    """The day on which it was due, where people live: a slot of Monday morning there may be one of Sunday in UTC."""
    zone = ZoneInfo(work.settings.daemon.time_zone or work.settings.janitor.time_zone)
    return (work.slot or work.now).astimezone(zone).date()


def _month_before(day: date) -> Period:
    from finops.charges import Period

    last = day.replace(day=1) - timedelta(days=1)
    return Period(last.replace(day=1), last + timedelta(days=1))


def _changes(work: Work, month: Period) -> str:
    """Why its charges may still change, or may have changed since they were asked for; "" where neither."""
    from finops.jobs.weekly import asked_at
    from finops.report.restated import closes_on, state_of

    if state_of(month, work.now) != "closed":
        return f"The charges of {month.label} may change until the end of {closes_on(month):%-d %B %Y}."
    if work.settings.charges.sources:
        return ""
    asked = asked_at(work.settings)
    if asked is None or state_of(month, asked) != "closed":
        return f"It waits for the duty ingest: since {month.label} is closed, its charges were not asked for."
    return ""
