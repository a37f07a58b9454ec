"""What waits for a person: at most three things, what saves most first, each with an owner and a day."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from finops.charges import Period
from finops.charges.book import added
from finops.estate.ids import key
from finops.report.claim import ours_on
from finops.report.driving import Driving, driving, running_on
from finops.report.gather import ZERO, Asked
from finops.report.governed import owned, without_centre
from finops.report.known import Known, Request
from finops.report.measuring import FINEST
from finops.report.model import Anomalies, Anomaly, Budgeted, Decision, Line, Money, Month, Saving, Savings
from finops.report.periods import DAY, last_day, next_month
from finops.report.rounding import printable, rounded
from finops.report.savings import MONTH

MOST = 3
# An anomaly goes on while nobody answers; three days are a weekend and a working day.
ANSWER = timedelta(days=3)
# So many complete days as expected, and a cost is over: a weekend does not end it.
OVER = timedelta(days=3)
# What costs as much on every day can wait for the next report, and no longer.
NEXT = timedelta(days=7)
LOOKED_AT = 500
# Owners that are named where none has most of what has no cost centre.
NAMED = 3
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
    month: Month | None = None
    owners: Mapping[str, str] = field(default_factory=dict)  # of resources, by id in lower case

    @property
    def today(self) -> date:
        return self.now.date()

    @property
    def soon(self) -> date:
        """The next working day: nobody decides on the day of the mail what can wait until then."""
        return self.working(self.today + DAY)

    def working(self, day: date) -> date:
        """`day`, or the Monday after it."""
        return day + DAY * {5: 2, 6: 1}.get(day.weekday(), 0)


def decisions(known: Known, of: Sources) -> tuple[Decision, ...]:
    """What can be decided, ranked by the money that a month of it comes to.

    After it what has no known amount, then what saves nothing: to say why a cost was, that is over; to set a tag.
    """
    scale, told = _scale(of)
    budgets = [*_budgets(scale, of), *_begun(scale, of)]
    # One act is asked for once: what stops what drives a budget is asked for with it.
    scale = [] if any(one.refs for one in budgets) else scale
    of_a_month = [*_approvals(known.requests, of), *scale, *_spot(of), *budgets]
    found: list[tuple[Decimal | None, Decision]] = [
        *((one.amount.amount if one.amount else None, one) for one in of_a_month),
        *_anomalies(of, told),
        *((ZERO, one) for one in _untagged(known, of)),
    ]
    ranked = [one for _, one in sorted(found, key=_rank)]
    kept, over = ranked[:MOST], [one for one in ranked if one.kind == "budget"]
    if over and over[0] not in kept:
        kept[-1] = over[0]  # whether the month stays on plan is what the report is read for
    return tuple(replace(one, figure=f"decision/{place}") for place, one in enumerate(kept, 1))


def _rank(found: tuple[Decimal | None, Decision]) -> tuple[int, Decimal, str, Decimal, str]:
    a_month, one = found
    order = 1 if a_month is None else 0 if a_month > 0 else 2
    return order, -(a_month or ZERO), one.kind, -(one.amount.amount if one.amount else ZERO), one.what


def _approvals(requests: Sequence[Request], of: Sources) -> Iterable[Decision]:
    """Requests that wait, by what they save as the sum of savings has it: what is asked of one resource counts once."""
    if not requests:
        return
    waits = {one.number: one for one in (of.savings.all if of.savings else ()) if one.kind == "identified"}
    savings = [waits.get(one.number) for one in requests]
    apart = sum(one is not None and one.counted_with is not None for one in savings)
    amounts = [_asked(request, one, of) for request, one in zip(requests, savings, strict=True)]
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
        by=min((end for end in ends if end >= of.soon), default=of.soon if ends else of.working(of.today + NEXT)),
        count=len(requests),
        unknown=len(requests) - len(known),
        page="/findings",
        figure="",
        refs=tuple(one.ref for one in savings if one is not None and one.counted_with is None),
        elsewhere=apart,
    )


def _asked(request: Request, saving: Saving | None, of: Sources) -> Decimal | None:
    """What a request saves that nothing else counts; None where that is not known."""
    if saving is None:
        return request.saving if request.currency.upper() == of.asked.currency else None
    if saving.counted_with is not None:
        return ZERO
    return saving.expected.amount if saving.expected else None


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
    by = of.working(of.today + (ANSWER if caused else NEXT))
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
    yield _of_savings("spot", mine, what, of.working(of.today + NEXT), of)


def _found(rule: str, of: Sources) -> list[Saving]:
    """What waits for a decision by that rule, as far as it counts: so that no amount is asked for twice, nor none."""
    entries = [one for one in (of.savings.all if of.savings else ()) if one.kind == "identified" and one.rule == rule]
    return [one for one in entries if one.counted_with is None and (one.expected is None or one.expected.amount)]


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


def _anomalies(of: Sources, told: set[str]) -> Iterable[tuple[Decimal, Decision]]:
    """What costs more than expected and is not answered for, with what a month of it comes to if it goes on."""
    judged = of.anomalies.evaluated if of.anomalies else None
    for one in _open(of):
        if one.id in told:
            continue
        what = f"{one.name} costs more than expected since {_day(one.first)}: {one.cause}".rstrip(".")
        a_month = one.impact.amount * MONTH / ((one.last - one.first).days + 1)
        if judged and last_day(judged) - one.last >= OVER:
            days = f"on {_day(one.first)}" if one.first == one.last else f"from {_day(one.first)} to {_day(one.last)}"
            what = f"say why {one.name} cost more than expected {days}: {one.cause}".rstrip(".")
            a_month = ZERO
        by = of.working(of.today + ANSWER)
        owner, page = printable(one.owner), f"/anomalies/{one.id}"
        yield a_month, Decision("anomaly", one.impact, "so far", what, owner, by, 1, 0, page, "")


def _open(of: Sources) -> list[Anomaly]:
    every = of.anomalies.all if of.anomalies else ()
    return [one for one in every if one.state == "open" and one.impact.amount > 0 and not _ended_by_us(one, of)]


def _ended_by_us(one: Anomaly, of: Sources) -> bool:
    """Whether we changed what is behind it, and no day since was off: nobody has anything left to decide."""
    judged = of.anomalies.evaluated if of.anomalies else None
    if not one.resources or of.savings is None or judged is None or one.last >= last_day(judged):
        return False
    days = [act.since for act in ours_on(one.resources[0], of.savings.all)]
    return any(day and one.first <= day and one.last <= day + DAY for day in days)


def _is(anomaly: Anomaly, saving: Saving) -> bool:
    """Whether most of the anomaly is of that resource."""
    return bool(anomaly.resources) and key(anomaly.resources[0]) == key(saving.resource_id)


def _budgets(scale: Sequence[Decision], of: Sources) -> Iterable[Decision]:
    for one in of.budgets:
        if one.period.end <= of.now:
            continue  # nobody decides about what is over
        ends, by = "", of.working(of.today + ANSWER)
        if one.status.word == "Over budget":
            over, per = -one.left.amount, "over budget"
        elif one.status.word == "Over budget likely" and one.forecast:
            over, per = one.forecast.middle.amount - one.amount.amount, "over budget at the end"
            ends, by = _used_up(one.runs_out, last_day(one.period), of)
        else:
            continue
        of_month = one.is_everything and of.month is not None and one.period.start == of.month.period.start
        if over > 0:
            name = "" if one.name == "all" else f" “{one.name}”"
            drives = driving(of.asked, of.month.period, _stopped(of)) if of.month and of_month else None
            told = Decision("budget", Money(over, of.asked.currency), per, "", one.owner, by, 1, 0, "", "")
            told = replace(told, needs=one.forecast.middle if one.forecast else None)
            last = last_day(one.period)
            yield _budget(f"raise the budget{name} for {one.period_name}", ends, told, drives, last, scale, of)


def _begun(scale: Sequence[Decision], of: Sources) -> Iterable[Decision]:
    """The budget of the month that has begun since the reported one ended, where it is heading over it."""
    begun = of.month.next if of.month and of.month.ended else None
    if begun is None or begun.over is None or begun.over.amount <= 0:
        return
    first = begun.first
    ends, by = _used_up(begun.runs_out, next_month(first) - DAY, of)
    owner = next((one.owner for one in of.budgets if one.is_everything), "")
    needs = Money(begun.budget.amount + begun.over.amount, of.asked.currency) if begun.budget else None
    told = Decision("budget", begun.over, "over budget at the end", "", owner, by, 1, 0, "", "", needs=needs)
    # Before its first day is complete, only the last days of the month before show what runs.
    drives = (
        driving(of.asked, begun.period, _stopped(of))
        if begun.period
        else running_on(of.asked, first - DAY, _stopped(of))
    )
    yield _budget(f"raise the budget for {first:%b}", ends, told, drives, next_month(first) - DAY, scale, of)


def _budget(
    what: str, ends: str, told: Decision, drives: Driving | None, last: date, scale: Sequence[Decision], of: Sources
) -> Decision:
    """To raise a budget, and what would stop it. told: the rest of the decision; last: the last day of its month."""
    if drives is None:
        return replace(told, what=f"{what}, or spend less{ends}")
    # Today counts: what it still costs if nobody decides.
    left = (last - max(of.today, last.replace(day=1))).days + 1
    for one in scale:
        if one.a_day and any(_asks(one, each, drives.resource_id) for each in (of.savings.all if of.savings else ())):
            owners = (f"{one.owner} (nodes)", f"{told.owner} (budget)") if one.owner and told.owner else ()
            return replace(
                told,
                what=f"{what}, and {one.what}",
                owner=", ".join(owners) or one.owner or told.owner,
                by=min(one.by or of.soon, told.by or of.soon),
                a_day=one.a_day,
                refs=one.refs,
                takes=_times(one.a_day, left),
            )
    what += f", or stop what {'drives it' if drives.rose else 'costs'} most: {drives.name}{ends}"
    runs = printable(owned(of.owners, drives.resource_id))
    both = runs and told.owner and runs != told.owner
    owner = f"{runs} ({drives.name}), {told.owner} (budget)" if both else told.owner or runs
    return replace(told, what=what, owner=owner, a_day=drives.a_day, takes=_times(drives.a_day, left))


def _stopped(of: Sources) -> frozenset[str]:
    """What an act of ours changed since the last day that is charged: it runs on no more as these days show it."""
    acts = of.savings.all if of.savings else ()
    end = last_day(of.asked.book.span)
    return frozenset(key(one.resource_id) for one in acts if one.stands and one.since and one.since > end - DAY)


def _asks(one: Decision, found: Saving, resource_id: str) -> bool:
    return found.ref in one.refs and key(found.resource_id) == key(resource_id)


def _times(a_day: Money, days: int) -> Money:
    return Money(a_day.amount * days, a_day.currency)


def _used_up(day: date | None, last: date, of: Sources) -> tuple[str, date]:
    """What is said of the day that uses a budget up, and by when it is decided: on that day it is too late."""
    if day is None:
        return "", max(last, of.soon)
    if day <= of.today:
        return "; it is used up today", of.today
    due = day - DAY * {6: 2, 0: 3}.get(day.weekday(), 1)
    return f"; it is used up about {_day(day)}", max(due, of.soon)


def _untagged(known: Known, of: Sources) -> Iterable[Decision]:
    percent, cost = of.untagged_percent, of.untagged.cost.amount
    if percent is None or percent <= of.target or cost <= 0 or of.asked.share is not None:
        return
    found = without_centre(of.asked, of.period)
    costs: dict[str, Decimal] = {}
    dearest = sorted(found.items(), key=lambda item: (-item[1][1], item[0]))
    for place, (resource_id, (tagged, spent)) in enumerate(dearest):
        owner = tagged or (owned(known.owners, resource_id) if place < LOOKED_AT else "")
        if owner and spent > 0:
            costs[owner] = costs.get(owner, ZERO) + spent
    what = (
        f"{len(dearest)} charged resources have no cost centre, {percent}% of the cost"
        if len(dearest) != 1
        else (f"one charged resource has no cost centre, {percent}% of the cost")
    )
    ranked = sorted(costs, key=lambda name: (-costs[name], name))
    who = printable(ranked[0]) if ranked else ""
    if ranked and costs[ranked[0]] * 2 > cost:
        what += f"; most of it is likely {who}'s"
    elif ranked:
        shares = [f"{printable(name)} {rounded(costs[name] / cost * 100, 0)}%" for name in ranked[:NAMED]]
        what += f"; likely owners: {', '.join(shares)}"
        who = _owners(costs.items())
    # Tags are not back-dated: what is charged until then stays without an owner.
    by = max(next_month(max(last_day(of.period), of.today)) - DAY, of.soon)
    count = len(dearest)
    yield Decision("untagged", of.untagged.cost, "in the period", what, who, by, count, 0, "", "")


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
