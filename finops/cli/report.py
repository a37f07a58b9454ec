"""`finops report`: render the cost report, look at it, leave its mail in the outbox."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from finops.cli.output import note, output_option, show
from finops.cli.period import day, period, period_options
from finops.cli.session import Session, reads_azure
from finops.errors import PARTIAL, UsageError

if TYPE_CHECKING:
    from finops.charges import Period
    from finops.config.model import Settings
    from finops.jobs import Made


def _options(command: Callable[..., Any]) -> Callable[..., Any]:
    """What both commands take: the cost data, and which days of it."""
    added: list[Callable[..., Any]] = [
        click.argument("files", nargs=-1, metavar="[FILES]..."),
        click.option("--week-ending", metavar="YYYY-MM-DD", help="The week whose last day this is."),
        period_options(
            month="A month; the running one up to its last complete day.",
            first="First day, with --to.",
            last="Last day, itself counted, with --from.",
        ),
        click.option("--basis", type=click.Choice(["effective", "billed"]), help="In place of report.basis."),
        click.option("--currency", metavar="CODE", help="In place of report.currency."),
    ]
    for option in reversed(added):
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
    from finops import jobs
    from finops.report.files import write

    settings, made = _made(session, **asked)
    page = write(out, made.forms, jobs.message(made, settings))
    _tell(output, made, {"page": str(page)}, [f"Look at {page}"])


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
    from finops import jobs

    settings, made = _made(session, **asked)
    path, sent = jobs.send(made, settings, revision)
    said = f"Left in {path} for {', '.join(settings.mail.finance)}."
    if not sent:
        said = (
            f"{path} is already there: nothing was sent. Use --revision {revision + 1} to send it again, as corrected."
        )
    _tell(output, made, {"mail": str(path), "sent": sent}, [said])


def _made(
    session: Session,
    files: tuple[str, ...],
    week_ending: str | None,
    basis: str | None,
    currency: str | None,
    **asked: Any,
) -> tuple[Settings, Made]:
    from finops import jobs

    wanted = _period(week_ending, **asked)
    given = {name: value for name, value in (("basis", basis), ("currency", currency and currency.upper())) if value}
    settings = session.settings
    settings = settings.model_copy(
        update={
            "report": settings.report.model_copy(update=given),
            "charges": settings.charges.model_copy(update={"sources": list(files) or settings.charges.sources}),
        }
    )
    with jobs.book_of(settings, wanted, session.now, session.azure) as book:
        return settings, jobs.make(book, settings, session.now, wanted)


def _period(week_ending: str | None, **asked: Any) -> Period | None:
    from finops.charges import Period

    if week_ending and any(asked.values()):
        raise UsageError("More than one period was given.", "Give one of --week-ending, --month, or --from with --to.")
    last = day("--week-ending", week_ending)
    return Period.week_ending(last) if last else period(**asked)


def _tell(output: str, made: Made, where: dict[str, Any], said: list[str]) -> None:
    """Print what came out; exit 20 when something is missing from the figures."""
    model, bundle = made.figures, made.forms
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
