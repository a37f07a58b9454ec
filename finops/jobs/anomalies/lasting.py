"""What an open case came to after its cost counts as the usual one: that is no reason to forget the money."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from finops.anomalies.cases import Case
from finops.anomalies.expect import WEEK
from finops.anomalies.walk import ADOPT
from finops.charges import Period
from finops.jobs.anomalies.reading import DAY, Read, rows, where_of

if TYPE_CHECKING:
    from finops.charges import Charges

STAYS = Decimal("0.5")
"""Of what it was off by a day: it lasts while the week up to a day is off by so much."""


def carried(case: Case, book: Charges, seen: Read) -> Case:
    """The case with its cost up to the last judged day on which it lasts; what somebody explained stays as it was."""
    one = case.anomaly
    length = (one.last - one.first).days + 1
    if one.state != "open" or length < ADOPT or not seen.touched.isdisjoint(one.scopes):
        return case
    start = one.last - timedelta(days=WEEK - 1)
    if book.span.start.date() > start:
        return case
    costs = _costs(case, book, seen, start)
    usual, off = one.expected.middle / length, one.per_day
    through, day = None, one.last
    while day < seen.through:
        day += DAY
        week = [costs.get(day - timedelta(days=back), Decimal(0)) for back in range(WEEK)]
        if (sum(week, Decimal(0)) / WEEK - usual) / off < STAYS:
            break
        through = day
    since = sum((cost for on, cost in costs.items() if through and one.last < on <= through), Decimal(0))
    return replace(case, through=through, since=since, still=through == seen.through)


def _costs(case: Case, book: Charges, seen: Read, start: date) -> dict[date, Decimal]:
    basis: Any = seen.basis
    period = Period(start, seen.through + DAY)
    frame = book.by(["Day"], basis, period, seen.currency, where=where_of(case.anomaly.scope))
    return dict(rows(frame, "Day", "Cost"))
