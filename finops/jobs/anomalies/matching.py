"""Which case a finding belongs to: restated charges move a case, they never make a second one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from finops.anomalies import Anomaly
from finops.jobs.anomalies.kept import Case

NEAR = timedelta(days=2)


def matched(found: Sequence[Anomaly], known: Sequence[Case]) -> tuple[dict[str, Anomaly], list[Anomaly]]:
    """What is found of each case, by the case's id, and what belongs to none. Each finding goes to one case."""
    of_case: dict[str, Anomaly] = {}
    fresh = []
    for one in found:
        near = [case for case in known if _same(case.anomaly, one)]
        near.sort(key=lambda case: (case.id != one.id, abs(case.anomaly.first - one.first), case.id))
        if not near:
            fresh.append(one)
            continue
        name = near[0].id
        if name not in of_case or abs(one.impact) > abs(of_case[name].impact):
            of_case[name] = one
    return of_case, fresh


def moved(case: Case, one: Anomaly) -> Case:
    """The case with its figures as they are now. What people said of it, and its first scope, stay."""
    was = case.anomaly
    figures = replace(
        one,
        id=was.id,
        state=was.state,
        why=was.why,
        cause=was.cause,
        evidence=was.evidence,
        owner=was.owner,
        found_at=was.found_at,
        seen=was.seen or one.seen,
    )
    return replace(case, anomaly=figures)


def is_news(case: Case, one: Anomaly) -> bool:
    """Whether its cause is to be looked for again: it grew, or shows elsewhere."""
    was = case.anomaly
    return one.scope != was.scope or one.first != was.first or one.last != was.last


def _same(was: Anomaly, one: Anomaly) -> bool:
    if not set(was.scopes) & set(one.scopes) or (was.impact > 0) != (one.impact > 0):
        return False
    return was.first <= one.last + NEAR and one.first <= was.last + NEAR


def after(case: Case, state: str, why: str, now: datetime) -> Case:
    """The case in another state that nobody but the charges asked for."""
    return replace(case, anomaly=replace(case.anomaly, state=state, why=case.anomaly.why or why, going_on=False))  # type: ignore[arg-type]
