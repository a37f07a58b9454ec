"""Remembered cases as they are now: what an act of our own stopped does not go on, though no charge shows it yet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

from finops.anomalies.cases import Case, cases
from finops.jobs.claims import claims_of
from finops.report.claim import ours_on

if TYPE_CHECKING:
    from finops.report import Claim
    from finops.state import State


def cases_now(state: State | None) -> tuple[Case, ...]:
    """All cases, newest first; those whose cause we stopped go on no more."""
    found = cases(state)
    if state is None or not any(one.anomaly.going_on for one in found):
        return found
    acts = claims_of(state)
    return tuple(_stopped(one) if any(acts_behind(one, acts)) else one for one in found)


def acts_behind(case: Case, acts: Sequence[Claim]) -> Iterator[tuple[Claim, date]]:
    """Our acts since the case began that changed what is behind most of it, with their days; none that was undone."""
    for act in ours_on(case.ids[0], acts) if case.ids else ():
        if act.since and case.anomaly.first <= act.since.date():
            yield act, act.since.date()


def _stopped(case: Case) -> Case:
    return replace(case, anomaly=replace(case.anomaly, going_on=False))
