"""What drives a month over its budget: the resource that rose most, else the one that costs most, and still runs."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from statistics import median

from finops.charges import Period
from finops.estate.ids import key
from finops.report import periods
from finops.report.gather import ZERO, Asked
from finops.report.model import Money
from finops.report.movers import resource_name
from finops.report.periods import DAY, last_day

# A rise that is a smaller part of what these days cost drives nothing.
DRIVES = Decimal("0.1")
LATEST = timedelta(days=7)
FOUR_WEEKS = timedelta(days=28)
RESOURCES = 200


@dataclass(frozen=True)
class Driving:
    """A resource that is still charged, and what it costs on most of its latest days. rose: more than before."""

    name: str
    a_day: Money
    resource_id: str
    rose: bool = True


def driving(asked: Asked, month: Period, stopped: Collection[str] = ()) -> Driving | None:
    """What rose most in the days of `month`, which begin it, by use and not by a purchase; None where nothing did.

    stopped: ids in lower case of what is not to be named.
    """
    return _risen(asked, periods.month_before(month), month, stopped)


def running_on(asked: Asked, end: date, stopped: Collection[str] = ()) -> Driving | None:
    """What a month that begins after the day `end` costs too much by: what rose most in the week to it against the
    same weekdays four weeks before, else what costs most of all; None where nothing that was used was charged on it."""
    week = Period(end - LATEST + DAY, end + DAY)
    earlier = Period(week.start - FOUR_WEEKS, week.end - FOUR_WEEKS)
    return _risen(asked, earlier, week, stopped) or _dearest(asked, week, stopped)


def _risen(asked: Asked, before: Period, month: Period, stopped: Collection[str]) -> Driving | None:
    if before.start.date() < asked.book.span.start.date() or asked.book.missing(before):
        return None
    keys = ["ResourceId", "ResourceName", "ChargeCategory"]
    rises = [
        (after - earlier, resource_id, name)
        for (resource_id, name, category), earlier, after in asked.side_by_side(keys, before, month, RESOURCES)
        if resource_id and category == "Usage" and key(resource_id) not in stopped
    ]
    rise, resource_id, name = max(rises, default=(ZERO, "", ""))
    if rise <= 0 or rise < DRIVES * asked.total(month):
        return None
    return _still(asked, Period(max(month.start.date(), last_day(month) - LATEST + DAY), month.end), resource_id, name)


def _dearest(asked: Asked, week: Period, stopped: Collection[str]) -> Driving | None:
    found = asked.by(["ResourceId", "ResourceName"], week, where={"ChargeCategory": ["Usage"]})
    for both in sorted(found, key=lambda one: (-found[one].cost, one)):
        resource_id, name = both
        if resource_id and found[both].cost > 0 and key(resource_id) not in stopped:
            still = _still(asked, week, resource_id, name)
            if still:
                return replace(still, rose=False)
    return None


def _still(asked: Asked, latest: Period, resource_id: str, name: str) -> Driving | None:
    """Whether it was charged on the last of these days: only that can still be stopped."""
    days = asked.by(["Day"], latest, where={"ResourceId": [resource_id], "ChargeCategory": ["Usage"]})
    costs = {day: spent.cost for (day,), spent in days.items() if spent.cost > 0}
    if not any(day.startswith(str(last_day(latest))) for day in costs):
        return None
    return Driving(resource_name(name, resource_id), Money(median(costs.values()), asked.currency), resource_id)
