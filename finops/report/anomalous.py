"""Anomalies as the report prints them: open ones first, and what those came to. Each is one incident."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING

from finops.charges import Period
from finops.charges.book import added
from finops.report.model import Anomalies, Anomaly, Money, Range
from finops.report.rounding import printable, rounded

if TYPE_CHECKING:
    from finops import anomalies as strange

ROWS = 5
STATES = ["open", "explained", "planned", "resolved"]


def anomalies(
    found: Iterable[strange.Anomaly] | None,
    evaluated: Period | None,
    why: str,
    currency: str,
    names: Mapping[str, str],
    share: str | None = None,
) -> Anomalies | None:
    """What was found, for all or for one cost centre; None where nobody looked. names: of cost centres."""
    if found is None:
        return None
    mine = [one for one in found if share is None or _centre(one) == share]
    rows = [_shown(one, currency, names) for one in mine]
    rows.sort(key=lambda one: (STATES.index(one.state) if one.state in STATES else 9, -abs(one.impact.amount), one.id))
    unsolved = [one for one in rows if one.state == "open"]
    return Anomalies(
        rows=tuple(rows[:ROWS]),
        all=tuple(rows),
        open=len(unsolved),
        impact=Money(added(one.impact.amount for one in unsolved), currency),
        evaluated=evaluated,
        why=why,
    )


def _shown(one: strange.Anomaly, currency: str, names: Mapping[str, str]) -> Anomaly:
    def money(amount: Decimal) -> Money:
        return Money(amount, currency)

    centre = _centre(one)
    name = printable(one.scope.key, "(no name)")
    if one.scope.kind == "cost centre" and names.get(one.scope.key):
        name = f"{name} {printable(names[one.scope.key])}"
    return Anomaly(
        id=one.id,
        scope=one.scope.kind,
        name=name,
        kind=one.kind,
        first=one.first,
        last=one.last,
        actual=money(one.actual),
        expected=Range(money(one.expected.low), money(one.expected.middle), money(one.expected.high)),
        impact=money(one.impact),
        percent=None if one.percent is None else rounded(one.percent, 1),
        state=one.state,
        cause=printable(one.cause, "Cause not found", 300),
        evidence=tuple(printable(each, longest=300) for each in one.evidence),
        owner=printable(one.owner),
        found_at=one.found_at,
        cost_centre=centre,
        figure=f"anomaly/{one.id}",
        resources=one.resources,
    )


def _centre(one: strange.Anomaly) -> str | None:
    """The cost centre that it shows in, if it does in any."""
    return next((scope.key for scope in one.scopes if scope.kind == "cost centre"), None)
