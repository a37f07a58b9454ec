"""The weekly report: read what exists and what it costs, make the report, leave its mail in the outbox."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from email.message import EmailMessage
from pathlib import Path
from typing import TYPE_CHECKING

from finops import charges, estate, mail, report
from finops.charges import Charges, Period, store
from finops.errors import AzureError
from finops.estate.facts import needed
from finops.jobs import published
from finops.jobs.evictions import told_by_jobs
from finops.jobs.knowing import known_by_charges, known_by_estate, known_by_state, remembering, together
from finops.jobs.workload import WEEK_DAYS, days_back, series_of
from finops.report import archive
from finops.report.build import currency_of
from finops.report.known import NOTHING, Known
from finops.report.periods import choose, last_complete_day, last_day, written

if TYPE_CHECKING:
    from finops.cloud import Azure
    from finops.config.model import Settings
    from finops.estate import Estate
    from finops.estate.evidence import Evidence
    from finops.report import Claim, Rendered, Report

Connect = Callable[[], "AbstractContextManager[Azure]"]


@dataclass(frozen=True)
class Made:
    """A report: its figures, and its forms."""

    figures: Report
    forms: Rendered


@dataclass(frozen=True)
class Weekly:
    """What the weekly run read, made and left in the outbox. `sent` is False when that mail had been left before.

    shares: the same of each cost centre that has readers of its own.
    """

    estate: Estate
    made: Made
    mail: Path
    sent: bool
    shares: tuple[tuple[Made, Path, bool], ...] = ()


def weekly_report(
    azure: Azure,
    settings: Settings,
    now: datetime,
    step: Callable[[str], None] = lambda doing: None,
    period: Period | None = None,
) -> Weekly:
    """Read the estate and its charges, make last week's report, leave its mails in the outbox. Azure stays as it is.

    step: told what is being done now, in words for a person. period: the week that is meant, complete or not; by
    default the last one that is complete in the charges.
    """
    step("Reading the estate")
    days = max(WEEK_DAYS, days_back(period, now)) if period else WEEK_DAYS
    evidence = estate.gather(azure, now, series=[*needed(None)[1], *series_of(days)])
    step("Reading what it cost")
    with charged(azure, settings, period, now) as book:
        step("Looking at what is known besides")
        found = estate.with_facts(evidence, book)
        known = together(
            _known_here(book, settings, now, period),
            _seen(azure, evidence, found, book, settings, now, period, days),
        )
        known = _with_evictions(known, settings, azure)
        step("Working out the figures")
        shares, unheard = _shares(book, settings)
        known = replace(known, remarks=(*known.remarks, *unheard))
        made = make(book, settings, now, period, known=known)
        parts = [make(book, settings, now, period, known=known, share=one) for one in shares]
    step("Writing the mail")
    path, sent = send(made, settings)
    others = tuple((one, *send(one, settings)) for one in parts)
    return Weekly(found, made, path, sent, others)


def _shares(book: Charges, settings: Settings) -> tuple[list[str], list[str]]:
    """The cost centres that have readers of their own, as the charges spell them; sentences about the others."""
    frames = [book.by(["CostCenter"], currency=currency) for currency in book.currencies]
    there = {str(one).lower(): str(one) for frame in frames for one in frame["CostCenter"].tolist()}
    wanted = settings.report.audiences
    said = "gets no report of its own: nothing was ever charged to it"
    unheard = [f"{one} {said}" for one in wanted if one.lower() not in there]
    return [there[one.lower()] for one in wanted if one.lower() in there], unheard


def known_of(
    book: Charges,
    settings: Settings,
    now: datetime,
    period: Period | None = None,
    connect: Connect | None = None,
    remembers: bool = True,
) -> Known:
    """What a report of `period` knows besides `book`. connect: to read the estate; a report does without it where it
    cannot be read, and says so. remembers: whether the state database is of this estate."""
    known = _known_here(book, settings, now, period, remembers)
    if connect is None:
        return replace(_with_evictions(known, settings, None), not_read="the estate was not read")
    try:
        with connect() as azure:
            days = days_back(choose(book, now, settings.report.week_ends, period).period, now)
            evidence = estate.gather(azure, now, series=[*needed(None)[1], *series_of(days)])
            found = estate.with_facts(evidence, book)
            seen = together(known, _seen(azure, evidence, found, book, settings, now, period, days))
            return _with_evictions(seen, settings, azure)
    except AzureError as fault:
        why = f"The estate could not be read: {fault.what}"
        known = _with_evictions(known, settings, None)
        return replace(known, not_read="the estate could not be read", remarks=(*known.remarks, why))


def _known_here(
    book: Charges, settings: Settings, now: datetime, period: Period | None, remembers: bool = True
) -> Known:
    if not remembers:
        return known_by_charges(book, settings, now, period)
    with remembering(settings) as state:
        by_charges = known_by_charges(book, settings, now, period, state)
        return together(by_charges, known_by_state(state, now, currency_of(book, settings.report)[0]))


def _with_evictions(known: Known, settings: Settings, azure: Azure | None) -> Known:
    told, unread = told_by_jobs(settings.report.checkpoints, azure)
    return replace(known, told=told, remarks=(*known.remarks, *unread))


def _seen(
    azure: Azure,
    evidence: Evidence,
    found: Estate,
    book: Charges,
    settings: Settings,
    now: datetime,
    period: Period | None,
    days: int,
) -> Known:
    currency, _ = currency_of(book, settings.report)
    chosen = choose(book, now, settings.report.week_ends, period).period
    from finops.jobs.guarding.plan import GRACE

    with remembering(settings) as state:
        promises = state.kept(GRACE) if state else {}
    return known_by_estate(azure, evidence, found, settings, chosen, now, currency, days, promises)


def make(
    book: Charges,
    settings: Settings,
    now: datetime,
    period: Period | None = None,
    claims: Collection[Claim] = (),
    *,
    known: Known = NOTHING,
    share: str | None = None,
    closing: bool = False,
    invoice: Decimal | None = None,
) -> Made:
    """The report of `period`, by default of the last full week. Only gaps in the charges make it incomplete:
    a metric that could not be read changes no amount. known: what is no charge; claims: of savings, beside it.
    share, closing, invoice: as in report.build."""
    figures = report.build(
        book, now, settings.report, period, claims=claims, known=known, share=share, closing=closing, invoice=invoice
    )
    return Made(figures, report.render(figures, settings))


def send(made: Made, settings: Settings, revision: int = 1, remembers: bool = True) -> tuple[Path, bool]:
    """Leave the report's mail in the outbox: where it lies, and whether it was left there now.

    Then what it says is remembered: the next report tells what has changed since. A crash in between forgets that, and
    the same mail put again makes up for it.
    """
    mailed = message(made, settings, revision)
    from finops.state import State

    with State.open(settings.state.url) as state:
        outbox = mail.Letterbox(state, settings, made.figures.made)
        added = outbox.add(mailed, settings.mail.report_url or "")
        if remembers:
            published.keep(state, made.figures, made.figures.made, added)
    archive.keep(made.forms, mailed, settings, revision)
    return outbox.path_of(mailed), added


def message(made: Made, settings: Settings, revision: int = 1) -> EmailMessage:
    """The report as a mail to its audience. revision: 2 or more for one that is sent again on purpose."""
    to = made.figures.audience.recipients
    mailing = settings.mail.model_copy(update={"finance": list(to)}) if to else settings.mail
    return mail.compose(made.forms, mailing, revision)


def book_of(settings: Settings, period: Period | None, now: datetime, connect: Connect) -> Charges:
    """The charges that a report of `period` needs: from the configured sources, else asked from Cost Management."""
    if settings.charges.sources:
        return _sources(settings, now)
    with connect() as azure:
        return ingest(azure, settings, period, now)


def charged(azure: Azure, settings: Settings, period: Period | None, now: datetime) -> Charges:
    """The same, over a connection that is there already."""
    if settings.charges.sources == [str(settings.charges.store)]:
        return _stored(azure, settings, now)
    return _sources(settings, now) if settings.charges.sources else ingest(azure, settings, period, now)


def at_hand(settings: Settings) -> Settings:
    """The settings with the store as their source of charges, where they are asked from Cost Management.

    What works by these asks it nothing: its queries are few, and the whole tenant shares them. `asked_at` says how old
    the charges are then.
    """
    if settings.charges.sources:
        return settings
    stored = settings.charges.model_copy(update={"sources": [str(settings.charges.store)]})
    return settings.model_copy(update={"charges": stored})


def asked_at(settings: Settings) -> datetime | None:
    """When Cost Management was last asked for what the store holds; None where it never was."""
    return max((entry.at for entry in store.read(settings.charges.store).entries), default=None)


def lacking(book: Charges, period: Period) -> list[str]:
    """Why charges of `period` are not complete, in sentences; nothing where they are."""
    newest = last_complete_day(book)
    late = []
    if newest < last_day(period):
        late = [f"The charges of {period.label} are not all in yet: they are complete to {written(newest)} only."]
    gaps = dict.fromkeys(f"{gap.what} of {gap.scope}: {gap.reason}" for gap in (*book.gaps, *book.missing(period)))
    return [*late, *gaps]


def _stored(azure: Azure, settings: Settings, now: datetime) -> Charges:
    """What the store holds of the subscriptions that can be read, with their names."""
    names = _subscriptions(azure)
    book = charges.load(
        settings.charges.sources, late_hours=settings.charges.late_hours, now=now, subscriptions=list(names)
    )
    book.names = _by_scope(names)
    return book


def _subscriptions(azure: Azure) -> dict[str, str]:
    return {
        str(found["subscriptionId"]): str(found.get("displayName") or found["subscriptionId"])
        for found in azure.subscriptions()
    }


def _by_scope(names: dict[str, str]) -> dict[str, str]:
    return {f"/subscriptions/{one.lower()}": name for one, name in names.items()}


def _sources(settings: Settings, now: datetime) -> Charges:
    return charges.load(settings.charges.sources, late_hours=settings.charges.late_hours, now=now)


def ingest(azure: Azure, settings: Settings, period: Period | None, now: datetime) -> Charges:
    """Ask Cost Management for what a report of `period` needs, from the start of the month before its first day."""
    first = (period.start if period else now - timedelta(days=13)).date()
    before = (first.replace(day=1) - timedelta(days=1)).replace(day=1)
    last = max(now, period.end) if period else now
    subscriptions = _subscriptions(azure)
    wanted = Period(before, last.date() + timedelta(days=1))
    book = charges.ingest(
        azure, list(subscriptions), wanted, settings.charges.store, now, late_hours=settings.charges.late_hours
    )
    book.names = _by_scope(subscriptions)
    return book
