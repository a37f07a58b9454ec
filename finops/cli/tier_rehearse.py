"""`finops tier rehearse`: what a plan would have saved over recorded months, beside what else could have been done."""

from __future__ import annotations

import textwrap
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from finops.cli import tier_options
from finops.cli.output import show
from finops.cli.session import Session, reads_azure

if TYPE_CHECKING:
    from finops.tiering.plan import TierPlan
    from finops.tiering.recording import Record
    from finops.tiering.rehearsal import Outcome, Rehearsal

_PARTS = ("stored", "operations", "retrieval", "early", "watching")


@click.command("rehearse")
@tier_options.account
@click.option(
    "--inventory",
    "paths",
    multiple=True,
    required=True,
    type=click.Path(path_type=Path, exists=True),
    help="Folders with the account's inventories of some months, each with its manifest. Repeatable.",
)
@tier_options.protect
@tier_options.output
@reads_azure
def rehearse(
    session: Session, account: str | None, paths: tuple[Path, ...], protect: tuple[str, ...], output: str
) -> None:
    """Live through recorded months with the rules that were planned as they began. Changes nothing.

    Plans from the oldest inventory, then reckons what these rules would have cost until the newest one, beside doing
    nothing, Azure's common rule, smart tier, and knowing all reads beforehand.

    \b
    finops tier rehearse --account mldata --inventory inventories/
    finops tier rehearse --account mldata --inventory inventories/ -o json
    """
    import tempfile

    from finops import estate
    from finops.jobs.tiering.planning import seen_of
    from finops.tiering.inventory import read_inventory
    from finops.tiering.plan import best, plan
    from finops.tiering.recording import record
    from finops.tiering.rehearsal import rehearse as lived

    with session.azure() as azure:
        seen = seen_of(azure, session.settings, estate.read(azure, session.now), account, session.now, protect)
    with tempfile.TemporaryDirectory(prefix="finops-tier-") as folder:
        spool = Path(folder)
        told = record(paths, seen.account.name, session.now, spool)
        with read_inventory([told.first], seen.account.name, told.start, spool) as inventory:
            known = (seen.account, inventory, seen.rates, seen.protected, seen.unresolved)
            chosen = best(*known, times=seen.times)
            if chosen.often and chosen.often.source == "supposed":
                chosen = best(*known)
            made = plan(seen.account, inventory, seen.rates, chosen, None, seen.protected, seen.unresolved)
    often = max(round(chosen.often.reads * chosen.often.part), 1) if chosen.often else 1
    reads = [replace(read, times=often) for read in told.reads]
    rules = [rule for rule in made.rules if not rule.tags]
    found = lived(told.blobs, reads, rules, seen.rates, told.days, seen.account.tiers)
    if output == "json":
        show([_row(made, told, found)], output)
    else:
        click.echo("\n".join(_lines(made, told, found)))


def _lines(made: TierPlan, told: Record, found: Rehearsal) -> list[str]:
    lines = [
        f"{made.account.name}: {told.start:%d %B %Y} to {told.end:%d %B %Y}, {found.days} days",
        f"{found.blobs:,} blobs, {len(told.reads):,} days with reads, from {told.runs} inventories",
        "",
        f"{'':18}{'Cost':>12}{'Saved':>12}{'':>7}{'Retrieval':>11}{'Early':>10}{'Waits':>8}",
    ]
    nothing = found.outcomes[0].total
    for each in found.outcomes:
        if each.unknown:
            lines.append(f"{each.name:18}  not reckoned: {each.unknown}")
            continue
        share = f"{each.saving / nothing:.1%}" if nothing else ""
        line = f"{each.name:18}{each.total:12,.2f}{each.saving:12,.2f}{share:>7}"
        if each.stored:
            line += f"{each.retrieval:11,.2f}{each.early:10,.2f}{each.archived_reads:8,}"
        lines.append(line)
    lines += ["", f"In {found.currency}. Waits: reads of archived blobs, each hours away."]
    if not made.rules:
        lines.append("No rules were worth it.")
    for rule in made.rules:
        days = ", ".join(f"{tier} after {after} days" for tier, after in rule.days)
        lines += textwrap.wrap(f"{rule.name}: {days} without use", 80, subsequent_indent="    ")
        lines += [f"  {prefix}" for prefix in rule.prefixes or ["the whole account"]]
    return [*lines, *(line for note in _notes(made, told) for line in textwrap.wrap(f"Note: {note}", 80))]


def _notes(made: TierPlan, told: Record) -> list[str]:
    found = []
    if told.apart > 1:
        found.append(
            f"Inventories are up to {told.apart} days apart, and each tells the last read only: there were more reads."
        )
    if made.often and made.often.source == "monitor" and made.often.start and made.often.end:
        last = made.often.end - timedelta(days=1)
        reads = max(round(made.often.reads * made.often.part), 1)
        found.append(
            f"A day with a read counts as {reads} of the whole blob, by what Monitor counted from "
            f"{made.often.start:%Y-%m-%d} to {last:%Y-%m-%d}."
        )
    else:
        found.append("A day with a read counts as tiering.reads_a_day says, else as one read of the whole blob.")
    if told.gone:
        found.append(f"{told.gone:,} blobs that were deleted or written anew meanwhile are left out.")
    if told.more:
        found.append(f"{told.more:,} small blobs are left out.")
    if any(rule.tags for rule in made.rules):
        found.append("Rules that ask for index tags are left out.")
    return [*found, *told.faults]


def _row(made: TierPlan, told: Record, found: Rehearsal) -> dict[str, Any]:
    return {
        "account": made.account.name,
        "from": told.start.isoformat(),
        "to": told.end.isoformat(),
        "days": found.days,
        "inventories": told.runs,
        "currency": found.currency,
        "blobs": found.blobs,
        "reads": len(told.reads),
        "ways": [_way(each) for each in found.outcomes],
        "rules": [{"name": rule.name, "prefixes": rule.prefixes, "days": dict(rule.days)} for rule in made.rules],
        "notes": _notes(made, told),
    }


def _way(each: Outcome) -> dict[str, Any]:
    if each.unknown:
        return {"way": each.name, "unknown": each.unknown}
    parts = {part: getattr(each, part) for part in _PARTS} if each.stored else dict.fromkeys(_PARTS)
    return {
        "way": each.name,
        "cost": each.total,
        "saved": each.saving,
        **parts,
        "moves": each.moves,
        "waits": each.archived_reads,
    }
