"""Anomalies: days that cost more or less than their history says, by kind, with their impact in money.

found = detect({Scope("cost centre", "CC-4300"): [(date(2026, 11, 1), Decimal("412.10")), ...]}, through=...)
found[0].kind, found[0].impact, found[0].expected.low, found[0].also
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date
from decimal import Decimal

from finops.anomalies.model import (
    KINDS,
    NO_CAUSE,
    Anomaly,
    Bar,
    Planned,
    Raised,
    Reach,
    Scope,
    ScopeKind,
    State,
    id_of,
)

__all__ = [
    "KINDS",
    "NO_CAUSE",
    "Anomaly",
    "Bar",
    "Planned",
    "Raised",
    "Reach",
    "Scope",
    "ScopeKind",
    "State",
    "detect",
    "id_of",
]

USUAL = Bar()


def _meets(one: Scope, other: Scope) -> bool:
    return one.kind != other.kind


def detect(
    days: Mapping[Scope, Sequence[tuple[date, Decimal]]],
    through: date,
    bar: Bar = USUAL,
    *,
    planned: Sequence[Planned] = (),
    missing: Collection[date] = (),
    raised: Sequence[Raised] = (),
    meets: Callable[[Scope, Scope], bool] = _meets,
) -> tuple[Anomaly, ...]:
    """Every anomaly of the days up to `through`, the last complete one; later days are not used. Oldest first.

    days: usage in one currency; a day that is not there cost nothing, unless no scope has any or it is in `missing`.
    Fewer than 14 days of history are judged by nothing. meets: whether two scopes share charges, so that money seen in
    both can be the same; two of one kind never do.
    """
    from finops.anomalies.finding import find

    return find(days, through, bar, planned, missing, raised, meets)
