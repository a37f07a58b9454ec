"""Which case a finding belongs to: restated charges move a case, and what comes after a closed one is no part of it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import timedelta

from finops.anomalies import Anomaly, id_of
from finops.anomalies.cases import AGAIN, RESTATED, Case

NEAR = timedelta(days=2)


def matched(found: Sequence[Anomaly], known: Sequence[Case]) -> tuple[dict[str, Anomaly], list[Anomaly]]:
    """What is found of each case, by the case's id, and what belongs to none. One finding for a case, one case for it.

    Where several could be it, the open case, then the same id, then the same scope, then the most money.
    """
    pairs = [(case, one) for case in known for one in found if _same(case, one)]
    pairs.sort(key=lambda pair: _place(*pair))
    of_case: dict[str, Anomaly] = {}
    taken: set[int] = set()
    for case, one in pairs:
        if case.id not in of_case and id(one) not in taken:
            of_case[case.id] = one
            taken.add(id(one))
    rest = [one for one in found if id(one) not in taken]
    return of_case, [one for one in rest if not any(_is_part(case, one) for case in known)]


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


def goes_on(case: Case, one: Anomaly) -> bool:
    """Whether a closed case is none any more: off on days after it was closed, dearer a day than was known, or back."""
    if case.is_open:
        return False
    if case.anomaly.why == RESTATED or case.ended is None:
        return case.anomaly.why == RESTATED
    return one.last > case.ended.date() or abs(one.per_day) > AGAIN * abs(case.anomaly.per_day)


def own_id(one: Anomaly, currency: str, taken: Collection[str]) -> Anomaly:
    """The finding under an id that no other has: one scope has costs in two currencies, and begins anew."""
    place = 0
    while one.id in taken:
        place += 1
        scope = replace(one.scope, key=f"{one.scope.key} {currency} {place}")
        one = replace(one, id=id_of(scope, one.first))
    return one


def _same(case: Case, one: Anomaly) -> bool:
    was = case.anomaly
    if not set(was.scopes) & set(one.scopes) or (was.impact > 0) != (one.impact > 0):
        return False
    if case.is_open or was.why == RESTATED:
        return was.first <= one.last + NEAR and one.first <= was.last + NEAR
    # Of a closed case only what shares days with it can be it.
    return was.first <= one.last and one.first <= was.last


def _is_part(case: Case, one: Anomaly) -> bool:
    """Whether it is growth that an open case told of in that scope: it is of no single thing, and shows by turns."""
    was = case.anomaly
    grows = case.is_open and one.kind == was.kind == "growth" and was.first - NEAR <= one.first
    return grows and _same(case, one) and abs(one.per_day) <= AGAIN * abs(was.per_day)


def _place(case: Case, one: Anomaly) -> tuple[object, ...]:
    was = case.anomaly
    return (not case.is_open, case.id != one.id, was.scope != one.scope, -abs(one.impact),
            abs(was.first - one.first), case.id, one.id)  # fmt: skip
