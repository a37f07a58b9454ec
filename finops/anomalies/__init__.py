"""Anomalies: days that cost more or less than their history says, by kind, with their impact in money.

found = detect({Scope("cost centre", "CC-4300"): [(date(2026, 11, 1), Decimal("412.10")), ...]}, through=...)
found[0].kind, found[0].impact, found[0].expected.low, found[0].also
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from decimal import Decimal

from finops.anomalies.model import (
    KINDS,
    NO_CAUSE,
    Anomaly,
    Bar,
    Cell,
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
    "Cell",
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
NO_CELLS: Mapping[Cell, Sequence[tuple[date, Decimal]]] = {}


def detect(
    days: Mapping[Scope, Sequence[tuple[date, Decimal]]],
    through: date,
    bar: Bar = USUAL,
    *,
    planned: Sequence[Planned] = (),
    missing: Collection[date] = (),
    raised: Sequence[Raised] = (),
    cells: Mapping[Cell, Sequence[tuple[date, Decimal]]] = NO_CELLS,
) -> tuple[Anomaly, ...]:
    """Every anomaly of the days up to `through`, the last complete one; later days are not used. Oldest first.

    days: usage in one currency; a day that is not there cost nothing, unless no scope has any or it is in `missing`.
    Fewer than 14 days of history are judged by nothing. cells: the same usage where its scopes meet, each with its cost
    centre first: what is off in one is told of that; and only scopes of one cell can show the same money.
    """
    from finops.anomalies.finding import find

    return find(days, through, bar, planned, missing, raised, cells)
