"""What waits for a person: at most three things, the dearest first, each with an owner and a day."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from finops.charges import Period
from finops.charges.book import added
from finops.report.gather import ZERO, Asked
from finops.report.governed import owned
from finops.report.known import Dedicated, Known, Request
from finops.report.model import UNTAGGED, Anomalies, Budgeted, Decision, DecisionKind, Line, Money
from finops.report.periods import last_day, next_month
from finops.report.rounding import printable

MOST = 3
# An anomaly goes on while nobody answers; three days are a weekend and a working day.
ANSWER = timedelta(days=3)
LOOKED_AT = 500


@dataclass(frozen=True)
class Sources:
    """What decisions come from, besides what is known."""

    asked: Asked
    period: Period
    now: datetime
    budgets: Sequence[Budgeted]
    anomalies: Anomalies | None
    untagged: Line
    untagged_percent: Decimal | None
    target: Decimal  # percent of the cost that may lack a cost centre
    digits: int


def decisions(known: Known, of: Sources) -> tuple[Decision, ...]:
    """The dearest decisions that are open; what has no known amount comes last."""
    found = [*_approvals(known.requests, of), *_dedicated(known.dedicated, of), *_anomalies(of), *_budgets(of)]
    found += _untagged(known, of)
    found.sort(key=lambda one: (one.amount is None, -(one.amount.amount if one.amount else ZERO), one.kind, one.what))
    return tuple(replace(one, figure=f"decision/{place}") for place, one in enumerate(found[:MOST], 1))


def _approvals(requests: Sequence[Request], of: Sources) -> Iterable[Decision]:
    if not requests:
        return
    amount, unknown = _sum([(one.saving, one.currency) for one in requests], of)
    one, ends = requests[0], [each.expires for each in requests if each.expires]
    what = f"approve or refuse: {printable(one.name)}"
    if len(requests) > 1:
        what = f"approve or refuse {len(requests)} requests of the janitor"
    if len(requests) > 1 and ends:
        what += f", the oldest until {min(ends).day} {min(ends):%b}"
    owner = _one_of(each.owner for each in requests)
    yield _decision(
        "approvals", amount, "a month", what, owner, min(ends, default=None), len(requests), unknown, "/findings"
    )


def _dedicated(clusters: Sequence[Dedicated], of: Sources) -> Iterable[Decision]:
    if not clusters:
        return
    amount, unknown = _sum([(one.saving, one.currency) for one in clusters], of)
    ends = [one.by for one in clusters if one.by]
    name = printable(clusters[0].name)
    what = f"the dev cluster {name} runs on dedicated nodes, not on spot"
    if len(clusters) > 1:
        what = f"{len(clusters)} dev clusters run on dedicated nodes, not on spot"
    owner = _one_of(each.owner for each in clusters)
    yield _decision("dedicated", amount, "a month", what, owner, min(ends, default=None), len(clusters), unknown, "")


def _anomalies(of: Sources) -> Iterable[Decision]:
    for one in of.anomalies.all if of.anomalies else ():
        if one.state == "open" and one.impact.amount > 0:
            what = f"{one.name} costs more than expected since {one.first.day} {one.first:%b}: {one.cause}"
            by = of.now.date() + ANSWER
            yield _decision("anomaly", one.impact, "so far", what.rstrip("."), one.owner, by, 1, 0, "")


def _budgets(of: Sources) -> Iterable[Decision]:
    for one in of.budgets:
        last = last_day(one.period)
        if one.status.word == "Over budget":
            over, per = -one.left.amount, "over budget"
        elif one.status.word == "Over budget likely" and one.forecast:
            over, per = one.forecast.middle.amount - one.amount.amount, "over budget at the end"
        else:
            continue
        name = "" if one.name == "all" else f" “{one.name}”"
        what = f"raise the budget{name} for {one.period_name}, or spend less"
        if over > 0:
            yield _decision("budget", Money(over, of.asked.currency), per, what, "", last, 1, 0, "")


def _untagged(known: Known, of: Sources) -> Iterable[Decision]:
    percent, cost = of.untagged_percent, of.untagged.cost.amount
    if percent is None or percent <= of.target or cost <= 0 or of.asked.share is not None:
        return
    found = of.asked.by(["ResourceId"], of.period, where={"CostCenter": [UNTAGGED]})
    dearest = sorted(found.items(), key=lambda item: (-item[1].cost, item[0]))
    costs: dict[str, list[Decimal]] = {}
    for (resource_id,), spent in dearest[:LOOKED_AT]:
        costs.setdefault(owned(known.owners, resource_id), []).append(spent.cost)
    owner = max((name for name in costs if name), key=lambda name: (added(costs[name]), name), default="")
    what = (
        f"{len(dearest)} resources have no cost centre, {percent}% of the cost"
        if len(dearest) != 1
        else (f"one resource has no cost centre, {percent}% of the cost")
    )
    what += f"; most of it is likely {owner}'s" if owner else ""
    # Tags are not back-dated: what is charged until then stays without an owner.
    by = next_month(last_day(of.period)) - timedelta(days=1)
    yield _decision("untagged", of.untagged.cost, "in the period", what, owner, by, len(dearest), 0, "")


def _decision(
    kind: DecisionKind,
    amount: Money | None,
    per: str,
    what: str,
    owner: str,
    by: date | None,
    count: int,
    unknown: int,
    page: str,
) -> Decision:
    return Decision(kind, amount, per, what, printable(owner), by, count, unknown, page, "")


def _sum(amounts: Sequence[tuple[Decimal | None, str]], of: Sources) -> tuple[Money | None, int]:
    """What is known of them in the report's currency, and how many are not."""
    known = [amount for amount, currency in amounts if amount is not None and currency.upper() == of.asked.currency]
    return (Money(added(known), of.asked.currency) if known else None), len(amounts) - len(known)


def _one_of(owners: Iterable[str]) -> str:
    """The owner, where it is one and the same; else the number of them is said by what waits."""
    found = set(owners)
    return found.pop() if len(found) == 1 else ""
