"""What is judged: usage a day by cost centre, workspace, service and meter, up to the last complete day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from finops.anomalies import Cell, Scope, ScopeKind
from finops.charges import Period
from finops.charges.keys import NONE
from finops.forecast.charged import last_complete
from finops.report.build import basis_of

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
ALL = ""
"""The part of all subscriptions that lack no day."""
Days = dict[Scope, list[tuple[date, Decimal]]]
Cells = dict[Cell, list[tuple[date, Decimal]]]


@dataclass(frozen=True)
class Part:
    """Daily usage by scope and by cell that is judged by itself, to `through`; `missing`: days that say nothing."""

    days: Days
    cells: Cells
    through: date
    missing: frozenset[date]


@dataclass(frozen=True)
class Read:
    """Daily usage in one currency from `first` to `through`.

    gaps: sentences on what lacks; touched: the scopes that it lacks in.
    """

    parts: tuple[Part, ...]
    first: date
    through: date
    basis: str
    currency: str
    gaps: tuple[str, ...] = ()
    touched: frozenset[Scope] = frozenset()

    @property
    def period(self) -> Period:
        return Period(self.first, self.through + DAY)


def read(book: Charges, settings: Settings, now: datetime) -> tuple[Read, ...]:
    """What can be judged, by currency: amounts of two are never added. None where no day is complete."""
    basis = basis_of(book, settings.report)
    through = last_complete(book, now)
    first = max(book.span.start.date(), through - timedelta(days=HISTORY - 1))
    if through < first:
        return ()
    period = Period(first, through + DAY)
    lacks = _lacking(book, period)
    gaps = tuple(f"{gap.scope}: {gap.what} ({gap.reason})" for gap in book.gaps)
    gaps += tuple(_gap(book, one, days, through) for one, days in sorted(lacks.items()))
    found = []
    for currency in book.currencies:
        parts = _parts(book, basis, period, currency, lacks)
        if not parts:
            continue
        touched = frozenset(scope for name, part in parts.items() if name != ALL for scope in part.days)
        found.append(Read(tuple(parts.values()), first, through, basis, currency, gaps, touched))
    return tuple(found)


def where_of(scope: Scope) -> dict[str, Any]:
    """The charges of a scope, as questions to `Charges` take it."""
    return {NAMES[scope.kind]: scope.key, **USAGE}


def rows(frame: Any, *names: str) -> list[tuple[Any, ...]]:
    return list(zip(*(frame[name].tolist() for name in names), strict=True))


def _lacking(book: Charges, period: Period) -> dict[str, frozenset[date]]:
    """The days that lack charges, by subscription; ALL: those on which nothing can be told of any."""
    if not book.missing(period):
        return {}
    last: dict[str, date] = {}
    for currency in book.currencies:
        frame = book.by(["SubAccountId", "Day"], currency=currency)
        for written, day in rows(frame, "SubAccountId", "Day"):
            last[bare(written)] = max(last.get(bare(written), day), day)
    found: dict[str, set[date]] = {}
    for day in period.days:
        for gap in book.missing(Period(day, day + DAY)):
            named = bare(gap.scope)
            is_one = named in last or gap.scope.startswith("/subscriptions/")
            found.setdefault(named if is_one else ALL, set()).add(day)
    through = period.days[-1]
    # One that nobody waits for any more is gone, as far as charges tell.
    return {
        one: frozenset(days)
        for one, days in found.items()
        if through in days or one == ALL or last.get(one, through) > max(days)
    }


def bare(subscription: str) -> str:
    """ "/subscriptions/X" and "X" are one."""
    return subscription.strip().lower().removeprefix("/subscriptions/").rstrip("/")


def _gap(book: Charges, subscription: str, days: frozenset[date], through: date) -> str:
    if subscription == ALL:
        return f"charges: {len(days)} days lack them, the last one {max(days)}; those are not judged"
    name = book.names.get(f"/subscriptions/{subscription}", subscription)
    until = f"nothing of it is judged after {min(days) - DAY}" if through in days else "those are not judged"
    return f"subscription {name}: {len(days)} days lack its charges, {min(days)} to {max(days)}; {until}"


def _parts(
    book: Charges, basis: Any, period: Period, currency: str, lacks: dict[str, frozenset[date]]
) -> dict[str, Part]:
    """One part for all subscriptions that lack nothing, and one for each that does.

    A subscription that lacks a day would look like one that is gone; masked in every scope, it would hide the others.
    """
    through = (period.end - DAY).date()
    everywhere = lacks.get(ALL, frozenset())
    alone = set(lacks) - {ALL}
    split: dict[str, Cells] = {}
    keys = [*NAMES.values(), *(["SubAccountId"] if alone else []), "Day"]
    for row in rows(book.by(keys, basis, period, currency, where=USAGE), *keys, "Cost"):
        named = zip(NAMES, row[: len(NAMES)], strict=True)
        cell = tuple(Scope(kind, str(key)) for kind, key in named if kind not in PLACELESS or key != NONE)
        own = bare(str(row[len(NAMES)])) if alone else ALL
        split.setdefault(own if own in alone else ALL, {}).setdefault(cell, []).append(row[-2:])
    found = {}
    for own, cells in split.items():
        missing = everywhere | lacks.get(own, frozenset())
        known = [day for day in period.days if day not in lacks.get(own, frozenset())]
        found[own] = Part(_days(cells), cells, max(known, default=through), missing)
    return found


def _days(cells: Cells) -> Days:
    sums: dict[Scope, dict[date, Decimal]] = {}
    for cell, own in cells.items():
        for scope in cell:
            days = sums.setdefault(scope, {})
            for day, cost in own:
                days[day] = days.get(day, Decimal(0)) + cost
    return {scope: sorted(days.items()) for scope, days in sums.items()}
