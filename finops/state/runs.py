"""Runs of duties, leases and events as they are remembered."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .records import moment_of

# done, partial: worked through. held: not yet, tried again within its slot. failed: a fault; tried again, too.
# skipped: not begun, on purpose. missed: not begun, because nobody was there.
OUTCOMES = ("done", "partial", "held", "failed", "skipped", "missed")
WORKED = ("done", "partial")


@dataclass(frozen=True)
class StoredRun:
    """One run of a duty. `outcome` "" and `ended_at` None: under way.

    first_slot, slots: where several were missed or skipped together; slot is the newest of them.
    asked: "" by its slot, event, or hand.
    """

    number: int
    job: str
    slot: datetime
    first_slot: datetime
    slots: int
    asked: str
    run: str
    owner: str
    fence: int
    began_at: datetime
    ended_at: datetime | None
    outcome: str
    why: str
    said: tuple[str, ...]
    counts: dict[str, int | float]


@dataclass(frozen=True)
class Lease:
    """Who has it until when, by the clock that it was written by. `fence` grows with each new owner."""

    name: str
    owner: str
    fence: int
    until: datetime
    taken_at: datetime


@dataclass(frozen=True)
class SeenEvent:
    id: str
    kind: str
    subject: str
    at: datetime
    seen_at: datetime
    handled_at: datetime | None


def run_of(row: Any) -> StoredRun:
    return StoredRun(
        row.number, row.job, moment_of(row.slot), moment_of(row.first_slot), row.slots, row.asked, row.run, row.owner,
        row.fence, moment_of(row.began_at), moment_of(row.ended_at) if row.ended_at else None, row.outcome, row.why,
        tuple(json.loads(row.said)), json.loads(row.counts),
    )  # fmt: skip


def lease_of(row: Any) -> Lease:
    return Lease(row.name, row.owner, row.fence, moment_of(row.until), moment_of(row.taken_at))


def event_of(row: Any) -> SeenEvent:
    handled = moment_of(row.handled_at) if row.handled_at else None
    return SeenEvent(row.id, row.kind, row.subject, moment_of(row.at), moment_of(row.seen_at), handled)
