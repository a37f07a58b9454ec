"""What is to be told of a budget: each threshold once a period, whatever the charges do later."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from finops.budget.model import Alert, Budget, Standing
from finops.charges import Period


@dataclass(frozen=True)
class Told:
    """What was told of one threshold in one period, and how high it stood then. closed: that the period ended."""

    key: str
    budget: str
    period: str  # its first day
    threshold: str
    reached: Decimal
    at: datetime
    escalated: datetime | None = None
    unit: str = ""  # what `reached` is an amount of; "" in records that do not say
    corrected: datetime | None = None


@dataclass(frozen=True)
class Muted:
    """Nobody is told of `what` before `until`, for a reason."""

    what: str
    until: datetime
    why: str
    who: str


@dataclass(frozen=True)
class Acknowledged:
    """Somebody knows of what was told of a budget in a period until `at`."""

    budget: str
    period: str
    at: datetime
    who: str
    why: str


def key_of(budget: Budget, period: Period, threshold: str, currency: str) -> str:
    """What makes an alert the same one: budget, amount and what it is of, period and threshold (I8)."""
    amount = f"{budget.amount.normalize():f} {unit_of(budget, currency)}"
    return f"budget/{budget.name}/{amount}/{period.start:%Y-%m-%d}/{threshold}"


def unit_of(budget: Budget, currency: str) -> str:
    """What amounts of a budget are of. One in another currency, for another time or scope is no smaller or larger."""
    scope = budget.scope.id or budget.scope.said
    return f"{currency} a {budget.every}, {budget.basis} cost of {scope}"


def due(
    standing: Standing,
    told: Collection[Told],
    muted: Collection[Muted] = (),
    now: datetime | None = None,
) -> tuple[Alert, ...]:
    """The alerts that nobody was told yet, worst last. While the budget is muted there are none: they come after it.

    A threshold was told when its key was, whatever the charges are restated to since; and when it was told at so much
    that it covers today's limit, as after a raise that the spending has already eaten up.
    """
    budget, period = standing.budget, standing.period
    if any(one.what == budget.name and (now is None or now < one.until) for one in muted):
        return ()
    found = []
    for threshold in standing.crossed:
        limit = threshold.limit(budget.amount)
        if standing.ended and limit < budget.amount:
            continue  # nothing can be done about it any more
        key = key_of(budget, period, threshold.key, standing.currency)
        if _was_told(standing, key, threshold.key, limit, told):
            continue
        reached = standing.known if threshold.on == "actual" else standing.likely
        found.append(Alert(key, standing, threshold, limit, reached))
    return tuple(found)


def _was_told(standing: Standing, key: str, threshold: str, limit: Decimal, told: Collection[Told]) -> bool:
    start = f"{standing.period.start:%Y-%m-%d}"
    units = ("", unit_of(standing.budget, standing.currency))
    of_it = [one for one in told if (one.budget, one.period, one.threshold) == (standing.budget.name, start, threshold)]
    return any(one.key == key or (one.unit in units and one.reached >= limit) for one in of_it)


def corrected(standing: Standing, told: Collection[Told], muted: Collection[Muted], now: datetime) -> tuple[Told, ...]:
    """What was told as spent and, by charges restated since, is not: to be said once (I8).

    Charges that are missing correct nothing.
    """
    budget = standing.budget
    if standing.at_least or any(one.what == budget.name and now < one.until for one in muted):
        return ()
    limits = {
        key_of(budget, standing.period, threshold.key, standing.currency): threshold.limit(budget.amount)
        for threshold in budget.thresholds
        if threshold.on == "actual"
    }
    return tuple(
        one for one in told if one.corrected is None and one.key in limits and standing.known < limits[one.key]
    )


def to_escalate(
    budget: Budget, period: Period, told: Collection[Told], acks: Collection[Acknowledged], now: datetime
) -> tuple[Told, ...]:
    """What was told so long ago that the second address is due, and that nobody has acknowledged since."""
    rule = budget.escalate
    if rule is None:
        return ()
    start = f"{period.start:%Y-%m-%d}"
    seen = max((ack.at for ack in acks if (ack.budget, ack.period) == (budget.name, start)), default=None)
    return tuple(
        one
        for one in told
        if (one.budget, one.period) == (budget.name, start)
        and one.escalated is None
        and now - one.at >= timedelta(days=rule.after_days)
        and (seen is None or seen < one.at)
    )


def active(muted: Mapping[str, Muted], now: datetime) -> dict[str, Muted]:
    """The mutes that still hold."""
    return {what: one for what, one in muted.items() if now < one.until}
