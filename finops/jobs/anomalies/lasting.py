"""What an open case came to after its cost counts as the usual one: that is no reason to forget the money."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from finops.anomalies import NO_CAUSE
from finops.anomalies.cases import Case
from finops.anomalies.expect import WEEK
from finops.anomalies.walk import ADOPT
from finops.charges import Period
from finops.jobs.anomalies.causes import cause_of
from finops.jobs.anomalies.reading import DAY, Read, rows, where_of

if TYPE_CHECKING:
    from datetime import datetime

    from finops.charges import Charges
    from finops.cloud import Azure

STAYS = Decimal("0.5")
"""Of what it was off by a day: it lasts while the week up to a day is off by so much."""


TOLD_TO = "; by its days to "
"""What follows a cause that cannot be told of all days of the printed impact."""


def carried(case: Case, kept: Case, book: Charges, seen: Read, azure: Azure | None, now: datetime) -> Case:
    """The case with its cost, and its cause, up to the last judged day on which it lasts; what somebody explained stays
    as it was. Where it is as it was kept, Azure is not asked again: once for each complete day.
    """
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
    grown = replace(case, through=through, since=since, still=through == seen.through)
    if through is None or grown == kept:
        return grown
    return _caused(grown, case.through or one.last, book, seen, azure, now)


def _caused(case: Case, known: date, book: Charges, seen: Read, azure: Azure | None, now: datetime) -> Case:
    """The case with the cause of all its days; where those have none, with that of its days up to `known`, dated."""
    was, cause = case.anomaly, cause_of(case.so_far, book, seen, azure, now)
    if cause.said == NO_CAUSE:
        told = was.cause in ("", NO_CAUSE) or TOLD_TO in was.cause
        return case if told else replace(case, anomaly=replace(was, cause=f"{was.cause}{TOLD_TO}{known:%-d %b}"))
    one = replace(was, cause=cause.said, evidence=cause.evidence, owner=cause.owner or was.owner)
    stop, command = (cause.stop, cause.command) if azure else (case.stop, case.command)
    return replace(
        case, anomaly=one, ids=cause.ids, gaps=cause.gaps, actor=cause.actor or case.actor, stop=stop, command=command
    )


def _costs(case: Case, book: Charges, seen: Read, start: date) -> dict[date, Decimal]:
    basis: Any = seen.basis
    period = Period(start, seen.through + DAY)
    frame = book.by(["Day"], basis, period, seen.currency, where=where_of(case.anomaly.scope))
    return dict(rows(frame, "Day", "Cost"))
