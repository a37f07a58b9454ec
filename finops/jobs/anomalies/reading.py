"""What is judged: usage a day by cost centre, workspace, service and meter, up to the last complete day."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from finops.anomalies import Scope, ScopeKind
from finops.budget.foresee import last_complete
from finops.charges import Period
from finops.charges.keys import NONE
from finops.report.build import basis_of, currency_of

if TYPE_CHECKING:
    from datetime import datetime

    from finops.charges import Charges
    from finops.config.model import Settings

DAY = timedelta(days=1)
HISTORY = 120
"""Days that are looked at: eight weeks of shape, and three months for what comes at their ends."""
NAMES: dict[ScopeKind, str] = {
    "cost centre": "CostCenter",
    "workspace": "Workspace",
    "service": "ServiceName",
    "meter": "MeterName",
}
USAGE = {"ChargeCategory": "Usage"}
PLACELESS: frozenset[ScopeKind] = frozenset({"workspace", "meter"})
"""Kinds of which what has no name is left out: the cost of no workspace is no workspace's."""


@dataclass(frozen=True)
class Read:
    """Daily usage by scope from `first` to `through`. meets: whether two scopes share charges."""

    days: dict[Scope, list[tuple[date, Decimal]]]
    first: date
    through: date
    missing: frozenset[date]
    basis: str
    currency: str
    meets: Callable[[Scope, Scope], bool]

    @property
    def period(self) -> Period:
        return Period(self.first, self.through + DAY)


def read(book: Charges, settings: Settings, now: datetime) -> Read | None:
    """None where no day is complete."""
    currency, _ = currency_of(book, settings.report)
    basis = basis_of(book, settings.report)
    through = last_complete(book, now)
    first = max(book.span.start.date(), through - timedelta(days=HISTORY - 1))
    if through < first:
        return None
    period = Period(first, through + DAY)
    days: dict[Scope, list[tuple[date, Decimal]]] = {}
    for kind, name in NAMES.items():
        frame = book.by([name, "Day"], basis, period, currency, where=USAGE)
        for key, day, cost in sorted(rows(frame, name, "Day", "Cost")):
            if kind not in PLACELESS or key != NONE:
                days.setdefault(Scope(kind, str(key)), []).append((day, cost))
    # A subscription that lacks a day would look like one that is gone.
    holes = (
        frozenset(day for day in period.days if book.missing(Period(day, day + DAY))) if book.missing(period) else ()
    )
    return Read(days, first, through, frozenset(holes), basis, currency, _meeting(book, basis, period, currency))


def where_of(scope: Scope) -> dict[str, Any]:
    """The charges of a scope, as questions to `Charges` take it."""
    return {NAMES[scope.kind]: scope.key, **USAGE}


def rows(frame: Any, *names: str) -> list[tuple[Any, ...]]:
    return list(zip(*(frame[name].tolist() for name in names), strict=True))


def _meeting(book: Charges, basis: Any, period: Period, currency: str) -> Callable[[Scope, Scope], bool]:
    frame = book.by(list(NAMES.values()), basis, period, currency, where=USAGE)
    kinds = list(NAMES)
    pairs: set[tuple[Scope, Scope]] = set()
    for cells in rows(frame, *NAMES.values()):
        own = [Scope(kind, str(key)) for kind, key in zip(kinds, cells, strict=True)]
        pairs.update((one, other) for one in own for other in own if one.kind != other.kind)
    return lambda one, other: (one, other) in pairs
