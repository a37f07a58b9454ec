"""`finops estate`: record what exists into a folder, and summarise it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from finops.cli.output import note, output_option, show
from finops.cli.session import Session, reads_azure
from finops.errors import PARTIAL, DataError, UsageError

if TYPE_CHECKING:
    from finops.charges import Charges
    from finops.cloud import Azure
    from finops.estate import Estate, Gap


@click.group()
def estate() -> None:
    """What exists: record an estate into a folder, and summarise one."""


@estate.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--name", default="", help="What to call it.  [default: the folder's name]")
@click.option(
    "--charges", "days", type=click.IntRange(1, 365), metavar="DAYS", help="Also ask Cost Management for so many days."
)
@reads_azure
@click.pass_context
def capture(context: click.Context, session: Session, folder: Path, name: str, days: int | None) -> None:
    """Record an estate into the new folder DIR. Changes nothing in Azure; secrets and persons are redacted.

    A recording that lacks something says what, and exits 20.

    \b
    finops estate capture october
    finops estate capture october --charges 90
    finops report render --estate october
    """
    from finops.estate import capture as record
    from finops.images import capture as record_images

    now = session.now
    with session.azure() as azure:
        stamp = record(
            azure,
            folder,
            now,
            name=name,
            charges=_recorder(azure, now, days) if days else None,
            more=partial(record_images, azure),
        )
    click.echo(f"Recorded {stamp.name} as of {now:%Y-%m-%d %H:%M} UTC in {folder}. Look: finops estate show {folder}")
    if not stamp.complete:
        _tell(stamp.gaps)
        context.exit(PARTIAL)


@estate.command("show")
@click.argument("folder", metavar="[DIR]", required=False, type=click.Path(path_type=Path))
@output_option
@reads_azure
@click.pass_context
def show_estate(context: click.Context, session: Session, folder: Path | None, output: str) -> None:
    """Summarise the estate recorded in DIR, or the one in Azure. Changes nothing.

    Exits 20 when something of it could not be read, and says what.

    \b
    finops estate show
    finops estate show october -o json
    """
    if folder:
        if session.estate or session.azure_url:
            raise UsageError("DIR and --estate or --azure were both given.", "Give one of them.")
        session.estate = folder
    from finops.estate import read

    with session.azure() as azure, _charges(session.estate) as book:
        found = read(azure, session.now, book)
        spent = _spent(book) if book else []
    if output in {"json", "jsonl", "yaml"}:
        show([_summary(found, session.estate, spent)], output)
    else:
        _tables(found, session.estate, spent, output)
    if not found.complete:
        _tell(found.gaps)
        context.exit(PARTIAL)


def _recorder(azure: Azure, now: datetime, days: int) -> Callable[[Path], tuple[str, list[Gap]]]:
    """What records the charges of so many days: their BillingCurrency, and what is missing of them."""

    def write(folder: Path) -> tuple[str, list[Gap]]:
        from finops.charges import Period, ingest
        from finops.estate import Gap
        from finops.estate.queries import CHARGES

        today: date = now.date()
        subscriptions = [str(body["subscriptionId"]) for body in azure.subscriptions()]
        try:
            with ingest(azure, subscriptions, Period(today - timedelta(days=days), today), folder, now) as book:
                return ", ".join(book.currencies), [Gap(gap.scope, CHARGES, gap.reason) for gap in book.gaps]
        except DataError as fault:
            return "", [Gap("/", CHARGES, fault.what)]

    return write


@contextmanager
def _charges(folder: Path | None) -> Iterator[Charges | None]:
    """The charges recorded with an estate; None where none were."""
    recorded = folder / "charges" if folder else None
    if recorded is None or not any(recorded.rglob("*.*")):
        yield None
        return
    from finops.charges import load

    with load([recorded]) as book:
        yield book


def _spent(book: Charges) -> list[dict[str, Any]]:
    """What the charges add up to, a row a currency."""
    return [
        {
            "currency": currency,
            "billed": book.total("billed", currency=currency),
            "effective": book.total("effective", currency=currency),
            "from": f"{book.span.start:%Y-%m-%d}",
            "until": f"{book.span.end:%Y-%m-%d}",
        }
        for currency in book.currencies
    ]


def _subscriptions(found: Estate) -> list[dict[str, Any]]:
    """A row a subscription, with how much there is in it and how much is missing."""
    from finops.estate.ids import subscription_of

    counts = Counter(subscription_of(name) for name in found.resources)
    missing = Counter(subscription_of(gap.scope) for gap in found.gaps)
    return [
        {
            "subscription": one.body.get("displayName") or one.id,
            "id": subscription_of(one.id),
            "resources": counts[subscription_of(one.id)] - 1,
            "gaps": missing[subscription_of(one.id)],
        }
        for one in found.of_type("subscriptions")
    ]


def _facts(found: Estate) -> list[dict[str, Any]]:
    """A row a fact: how often it is known, and what most often keeps it from being known."""
    from finops.estate import Known

    known: Counter[str] = Counter()
    unknown: dict[str, Counter[str]] = {}
    for resource in found.resources.values():
        for name, fact in resource.facts.items():
            reasons = unknown.setdefault(name, Counter())
            if isinstance(fact, Known):
                known[name] += 1
            else:
                reasons[fact.reason] += 1
    return [
        {
            "fact": name,
            "known": known[name],
            "unknown": reasons.total(),
            "most often because": next((reason for reason, _ in reasons.most_common(1)), ""),
        }
        for name, reasons in sorted(unknown.items())
    ]


def _summary(found: Estate, folder: Path | None, spent: list[dict[str, Any]]) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "name": _name(folder),
        "asOf": f"{found.as_of:%Y-%m-%dT%H:%M:%SZ}",
        "complete": found.complete,
        "resources": found.types(),
        "subscriptions": _subscriptions(found),
        "facts": _facts(found),
        "charges": spent,
        "gaps": [asdict(gap) for gap in found.gaps],
    }


def _tables(found: Estate, folder: Path | None, spent: list[dict[str, Any]], output: str) -> None:
    rows = [{"type": name, "count": count} for name, count in found.types().items()]
    state = "complete" if found.complete else "INCOMPLETE"
    show(rows, output, title=f"{_name(folder)}, as of {found.as_of:%Y-%m-%d %H:%M} UTC, {state}")
    if output == "table":
        for title, more in [("Subscriptions", _subscriptions(found)), ("Charges", spent), ("Facts", _facts(found))]:
            if more:
                click.echo()
                show(more, output, title=title)


def _name(folder: Path | None) -> str:
    from finops.estate import stamp

    return stamp(folder).name if folder else "Azure"


def _tell(gaps: tuple[Gap, ...]) -> None:
    note(f"\nIncomplete: {len(gaps)} {'thing' if len(gaps) == 1 else 'things'} could not be read.")
    for gap in gaps[:20]:
        note(f"  {gap.scope}: {gap.what}: {gap.reason}")
    if len(gaps) > 20:
        note(f"  and {len(gaps) - 20} more; -o json tells all of them.")
