"""`finops budget`: where budgets stand, telling of them, watching what runs now, and Azure's own budgets."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from finops.cli.budget_azure import sync
from finops.cli.budget_lines import line, row, whole
from finops.cli.budget_watch import watch
from finops.cli.delivering import all_left
from finops.cli.output import note, output_option, show
from finops.cli.remembering import look_at, opened
from finops.cli.session import Session, reads_azure
from finops.errors import PARTIAL, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from finops.charges import Charges
    from finops.jobs.budgeting import Looked


@click.group()
def budget() -> None:
    """Budgets and their alerts: where each stands, what was told, Azure's own in step."""


budget.add_command(watch)
budget.add_command(sync)


@budget.command("list")
@output_option
@reads_azure
@click.pass_context
def listed(context: click.Context, session: Session, output: str) -> None:
    """List where every budget stands. Changes nothing but the store of charges.

    Exits 20 when a budget could not be told, or charges are missing.

    \b
    finops budget list
    finops budget list -o json
    """
    from finops.jobs.budgeting import remembered

    with _looked(session) as (looked, _), look_at(session) as state:
        known = remembered(state)
    rows = [row(one, known, session.now) for one in looked.current()]
    if output == "table":
        for one in looked.current():
            click.echo(line(one, known, session.now))
        if not rows:
            click.echo("No budget is on: write one into the settings, such as  budgets: {all: 1000}")
    else:
        show(rows, output)
    _finish(context, looked)


@budget.command("show")
@click.argument("name")
@output_option
@reads_azure
@click.pass_context
def shown(context: click.Context, session: Session, name: str, output: str) -> None:
    """Show one budget in full: thresholds, forecast, what drove it, what was told. Changes nothing.

    \b
    finops budget show all
    """
    from finops.jobs.budgeting import remembered
    from finops.jobs.budgeting.drivers import drivers

    _known_name(session, name)
    with _looked(session, name) as (looked, book), look_at(session) as state:
        known = remembered(state)
        found = [(one, drivers(one, book, session.now)) for one in looked.standings]
    if output == "table":
        for one, drove in found:
            click.echo("\n".join(whole(one, known, drove, session.now)) + "\n")
    else:
        show([row(one, known, session.now) for one, _ in found], output)
    _finish(context, looked)


@budget.command()
@output_option
@reads_azure
@click.pass_context
def check(context: click.Context, session: Session, output: str) -> None:
    """Look at all budgets and mail what is due: each threshold once a period. Changes nothing in Azure.

    Exits 20 when a budget could not be told, charges are missing, or a mail is still to be sent.

    \b
    finops budget check
    finops budget check --azure http://127.0.0.1:8000
    """
    from finops.jobs import budgeting
    from finops.jobs.budgeting.charging import book_of
    from finops.jobs.budgeting.watching import read_rates

    _no_recording(session)
    settings, now = session.settings, session.now
    wants_azure = not settings.charges.sources or session.azure_url is not None

    def running() -> Any:
        if not wants_azure:
            return None
        with session.azure() as azure:
            return read_rates(azure, now)

    with opened(session, create=True) as state, book_of(settings, now, session.azure) as book:
        done = budgeting.check(book, settings, state, now, running, note)
        sent = budgeting.deliver(state, settings, now)
    known_rows = [
        {"Budget": alert.standing.budget.name, "Threshold": alert.threshold.key, "Limit": round(alert.limit, 2),
         "Reached": round(alert.reached, 2), "Currency": alert.standing.currency, "Period": alert.standing.label}
        for alert in done.alerts
    ]  # fmt: skip
    if output == "table":
        for one in done.looked.current():
            click.echo(line(one, None, now))
    else:
        show(known_rows, output)
    for letter in (*done.left, *done.mails):
        note(f"Mail to {letter['to']}: {letter['subject']}")
    if not done.mails and not done.left:
        note("Nothing new to tell.")
    for name in done.muted:
        note(f"Muted: {name}")
    _finish(context, done.looked, all_left(sent))


@budget.command()
@click.argument("name")
@click.option("--why", required=True, help="What is done about it.")
@reads_azure
def ack(session: Session, name: str, why: str) -> None:
    """Say that somebody looks after a budget's alerts of this period: nobody else is told. Changes only the state.

    A higher threshold is told all the same.

    \b
    finops budget ack all --why "training ends on Friday"
    """
    from finops.cli.remembering import person
    from finops.jobs.budgeting import acknowledge, remembered

    one = _known_name(session, name)
    with opened(session) as state:
        known = remembered(state)
        told = [each for each in known.told if each.budget == one.name]
        if not told:
            raise UsageError(f"Nothing was told of the budget {one.name}.", "See `finops budget show`.")
        newest = max(told, key=lambda each: (each.period, each.at))
        acknowledge(state, one.name, newest.period, person().who, why, session.now)
    note(f"Acknowledged: {one.name}, the period from {newest.period}.")


@budget.command()
@click.argument("name")
@click.option("--until", metavar="DAY", help="The first day on which it tells again, such as 2026-12-24.")
@click.option("--why", help="For those who wonder later.")
@click.option("--end", is_flag=True, help="End the mute now.")
@reads_azure
def mute(session: Session, name: str, until: str | None, why: str | None, end: bool) -> None:
    """Tell nobody of a budget, or of `watch`, until a day. What is due then is told then. Changes only the state.

    \b
    finops budget mute all --until 2026-12-24 --why "the big training, agreed with finance"
    finops budget mute watch --end
    """
    from finops.cli.remembering import person
    from finops.jobs.budgeting import mute as remember
    from finops.jobs.budgeting import unmute

    what = "watch" if name == "watch" else _known_name(session, name).name
    if end:
        with opened(session) as state:
            ended = unmute(state, what, person().who, session.now)
        note(f"{what} tells again." if ended else f"{what} was not muted.")
        return
    if not until or not why or not why.strip():
        raise UsageError("A mute needs an end and a reason.", 'Give --until DAY and --why "...", or --end.')
    moment = _day(until, session.now)
    with opened(session, create=True) as state:
        remember(state, what, moment, person().who, why, session.now)
    note(f"{what} tells nothing before {moment:%-d %b %Y} (UTC).")


# -- what is looked at, and how it reads -----------------------------------------------------------------------------


@contextmanager
def _looked(session: Session, name: str = "") -> Iterator[tuple[Looked, Charges]]:
    from finops.jobs.budgeting import look
    from finops.jobs.budgeting.charging import book_of
    from finops.jobs.knowing import remembering
    from finops.jobs.stopped import cases_now

    with book_of(session.settings, session.now, session.azure) as book, remembering(session.settings) as state:
        strange = () if session.estate else cases_now(state)
        yield look(book, session.settings, session.now, only=name, found_strange=strange), book


def _no_recording(session: Session) -> None:
    if session.estate:
        raise UsageError(
            "--estate was given: nobody is to be told of a recording's budgets.",
            "Use `finops budget list --estate DIR`, or serve it with `finops simulate serve DIR` and give --azure.",
        )


def _known_name(session: Session, name: str) -> Any:
    import difflib

    from finops.budget import budgets_of

    found = {one.name.casefold(): one for one in budgets_of(session.settings)}
    if name.casefold() not in found:
        near = difflib.get_close_matches(name.casefold(), found, n=1)
        hint = f"Did you mean {found[near[0]].name}?" if near else f"There are: {', '.join(found) or 'none'}."
        raise UsageError(f"There is no budget '{name}' in the settings.", hint)
    return found[name.casefold()]


def _day(text: str, now: datetime) -> datetime:
    from datetime import UTC, datetime, timedelta

    try:
        moment = datetime.strptime(text.strip(), "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise UsageError(f"'{text}' is no day.", "Write it as 2026-12-24.") from None
    if moment <= now:
        raise UsageError(f"{text} has begun already.", "Give a day to come.")
    if moment - now > timedelta(days=366):
        raise UsageError(f"{text} is more than a year away.", "Raise the budget, or take it out of the settings.")
    return moment


def _finish(context: click.Context, looked: Looked, is_told: bool = True) -> None:
    for problem in looked.problems:
        note(f"! {problem}")
    lacking = sorted({gap for one in looked.standings for gap in one.gaps})
    for gap in lacking[:5]:
        note(f"! {gap}")
    if len(lacking) > 5:
        note(f"! and {len(lacking) - 5} more (-o json)")
    if looked.problems or lacking or not is_told:
        context.exit(PARTIAL)
