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


SMALL = 1  # what costs less in 30 days is only counted, unless --all is given


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
    be read, something that was due was not done, or nobody could be told of something.

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
        (session.acting if enforce else session.azure)() as azure,
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
            "Cost of 30 days": None if one.cost is None else round(one.cost, 2),
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
    if output == "table":
        _tell_people(found, lines, everything)
    else:
        show([_row(line, found.currency) for line in lines], output)
    _say(found)


def _tell_people(found: Plan, lines: list[Line], everything: bool) -> None:
    """The findings, resource by resource, no wider than people read. The whole of it is in every other format."""
    told = [line for line in lines if everything or line.status != "report" or line.saving or (line.cost or 0) >= SMALL]
    for together in _by_resource(told):
        click.echo(_paragraph(together, found.currency) + "\n")
    if len(told) < len(lines):
        click.echo(
            f"And {len(lines) - len(told)} more that cost less than {SMALL} {found.currency} in 30 days (--all)."
        )
    kept = sum(line.status == "keep" for line in found.lines)
    more = " (--all)" if kept and not everything else ""
    click.echo(f"{len(found.lines)} findings: {len(found.due)} due, {kept} kept{more}.")
    if found.saving:
        click.echo(f"Identified saving: {found.saving:,.2f} {found.currency} a month at today's retail prices.")


def _by_resource(lines: list[Line]) -> list[list[Line]]:
    together: dict[str, list[Line]] = {}
    for line in lines:
        together.setdefault(line.id.lower(), []).append(line)
    return list(together.values())


def _paragraph(lines: list[Line], currency: str) -> str:
    """One resource: what it is and costs, then each finding with what would be done, and why."""
    from rich.cells import set_cell_size

    first = lines[0]
    cost = "cost not known" if first.cost is None else f"{first.cost:,.2f} {currency} in 30 days"
    text = [_plain(f"{_place(first.id)}   {cost}{f'   owner {first.owner}' if first.owner else ''}")]
    for line in lines:
        saving = f", saves {line.saving:,.2f} a month" if line.saving else ""
        until = f": {line.until}" if line.until else ""
        text += _wrapped(
            f"{set_cell_size(line.rule, 6)}{line.action}{saving} ({line.mode}, {line.status}{until})", 2, 8
        )
        text += _wrapped(" ".join([line.why, *_saving(line), *line.notes]), 8, 8)
    return "\n".join(text)


def _saving(line: Line) -> list[str]:
    return [f"The saving: {line.saving_says}."] if line.saving_says and line.saving else []


def _place(resource_id: str) -> str:
    """The end of an id that tells it from others: below a workspace all of it, else its group and its name."""
    parts = resource_id.strip("/").split("/")
    if len(parts) > 8:
        return "/".join(parts[7::2])
    return f"{parts[3]}/{parts[-1]}" if len(parts) > 4 else parts[-1]


def _wrapped(text: str, first: int, rest: int) -> list[str]:
    import shutil
    import textwrap

    width = max(40, min(100, shutil.get_terminal_size().columns))
    return textwrap.wrap(
        _plain(text), width, initial_indent=" " * first, subsequent_indent=" " * rest, break_on_hyphens=False
    )


def _plain(text: str) -> str:
    """Control characters in a name would move the cursor or colour the terminal."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


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
    for problem in done.untold:
        note(f"! {problem}")
    if not done.enforced and done.plan.due:
        note(f"Nothing was changed. {len(done.plan.due)} changes are due: run it with --enforce to make them.")
