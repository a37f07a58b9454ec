"""`finops budget sync`: Azure's own budgets, made from the same settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from finops.cli.output import note, output_option, show
from finops.cli.remembering import look_at, opened
from finops.cli.session import Session, reads_azure
from finops.errors import PARTIAL, UsageError

if TYPE_CHECKING:
    from finops.jobs.budgeting.syncing import Plan


@click.command()
@click.option(
    "--what-if", is_flag=True, help="Only show what would change. That is what happens without --execute, too."
)
@click.option("--execute", is_flag=True, help="Create, update and delete our budgets in Azure.")
@output_option
@reads_azure
@click.pass_context
def sync(context: click.Context, session: Session, what_if: bool, execute: bool, output: str) -> None:
    """Keep Azure's own budgets in step with the settings. Changes Azure only with --execute, and only our budgets.

    So Azure alerts, too, when nothing of ours runs. Exits 20 when a budget cannot be kept there, or a step failed.

    \b
    finops budget sync --what-if
    finops budget sync --execute
    """
    from finops.jobs.budgeting.syncing import execute as carry_out
    from finops.jobs.budgeting.syncing import plan

    if what_if and execute:
        raise UsageError("--what-if and --execute were both given.", "Give one.")
    if execute and session.estate:
        raise UsageError("--estate was given: a recording cannot be changed.", "Leave out --execute.")
    with (session.acting if execute else session.azure)() as azure:
        if not execute:
            with look_at(session) as state:
                found = plan(azure, session.settings, session.now, state)
            done = []
        else:
            from finops.cli.remembering import person

            with opened(session, create=True) as state:
                found = plan(azure, session.settings, session.now, state)
                done = carry_out(azure, found, state, person().who, session.now, note)
    _show(found, output)
    for one in done:
        note(f"{'done' if one.ok else 'FAILED'}: {one.step.action} {one.step.name}: {one.said}")
    if not execute and found.changes:
        note(f"Nothing was changed. {len(found.changes)} to make: run it with --execute.")
    if found.unfit or found.unread or not all(one.ok for one in done):
        context.exit(PARTIAL)


def _show(found: Plan, output: str) -> None:
    rows = [
        {"action": one.action, "budget": one.budget, "name": one.name, "scope": one.scope,
         "differs": "; ".join(one.differs), "notes": "; ".join(one.notes)}
        for one in found.steps
    ]  # fmt: skip
    if output != "table":
        show(rows, output)
    else:
        for row in rows:
            click.echo(f"{row['action']:<7} {row['name']}")
            for line in (f"at {row['scope']}", row["differs"], row["notes"]):
                for part in _wrapped(line):
                    click.echo(part)
        if not rows:
            click.echo("Azure holds no budget of ours, and none is to be made.")
    if found.foreign:
        note(f"{found.foreign} budgets of others are not touched.")
    for one in found.unfit:
        note(f"! {one.budget} is not kept in Azure: {one.why}.")
    for unread in found.unread:
        note(f"! {unread}")


def _wrapped(text: str) -> list[str]:
    import textwrap

    return textwrap.wrap(text, 80, initial_indent=" " * 8, subsequent_indent=" " * 8, break_on_hyphens=False)
