"""How each duty stands, as the database has it: when it is due, when it last succeeded, how it went last."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from .lateness import zone_of
from .leading import NAME
from .planning import whens

if TYPE_CHECKING:
    from finops.config.model import Settings
    from finops.state import State, StoredRun


@dataclass(frozen=True)
class Stands:
    """due: its next slot. last: its last success. outcome, why: of its newest run, whatever it came to."""

    duty: str
    what: str
    when: str
    due: datetime | None
    state: str  # off, waits, runs, late (a run lasts longer than expected)
    last: datetime | None
    outcome: str
    why: str
    said: tuple[str, ...]


def stands(state: State, settings: Settings, now: datetime) -> list[Stands]:
    from finops.jobs.duties import DUTIES

    book, found = state.daybook, whens(settings, DUTIES)
    zone = zone_of(settings)
    under_way = {run.job: run for run in book.open_runs()}
    rows = []
    for duty in DUTIES:
        when, run = found[duty.name], under_way.get(duty.name)
        newest = book.last(duty.name, ("done", "partial", "held", "failed", "skipped", "missed"))
        success = book.last(duty.name)
        standing = "off" if when.kind == "off" else "waits"
        if run:
            standing = "late" if now - run.began_at > duty.limit else "runs"
        rows.append(
            Stands(
                duty.name, duty.what, when.text, when.next(now, zone), standing,
                success.ended_at if success else None, newest.outcome if newest else "", _why(newest),
                newest.said if newest else (),
            )
        )  # fmt: skip
    return rows


def leads(state: State, now: datetime) -> str:
    """Who leads, in a sentence."""
    for lease, held in state.daybook.leases(now):
        if lease.name == NAME and held:
            return f"{lease.owner} leads since {lease.taken_at:%Y-%m-%d %H:%M} UTC."
    return "Nobody leads: no daemon is running, or the last one fell silent just now."


def _why(run: StoredRun | None) -> str:
    if run is None:
        return "It has not run yet."
    return run.why or " ".join(run.said)
