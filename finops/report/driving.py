"""What drives a month over its budget: the resource that rose most against the same days of the month before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from statistics import median

from finops.charges import Period
from finops.report import periods
from finops.report.gather import ZERO, Asked
from finops.report.model import Money
from finops.report.movers import resource_name
from finops.report.periods import DAY, last_day

# A rise that is a smaller part of what these days cost drives nothing.
DRIVES = Decimal("0.1")
LATEST = timedelta(days=7)
RESOURCES = 200


@dataclass(frozen=True)
class Driving:
    """A resource that is still charged, and what it costs on most of its latest days."""

    name: str
    a_day: Money
    resource_id: str


def driving(asked: Asked, month: Period) -> Driving | None:
    """What rose most in the days of `month`, which begin it, by use and not by a purchase; None where nothing did.

    Only what was charged on the last of these days can still be stopped.
    """
    before, end = periods.month_before(month), last_day(month)
    if before.start.date() < asked.book.span.start.date() or asked.book.missing(before):
        return None
    keys = ["ResourceId", "ResourceName", "ChargeCategory"]
    rises = [
        (after - earlier, resource_id, name)
        for (resource_id, name, category), earlier, after in asked.side_by_side(keys, before, month, RESOURCES)
        if resource_id and category == "Usage"
    ]
    rise, resource_id, name = max(rises, default=(ZERO, "", ""))
    if rise <= 0 or rise < DRIVES * asked.total(month):
        return None
    latest = Period(max(month.start.date(), end - LATEST + DAY), end + DAY)
    days = asked.by(["Day"], latest, where={"ResourceId": [resource_id], "ChargeCategory": ["Usage"]})
    costs = {day: spent.cost for (day,), spent in days.items() if spent.cost > 0}
    if not any(day.startswith(str(end)) for day in costs):
        return None
    return Driving(resource_name(name, resource_id), Money(median(costs.values()), asked.currency), resource_id)
