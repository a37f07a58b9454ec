"""What runs now, carried forward: money a day against what is usual, and what would be left of the budgets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from statistics import median

from finops.budget.running import Rates, Running
from finops.estate.ids import key

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
CENT = Decimal("0.01")
# A culprit's own share of what is too much; below it a thing is not worth a line.
SHARE = Decimal("0.05")
FEWEST_DAYS = 3
FEWEST_SPELLS = 5
LONGER = 1.5  # than it ever took on our records: of a few times the longest is soon outdone by chance
MOST = 3  # things that are named where each by itself is usual or small, and together they are too much
WHOLE = Decimal("0.9")  # of a day that was looked at, to count as one


@dataclass(frozen=True)
class Recorded:
    """What was running on one day, added up from one look to the next: USD by resource id in lower case.

    covered: the share of the day that was looked at. free: whether nobody works on that day. without: ids in lower case
    of what could not be read for long, with all below it: nothing is known of it.
    """

    day: date
    covered: Decimal
    free: bool
    amounts: Mapping[str, Decimal]
    without: frozenset[str] = frozenset()

    @property
    def total(self) -> Decimal:
        return sum(self.amounts.values(), Decimal(0))


@dataclass(frozen=True)
class Ahead:
    """One running thing carried forward to the horizon. usual: money a day that it costs on such days."""

    running: Running
    hours: Decimal
    cost: Decimal
    per_day: Decimal
    usual: Decimal

    @property
    def excess(self) -> Decimal:
        """Money a day more than usual."""
        return self.per_day - self.usual


@dataclass(frozen=True)
class Threat:
    """A budget that what runs now would use up before `until`, and what of it is left now."""

    budget: str
    left: Decimal
    currency: str
    used_up: datetime
    cost: Decimal


@dataclass(frozen=True)
class Part:
    """What all things of one kind will cost by the end of the month. kind: "" of all that ends by itself; name: of the
    dearest."""

    kind: str
    name: str
    count: int
    cost: Decimal


@dataclass(frozen=True)
class Projection:
    """What runs now and will by what is known, until `until`: the next working hour, a day from now at the least.

    usual_per_day: None with fewer than three days on record, and usual_from says so; then only what does no work counts
        as too much. per_day and excess are USD a day.
    culprits: what makes the excess, dearest first. reasons: why this is worth a mail; empty: it is not.
    month_parts: what month_end is made of, dearest first, what ends by itself last. planned: ids in lower case of what
    somebody declared beforehand: it is carried forward like all else, and no reason for a mail.
    """

    rates: Rates
    until: datetime
    free: bool
    ahead: tuple[Ahead, ...]
    cost: Decimal
    per_day: Decimal
    usual_per_day: Decimal | None
    usual_from: str
    month_parts: tuple[Part, ...]
    culprits: tuple[Ahead, ...]
    threats: tuple[Threat, ...]
    reasons: tuple[str, ...]
    planned: frozenset[str] = frozenset()

    @property
    def month_end(self) -> Decimal:
        """USD to the end of the month, of what nothing ends; of all else only what is known to come."""
        return sum((part.cost for part in self.month_parts), Decimal(0))

    @property
    def excess(self) -> Decimal | None:
        return None if self.usual_per_day is None else self.per_day - self.usual_per_day


@dataclass(frozen=True)
class Rules:
    """When it is worth a mail: USD a day above what is usual, and USD a day whatever is usual."""

    above_usual: Decimal
    per_day: Decimal | None = None


@dataclass(frozen=True)
class Left:
    """What is left of a budget now: by its charges, less what has run since they end. covers: ids it pays for."""

    budget: str
    amount: Decimal
    left: Decimal
    currency: str
    covers: frozenset[str]


def project(
    rates: Rates,
    next_work: datetime,
    works_until: datetime | None,
    history: Sequence[Recorded],
    rules: Rules,
    lefts: Sequence[Left] = (),
    usual: Decimal | None = None,
    spells: Mapping[str, Sequence[Decimal]] | None = None,
    busy_since: Mapping[str, datetime] | None = None,
    planned: frozenset[str] = frozenset(),
) -> Projection:
    """What runs now carried forward, and whether that is worth a mail. Pure: every moment is an argument.

    next_work: when people work next; that very moment within working hours. works_until: the end of these hours.
    usual: USD a day where our own records are too few for it. spells: how many hours a resource was at work, the last
    times; busy_since: since when it is now. planned: ids of what is no reason for a mail, whatever it costs.
    """
    now = rates.at
    free = works_until is None
    until = max(now + DAY, next_work)
    days = Decimal(str((until - now) / DAY))
    usually = _usual_by_resource(history, free)
    known, usual_from = _usual(history, free, usual)
    looked_after = works_until or next_work  # work of unknown length: until people have seen it, or can
    ahead: dict[str, Ahead] = {}
    parts = []
    for one in rates.running:
        if one.per_hour is None:
            continue
        ends = min(_end(one, now, looked_after, until, spells or {}, busy_since or {}), until)
        hours = Decimal(str(max(timedelta(0), ends - now) / HOUR))
        cost = one.per_hour * hours
        parts.append(Ahead(one, hours, cost, cost / days, Decimal(0)))
    for name in {key(part.running.id) for part in parts}:
        own = [part for part in parts if key(part.running.id) == name]
        lead = max(own, key=lambda part: part.cost)
        cost = sum((part.cost for part in own), Decimal(0))
        # Without records all work counts as usual, and what does none as too much.
        working = sum((part.per_day for part in own if part.running.has_work), Decimal(0))
        normal = usually.get(name, Decimal(0)) if known is not None else working
        ahead[name] = Ahead(lead.running, lead.hours, cost, cost / days, normal)
    each = sorted(ahead.values(), key=lambda one: (-one.excess, one.running.id))
    cost = sum((one.cost for one in each), Decimal(0))
    per_day = cost / days
    threats = tuple(_threats(parts, lefts, now, until))
    told = [one for one in each if key(one.running.id) not in planned]
    agreed = [one for one in each if key(one.running.id) in planned]
    excess = sum((one.excess for one in each), Decimal(0)) if known is None else per_day - known
    excess -= sum((one.excess for one in agreed), Decimal(0))
    unplanned = per_day - sum((one.per_day for one in agreed), Decimal(0))
    culprits = _culprits(told, excess)
    reasons = tuple(_reasons(unplanned, excess, known, rules, threats, culprits))
    if reasons and not culprits:
        more = [one for one in told if one.excess >= CENT]
        culprits = tuple((more or sorted(told, key=lambda one: -one.cost))[:MOST])
    return Projection(
        rates=rates,
        until=until,
        free=free,
        ahead=tuple(each),
        cost=cost,
        per_day=per_day,
        usual_per_day=known,
        usual_from=usual_from,
        month_parts=tuple(_to_month_end(parts, now)),
        culprits=culprits if reasons else (),
        threats=threats,
        reasons=reasons,
        planned=frozenset(key(one.running.id) for one in agreed),
    )


def _end(
    one: Running,
    now: datetime,
    looked_after: datetime,
    until: datetime,
    spells: Mapping[str, Sequence[Decimal]],
    busy_since: Mapping[str, datetime],
) -> datetime:
    """Until when it is paid for, by what is known."""
    if one.kind == "deployment":
        return until
    if one.ends is not None:
        return one.ends
    if not one.has_work:
        return until
    lengths, since = spells.get(key(one.id), ()), busy_since.get(key(one.id))
    if since is not None and len(lengths) >= FEWEST_SPELLS:
        longest = since + HOUR * float(max(lengths)) * LONGER
        # At work for so much longer than ever before: nothing says any more that it will end.
        return min(longest, looked_after) if longest > now else until
    return looked_after


def _usual(history: Sequence[Recorded], free: bool, fallback: Decimal | None) -> tuple[Decimal | None, str]:
    """USD a day that is usual on such days, and where that comes from."""
    whole = [one for one in history if one.covered >= WHOLE]
    alike = [one.total / one.covered for one in whole if one.free == free]
    kind = "days off" if free else "working days"
    if len(alike) >= FEWEST_DAYS:
        return median(alike), f"the last {len(alike)} {kind} on record"
    if len(whole) >= FEWEST_DAYS:
        return median(one.total / one.covered for one in whole), f"the last {len(whole)} days on record"
    if fallback is not None:
        return fallback, "the charges of virtual machines so far"
    return None, f"only {len(whole)} whole {'day is' if len(whole) == 1 else 'days are'} on record so far"


def _usual_by_resource(history: Sequence[Recorded], free: bool) -> dict[str, Decimal]:
    alike = [one for one in history if one.free == free and one.covered >= WHOLE]
    alike = alike if len(alike) >= FEWEST_DAYS else [one for one in history if one.covered >= WHOLE]
    if len(alike) < FEWEST_DAYS:
        return {}
    names = {name for one in alike for name in one.amounts}
    return {name: median(one.amounts.get(name, Decimal(0)) / one.covered for one in alike) for name in names}


def _culprits(each: Iterable[Ahead], excess: Decimal) -> tuple[Ahead, ...]:
    """What makes nine tenths of the excess, dearest first."""
    found: list[Ahead] = []
    so_far = Decimal(0)
    for one in each:
        if one.excess < CENT or so_far >= excess * Decimal("0.9") or one.excess < excess * SHARE:
            break
        found.append(one)
        so_far += one.excess
    return tuple(found)


def _threats(parts: Iterable[Ahead], lefts: Iterable[Left], now: datetime, until: datetime) -> Iterable[Threat]:
    every = list(parts)
    for left in lefts:
        mine = [part for part in every if left.currency == "USD" and key(part.running.id) in left.covers]
        cost = sum((part.cost for part in mine), Decimal(0))
        rate = sum((part.running.per_hour or Decimal(0) for part in mine), Decimal(0))
        if left.left > 0 and cost > left.left and rate > 0:
            yield Threat(left.budget, left.left, left.currency, now + HOUR * float(left.left / rate), cost)


def _to_month_end(parts: Iterable[Ahead], now: datetime) -> Iterable[Part]:
    month_end = datetime(now.year + now.month // 12, now.month % 12 + 1, 1, tzinfo=now.tzinfo)
    hours = Decimal(str((month_end - now) / HOUR))
    found: dict[str, dict[str, Decimal]] = {}
    names: dict[str, str] = {}
    for part in parts:
        one = part.running
        assert one.per_hour is not None
        goes_on = one.ends is None and (not one.has_work or one.kind == "deployment")
        own, name = found.setdefault(one.kind if goes_on else "", {}), key(one.id)
        own[name] = own.get(name, Decimal(0)) + one.per_hour * (hours if goes_on else min(part.hours, hours))
        names[name] = one.name
    each = [
        Part(kind, names[max(own, key=own.__getitem__)], len(own), sum(own.values(), Decimal(0)))
        for kind, own in found.items()
    ]
    return sorted(each, key=lambda part: (not part.kind, -part.cost))


def _reasons(
    per_day: Decimal,
    excess: Decimal,
    usual: Decimal | None,
    rules: Rules,
    threats: Sequence[Threat],
    culprits: Sequence[Ahead],
) -> Iterable[str]:
    if excess >= rules.above_usual:
        yield "left on" if usual is None else "above usual"
    if rules.per_day is not None and per_day >= rules.per_day:
        yield "above the limit"
    if threats and culprits:
        yield "budget"
