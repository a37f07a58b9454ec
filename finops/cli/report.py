"""`finops report`: render the cost report, look at it, leave its mail in the outbox."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from finops.cli.delivering import all_left
from finops.cli.output import note, output_option, show
from finops.cli.period import day, period, period_options
from finops.cli.remembering import opened
from finops.cli.session import Session, reads_azure
from finops.errors import PARTIAL, UsageError

if TYPE_CHECKING:
    from finops.charges import Charges, Period
    from finops.config.model import Settings
    from finops.jobs import Made
    from finops.report.known import Known
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
        click.option("--audience", metavar="COSTCENTER", help="One cost centre's share; (untagged) for what has none."),
        click.option(
            "--charges-only", is_flag=True, help="Do not read the estate. So it is where FILES are given, too."
        ),
    ]
    for option in reversed(added):
        command = option(command)
    return command


# Commands that live beside, and are imported when they are called.
VERBS = {
    **dict.fromkeys(["archive", "preview"], "report_pages"),
    **dict.fromkeys(["close", "explain", "figures"], "report_figures"),
}


class ReportCommands(click.Group):
    """The commands of this module, and those of VERBS by their name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*self.commands, *VERBS])

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in VERBS:
            return super().get_command(ctx, name)
        found: Any = getattr(importlib.import_module(f"finops.cli.{VERBS[name]}"), name)
        assert isinstance(found, click.Command)
        return found


@click.group(cls=ReportCommands)
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
@click.pass_context
def send(context: click.Context, /, session: Session, revision: int, output: str, **asked: Any) -> None:
    """Leave the report's mail in the outbox (mail.outbox). The same report to the same people is left there once.

    Exits 20 when a mail is still to be sent. FILES: as for `finops report render`.

    \b
    finops report send
    finops report send costs.csv --week-ending 2026-11-21
    """
    from finops import jobs
    from finops.mail import Post

    settings, made = _made(session, **asked)
    path, sent = jobs.send(made, settings, revision, remembers=session.estate is None)
    said = f"Left in {path} for {', '.join(made.figures.audience.recipients or settings.mail.finance)}."
    if not sent:
        said = (
            f"{path} is already there: nothing was sent. Use --revision {revision + 1} to send it again, as corrected."
        )
    _tell(output, made, {"mail": str(path), "sent": sent}, [said])
    with opened(session) as state:
        if not all_left(Post(state, settings.mail, settings.azure).deliver(session.now)):
            context.exit(PARTIAL)


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
    from finops import report

    asked["charges_only"] = True
    with worked(session, **asked) as of:
        found = None
        if of.known.claims:
            found = report.build(
                of.book, session.now, of.settings.report, of.period, known=of.known, share=of.share
            ).savings
        rows = [_row(one) for one in found.all] if found else []
    if output == "table":
        rows = [{name: value for name, value in row.items() if name in BRIEF} for row in rows]
    show(rows, output, title="Savings")


BRIEF = ("finding", "source", "kind", "realised", "expected", "name", "since", "why")


def _row(one: Saving) -> dict[str, Any]:
    """An entry with every digit; amounts are in `currency`, `expected` is a month's."""
    amounts = {"realised": one.realised, "expected": one.expected, "before": one.before, "after": one.after}
    currency = next((amount.currency for amount in amounts.values() if amount), None)
    plain = {name: amount.amount if amount else None for name, amount in amounts.items()}
    return {
        "finding": one.number,
        "source": one.source,
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
        "plannedEnd": one.ends,
        "daysBefore": one.days_before,
        "before": plain["before"],
        "daysAfter": one.days_after,
        "after": plain["after"],
        "rerunHours": one.again_hours,
        "rerun": one.again.amount if one.again else None,
        "why": one.why,
        "resourceId": one.resource_id,
    }


@dataclass(frozen=True)
class Worked:
    """What a report is made from: the settings with the options in them, the period asked for, charges and the rest."""

    settings: Settings
    period: Period | None
    book: Charges
    known: Known
    share: str | None


@contextmanager
def worked(session: Session, audience: str | None, charges_only: bool, **asked: Any) -> Iterator[Worked]:
    """Read all that a report of what was asked for needs; the charges are closed at the end."""
    from finops import jobs

    settings, wanted = _settled(session, **asked)
    with jobs.book_of(settings, wanted, session.now, session.azure) as book:
        share = _share(book, audience)
        connect = None if charges_only or asked["files"] else session.azure
        known = jobs.known_of(book, settings, session.now, wanted, connect, remembers=session.estate is None)
        yield Worked(settings, wanted, book, known, share)


def _share(book: Charges, audience: str | None) -> str | None:
    """The cost centre as the charges spell it."""
    if audience is None:
        return None
    frames = [book.by(["CostCenter"], currency=currency) for currency in book.currencies]
    there = dict.fromkeys(str(one) for frame in frames for one in frame["CostCenter"].tolist())
    found = next((one for one in there if one.lower() == audience.strip().lower()), None)
    if found is None:
        some = ", ".join(list(there)[:5])
        raise UsageError(f"There are no charges of the cost centre {audience}.", f"There are some of {some}.")
    return found


def _made(session: Session, **asked: Any) -> tuple[Settings, Made]:
    from finops import jobs

    with worked(session, **asked) as of:
        made = jobs.make(of.book, of.settings, session.now, of.period, known=of.known, share=of.share)
        return of.settings, made


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
