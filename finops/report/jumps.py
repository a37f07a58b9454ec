"""The one day of the curve that stands out, and what was charged on it: a jump that nobody names looks like a fault."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from statistics import median

from finops.charges import Period
from finops.report.gather import ZERO, Asked, cost_in
from finops.report.model import Day, Jump, Money
from finops.report.periods import DAY
from finops.report.rounding import printable

FEWEST = 7
# A day that costs half as much again as a usual one shows as a step in the curve.
TIMES = Decimal("1.5")
HALF = Decimal("0.5")


def jump_of(asked: Asked, days: Sequence[Day]) -> Jump | None:
    """The dearest day, where it stands out and one thing alone makes most of that; None: the curve is smooth."""
    if len(days) < FEWEST:
        return None
    usual = median(day.cost.amount for day in days)
    dearest = max(days, key=lambda day: day.cost.amount)
    over = dearest.cost.amount - usual
    if usual <= 0 or dearest.cost.amount < usual * TIMES:
        return None
    keys = ["ResourceName", "ResourceId", "ServiceName"]
    there = asked.by(keys, Period(dearest.day, dearest.day + DAY))
    before = asked.by(keys, Period(dearest.day - DAY, dearest.day))
    mine = {key: spent.cost - cost_in(before, key) for key, spent in there.items()}
    key = max(mine, key=lambda key: (mine[key], key))
    if mine[key] < over * HALF:
        return None
    name = printable(key[0] or key[1].rpartition("/")[2] or key[2], "(no name)")
    return Jump(dearest.day, name, Money(max(mine[key], ZERO), asked.currency))
