"""`finops report`: render the cost report, look at it, leave its mail in the outbox."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from finops.cli.output import note, output_option, show
from finops.cli.session import Session, reads_azure
from finops.errors import PARTIAL, UsageError

if TYPE_CHECKING:
    from finops.charges import Charges, Period
    from finops.config.model import Settings
    from finops.report import Rendered, Report

_DATE = click.DateTime(formats=["%Y-%m-%d"])


def _options(command: Callable[..., Any]) -> Callable[..., Any]:
    """What both commands take: the cost data, and which days of it."""
    for option in reversed(
        [
            click.argument("files", nargs=-1),
            click.option("--week-ending", type=_DATE, metavar="DATE", help="The week whose last day this is."),
            click.option("--month", metavar="YYYY-MM", help="A month; the running one up to its last complete day."),
            click.option("--from", "start", type=_DATE, metavar="DATE", help="First day, with --to."),
            click.option("--to", "end", type=_DATE, metavar="DATE", help="The day after the last one, with --from."),
            click.option("--basis", type=click.Choice(["effective", "billed"]), help="In place of report.basis."),
            click.option("--currency", metavar="CODE", help="In place of report.currency."),
        ]
    ):
        command = option(command)
    return command


@click.group()
def report() -> None:
    """The weekly report: render it, look at it, send it."""


@report.command()
@_options
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder for the page.")
@output_option
@reads_azure
def render(session: Session, out: Path, output: str, **asked: Any) -> None:
    """Write the report into a folder: page, text, workbook and mail. Sends nothing, changes nothing in Azure.

    FILES: cost data, as for `finops charges show`; without any, charges.sources, else Cost Management is asked.

    \b
    finops report render costs.csv --out report
    finops report render --month 2024-09 --out report
    """
    from finops.mail import compose
    from finops.report.files import write

    settings, model, bundle = _rendered(session, **asked)
    page = write(out, bundle, compose(bundle, settings.mail))
    _tell(output, model, bundle, {"page": str(page)}, [f"Look at {page}"])


@report.command()
@_options
@click.option("--revision", type=click.IntRange(1, 99), default=1, help="2 or more sends a report again, as corrected.")
@output_option
@reads_azure
def send(session: Session, revision: int, output: str, **asked: Any) -> None:
    """Leave the report's mail in the outbox (mail.outbox). The same report to the same people is left there once.

    \b
    finops report send
    finops report send costs.csv --week-ending 2026-11-21
    """
    from finops.mail import Outbox, compose

    settings, model, bundle = _rendered(session, **asked)
    message = compose(bundle, settings.mail, revision)
    outbox = Outbox(settings.mail.outbox)
    added = outbox.add(message)
    path = outbox.path_of(message)
    recipients = ", ".join(settings.mail.finance)
    said = f"Left in {path} for {recipients}."
    if not added:
        said = (
            f"{path} is already there: nothing was sent. Use --revision {revision + 1} to send it again, as corrected."
        )
    _tell(output, model, bundle, {"mail": str(path), "sent": added}, [said])


def _rendered(
    session: Session, basis: str | None, currency: str | None, **asked: Any
) -> tuple[Settings, Report, Rendered]:
    from finops.report import build, render

    files = asked.pop("files")
    period = _period(**asked)
    given = {name: value for name, value in (("basis", basis), ("currency", currency and currency.upper())) if value}
    settings = session.settings
    settings = settings.model_copy(update={"report": settings.report.model_copy(update=given)})
    now = session.now
    with _charges(session, files, settings, period, now) as book:
        model = build(book, now, settings.report, period)
    return settings, model, render(model, settings)


def _charges(
    session: Session, files: tuple[str, ...], settings: Settings, period: Period | None, now: datetime
) -> Charges:
    """The named files, else those of the settings, else what Cost Management says of this month and the last."""
    from finops import charges
    from finops.charges import Period

    sources = list(files) or settings.charges.sources
    if sources:
        return charges.load(sources, late_hours=settings.charges.late_hours)
    first = ((period.start if period else now - timedelta(days=13)).replace(day=1) - timedelta(days=1)).replace(day=1)
    last = max(now, period.end) if period else now
    with session.azure() as azure:
        subscriptions = [found["subscriptionId"] for found in azure.subscriptions()]
        wanted = Period(first.date(), last.date() + timedelta(days=1))
        return charges.ingest(azure, subscriptions, wanted, settings.charges.store, now)


def _period(
    week_ending: datetime | None, month: str | None, start: datetime | None, end: datetime | None
) -> Period | None:
    from finops.charges import Period

    if sum((week_ending is not None, month is not None, start is not None or end is not None)) > 1:
        raise UsageError("More than one period was given.", "Give one of --week-ending, --month, or --from with --to.")
    if (start is None) != (end is None):
        raise UsageError("--from and --to go together.", "Give both; the day of --to is the first one left out.")
    if week_ending is not None:
        return Period.week_ending(week_ending.date())
    if month is not None:
        return Period.month(month)
    return Period(start.date(), end.date()) if start and end else None


def _tell(output: str, model: Report, bundle: Rendered, where: dict[str, Any], said: list[str]) -> None:
    """Print what came out; exit 20 when something is missing from the figures."""
    if output == "table":
        for line in [bundle.subject, *said]:
            click.echo(line)
    else:
        total = model.total.cost
        row = {
            "subject": bundle.subject,
            "from": f"{model.period.start:%Y-%m-%d}",
            "to": f"{model.period.end:%Y-%m-%d}",
            "basis": model.basis,
            "cost": total.amount,
            "currency": total.currency,
            "charges": model.total.charges,
            "status": ", ".join(status.word for status in model.statuses),
            "complete": model.completeness.is_whole,
        }
        show([{**row, **where}], output)
    for warning in bundle.warnings:
        note(warning)
    if not model.completeness.is_whole:
        click.get_current_context().exit(PARTIAL)
