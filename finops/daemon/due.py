"""Which slot of a duty to begin now, which were missed, and when to look again. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from .slots import When

if TYPE_CHECKING:
    from finops.state import StoredRun

DIED = "The process died"  # how the reason of a run begins that nobody ended
STOPPED = "The process was being stopped"  # and of one that gave way to that
TRIES = 12  # of one slot that fail, until the next slot
DEATHS = 2  # of one slot: what kills the process twice would do so again
FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=5), timedelta(hours=4)
HELD_WAIT, HELD_OFTEN_WAIT = timedelta(minutes=30), timedelta(minutes=2)
SELDOM = timedelta(days=1)  # what is due more seldom than this waits, at the very first start, for its next slot


@dataclass(frozen=True)
class Plan:
    """begin: a slot, now. missed: slots that nobody will begin any more. lapsed: the newest slot, too late now.

    first: the newest slot, on a first start. look_at: when to plan anew, at the latest. again: a slot that is to be
    tried again, but not yet.
    """

    slot: datetime | None = None
    begin: datetime | None = None
    missed: tuple[datetime, ...] = ()
    lapsed: bool = False
    first: bool = False
    look_at: datetime | None = None
    again: datetime | None = None


def plan(when: When, zone: ZoneInfo, now: datetime, newest: datetime | None, tried: Sequence[StoredRun]) -> Plan:
    """newest: the newest slot of which anything is known. tried: what is known of the newest slot until now."""
    slot = when.latest(now, zone)
    following = when.next(now, zone)
    if slot is None:
        return Plan(look_at=following)
    missed: tuple[datetime, ...] = ()
    if newest is not None and newest < slot:
        missed = tuple(when.between(newest, slot, zone)[:-1])
    if any(run.outcome in {"", "done", "partial", "skipped"} for run in tried):
        return Plan(slot, missed=missed, look_at=following)
    if newest is None and when.grace > SELDOM:
        return Plan(slot, first=True, look_at=following)
    last = tried[-1] if tried else None
    if now - slot >= when.grace:
        return Plan(slot, missed=missed, lapsed=last is None or last.outcome == "held", look_at=following)
    failed = [run for run in tried if run.outcome == "failed"]
    if len(failed) >= TRIES or sum(run.why.startswith(DIED) for run in failed) >= DEATHS:
        return Plan(slot, missed=missed, look_at=following)
    ends = slot + when.grace if following is None else min(slot + when.grace, following)
    if last is not None and last.outcome in {"held", "failed"} and last.ended_at is not None:
        again = last.ended_at + wait_after(last, len(failed), when)
        if last.ended_at <= now < again:
            return Plan(slot, missed=missed, look_at=min(again, ends), again=slot)
    return Plan(slot, begin=slot, missed=missed, look_at=ends)


def wait_after(last: StoredRun, failed: int, when: When) -> timedelta:
    """How long until a slot is tried again: after faults ever longer, as a fault of Azure's may last."""
    if last.why.startswith((DIED, STOPPED)):
        return timedelta()
    often = when.grace < SELDOM
    if last.outcome == "held":
        return HELD_OFTEN_WAIT if often else HELD_WAIT
    if often:
        return min(FIRST_WAIT, when.grace / 3)
    wait: timedelta = FIRST_WAIT * 3 ** max(0, failed - 1)
    return min(wait, LONGEST_WAIT)
