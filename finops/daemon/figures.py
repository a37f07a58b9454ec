"""The figures that /metrics shows, read from the state in one go: what is remembered outlives a restart."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from finops.jobs.duties.counts import ADDS, split
from finops.state.runs import WORKED

from .lateness import watched_since

if TYPE_CHECKING:
    from finops.state import State
    from finops.state.runs import StoredRun

DAY = timedelta(hours=24)


@dataclass(frozen=True)
class Figures:
    """succeeded, ended: the last run of each duty that was a success, and the last at all. recent: runs of the last 24
    hours, by duty and outcome. told: what runs counted, by figure and label.
    """

    succeeded: Mapping[str, StoredRun] = field(default_factory=dict)
    ended: Mapping[str, StoredRun] = field(default_factory=dict)
    recent: Mapping[tuple[str, str], int] = field(default_factory=dict)
    told: Mapping[tuple[str, str], float] = field(default_factory=dict)
    findings: Mapping[str, int] = field(default_factory=dict)
    waiting: int = 0
    waiting_since: datetime | None = None
    acts: Mapping[str, int] = field(default_factory=dict)
    letters: Mapping[str, int] = field(default_factory=dict)
    owed_since: datetime | None = None
    events: int = 0
    event_seen_at: datetime | None = None
    watched: Mapping[str, datetime] = field(default_factory=dict)


def read(state: State, duties: Iterable[str], now: datetime) -> Figures:
    """The figures as of `now`, for these duties."""
    names = list(duties)
    recent = state.daybook.tally(now - DAY)
    worked = state.daybook.newest(names, WORKED, now)
    waiting, waiting_since = state.findings.waiting()
    return Figures(
        succeeded=worked,
        ended=state.daybook.newest(names, ("done", "partial", "failed", "held"), now),
        recent=by_outcome(recent),
        told=counted(worked.values(), (counts for job, _, _, counts in recent if job in names)),
        findings=state.findings.counts(),
        waiting=waiting,
        waiting_since=waiting_since,
        acts=state.acts_by_outcome(),
        letters=state.letters.count(),
        owed_since=state.letters.owed_since(),
        events=len(state.daybook.events_waiting()),
        event_seen_at=state.daybook.event_seen_at(),
        watched=watched_since(state),
    )


def by_outcome(recent: Iterable[tuple[str, str, int, str]]) -> Counter[tuple[str, str]]:
    """How many slots came to what, by duty and outcome."""
    found: Counter[tuple[str, str]] = Counter()
    for job, outcome, slots, _ in recent:
        found[job, outcome] += slots
    return found


def counted(last: Iterable[StoredRun], recent: Iterable[str]) -> dict[tuple[str, str], float]:
    """What runs counted: as the last success of each duty told it; of `ADDS`, the sum of the recent ones (JSON)."""
    found: dict[tuple[str, str], float] = {}
    for run in sorted(last, key=lambda run: run.number):
        found |= {split(name): value for name, value in run.counts.items() if split(name)[0] not in ADDS}
    # Most of a day's runs are of a few duties, and count the same.
    for text, times in Counter(recent).items():
        for name, value in json.loads(text).items():
            if split(name)[0] in ADDS:
                found[split(name)] = found.get(split(name), 0) + times * value
    return found
