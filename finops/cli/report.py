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
    from finops.report import Claim
    from finops.report.model import Saving


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

    FILES: cost data, as for `finops charges show`; without any, charges.sources, else Cost Management is asked, and
    what it answers is kept in the folder charges.store.

    Each report has files of its own in --out; index.html is the newest one.

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

    FILES: as for `finops report render`.

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


@report.command()
@_options
@output_option
@reads_azure
def savings(session: Session, output: str, **asked: Any) -> None:
    """What decisions save: each act, decision and finding, with the charges that say so. Changes nothing.

    FILES: as for `finops report render`. Realised is as of the last complete day, whatever days are named.

    \b
    finops report savings
    finops report savings costs.csv -o json
    """
    from finops import jobs, report

    settings, wanted = _settled(session, **asked)
    claims = _claims(session, settings)
    rows = []
    if claims:
        with jobs.book_of(settings, wanted, session.now, session.azure) as book:
            found = report.build(book, session.now, settings.report, wanted, claims=claims).savings
        rows = [_row(one) for one in found.all] if found else []
    if output == "table":
        rows = [{name: value for name, value in row.items() if name in BRIEF} for row in rows]
    show(rows, output, title="Savings")


BRIEF = ("finding", "kind", "realised", "expected", "name", "since", "why")


def _row(one: Saving) -> dict[str, Any]:
    """An entry with every digit; amounts are in `currency`, `expected` is a month's."""
    amounts = {"realised": one.realised, "expected": one.expected, "before": one.before, "after": one.after}
    currency = next((amount.currency for amount in amounts.values() if amount), None)
    plain = {name: amount.amount if amount else None for name, amount in amounts.items()}
    return {
        "finding": one.number,
        "kind": one.kind,
        "countedWith": one.counted_with,
        "realised": plain["realised"],
        "expected": plain["expected"],
        "currency": currency,
        "name": one.name,
        "rule": one.rule,
        "action": one.does,
        "since": one.since,
        "undone": one.until,
        "daysBefore": one.days_before,
        "before": plain["before"],
        "daysAfter": one.days_after,
        "after": plain["after"],
        "why": one.why,
        "resourceId": one.resource_id,
    }


def _claims(session: Session, settings: Settings) -> tuple[Claim, ...]:
    """What is remembered of savings; nothing of it concerns a recording."""
    from finops import jobs

    return () if session.estate else jobs.remembered(settings)


def _made(session: Session, **asked: Any) -> tuple[Settings, Made]:
    from finops import jobs

    settings, wanted = _settled(session, **asked)
    with jobs.book_of(settings, wanted, session.now, session.azure) as book:
        return settings, jobs.make(book, settings, session.now, wanted, _claims(session, settings))


def _settled(
    session: Session,
    files: tuple[str, ...],
    week_ending: str | None,
    basis: str | None,
    currency: str | None,
    **asked: Any,
) -> tuple[Settings, Period | None]:
    """The settings with what was given on the command line, and the period that was asked for."""
    wanted = _period(week_ending, **asked)
    given = {name: value for name, value in (("basis", basis), ("currency", currency and currency.upper())) if value}
    settings = session.settings
    settings = settings.model_copy(
        update={
            "report": settings.report.model_copy(update=given),
            "charges": settings.charges.model_copy(update={"sources": list(files) or settings.charges.sources}),
        }
    )
    return settings, wanted


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
