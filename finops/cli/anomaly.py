"""`finops anomaly`: days that cost more or less than expected, their causes, and what people say of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from finops.cli.delivering import all_left
from finops.cli.output import note, output_option, show
from finops.cli.remembering import look_at, opened, person
from finops.cli.session import Session, reads_azure
from finops.errors import PARTIAL, UsageError

if TYPE_CHECKING:
    from datetime import date

    from finops.cloud import Azure
    from finops.jobs.anomalies import Case
    from finops.state import State

Made = TypeVar("Made")


@click.group()
def anomaly() -> None:
    """Days that cost more or less than expected: list them, explain, plan, close."""


@anomaly.command("list")
@click.option("--all", "everything", is_flag=True, help="Closed ones, too.")
@click.option("--plans", "planned", is_flag=True, help="The planned changes in place of the cases.")
@output_option
@reads_azure
def listed(session: Session, everything: bool, planned: bool, output: str) -> None:
    """List the cases that are not closed, newest first. Changes nothing.

    \b
    finops anomaly list
    finops anomaly list --all -o json
    """
    from finops.cli.anomaly_lines import line, plan_line, plan_row, row
    from finops.jobs import anomalies

    with look_at(session) as state:
        found = [one for one in anomalies.cases(state) if everything or one.is_open]
        plans = anomalies.plans(state)
        looked = anomalies.evaluated(state)
    if output != "table":
        show([plan_row(one) for one in plans] if planned else [row(one) for one in found], output)
        return
    for text in [plan_line(one) for one in plans] if planned else [line(one) for one in found]:
        click.echo(text)
    if planned and not plans:
        click.echo("No change is planned.")
    elif not planned and not found:
        when = f" in {looked.label}" if looked else ": nobody has looked yet, see `finops anomaly watch`"
        click.echo(f"No {'case' if everything else 'open case'}{when}.")


@anomaly.command("show")
@click.argument("id_", metavar="ID")
@output_option
@reads_azure
def shown(session: Session, id_: str, output: str) -> None:
    """Show one case in full: figures, cause with its evidence, who said what. Changes nothing.

    \b
    finops anomaly show A4afc3d7
    """
    from finops.cli.anomaly_lines import row, whole
    from finops.jobs import anomalies

    with _cases_of(session) as state:
        found = anomalies.case_of(state, id_)
    if output == "table":
        click.echo("\n".join(whole(found)))
    else:
        show([row(found)], output)


@anomaly.command()
@click.argument("id_", metavar="ID")
@click.option("--why", required=True, help="What it was.")
@reads_azure
def explain(session: Session, id_: str, why: str) -> None:
    """Say why a cost is as it is. The case is carried until that cost is over or usual. Changes only the state.

    \b
    finops anomaly explain A4afc3d7 --why "retraining of the ranker, until Friday"
    """
    from finops.jobs import anomalies

    with _cases_of(session) as state:
        found = anomalies.explain(state, id_, why, person().who, session.now)
    _said(found)


@anomaly.command()
@click.argument("id_", metavar="ID")
@click.option("--why", required=True, help="What was done, or why nothing is.")
@reads_azure
def resolve(session: Session, id_: str, why: str) -> None:
    """Close a case. The next `finops anomaly watch` mails that to those who were told. Changes only the state.

    \b
    finops anomaly resolve A4afc3d7 --why "the cluster is back to 0 nodes"
    """
    from finops.jobs import anomalies

    with _cases_of(session) as state:
        found = anomalies.resolve(state, id_, why, person().who, session.now)
    _said(found)


@anomaly.command("false-positive")
@click.argument("id_", metavar="ID")
@click.option("--why", required=True, help="Why this is no anomaly.")
@click.option("--until", metavar="DAY", help="Last day of the raised bar.  [default: anomalies.raise_days from now]")
@reads_azure
def false_positive(session: Session, id_: str, why: str, until: str | None) -> None:
    """Say that a case is no anomaly: it is closed, and as much in its scopes is not told again. Changes only the state.

    \b
    finops anomaly false-positive A4afc3d7 --why "the nightly batch is that large" --until 2026-12-31
    """
    from datetime import timedelta

    from finops.jobs import anomalies

    today = session.now.date()
    last = _day(until) if until else today + timedelta(days=session.settings.anomalies.raise_days)
    if last < today or last > today + timedelta(days=366):
        raise UsageError(f"{last} is no end for a raised bar.", "Give a day from today to a year from now.")
    with _cases_of(session) as state:
        found = anomalies.false_positive(state, id_, why, person().who, last, session.now)
    _said(found)
    note(f"Told again from {anomalies.bar_of(found.anomaly):,.2f} {found.currency} a day, or after {last}.")


@anomaly.command()
@click.argument("scope")
@click.option("--from", "first", required=True, metavar="DAY", help="First day of the change.")
@click.option("--to", "last", required=True, metavar="DAY", help="Last day of it.")
@click.option("--why", required=True, help="What is planned.")
@reads_azure
def plan(session: Session, scope: str, first: str, last: str, why: str) -> None:
    """Declare a change beforehand, so that it is no alarm. SCOPE: all, a cost centre, or KIND:NAME. Only the state.

    \b
    finops anomaly plan CC-4300 --from 2026-12-01 --to 2026-12-05 --why "quarterly retraining"
    finops anomaly plan workspace:mlw-vision --from 2026-12-01 --to 2026-12-05 --why "load test"
    """
    from finops.jobs import anomalies

    wanted, start, end = anomalies.scope_of(scope), _day(first), _day(last)
    with _cases_of(session, create=True) as state:
        covered = anomalies.plan(state, wanted, start, end, why, person().who, session.now)
    note(f"Planned: {wanted or 'everything'}, {start} to {end}.")
    for one in covered:
        _said(one)


@anomaly.command()
@click.option("--what-if", is_flag=True, help="Only show what would be found; keep nothing, tell nobody.")
@output_option
@reads_azure
@click.pass_context
def watch(context: click.Context, session: Session, what_if: bool, output: str) -> None:
    """Judge all complete days, keep a case for each anomaly, mail each once. Changes nothing in Azure.

    Exits 20 when something that a cause needs could not be read, or somebody could not be told yet.

    \b
    finops anomaly watch
    finops anomaly watch --what-if
    finops anomaly watch --what-if --estate recorded/
    """
    from finops.cli.anomaly_lines import line, row
    from finops.jobs import anomalies
    from finops.jobs.budgeting.charging import book_of
    from finops.jobs.budgeting.outgoing import deliver

    settings, now = session.settings, session.now
    if session.estate and not what_if:
        raise UsageError(
            "--estate was given: nobody is to be told of a recording's anomalies.",
            "Add --what-if, or serve it with `finops simulate serve DIR` and give --azure.",
        )
    with book_of(settings, now, session.azure) as book:
        if what_if:
            if not _what_if(session, book, output):
                context.exit(PARTIAL)
            return
        with opened(session, create=True) as state:
            done, asked = _with_azure(
                session, lambda azure: anomalies.watch(azure, book, state, settings, now, step=note)
            )
            sent = deliver(state, settings, now)
    if output == "table":
        for case in (*done.new, *done.again):
            click.echo(line(case))
    else:
        show([row(case) for case in (*done.new, *done.again)], output)
    counts = f"{len(done.new)} new, {len(done.moved)} changed, {len(done.ended)} closed"
    counts += f", {len(done.again)} open again" if done.again else ""
    note(done.why or f"Judged {done.period.label if done.period else ''}: {counts}.")
    for letter in done.mails:
        note(f"Mail to {letter['to']}: {letter['subject']}")
    for gap in done.gaps:
        note(f"! not read: {gap}")
    for problem in done.problems:
        note(f"! {problem}")
    if not all_left(sent) or done.problems or done.gaps or not asked:
        context.exit(PARTIAL)


def _with_azure(session: Session, work: Callable[[Azure | None], Made]) -> tuple[Made, bool]:
    """What `work` makes, and whether it had Azure: nobody signed in is no reason to leave charges unread."""
    from finops.errors import SignInError

    try:
        with session.azure() as azure:
            return work(azure), True
    except SignInError as fault:
        if not session.settings.charges.sources:
            raise
        note(f"! not read: {fault.what} Causes are by the charges alone. {fault.fix}")
        return work(None), False


def _what_if(session: Session, book: Any, output: str) -> bool:
    """Print what would be found. False where charges or something of a cause could not be read."""
    from finops.cli.anomaly_lines import line, row
    from finops.jobs import anomalies

    with look_at(session) as state:
        looks = anomalies.look(book, session.settings, state, session.now)
    wanted = [(one, look.read) for look in looks for one in look.recent(session.settings.anomalies.tell_days)]
    cases: list[Case] = []
    asked = True
    if wanted:
        cases, asked = _with_azure(
            session, lambda azure: [anomalies.caused(one, book, read, azure, session.now) for one, read in wanted]
        )
    gaps = [*(gap for look in looks for gap in look.read.gaps), *(gap for case in cases for gap in case.gaps)]
    for gap in dict.fromkeys(gaps):
        note(f"! not read: {gap}")
    if output != "table":
        show([row(case) for case in cases], output)
    else:
        for case in cases:
            click.echo(line(case))
        if not cases:
            click.echo("Nothing is off." if looks else "No day is complete yet.")
    return asked and not gaps


@contextmanager
def _cases_of(session: Session, create: bool = False) -> Iterator[State]:
    """What is remembered; a recording has no cases, and its time is not that of people's."""
    if session.estate:
        raise UsageError(
            "--estate was given: a recording has no cases.", "See `finops anomaly watch --what-if --estate DIR`."
        )
    url = session.settings.state.url
    if not create and "://" not in url and not Path(url).exists():
        raise UsageError(
            f"Nobody has looked for anomalies yet: there is no state database at {url}.",
            "Run `finops anomaly watch` first, or check state.url.",
        )
    with opened(session, create) as state:
        yield state


def _said(case: Case) -> None:
    one = case.anomaly
    note(f"{one.id} is {one.state}: {one.scope}, {one.impact:+,.2f} {case.currency} from {one.first}.")


def _day(text: str) -> date:
    from datetime import date

    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise UsageError(f"'{text}' is no day.", "Write it as 2026-12-24.") from None
