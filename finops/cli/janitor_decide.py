"""`finops janitor approve`, `deny`, `snooze`, `exempt`: deciding on findings, each named with what was seen of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import click

from finops.cli.output import output_option, show
from finops.cli.remembering import numbered, opened, person
from finops.cli.session import Session, reads_azure
from finops.errors import PARTIAL, UsageError

if TYPE_CHECKING:
    from finops.approvals import Answer, Desk, Person

Rows = list[tuple[int, str]]
Decide = Callable[["Desk", Rows, "Person", datetime], "list[Answer]"]

ids: Callable[[Any], Any] = click.argument("findings", metavar="ID...", nargs=-1, required=True)
why: Callable[[Any], Any] = click.option("--reason", metavar="TEXT", required=True, help="Why; others read it.")
end: Callable[[Any], Any] = click.option(
    "--until", metavar="DAY", type=click.DateTime(["%Y-%m-%d"]), help="The last day.  [default: janitor.snooze_days]"
)


@click.command()
@ids
@click.option("--reason", metavar="TEXT", default="", help="Why; others read it.")
@output_option
@reads_azure
@click.pass_context
def approve(context: click.Context, session: Session, findings: tuple[str, ...], reason: str, output: str) -> None:
    """Approve what you saw: the ID ends with the start of its digest. Remembers it; changes nothing in Azure.

    `finops janitor apply` acts on it once the owner's grace is over, and only if nothing has changed. High risk takes
    two people and is approved on the page, where they sign in: on the command line nothing proves who it is.

    \b
    finops janitor approve 12-3f9a1c2b
    finops janitor approve 12-3f9a1c2b 14-77e0d1aa --reason "cleared with the team"
    """
    _decide(context, session, findings, output, lambda desk, rows, who, now: desk.approve(rows, who, now, reason))


@click.command()
@ids
@why
@output_option
@reads_azure
@click.pass_context
def deny(context: click.Context, session: Session, findings: tuple[str, ...], reason: str, output: str) -> None:
    """Say no, for a reason. It is not asked about again for janitor.longest_days. Changes nothing in Azure.

    \b
    finops janitor deny 12-3f9a1c2b --reason "our fallback for December"
    """
    _decide(context, session, findings, output, lambda desk, rows, who, now: desk.deny(rows, who, now, reason))


@click.command()
@ids
@why
@end
@output_option
@reads_azure
@click.pass_context
def snooze(
    context: click.Context,
    session: Session,
    findings: tuple[str, ...],
    reason: str,
    until: datetime | None,
    output: str,
) -> None:
    """Leave it alone until the end of a day, for a reason; then it is asked about anew. Changes nothing in Azure.

    \b
    finops janitor snooze 12-3f9a1c2b --until 2026-12-31 --reason "release week"
    """
    ends = _end_of(until)
    _decide(context, session, findings, output, lambda desk, rows, who, now: desk.snooze(rows, who, now, ends, reason))


@click.command()
@ids
@why
@end
@output_option
@reads_azure
@click.pass_context
def exempt(
    context: click.Context,
    session: Session,
    findings: tuple[str, ...],
    reason: str,
    until: datetime | None,
    output: str,
) -> None:
    """Take it out of its rule until the end of a day, for a reason. Changes nothing in Azure.

    To exempt it from every rule, or whatever is below a scope, use the tag finops:keep or the exemptions file.

    \b
    finops janitor exempt 12-3f9a1c2b --until 2026-12-31 --reason "demo for the board"
    """
    ends = _end_of(until)
    _decide(context, session, findings, output, lambda desk, rows, who, now: desk.exempt(rows, who, now, ends, reason))


def _decide(context: click.Context, session: Session, findings: tuple[str, ...], output: str, decide: Decide) -> None:
    """Answer each row; exit 1 if none was taken, 20 if some were not."""
    from finops.approvals import Desk

    named = [numbered(one) for one in findings]
    for number, digest in named:
        if not digest:
            raise UsageError(
                f"{number} does not say what you saw of it.",
                f"Look at it with `finops janitor show {number}`, and name it as that prints it, such as "
                f"{number}-3f9a1c2b.",
            )
    if session.estate:
        raise UsageError("--estate was given: nothing of a recording is decided.", "Leave it out.")
    with opened(session) as state:
        rows = []
        for number, digest in named:
            record = state.findings.find(number)
            whole = record.finding.digest if record and record.finding.digest.startswith(digest) else digest
            rows.append((number, whole))
        answers = decide(Desk(state, session.settings.janitor), rows, person(), session.now)
    show([{"Finding": one.number, "Taken": "yes" if one.ok else "no", "Answer": one.said} for one in answers], output)
    if not all(one.ok for one in answers):
        context.exit(PARTIAL if any(one.ok for one in answers) else 1)


def _end_of(day: datetime | None) -> datetime | None:
    """The end of a day, UTC."""
    return None if day is None else datetime.combine(day.date() + timedelta(days=1), time(), UTC)
