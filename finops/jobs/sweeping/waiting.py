"""What was approved and is not done by this run: until when it waits, and for what."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from finops.approvals import WORDS, Workdays, not_due
from finops.approvals.whose import of_janitor
from finops.state import Record

if TYPE_CHECKING:
    from finops.config.model import JanitorSettings
    from finops.state import State

WAITS = ("approved", "scheduled", "quiet")


@dataclass(frozen=True)
class Waits:
    """One finding that is not tried now, and why."""

    record: Record
    why: str


def waiting(state: State, settings: JanitorSettings, now: datetime, only: Iterable[int] = ()) -> list[Waits]:
    """What is approved but not due, and what was asked for by number but may not be done at all.

    Raises FinopsError for a number that no finding has.
    """
    numbers = sorted(set(only))
    if numbers:
        records = [state.findings.get(number) for number in numbers]
    else:
        found, _, _ = state.findings.all(status=WAITS, limit=None)
        records = [record for record in found if of_janitor(record)]
    return [Waits(record, why) for record in records if (why := _why(record, settings, now))]


def _why(record: Record, settings: JanitorSettings, now: datetime) -> str:
    if not of_janitor(record):
        return "It is about access tiers, which finops tier apply moves."
    if record.status not in WAITS:
        return f"It is {record.status}, not approved: {WORDS[record.status]}."
    if record.status == "quiet" and record.quiet_until is not None and record.quiet_until > now:
        return (
            f"It is quiet, and watched until {said(record.quiet_until)}; "
            f"give back what it had: finops janitor undo {record.number}"
        )
    if why := not_due(record, settings, now):
        return why
    calendar = Workdays(settings)
    return "" if calendar.working(now) else f"Next working hour: {said(calendar.next_work(now))}."


def said(moment: datetime) -> str:
    return f"{moment:%a %d %b %Y %H:%M} UTC"
