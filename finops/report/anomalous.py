"""Anomalies as the report prints them: open ones first, and what they cost without counting anything twice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from finops.charges import Period
from finops.charges.book import added
from finops.report.model import Anomalies, Anomaly, Money, Range
from finops.report.rounding import printable, rounded

ROWS = 5
STATES = ["open", "explained", "planned", "resolved"]
# A workspace's cost is its cost centre's, too: of kinds that overlap, the first that has any is added up.
KINDS = ["cost centre", "workspace", "service", "meter"]


def anomalies(
    found: Iterable[Any] | None,
    evaluated: Period | None,
    why: str,
    currency: str,
    names: Mapping[str, str],
    share: str | None = None,
) -> Anomalies | None:
    """What was found, for all or for one cost centre; None where nobody looked. names: of cost centres."""
    if found is None:
        return None
    mine = [one for one in found if share is None or (one.scope.kind == "cost centre" and one.scope.key == share)]
    rows = [_shown(one, currency, names) for one in mine]
    rows.sort(key=lambda one: (STATES.index(one.state) if one.state in STATES else 9, -abs(one.impact.amount), one.id))
    unsolved = [one for one in rows if one.state == "open"]
    kind = next((kind for kind in KINDS if any(one.scope == kind for one in unsolved)), "")
    return Anomalies(
        rows=tuple(rows[:ROWS]),
        all=tuple(rows),
        open=len(unsolved),
        impact=Money(added(one.impact.amount for one in unsolved if one.scope == kind), currency),
        evaluated=evaluated,
        why=why,
    )


def _shown(one: Any, currency: str, names: Mapping[str, str]) -> Anomaly:
    def money(amount: Decimal) -> Money:
        return Money(amount, currency)

    centre = one.scope.key if one.scope.kind == "cost centre" else None
    name = printable(one.scope.key, "(no name)")
    if centre is not None and names.get(centre):
        name = f"{name} {printable(names[centre])}"
    low, middle, high = one.expected.low, one.expected.middle, one.expected.high
    return Anomaly(
        id=one.id,
        scope=one.scope.kind,
        name=name,
        kind=one.kind,
        first=one.first,
        last=one.last,
        actual=money(one.actual),
        expected=Range(money(middle if low is None else low), money(middle), money(middle if high is None else high)),
        impact=money(one.impact),
        percent=None if one.percent is None else rounded(one.percent, 1),
        state=one.state,
        cause=printable(one.cause, "Cause not found", 300),
        evidence=tuple(printable(each, longest=300) for each in one.evidence),
        owner=printable(one.owner),
        found_at=one.found_at,
        cost_centre=centre,
        figure=f"anomaly/{one.id}",
    )
