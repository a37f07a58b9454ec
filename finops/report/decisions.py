"""What waits for a person: at most three things, the dearest first, each with an owner and a day."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from finops.charges import Period
from finops.charges.book import added
from finops.estate.ids import key
from finops.report.gather import ZERO, Asked
from finops.report.governed import owned
from finops.report.known import Known, Request
from finops.report.measuring import FINEST
from finops.report.model import UNTAGGED, Anomalies, Anomaly, Budgeted, Decision, Line, Money, Saving, Savings
from finops.report.periods import DAY, last_day, next_month
from finops.report.rounding import printable

MOST = 3
# An anomaly goes on while nobody answers; three days are a weekend and a working day.
ANSWER = timedelta(days=3)
# What costs as much on every day can wait for the next report, and no longer.
NEXT = timedelta(days=7)
LOOKED_AT = 500
# What a day is of a month's saving: list prices are for 730 hours, the bill was of 30 days.
DAYS = {"list price": (24, 730), "bill": (1, 30)}
_ANEW = re.compile("^make it anew")
_MINIMUM = re.compile(r"\bminNodeCount to (\d+)")


@dataclass(frozen=True)
class Sources:
    """What decisions come from, besides what is known."""

    asked: Asked
    period: Period
    now: datetime
    budgets: Sequence[Budgeted]
    anomalies: Anomalies | None
    savings: Savings | None
    untagged: Line
    untagged_percent: Decimal | None
    target: Decimal  # percent of the cost that may lack a cost centre

    @property
    def today(self) -> date:
        return self.now.date()


def decisions(known: Known, of: Sources) -> tuple[Decision, ...]:
    """The dearest decisions that are open; what has no known amount comes last."""
    scale, told = _scale(of)
    found = [*_approvals(known.requests, of), *scale, *_spot(of), *_anomalies(of, told), *_budgets(of)]
    found += _untagged(known, of)
    found.sort(key=lambda one: (one.amount is None, -(one.amount.amount if one.amount else ZERO), one.kind, one.what))
    return tuple(replace(one, figure=f"decision/{place}") for place, one in enumerate(found[:MOST], 1))


def _approvals(requests: Sequence[Request], of: Sources) -> Iterable[Decision]:
    if not requests:
        return
    amounts = [one.saving if one.currency.upper() == of.asked.currency else None for one in requests]
    known = [amount for amount in amounts if amount is not None]
    one, ends = requests[0], [each.expires for each in requests if each.expires]
    what = f"approve or refuse: {printable(one.name)}"
    if len(requests) > 1:
        what = f"approve or refuse {len(requests)} requests of the janitor"
    if len(requests) > 1 and ends:
        what += f", the oldest until {_day(min(ends))}"
    yield Decision(
        kind="approvals",
        amount=_money(known, of),
        per="a month",
        what=what,
        owner=_owners(zip((each.owner for each in requests), amounts, strict=True)),
        by=max(min(ends, default=of.today + NEXT), of.today),
        count=len(requests),
        unknown=len(requests) - len(known),
        page="/findings",
        figure="",
    )


def _scale(of: Sources) -> tuple[list[Decision], set[str]]:
    """Clusters that keep nodes which nobody uses; and the ids of the anomalies that they are the cause of."""
    mine = [one for one in _found("guard/scale", of) if _MINIMUM.search(one.does)]
    if not mine:
        return [], set()
    dearest = max(mine, key=_amount)
    least = _MINIMUM.search(dearest.does)
    nodes = f"{least[1]} nodes" if least else ""
    whole = _amount(dearest) * 2 >= added(_amount(one) for one in mine)
    if len(mine) == 1 or whole:
        what = f"set the minimum of {dearest.name} to {nodes}"
        what += f", and of {len(mine) - 1} more clusters" if len(mine) > 2 else ""
        what += ", and of one more cluster" if len(mine) == 2 else ""
    else:
        what = f"set the minimum of {len(mine)} clusters to {nodes}, {dearest.name} first"
    caused = [one for one in _open(of) if any(_is(one, each) for each in mine)]
    if caused:
        what += f"; it is why {caused[0].name} costs more since {_day(caused[0].first)}"
    by = of.today + (ANSWER if caused else NEXT)
    return [_of_savings("scale", mine, what, by, of)], {one.id for one in caused}


def _spot(of: Sources) -> Iterable[Decision]:
    mine = _found("guard/spot", of)
    if not mine:
        return
    what = f"move {mine[0].name} from dedicated to spot nodes"
    if len(mine) > 1:
        what = f"move {len(mine)} dev clusters from dedicated to spot nodes"
    left = sum(not _ANEW.search(one.does) for one in mine)
    if left:
        which = "" if left == len(mine) else f"{left} of "
        it, owner = ("it", "its owner makes it") if len(mine) == 1 else (f"{which}them", "their owners make them")
        what += f"; {owner} anew, as the guard only stops {it} from growing"
    yield _of_savings("spot", mine, what, of.today + NEXT, of)


def _found(rule: str, of: Sources) -> list[Saving]:
    """What waits for a decision by that rule, as far as it counts: so that no amount is asked for twice."""
    entries = of.savings.all if of.savings else ()
    return [one for one in entries if one.kind == "identified" and one.rule == rule and one.counted_with is None]


def _of_savings(kind: str, mine: Sequence[Saving], what: str, by: date, of: Sources) -> Decision:
    known = [one for one in mine if one.expected is not None]
    a_day = added((_amount(one) * DAYS[one.basis][0] / DAYS[one.basis][1]).quantize(FINEST) for one in known)
    return Decision(
        kind="scale" if kind == "scale" else "spot",
        amount=_money([_amount(one) for one in known], of),
        per="a month",
        what=what,
        owner=_owners((one.owner, _amount(one)) for one in mine),
        by=by,
        count=len(mine),
        unknown=len(mine) - len(known),
        page="",
        figure="",
        a_day=Money(a_day, of.asked.currency) if a_day > 0 else None,
        refs=tuple(one.ref for one in mine),
    )


def _anomalies(of: Sources, told: set[str]) -> Iterable[Decision]:
    for one in _open(of):
        if one.id not in told:
            what = f"{one.name} costs more than expected since {_day(one.first)}: {one.cause}".rstrip(".")
            by = of.today + ANSWER
            yield Decision("anomaly", one.impact, "so far", what, printable(one.owner), by, 1, 0, "", "")


def _open(of: Sources) -> list[Anomaly]:
    every = of.anomalies.all if of.anomalies else ()
    return [one for one in every if one.state == "open" and one.impact.amount > 0]


def _is(anomaly: Anomaly, saving: Saving) -> bool:
    """Whether most of the anomaly is of that resource."""
    return bool(anomaly.resources) and key(anomaly.resources[0]) == key(saving.resource_id)


def _budgets(of: Sources) -> Iterable[Decision]:
    for one in of.budgets:
        if one.period.end <= of.now:
            continue  # nobody decides about what is over
        ends = ""
        by = of.today + ANSWER
        if one.status.word == "Over budget":
            over, per = -one.left.amount, "over budget"
        elif one.status.word == "Over budget likely" and one.forecast:
            over, per = one.forecast.middle.amount - one.amount.amount, "over budget at the end"
            # Decided on the day it is used up, it is decided too late.
            by = (one.runs_out or last_day(one.period)) - (DAY if one.runs_out else timedelta())
            ends = f"; it is used up about {_day(one.runs_out)}" if one.runs_out else ""
        else:
            continue
        name = "" if one.name == "all" else f" “{one.name}”"
        what = f"raise the budget{name} for {one.period_name}, or spend less{ends}"
        if over > 0:
            money = Money(over, of.asked.currency)
            yield Decision("budget", money, per, what, one.owner, max(by, of.today), 1, 0, "", "")


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
        f"{len(dearest)} charged resources have no cost centre, {percent}% of the cost"
        if len(dearest) != 1
        else (f"one charged resource has no cost centre, {percent}% of the cost")
    )
    what += f"; most of it is likely {owner}'s" if owner else ""
    # Tags are not back-dated: what is charged until then stays without an owner.
    by = next_month(max(last_day(of.period), of.today)) - DAY
    count = len(dearest)
    yield Decision("untagged", of.untagged.cost, "in the period", what, printable(owner), by, count, 0, "", "")


def _owners(parts: Iterable[tuple[str, Decimal | None]]) -> str:
    """Who has most of it, and how many others have a part; "" where nobody is known."""
    sums: dict[str, list[Decimal]] = {}
    for owner, amount in parts:
        sums.setdefault(owner, []).append(amount or ZERO)
    known = sorted((name for name in sums if name), key=lambda name: (-added(sums[name]), name))
    if not known:
        return ""
    others = len(known) - 1
    more = f" and {others} {'other' if others == 1 else 'others'}" if others else ""
    return f"{printable(known[0])}{more}"


def _money(known: Sequence[Decimal], of: Sources) -> Money | None:
    return Money(added(known), of.asked.currency) if known else None


def _amount(one: Saving) -> Decimal:
    return one.expected.amount if one.expected else ZERO


def _day(day: date) -> str:
    return f"{day.day} {day:%b}"
