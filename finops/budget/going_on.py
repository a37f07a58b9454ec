"""What an open anomaly adds to where a period ends, if it goes on: beside the forecast, never in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from finops.anomalies import Anomaly
from finops.budget.model import Basis
from finops.charges import Period
from finops.forecast.charged import DAY, by_charges

if TYPE_CHECKING:
    from collections.abc import Mapping

    from finops.anomalies.cases import Case
    from finops.charges import Charges
    from finops.forecast import Outlook

KINDS = ("new", "step", "spike")  # growth is what the trend of the forecast is for
STATES = ("open", "explained")
FEWEST = 2
"""Days in a row up to the last complete one: one day may be over by the next."""
LEAST = Decimal("0.01")
"""Of what the period is forecast to end at: less is within any range."""
MOST = 3


@dataclass(frozen=True)
class GoesOn:
    """`more`: what the period ends above its forecast if `name` goes on as until `through`.

    per_day x days is what it costs then; in_mean of that is in the mean of the forecast already. key: its cost centre.
    """

    id: str
    name: str
    key: str
    first: date
    per_day: Decimal
    days: int
    in_mean: Decimal
    until: date

    @property
    def more(self) -> Decimal:
        return self.per_day * self.days - self.in_mean


def going_on(
    seen: Outlook,
    cases: Sequence[Case],
    book: Charges,
    basis: Basis,
    currency: str,
    period: Period,
    where: Mapping[str, Sequence[str]] | None = None,
) -> tuple[GoesOn, ...]:
    """What open cases add to where `seen` says that `period` ends, most first; empty without a range.

    A case counts where it still was on the last complete day, and what it costs is what `where` allows.
    """
    last = period.end.date() - DAY
    if seen.why_no_range or seen.through >= last:
        return ()
    found = []
    aside = set_aside(cases, book, basis, currency)
    for case in cases:
        one = case.anomaly
        key = _centre(case, book, basis, currency, where) if case.currency == currency and _lasts(one, seen) else None
        if key is None:
            continue
        days = Period(one.first, seen.through + DAY).days
        less = {(key, day): one.per_day for day in days}
        without = by_charges(book, basis, currency, period, seen.through, where, less, aside)
        spent = sum((one.per_day for day in days if day >= period.start.date()), Decimal(0))
        in_mean = seen.by[key] - without.by[key] - spent
        left = (last - seen.through) // timedelta(days=1)
        told = GoesOn(one.id, _name(case), key, one.first, one.per_day, left, max(in_mean, Decimal(0)), last)
        if told.more >= LEAST * seen.total.middle and told.more > 0:
            found.append(told)
    return tuple(sorted(found, key=lambda told: (-told.more, told.id))[:MOST])


def set_aside(cases: Sequence[Case], book: Charges, basis: Basis, currency: str) -> tuple[tuple[str, date], ...]:
    """Days of cost centres that were dearer until an act of ours ended that: they say nothing of what comes."""
    found = []
    for case in cases:
        if not case.by_act or case.is_open or case.currency != currency:
            continue
        one = case.so_far
        key = _centre(case, book, basis, currency, None)
        if key is not None:
            found += [(key, day) for day in Period(one.first, one.last + DAY).days]
    return tuple(sorted(set(found)))


def without_refuted_range(seen: Outlook, found: Sequence[GoesOn]) -> Outlook:
    """`seen` without its range, with the reason, where what is charged and what goes on alone lie above it."""
    high = seen.total.high
    least = seen.so_far + sum((one.per_day * one.days for one in found), Decimal(0))
    if not found or seen.why_no_range or high is None or least <= high:
        return seen
    names = " and ".join(one.name for one in found)
    verb = "goes" if len(found) == 1 else "go"
    return replace(seen, why_no_range=f"if {names} {verb} on, the month ends above it")


def _lasts(one: Anomaly, seen: Outlook) -> bool:
    is_on = one.state in STATES and one.kind in KINDS and one.going_on and one.last >= seen.through
    return is_on and one.impact > 0 and (seen.through - one.first).days + 1 >= FEWEST


def _centre(
    case: Case, book: Charges, basis: Basis, currency: str, where: Mapping[str, Sequence[str]] | None
) -> str | None:
    """The cost centre that pays for what is behind it, within `where`; None: none does."""
    one = case.anomaly
    if case.ids:
        within = {**(where or {}), "ResourceId": list(case.ids)}
        days = Period(one.first, one.last + DAY)
        frame = book.by(["CostCenter"], basis, days, currency, within)
        return str(frame["CostCenter"].tolist()[0]) if len(frame) else None
    key = next((scope.key for scope in one.scopes if scope.kind == "cost centre"), None)
    return key if not where or where == {"CostCenter": (key,)} else None


def _name(case: Case) -> str:
    return case.ids[0].rstrip("/").rpartition("/")[2] if case.ids else case.anomaly.scope.key


__all__ = ["GoesOn", "going_on", "set_aside", "without_refuted_range"]
