"""What became of records that a run was broken off on: their intents say it, once `reconcile` has read Azure again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from finops import approvals, tombstones
from finops.approvals.whose import of_janitor
from finops.errors import DataError
from finops.jobs.sweeping.acting import ACT, QUIET, RULE, nothing_to_take
from finops.state import Intent, Record

if TYPE_CHECKING:
    from finops.config.model import JanitorSettings
    from finops.state import State

WHO = "finops janitor apply"
# An intent is older than the status that it led to by no more than a clock may go wrong between two processes.
BEFORE = timedelta(days=1)


@dataclass(frozen=True)
class Settled:
    """One record that now has the status that its intent tells of."""

    record: Record
    result: Literal["done", "failed", "unknown"]
    why: str


def settle(state: State, settings: JanitorSettings, now: datetime) -> list[Settled]:
    """Bring records that were left in the middle to where they belong. Only in one's turn, after `reconcile`."""
    records, _, _ = state.findings.all(status=("acted", "quiet"), limit=None)
    left = [record for record in records if of_janitor(record)]
    if not left:
        return []
    intents = state.intents_since(min(record.changed_at for record in left) - BEFORE)
    return [found for record in left if (found := _settled(state, settings, record, intents, now)) is not None]


def of_record(intents: list[Intent], record: Record, step: str) -> Iterator[Intent]:
    """Intents of one step of one record, newest first."""
    for intent in reversed(intents):
        about = intent.evidence
        if intent.rule.startswith(RULE) and about.get("record") == record.number and about.get("step") == step:
            yield intent


def _settled(
    state: State, settings: JanitorSettings, record: Record, intents: list[Intent], now: datetime
) -> Settled | None:
    step = ACT if record.status == "acted" else QUIET
    # Of the request that this status stands for: the tombstone was written for it.
    mine = [one for one in of_record(intents, record, step) if one.evidence.get("tombstone") == record.tombstone]
    if not mine:
        if step == QUIET and _was_quiet(settings, record):
            return None  # there was nothing to take away
        return _failed(state, record, "No request for it was written down, so none was sent.", now)
    intent = mine[0]
    if intent.outcome is None:
        return Settled(record, "unknown", "What became of it cannot be read yet.")
    if intent.outcome != "done":
        return _failed(state, record, f"{intent.outcome}: {intent.outcome_why}", now)
    if step == QUIET:
        return None
    why = intent.outcome_why or "It was read to be done."
    until = now + timedelta(days=settings.restore_days)
    moved = approvals.moved(state, record.number, "confirmed", why, now, WHO, restorable_until=until)
    return Settled(moved, "done", why)


def _failed(state: State, record: Record, why: str, now: datetime) -> Settled:
    return Settled(approvals.moved(state, record.number, "failed", why, now, WHO), "failed", why)


def _was_quiet(settings: JanitorSettings, record: Record) -> bool:
    """Whether the resource had nothing that its quiet step could take away."""
    try:
        content = tombstones.read(settings.tombstones, record.tombstone or "").content
    except DataError:
        return False
    return nothing_to_take(content)
