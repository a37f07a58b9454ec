"""The options that say which days: the same in every command that asks about money."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import click

from finops.errors import UsageError

if TYPE_CHECKING:
    from finops.charges import Period

Command = Callable[..., Any]


def period_options(month: str, first: str, last: str) -> Callable[[Command], Command]:
    """Add --month, --from and --to; the texts are their help. The command gets `month`, `first` and `last`."""

    def add(command: Command) -> Command:
        command = click.option("--to", "last", metavar="YYYY-MM-DD", help=last)(command)
        command = click.option("--from", "first", metavar="YYYY-MM-DD", help=first)(command)
        return click.option("--month", metavar="YYYY-MM", help=month)(command)

    return add


def dates(month: str | None, first: str | None, last: str | None) -> tuple[date | None, date | None]:
    """(the first day, the day after the last), each None where it was not given."""
    from finops.charges import Period

    if month:
        if first or last:
            raise UsageError("--month was given together with --from or --to.", "Give one of the two.")
        asked = Period.month(month)
        return asked.start.date(), asked.end.date()
    start, end = day("--from", first), day("--to", last)
    return start, end + timedelta(days=1) if end else None


def period(month: str | None, first: str | None, last: str | None) -> Period | None:
    """The period that was asked for as a whole; None where none was."""
    from finops.charges import Period

    start, end = dates(month, first, last)
    if (start is None) != (end is None):
        raise UsageError("--from and --to go together.", "Give both; the day of --to is itself counted.")
    if start and end and end <= start:
        raise UsageError(f"--to {last} lies before --from {first}.", "Swap them; the day of --to is itself counted.")
    return Period(start, end) if start and end else None


def day(option: str, text: str | None) -> date | None:
    """The date that was given to `option`."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as fault:
        raise UsageError(f"{option} {text} is no day ({fault}).", "Write it as 2024-09-30.") from fault
