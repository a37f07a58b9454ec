"""`finops charges`: load cost data and ask it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from finops.cli.output import note, output_option, show
from finops.cli.session import Session, reads_azure
from finops.errors import PARTIAL, DataError, UsageError

if TYPE_CHECKING:
    from finops.charges import Charges, Period

_NAMED = 5  # rows and gaps that are spelled out; the rest are counted


@click.group()
def charges() -> None:
    """What it costs: load cost data and ask it."""


@charges.command("show")
@click.argument("files", nargs=-1, metavar="[FILES]...")
@click.option(
    "--by", "keys", default="CostCenter", show_default=True, metavar="KEY[,KEY...]", help="What to add up by."
)
@click.option("--month", metavar="YYYY-MM", help="Charges of one month.")
@click.option("--from", "first", metavar="YYYY-MM-DD", help="First day.  [default: the first in the data]")
@click.option("--to", "last", metavar="YYYY-MM-DD", help="Last day, itself counted.  [default: the last in the data]")
@click.option(
    "--basis",
    type=click.Choice(["billed", "effective"]),
    help="As invoiced, or amortised.  [default: what the data has]",
)
@click.option("--currency", metavar="CODE", help="BillingCurrency to show, such as USD.")
@click.option("--where", "conditions", multiple=True, metavar="KEY=VALUE", help="Only these charges; may be repeated.")
@click.option("--top", type=click.IntRange(1), help="So many rows; the rest becomes one.")
@click.option("--total/--no-total", default=None, help="End with a total row.  [default: in a table]")
@click.option("--store", type=click.Path(path_type=Path), help="Folder that keeps CSV as Parquet for the next time.")
@click.option("--rejected", type=click.Path(path_type=Path), help="Write the rows that could not be read to this CSV.")
@output_option
@reads_azure
@click.pass_context
def show_charges(
    context: click.Context,
    session: Session,
    files: tuple[str, ...],
    keys: str,
    month: str | None,
    first: str | None,
    last: str | None,
    basis: str | None,
    currency: str | None,
    conditions: tuple[str, ...],
    top: int | None,
    total: bool | None,
    store: Path | None,
    rejected: Path | None,
    output: str,
) -> None:
    """Add up charges, exactly. Changes nothing.

    FILES are FOCUS 1.0 to 1.2 files or Azure cost exports: CSV or Parquet, .gz, folders, globs. Without FILES, the
    charges of --estate, else of charges.sources, else those that `finops charges ingest` stored.

    Figures go to standard output, what to know about them to standard error. Exits 20 where rows could not be read or a
    subscription is missing.

    \b
    finops charges show exports/ --month 2024-09
    finops charges show costs.csv --by CostCenter,ServiceName --basis billed -o csv
    finops charges show --by Day --where "ServiceName=Virtual Machines"
    finops charges show costs.csv --by Tags.env
    """
    names = [name for name in keys.split(",") if name.strip()]
    if not names:
        raise UsageError("--by names nothing.", "Write --by CostCenter, or several keys with commas between.")
    wanted = _conditions(conditions)
    dates = _dates(month, first, last)
    with _book(session, files, store) as book:
        period = _period(book, *dates)
        basis = basis or (book.bases[0] if len(book.bases) == 1 else "effective")
        # A currency that a site has set is about its own charges, not about a file at hand.
        currency = currency or (None if files or session.estate else session.settings.report.currency)
        rows, whole = _rows(book, names, basis, period, currency, wanted, top)
        if not whole["Charges"]:
            raise DataError(
                f"There are no charges{' like that' if wanted else ''} {_said(period)}.",
                f"The data has charges of {book.span.label}.",
            )
        code = currency or _currency(book, basis, period, wanted)
        title = f"{basis.capitalize()} cost, {(period or book.span).label}, {code}"
        with_total = output == "table" if total is None else total
        show([*rows, whole] if with_total else rows, output, title=title)
        if rejected is not None:
            book.write_rejected(rejected)
        figure = f"{basis.capitalize()} cost: {whole['Cost']:,f} {code}, {_count(whole['Charges'], 'charge')}"
        if _tell(book, period or book.span, figure):
            context.exit(PARTIAL)


@charges.command()
@click.option("--month", metavar="YYYY-MM", help="A month to ask for.  [default: this month and the one before]")
@click.option("--from", "first", metavar="YYYY-MM-DD", help="First day to ask for.")
@click.option("--to", "last", metavar="YYYY-MM-DD", help="Last day to ask for, itself counted.")
@click.option("--store", type=click.Path(path_type=Path), help="Where to keep them.  [default: charges.store]")
@reads_azure
@click.pass_context
def ingest(
    context: click.Context, session: Session, month: str | None, first: str | None, last: str | None, store: Path | None
) -> None:
    """Ask Cost Management for charges and keep them. Writes to the store, changes nothing in Azure.

    Days that were asked for before are replaced. Needs Cost Management Reader on each subscription; one that answers
    nothing is named, keeps the charges it had, and makes this exit 20. Two to six queries a subscription and month.

    \b
    finops charges ingest --month 2024-09
    finops charges show --by CostCenter,ServiceName
    """
    from finops.charges import Period
    from finops.charges import ingest as ask

    now = session.now
    start, end = _dates(month, first, last)
    newest = now.date()
    start = start or (newest.replace(day=1) - timedelta(days=1)).replace(day=1)
    end = end or newest + timedelta(days=1)
    if session.estate and store is None:
        raise UsageError("--estate is a recording; its charges are in it.", "Name a --store to ingest into.")
    with session.azure() as azure:
        subscriptions = [str(one["subscriptionId"]) for one in azure.subscriptions()]
        kept = store or session.settings.charges.store
        late = session.settings.charges.late_hours
        with ask(azure, subscriptions, Period(start, end), kept, now, late) as book:
            asked = sum(count for (service, _), count in azure.calls.items() if service == "cost")
            click.echo(
                f"Charges of {len(subscriptions) - len({gap.scope for gap in book.gaps})} of {len(subscriptions)} "
                f"subscriptions are in {kept} ({asked} queries). Look: finops charges show {kept}"
            )
            if _tell(book, Period(start, end)):
                context.exit(PARTIAL)


def _book(session: Session, files: tuple[str, ...], store: Path | None) -> Charges:
    from finops.charges import load

    settings = session.settings.charges
    sources: Sequence[str | Path] = files or ([session.estate / "charges"] if session.estate else settings.sources)
    if not sources:
        if not settings.store.is_dir():
            raise UsageError(
                f"No FILES were given, and nothing is stored in {settings.store}.",
                "Name cost data, set charges.sources, or run `finops charges ingest`.",
            )
        sources = [settings.store]
    if store is None and not files and not session.estate:
        store = settings.store
    return load(
        sources,
        store,
        memory=settings.memory,
        threads=settings.threads,
        late_hours=settings.late_hours,
        now=session.now,
        subscriptions=() if files or session.estate else session.settings.azure.subscriptions,
    )


def _rows(
    book: Charges,
    names: list[str],
    basis: str,
    period: Period | None,
    currency: str | None,
    where: dict[str, list[str]],
    top: int | None,
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """(a row per key, the total row). Days and months are listed in their order, everything else dearest first."""
    frame = book.by(names, basis, period, currency, where)
    keys = list(frame.columns[:-2])
    rows: list[dict[str, Any]] = [
        {str(name): int(cell) if name == "Charges" else cell for name, cell in row.items()}
        for row in frame.to_dict("records")
    ]
    if set(keys) <= {"Day", "Month"}:
        rows.sort(key=lambda row: [str(row[key]) for key in keys])
    total = _added(rows, keys, "Total")
    if top is not None and len(rows) > top:
        rest = _added(rows[top:], keys, f"Other ({len(rows) - top})")
        rows = [*rows[:top], rest]
    return rows, total


def _added(rows: list[dict[str, Any]], keys: list[str], name: str) -> dict[str, Any]:
    from finops.charges.book import added

    row: dict[str, Any] = {key: name if n == 0 else "" for n, key in enumerate(keys)}
    cost: Decimal = added(row["Cost"] for row in rows)
    return {**row, "Cost": cost, "Charges": sum(row["Charges"] for row in rows)}


def _currency(book: Charges, basis: str, period: Period | None, where: dict[str, list[str]]) -> str:
    codes = book.currencies
    if len(codes) == 1:
        return codes[0]
    return next((code for code in codes if book.by([], basis, period, code, where)["Charges"].sum()), codes[0])


def _conditions(given: tuple[str, ...]) -> dict[str, list[str]]:
    wanted: dict[str, list[str]] = {}
    for text in given:
        name, found, value = text.partition("=")
        if not found:
            raise UsageError(f"--where {text} names no value.", 'Write --where "KEY=VALUE".')
        wanted.setdefault(name.strip(), []).append(value)
    return wanted


def _dates(month: str | None, first: str | None, last: str | None) -> tuple[date | None, date | None]:
    """(first day, day after the last), None where not given."""
    from finops.charges import Period

    if month:
        if first or last:
            raise UsageError("--month was given together with --from or --to.", "Give one of the two.")
        asked = Period.month(month)
        return asked.start.date(), asked.end.date()
    end = _day("--to", last)
    return _day("--from", first), end + timedelta(days=1) if end else None


def _day(option: str, text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as fault:
        raise UsageError(f"{option} {text} is no day ({fault}).", "Write it as 2024-09-30.") from fault


def _period(book: Charges, start: date | None, end: date | None) -> Period | None:
    from finops.charges import Period

    if not start and not end:
        return None
    span = book.span
    start, end = start or span.start.date(), end or span.end.date()
    if end <= start:
        raise UsageError(
            f"The days from {start} to {end - timedelta(days=1)} are none.", f"The data has charges of {span.label}."
        )
    return Period(start, end)


def _said(period: Period | None) -> str:
    if period is None:
        return "in the data"
    return f"{'on' if len(period.days) == 1 else 'in'} {period.label}"


def _tell(book: Charges, period: Period, figure: str = "") -> bool:
    """Say what a reader must know about the figures of `period`. Whether something is missing from them."""
    until = book.complete_until
    if figure:
        reach = f"complete until {until:%Y-%m-%d %H:%M} UTC" if until else "of unknown completeness"
        note(f"{figure} from {_count(len(book.sources), 'file')}, {reach}.")
    gaps = [f"Missing: {gap.what} ({gap.scope}): {gap.reason}" for gap in [*book.gaps, *book.missing(period)]]
    rejected = _rejected(book)
    for text in [*_first(book.notes, "notes"), *_first(gaps, "gaps"), *_first(rejected, "rows set aside")]:
        note(text)
    return bool(gaps or rejected)


def _rejected(book: Charges) -> list[str]:
    return [f"Set aside: {one.file}, line {one.line}: {one.reason}" for one in book.rejected]


def _first(texts: list[str], what: str) -> Iterator[str]:
    yield from texts[:_NAMED]
    if len(texts) > _NAMED:
        yield f"... and {len(texts) - _NAMED:,} more {what} ({len(texts):,} in all)."


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
