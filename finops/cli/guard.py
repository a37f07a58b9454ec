"""`finops guard`: what breaks the rules, what would be done about it, doing it, and what is exempt."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from finops.cli.output import note, output_option, show
from finops.cli.session import Session, reads_azure
from finops.errors import PARTIAL, UsageError

if TYPE_CHECKING:
    from finops.jobs import Guarded, Plan
    from finops.jobs.guarding import Line
    from finops.state import State


@click.group()
def guard() -> None:
    """Rules over the estate: spot-only dev clusters, CostCenter tags, exemptions."""


@guard.command()
@output_option
@click.option("--all", "everything", is_flag=True, help="Also what is kept: protected, or not known.")
@reads_azure
@click.pass_context
def plan(context: click.Context, session: Session, output: str, everything: bool) -> None:
    """Show what the guard would change, what that costs now and would save, and whom it affects. Changes nothing.

    Exits 20 when something could not be read, and says what.

    \b
    finops guard plan
    finops guard plan --estate october -o json
    """
    from finops.jobs import guard_plan

    with session.azure() as azure, _remembered(session) as state:
        found = guard_plan(azure, session.settings, session.now, state, note)
    _show(found, output, everything)
    if not found.complete:
        context.exit(PARTIAL)


@guard.command()
@click.option("--enforce", is_flag=True, help="Change what is due in mode enforce. Without it nothing is changed.")
@output_option
@reads_azure
@click.pass_context
def run(context: click.Context, session: Session, enforce: bool, output: str) -> None:
    """Compare the estate with the rules and tell owners by mail; with --enforce also change what is due.

    Changes Azure only with --enforce, and only in scopes whose mode is enforce. Exits 20 when something could not
    be read, or something that was due was not done.

    \b
    finops guard run
    finops guard run --enforce
    """
    from finops.jobs import guard as job
    from finops.state import State

    if session.estate:
        raise UsageError(
            "--estate was given: a recording cannot be changed, and its owners are not to be told.",
            "Use `finops guard plan --estate DIR`, or serve it with `finops simulate serve DIR` and give --azure.",
        )
    settings = session.settings
    key = settings.state.audit_key
    with (
        State.open(settings.state.url, audit_key=key.get_secret_value().encode() if key else None) as state,
        session.azure() as azure,
    ):
        done = job(azure, settings, state, session.now, enforce, note)
    _show(done.plan, output, everything=False)
    _tell(done)
    if done.partial:
        context.exit(PARTIAL)


@guard.command()
@output_option
@reads_azure
@click.pass_context
def exemptions(context: click.Context, session: Session, output: str) -> None:
    """List what is exempt from the rules: until when, why, whose, and what it costs a month. Changes nothing.

    \b
    finops guard exemptions
    finops guard exemptions -o csv
    """
    from finops.jobs import guard_plan

    with session.azure() as azure:
        found = guard_plan(azure, session.settings, session.now, None, note)
    rows = [
        {
            "Scope": one.exemption.scope,
            "Until": one.exemption.until,
            "Status": one.status,
            "Reason": one.exemption.reason,
            "Owner": one.exemption.owner,
            "By": one.exemption.source,
            "Cost of 30 days": one.cost,
            "Currency": found.currency,
        }
        for one in found.exemptions
    ]
    show(rows, output, title="Exemptions")
    _say(found)
    if not found.complete:
        context.exit(PARTIAL)


@contextmanager
def _remembered(session: Session) -> Iterator[State | None]:
    """What earlier runs remember, where there is something: a look leaves no database behind."""
    from pathlib import Path

    url = session.settings.state.url
    if session.estate or ("://" not in url and not Path(url).exists()):
        yield None
        return
    from finops.state import State

    with State.open(url) as state:
        yield state


def _show(found: Plan, output: str, everything: bool) -> None:
    lines = [line for line in found.lines if everything or line.status != "keep"]
    if output != "table":
        show([_row(line, found.currency) for line in lines], output)
    else:
        show([_brief(line) for line in lines], output, title="Guard")
        _summary(found, lines)
    _say(found)


def _row(line: Line, currency: str) -> dict[str, Any]:
    return {
        "Rule": line.rule,
        "Name": line.name,
        "Would": line.action,
        "Mode": line.mode,
        "Status": line.status,
        "Until": line.until,
        "Why": line.why,
        "Owner": line.owner,
        "Cost of 30 days": line.cost,
        "Saving a month": line.saving,
        "Saving says": line.saving_says,
        "Currency": currency,
        "Notes": " ".join(line.notes),
        "Id": line.id,
    }


def _brief(line: Line) -> dict[str, Any]:
    """The row of a table: no wider than people read. The whole of it is in every other format."""
    above = line.id.split("/")
    holder = above[8] if len(above) > 10 else above[4] if len(above) > 6 else ""
    return {
        "Rule": line.rule,
        "Resource": f"{holder}/{line.name}" if holder else line.name,
        "Would": line.action,
        "Status": f"{line.mode}, {line.status}{f': {line.until}' if line.until else ''}",
        "Owner": line.owner,
        "Cost": None if line.cost is None else round(line.cost, 2),
        "Saving": line.saving,
        "Why": line.why + "".join(f" {remark}" for remark in line.notes),
    }


def _summary(found: Plan, shown: list[Line]) -> None:
    kept = len(found.lines) - sum(line.status != "keep" for line in found.lines)
    click.echo(f"{len(found.lines)} findings: {len(found.due)} due, {kept} kept{'' if kept == 0 else ' (--all)'}.")
    if found.saving:
        click.echo(
            f"Cost of 30 days and saving a month in {found.currency}. "
            f"Identified saving: {found.saving:,.2f} a month at today's retail prices."
        )


def _say(found: Plan) -> None:
    for remark in found.remarks:
        note(f"! {remark}")
    for problem in found.problems:
        note(f"! {problem}")


def _tell(done: Guarded) -> None:
    for one in done.resolved:
        note(f"Left open by an earlier run: {one.intent.action} of {one.intent.resource_id}: {one.why}")
    for outcome in done.outcomes:
        note(f"{outcome.result}: {outcome.act.action} {outcome.act.resource_id}: {outcome.why}")
    for deed in done.deeds:
        note(f"{deed.line.name}: {deed.did} {' '.join(deed.notes)}")
    for mail in done.mails:
        note(f"Mail: {mail}")
    if not done.enforced and done.plan.due:
        note(f"Nothing was changed. {len(done.plan.due)} changes are due: run it with --enforce to make them.")
