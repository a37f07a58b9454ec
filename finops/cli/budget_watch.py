"""`finops budget watch`: what runs now, in money an hour, and what that comes to if nobody stops it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from finops.cli.delivering import all_left
from finops.cli.output import note, output_option, show
from finops.cli.remembering import look_at, opened
from finops.cli.session import Session, reads_azure
from finops.errors import PARTIAL, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from finops.budget.rate import Ahead, Projection
    from finops.budget.reckoning import Reckoned

MOST = 12


@click.command()
@click.option("--tell", is_flag=True, help="Remember this look, and mail what is too much. For the daemon and cron.")
@click.option("--record", is_flag=True, help="What earlier looks said against what was charged since.")
@output_option
@reads_azure
@click.pass_context
def watch(context: click.Context, session: Session, tell: bool, record: bool, output: str) -> None:
    """Show what runs now in money an hour, long before it is on the bill; with --tell also mail. Changes no Azure.

    Exits 20 when something could not be read, has no known price, or a mail is still to be sent.

    \b
    finops budget watch
    finops budget watch --tell
    finops budget watch --record
    """
    if record:
        _record(session, output)
        return
    from finops.jobs import budgeting
    from finops.jobs.budgeting.charging import opened_once
    from finops.jobs.budgeting.recording import Records
    from finops.jobs.budgeting.watching import carried, read_rates

    settings, now = session.settings, session.now
    is_told = True
    if tell:
        if session.estate:
            raise UsageError("--estate was given: nobody is to be told of a recording.", "Leave out --tell.")
        with opened(session, create=True) as state, session.azure() as azure, opened_once(settings, now) as book:
            done = budgeting.watch(lambda: read_rates(azure, now), settings, state, book)
            sent = budgeting.deliver(state, settings, now)
        found = done.projection
    else:
        with look_at(session) as known, session.azure() as azure, opened_once(settings, now) as book:
            found = carried(read_rates(azure, now), settings, Records.of(known), known, book)
    if output == "table":
        for line in _said(found):
            click.echo(line)
    else:
        show([_row(one) for one in found.ahead] + [_unpriced(one) for one in found.rates.unpriced], output)
    if tell:
        for letter in (*done.left, *done.mails):
            note(f"Mail to {letter['to']}: {letter['subject']}")
        if done.muted:
            note(f"Muted: {done.muted}")
        for problem in done.problems:
            note(f"! {problem}")
        is_told = all_left(sent) and not done.problems
    for gap in found.rates.unread:
        note(f"! not read: {gap}")
    if found.rates.at_least or not is_told:
        context.exit(PARTIAL)


def _said(found: Projection) -> Iterator[str]:
    rates = found.rates
    least = "at least " if rates.at_least else ""
    yield f"Runs now: {least}{rates.per_hour:,.2f} USD an hour by list prices, {rates.at:%Y-%m-%d %H:%M} UTC"
    until = f"{found.until:%a %-d %b %H:%M} UTC"
    work = ", when people are back" if found.free else ""
    yield f"          {least}{found.cost:,.0f} USD until {until}{work}"
    usual = "not known" if found.usual_per_day is None else f"{found.usual_per_day:,.0f} USD"
    yield f"A day:    {found.per_day:,.0f} USD; usual: {usual} ({found.usual_from})"
    yield f"          {found.month_end:,.0f} USD more by the end of the month:"
    for part in found.month_parts:
        count = _plain(part.name)[:40] if part.count == 1 else f"{part.count} of them"
        yield f"          {part.cost:,.0f} {f'{part.kind}, {count}' if part.kind else 'what ends by itself'}"
    if found.planned:
        yield f"Planned:  {len(found.planned)} of what runs, and no reason for a mail"
    for threat in found.threats:
        left = f"{threat.left:,.0f} {threat.currency} left"
        yield f"! It uses up the budget {_plain(threat.budget)} by {threat.used_up:%a %-d %b %H:%M}: {left}"
    if found.reasons:
        yield f"! Worth a mail: {', '.join(found.reasons)}"
    yield ""
    marked = {one.running.id for one in found.culprits}
    for one in found.ahead[:MOST]:
        yield from _two_lines(one, one.running.id in marked)
    if len(found.ahead) > MOST:
        yield f"  and {len(found.ahead) - MOST} more (-o json)"
    for dark in rates.unpriced[:MOST]:
        yield f"  ?  {_plain(dark.name)} in {_plain(dark.workspace)}: {_plain(dark.why_unknown)}"


def _two_lines(one: Ahead, marked: bool) -> Iterator[str]:
    import textwrap

    from rich.cells import set_cell_size

    running = one.running
    name = set_cell_size(f"{running.name} ({running.workspace})", 46)
    sign = "!" if marked else " "
    yield f"{sign} {_plain(name)} {one.cost / (one.hours or 1):>9,.2f}/h {one.cost:>12,.2f}"
    what = f"{running.kind}, {running.count} x {running.size}{' spot' if running.spot else ''}: {running.says}"
    yield from textwrap.wrap(_plain(what), 78, initial_indent="    ", subsequent_indent="    ")


def _row(one: Ahead) -> dict[str, Any]:
    running = one.running
    return {
        "id": running.id,
        "name": running.name,
        "workspace": running.workspace,
        "kind": running.kind,
        "size": running.size,
        "count": running.count,
        "spot": running.spot,
        "perHour": running.per_hour,
        "ahead": one.cost,
        "perDay": one.per_day,
        "usualPerDay": one.usual,
        "hasWork": running.has_work,
        "ends": running.ends,
        "says": running.says,
        "whyUnknown": "",
    }


def _unpriced(running: Any) -> dict[str, Any]:
    unknown = dict.fromkeys(("perHour", "ahead", "perDay", "usualPerDay"))
    known = {name: getattr(running, name) for name in ("id", "name", "workspace", "kind", "size", "count", "spot")}
    return {**known, **unknown, "hasWork": running.has_work, "ends": running.ends, "says": running.says,
            "whyUnknown": running.why_unknown}  # fmt: skip


def _record(session: Session, output: str) -> None:
    from finops.jobs.budgeting import record
    from finops.jobs.budgeting.charging import book_of
    from finops.jobs.budgeting.recording import Records

    with opened(session) as state:
        if not Records.of(state).days:
            raise UsageError("Nothing is on record yet.", "`finops budget watch --tell` puts it there, look by look.")
        with book_of(session.settings, session.now, session.azure) as book:
            found = record(state, book, session.now)
    if output != "table":
        show([{"day": row.day, "id": row.id, "predicted": row.predicted, "charged": row.charged, "error": row.error,
               "errorPercent": row.error_percent} for row in found.rows], output)  # fmt: skip
        return
    for line in _reckoned(found):
        click.echo(line)


def _reckoned(found: Reckoned) -> Iterator[str]:
    if not found.rows:
        yield "No day can be compared yet."
    else:
        yield f"{found.days} days: predicted {found.predicted:,.2f} USD, charged {found.charged:,.2f} USD"
        one_day, one_thing = _percent(found.median_day_error_percent), _percent(found.median_error_percent)
        yield f"Median error: {one_day} of a day, {one_thing} of one resource on one day"
        days: dict[Any, list[Any]] = {}
        for row in found.rows:
            days.setdefault(row.day, []).append(row)
        for day, rows in sorted(days.items()):
            said, came = sum(row.predicted for row in rows), sum(row.charged for row in rows)
            yield f"  {day}  predicted {said:>12,.2f}  charged {came:>12,.2f}  {said - came:>+12,.2f}"
    for one in found.left_out:
        yield f"  not compared: {one}"


def _percent(value: Any) -> str:
    return "not known" if value is None else f"{value}%"


def _plain(text: str) -> str:
    """Control characters in a name would move the cursor or colour the terminal."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
