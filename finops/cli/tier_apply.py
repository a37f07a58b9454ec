"""`finops tier apply` and `finops tier undo`: the two commands of tiering that change Azure."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from finops.cli import tier_options
from finops.cli.changing import refuse_recording, who
from finops.cli.output import note, output_option, show
from finops.cli.session import Session, reads_azure
from finops.errors import PARTIAL

if TYPE_CHECKING:
    from finops.jobs.tiering.applied import Applied
    from finops.jobs.tiering.proposing import Proposal

_accounts = click.option("--account", "accounts", metavar="NAME", multiple=True, help="Only this account. Repeatable.")
_execute = click.option("--execute", is_flag=True, help="Do it. Without it nothing is changed, and what would be done "
                        "is said.")  # fmt: skip


@click.command()
@_accounts
@tier_options.inventory
@tier_options.protect
@_execute
@output_option
@reads_azure
@click.pass_context
def apply(
    context: click.Context,
    session: Session,
    accounts: tuple[str, ...],
    paths: tuple[Path, ...],
    protect: tuple[str, ...],
    execute: bool,
    output: str,
) -> None:
    """Put tiers into force where the settings, or people, allow it; changes Azure only with --execute.

    Each account is planned anew. Its lifecycle rules are written whole, with everybody else's as they are, and read
    back. Whatever archives needs an approval, and in the mode ask everything does. Exits 20 when something that was due
    was not done.

    \b
    finops tier apply
    finops tier apply --account mldata --inventory inventory/ --execute
    """
    from finops.cli.remembering import opened
    from finops.jobs.tiering.applying import apply as job

    refuse_recording(session, "finops tier apply")
    with opened(session, create=True) as state, session.acting() as azure:
        done = job(azure, session.settings, state, session.now, execute, note, accounts, paths, protect)
        _show(done, output)
        note(f"Audit trail: {state.audit_head()}")
    if done.partial or done.problems:
        context.exit(PARTIAL)


@click.command()
@_accounts
@_execute
@output_option
@reads_azure
@click.pass_context
def undo(context: click.Context, session: Session, accounts: tuple[str, ...], execute: bool, output: str) -> None:
    """Take back what tiering set: rules, tracking, inventory, single moves; changes Azure only with --execute.

    What others set stays as it is, to the letter. Blobs that rules have moved stay where they are. Doing it twice
    changes nothing more.

    \b
    finops tier undo
    finops tier undo --account mldata --execute
    """
    from finops.cli.remembering import opened
    from finops.jobs.tiering.undoing import undo as job

    refuse_recording(session, "finops tier undo")
    with opened(session) as state, session.acting() as azure:
        done = job(azure, session.settings, state, session.now, execute, note, accounts, who("finops tier undo"))
        _show(done, output)
        note(f"Audit trail: {state.audit_head()}")
    if done.partial:
        context.exit(PARTIAL)


def _show(done: Applied, output: str) -> None:
    from finops.cli.janitor_rows import show_rows

    for one in done.resolved:
        note(f"Left open by an earlier run: {one.intent.action} of {one.intent.resource_id}: {one.why}")
    rows: list[dict[str, Any]] = [
        {
            "Account": line.account,
            "Result": line.result,
            "What": line.what,
            "Finding": line.finding or None,
            "Why": line.why,
        }
        for line in done.lines
    ]
    if output != "table":
        show([row | _figures(line.proposed) for row, line in zip(rows, done.lines, strict=True)], output)
    elif rows:
        show_rows(rows, ["Why"], "Tiering")
    else:
        note("There is nothing to do.")
    for problem in done.problems:
        note(f"! {problem}")
    if done.left_open:
        note(f"{done.left_open} changes were left open: --execute finds out what became of them.")
    would = _count(done, "would")
    if not done.executed and would:
        note(f"Nothing was changed. {would} changes are due: run it with --execute to make them.")


def _figures(proposed: Proposal | None) -> dict[str, Any]:
    if proposed is None:
        return {}
    return {
        "currency": proposed.plan.currency, "savingMonth": proposed.sum("month"), "once": proposed.sum("once"),
        "worst": proposed.sum("worst"), "movedBlobs": proposed.blobs, "movedBytes": proposed.bytes,
        "rules": proposed.rules, "singles": len(proposed.singles), "fingerprint": proposed.plan.fingerprint,
    }  # fmt: skip


def _count(done: Applied, *results: str) -> int:
    found: Iterable[str] = (line.result for line in done.lines)
    return sum(result in results for result in found)
