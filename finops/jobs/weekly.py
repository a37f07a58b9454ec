"""The weekly report: read what exists and what it costs, make the report, leave its mail in the outbox."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import TYPE_CHECKING

from finops import charges, estate, mail, report
from finops.charges import Charges, Period
from finops.jobs.claims import remembered

if TYPE_CHECKING:
    from finops.cloud import Azure
    from finops.config.model import Settings
    from finops.estate import Estate
    from finops.report import Claim, Rendered, Report

Connect = Callable[[], "AbstractContextManager[Azure]"]


@dataclass(frozen=True)
class Made:
    """A report: its figures, and its forms."""

    figures: Report
    forms: Rendered


@dataclass(frozen=True)
class Weekly:
    """What the weekly run read, made and left in the outbox. `sent` is False when that mail had been left before."""

    estate: Estate
    made: Made
    mail: Path
    sent: bool


def weekly_report(
    azure: Azure, settings: Settings, now: datetime, step: Callable[[str], None] = lambda doing: None
) -> Weekly:
    """Read the estate and its charges, make last week's report, leave its mail in the outbox. Changes nothing in Azure.

    step: told what is being done now, in words for a person.
    """
    step("Reading the estate")
    evidence = estate.gather(azure, now)
    step("Asking Cost Management what it cost")
    with ingest(azure, settings, None, now) as book:
        step("Working out the figures")
        found = estate.with_facts(evidence, book)
        made = make(book, settings, now, claims=remembered(settings))
    step("Writing the mail")
    path, sent = send(made, settings)
    return Weekly(found, made, path, sent)


def make(
    book: Charges,
    settings: Settings,
    now: datetime,
    period: Period | None = None,
    claims: Collection[Claim] = (),
) -> Made:
    """The report of `period`, by default of the last full week. Only gaps in the charges make it incomplete:
    a metric that could not be read changes no amount. claims: what `remembered` tells of savings."""
    figures = report.build(book, now, settings.report, period, claims=claims)
    return Made(figures, report.render(figures, settings))


def send(made: Made, settings: Settings, revision: int = 1) -> tuple[Path, bool]:
    """Leave the report's mail in the outbox: where it lies, and whether it was left there now."""
    mailed = message(made, settings, revision)
    outbox = mail.Outbox(settings.mail.outbox)
    added = outbox.add(mailed)
    return outbox.path_of(mailed), added


def message(made: Made, settings: Settings, revision: int = 1) -> EmailMessage:
    """The report as a mail. revision: 2 or more for one that is sent again on purpose."""
    return mail.compose(made.forms, settings.mail, revision)


def book_of(settings: Settings, period: Period | None, now: datetime, connect: Connect) -> Charges:
    """The charges that a report of `period` needs: from the configured sources, else asked from Cost Management."""
    if settings.charges.sources:
        return charges.load(settings.charges.sources, late_hours=settings.charges.late_hours, now=now)
    with connect() as azure:
        return ingest(azure, settings, period, now)


def ingest(azure: Azure, settings: Settings, period: Period | None, now: datetime) -> Charges:
    """Ask Cost Management for what a report of `period` needs, from the start of the month before its first day."""
    first = (period.start if period else now - timedelta(days=13)).date()
    before = (first.replace(day=1) - timedelta(days=1)).replace(day=1)
    last = max(now, period.end) if period else now
    subscriptions = {
        found["subscriptionId"]: str(found.get("displayName") or found["subscriptionId"])
        for found in azure.subscriptions()
    }
    wanted = Period(before, last.date() + timedelta(days=1))
    book = charges.ingest(
        azure, list(subscriptions), wanted, settings.charges.store, now, late_hours=settings.charges.late_hours
    )
    book.names = {f"/subscriptions/{one.lower()}": name for one, name in subscriptions.items()}
    return book
