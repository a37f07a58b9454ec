"""`finops janitor apply` and `finops janitor undo`: the two commands of the janitor that change Azure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from finops.cli.changing import refuse_recording, who
from finops.cli.janitor_rows import show_rows
from finops.cli.output import note, output_option, show
from finops.cli.remembering import finding_number
from finops.cli.session import Session, reads_azure
from finops.errors import PARTIAL, FinopsError

if TYPE_CHECKING:
    from finops.jobs.sweeping.applying import Applied
    from finops.jobs.sweeping.undoing import Undone
    from finops.jobs.sweeping.waiting import Waits
    from finops.state import State


MOST_NAMED = 12  # findings of one reason


@click.command()
@click.option("--execute", is_flag=True, help="Do it. Without it nothing is changed, and what would be done is said.")
@click.option(
    "--only", type=finding_number, multiple=True, metavar="ID", help="Only this finding; may be given several times."
)
@output_option
@reads_azure
@click.pass_context
def apply(context: click.Context, session: Session, execute: bool, only: tuple[int, ...], output: str) -> None:
    """Do what was approved and is due; changes Azure only with --execute.

    Everything is read again first: what is not as it was approved is not touched, and is asked about anew. Before
    something is deleted, a tombstone of it lies on the disk, from which `finops janitor undo` makes it again.
    What is approved and not due is named, with the time for which it waits. Exits 20 when something that was due was
    not done.

    \b
    finops janitor apply
    finops janitor apply --execute
    finops janitor apply --execute --only 12
    """
    from finops.jobs.sweeping.applying import apply as job
    from finops.jobs.sweeping.telling import tell

    refuse_recording(session, "finops janitor apply")
    with _state(session) as state, session.acting() as azure:
        done = job(azure, session.settings, state, session.now, execute, note, only)
        _show(done, output)
        problems = tell(state, session.settings, session.now).problems if execute else ()
        for problem in problems:
            note(f"! {problem}")
        note(f"Audit trail: {state.audit_head()}")
    if done.partial or problems:
        context.exit(PARTIAL)


@click.command()
@click.argument("number", metavar="ID", type=finding_number)
@click.option("--dry-run", is_flag=True, help="Only say what would be done first, and what cannot come back.")
@output_option
@reads_azure
@click.pass_context
def undo(context: click.Context, session: Session, number: int, dry_run: bool, output: str) -> None:
    """Make again what was deleted, or give back what was taken, on account of finding ID; changes Azure.

    What is there afterwards is compared with what was there, field by field. Broken off, it goes on where it was when
    it is called again. Exits 20 when not everything is as it was.

    \b
    finops janitor undo 12 --dry-run
    finops janitor undo 12
    """
    from finops.jobs.sweeping.telling import tell
    from finops.jobs.sweeping.undoing import undo as job

    refuse_recording(session, "finops janitor undo")
    with _state(session) as state, session.acting() as azure:
        done = job(azure, session.settings, state, number, session.now, who("finops janitor undo"), dry_run, note)
        _compare(done, output)
        problems = () if dry_run else tell(state, session.settings, session.now).problems
        for problem in problems:
            note(f"! {problem}")
        note(f"Audit trail: {state.audit_head()}")
    if done.stopped:
        raise FinopsError(done.stopped, f"Run it again: finops janitor undo {number} goes on where it was.")
    if (not done.equal and not dry_run) or problems:
        context.exit(PARTIAL)


@contextmanager
def _state(session: Session) -> Iterator[State]:
    from finops.state import State

    settings = session.settings.state
    key = settings.audit_key
    with State.open(settings.url, audit_key=key.get_secret_value().encode() if key else None) as state:
        yield state


def _words(what: str) -> str:
    """An action in words, as people were asked about it."""
    from finops.approvals.naming import QUIET, VERBS

    action, quiet, _ = what.partition(" (quiet step)")
    if quiet or action not in VERBS:
        return f"quiet step: {QUIET[action]}" if action in QUIET else what
    return VERBS[action]


def _waiting(found: Iterable[Waits]) -> Iterator[str]:
    """What waits, in sentences; what waits for the same is said once."""
    alike: dict[str, list[str]] = {}
    for one in found:
        alike.setdefault(one.why, []).append(str(one.record.number))
    for why, numbers in alike.items():
        more = f" and {len(numbers) - MOST_NAMED} more" if len(numbers) > MOST_NAMED else ""
        which = f"Finding {numbers[0]} waits" if len(numbers) == 1 else f"{len(numbers)} findings wait"
        some = "" if len(numbers) == 1 else f" ({', '.join(numbers[:MOST_NAMED])}{more})"
        yield f"{which}{some}: {why}"


def _show(done: Applied, output: str) -> None:
    from finops.approvals.naming import name_of

    for one in done.resolved:
        note(f"Left open by an earlier run: {one.intent.action} of {one.intent.resource_id}: {one.why}")
    rows: list[dict[str, Any]] = [
        {
            "Finding": line.record.number,
            "Result": line.result,
            "What": _words(line.what) if output == "table" else line.what,
            "Resource": name_of(line.record.finding.resource_id),
            "Status": line.record.status,
            "Why": line.why,
            "Id": line.record.finding.resource_id,
        }
        for line in done.lines
    ]
    columns = ["Finding", "Result", "What", "Status", "Resource", "Why"]
    if output != "table":
        show(rows, output, ["Finding", "Result", "What", "Resource", "Status", "Why", "Id"])
    elif rows:
        show_rows(({name: row[name] for name in columns} for row in rows), ["Resource", "Why"], "Janitor")
    else:
        note("Nothing is due." if done.waiting else "Nothing is approved, so nothing is due.")
    for told in _waiting(done.waiting):
        note(told)
    if done.left_open:
        note(f"{done.left_open} changes were left open by an earlier run: --execute finds out what became of them.")
    would = sum(line.result == "would" for line in done.lines)
    if not done.executed and would:
        note(f"Nothing was changed. {would} changes are due: run it with --execute to make them.")
    for line in done.lines:
        if line.result == "done" and line.record.status == "quiet" and line.record.quiet_until is not None:
            until = f"{line.record.quiet_until:%Y-%m-%d %H:%M} UTC"
            note(
                f"{name_of(line.record.finding.resource_id)} is watched until {until}, and gets back what it had at "
                f"the first sign of life. Undo it now: finops janitor undo {line.record.number}"
            )
        if line.result == "done" and line.record.status == "confirmed":
            note(f"Undo it: finops janitor undo {line.record.number}")


def _compare(done: Undone, output: str) -> None:
    for step in done.steps:
        note(f"{'Would first' if done.dry else 'Done'}: {step}")
    rows: list[dict[str, Any]] = [
        {"Piece": one.what, "Field": path, "Was": before, "Is": after, "Id": one.id}
        for one in done.compared
        for path, before, after in one.different
    ]
    equal = sum(len(one.equal) for one in done.compared)
    if not done.dry and not done.stopped:
        if output == "table":
            columns = ["Piece", "Field", "Was", "Is"]
            show_rows(({name: row[name] for name in columns} for row in rows), columns[1:], "What differs")
        else:
            show(rows, output, ["Piece", "Field", "Was", "Is", "Id"])
        note(f"{equal} fields of {len(done.compared)} resources are equal, {len(rows)} differ.")
    for lost in done.lost:
        note(f"Cannot come back: {lost}")
    for command in done.for_people:
        note(f"For a person who may: {command}")
