"""What the next run would do about quiet steps: the same questions as in the run, and nothing is changed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from finops import approvals
from finops.acts import state_of
from finops.errors import AzureError
from finops.estate.generation import generation_of, same_generation
from finops.estate.queries import ML_VERSION
from finops.jobs.sweeping.checking import check
from finops.jobs.sweeping.quieting import OVER, sign_of_life
from finops.jobs.sweeping.tombs import QUIETED
from finops.state import Record

if TYPE_CHECKING:
    from finops.cloud import Azure
    from finops.jobs.sweeping.looking import Looker
    from finops.state import State

# over: its days are over without a sign of life, so that the change itself comes next.
Next = Literal["over", "would", "held", "void"]
GIVES_BACK = "give back what the quiet step took"


def previewed(azure: Azure, state: State, looker: Looker, now: datetime) -> Iterator[tuple[Record, Next, str]]:
    """What comes next of each quiet step, and why; nothing of those that only wait."""
    for name in state.kept(QUIETED):
        record = state.findings.get(int(name.removeprefix(QUIETED)))
        if record.status == "quiet":
            found = _next(azure, looker, record, now)
            if found is not None:
                yield record, *found
        elif record.status not in {*OVER, "acted"}:
            yield record, "would", f"The finding is {record.status}: {record.note}"


def _next(azure: Azure, looker: Looker, record: Record, now: datetime) -> tuple[Next, str] | None:
    if why := approvals.invalid(record, now):
        return "would", why
    try:
        body = state_of(azure, record.finding.resource_id, ML_VERSION)
        if body is None or not same_generation(generation_of(body), record.finding.generation):
            return "void", "It is not there any more."
        seen, found = looker.look([record], now)
    except AzureError as fault:
        return "held", f"It could not be looked at: {fault} It stays quiet until it can."
    checked = check(record, seen, found)
    if sign := sign_of_life(record, body, seen):
        return "would", sign
    if checked.verdict == "unknown":
        return "held", f"{checked.why} It stays quiet, and is looked at again by the next run."
    if checked.verdict in {"kept", "differs"}:
        return "would", checked.why
    if record.quiet_until is not None and record.quiet_until <= now:
        return "over", f"Quiet until {record.quiet_until:%Y-%m-%d}, and nobody missed it."
    return None
