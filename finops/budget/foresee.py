"""Where a budget's period ends: what is spent before this month, the outlook of this one, and of those to come."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from finops.budget.model import Basis, Budget
from finops.budget.periods import months_of
from finops.charges import Period
from finops.forecast import Daily, Outlook, Point, Purchase, Reach, outlook

if TYPE_CHECKING:
    from finops.charges import Charges

DAY = timedelta(days=1)
TOO_OLD = timedelta(days=7)


def _unknown(amount: Decimal) -> Decimal | None:
    return None


@dataclass(frozen=True)
class Foreseen:
    """Where a period ends; None with the reason `why`. chance_over: of an amount, 0 to 1; None where not known."""

    total: Reach | None
    outlook: Outlook | None
    why: str = ""
    chance_over: Callable[[Decimal], Decimal | None] = _unknown

    @classmethod
    def of(cls, seen: Outlook) -> Foreseen:
        """Of a month's outlook. Fewer days than a range takes are no forecast: alerts would cry wolf."""
        if seen.why_no_range:
            return cls(None, seen, seen.why_no_range.rstrip("."))
        return cls(seen.total, seen, "", lambda amount: seen.chance_over(amount))


NOTHING = Foreseen(None, None, "no forecast was made")


def foreseen(budget: Budget, book: Charges, period: Period, now: datetime, basis: Basis, currency: str) -> Foreseen:
    """Where `period` of `budget` ends, by the charges in `book` up to the last complete day."""
    if now >= period.end:
        return Foreseen(None, None, "the period is over")
    ask = _Asked(book, basis, currency, budget.scope.where)
    through = last_complete(book, now)
    first = book.span.start.date()
    if currency not in book.currencies or through < first:
        return Foreseen(None, None, "there are no charges to foresee anything by")
    if now - _midnight(through + DAY) > TOO_OLD:
        return Foreseen(None, None, f"the charges end on {through:%-d %b %Y}, too long ago to foresee anything by")
    days = ask.days(Period(first, through + DAY), "Usage")
    daily = Daily(budget.name, first, tuple(days.values()))
    bought = ask.bought(budget.name, Period(first, through + DAY))
    holes = _missing(book, ask, through)
    ahead = [month for month in months_of(period) if end_of(month) > through + DAY]
    parts = [outlook([daily], month, through, bought, missing=holes) for month in ahead]
    why = next((one.why_no_range for one in parts if one.why_no_range), "")
    if why:
        return Foreseen(None, parts[0], why.rstrip("."))
    settled = _settled(ask, period, parts, days, bought)
    total = Reach(
        sum((_low(one, period) for one in parts), settled),
        sum((_at_end(one, period).middle for one in parts), settled),
        sum((_high(one, period) for one in parts), settled),
    )
    if len(parts) == 1 and period.end.date() == end_of(parts[0].month):
        only = parts[0]
        return Foreseen(total, only, "", lambda amount: only.chance_over(amount - settled))
    return Foreseen(total, parts[0] if len(parts) == 1 else None)


def last_complete(book: Charges, now: datetime) -> date:
    """The last day of which all charges are known; where nobody tells, the last one with charges."""
    until = book.complete_until or book.span.end
    return min(until, now, book.span.end).date() - DAY


def end_of(month: date) -> date:
    """The day after the last one of `month`."""
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def _settled(
    ask: _Asked, period: Period, parts: Sequence[Outlook], usage: Mapping[date, Decimal], bought: Sequence[Purchase]
) -> Decimal:
    """What the outlooks do not hold of `period`: whole months before them, credits, taxes and corrections so far;
    less what they hold from before the period's first day."""
    known_to = parts[0].through + DAY
    if known_to <= period.start.date():
        return Decimal(0)
    total = ask.total(Period(period.start.date(), known_to))
    held = {one.month for one in parts}
    inside = sum((cost for day, cost in usage.items() if day.replace(day=1) in held), Decimal(0))
    inside += sum((one.amount for one in bought if one.day.replace(day=1) in held), Decimal(0))
    return total - inside


def _at_end(one: Outlook, period: Period) -> Point | Reach:
    """Where the outlook's month stands at the end of the period, which may end before it."""
    last = period.end.date() - DAY
    return next((point for point in one.path if point.day == last), one.total)


def _low(one: Outlook, period: Period) -> Decimal:
    found = _at_end(one, period).low
    return found if found is not None else one.so_far


def _high(one: Outlook, period: Period) -> Decimal:
    found = _at_end(one, period)
    return found.high if found.high is not None else found.middle


def _missing(book: Charges, ask: _Asked, through: date) -> tuple[date, ...]:
    """Days without any charge of anybody, where there ought to be some."""
    if not book.missing(book.span):
        return ()
    whole = book.days(ask.basis, Period(book.span.start, _midnight(through + DAY)), ask.currency)
    empty = [day for day, count in zip(whole["Day"], whole["Charges"], strict=True) if not count]
    return tuple(day for day in empty if book.missing(Period(day, day + DAY)))


@dataclass(frozen=True)
class _Asked:
    """The charges of one budget, on one basis and in one currency."""

    book: Charges
    basis: Basis
    currency: str
    where: Mapping[str, tuple[str, ...]]

    def days(self, period: Period, category: str) -> dict[date, Decimal]:
        frame = self.book.days(self.basis, period, self.currency, {**self.where, "ChargeCategory": category})
        return dict(zip(frame["Day"].tolist(), frame["Cost"].tolist(), strict=True))

    def total(self, period: Period) -> Decimal:
        return self.book.total(self.basis, period, self.currency, self.where)

    def bought(self, key: str, period: Period) -> list[Purchase]:
        where = {**self.where, "ChargeCategory": "Purchase"}
        rows = self.book.by(["Day", "ResourceName"], self.basis, period, self.currency, where)
        columns = (rows[name].tolist() for name in ("Day", "Cost", "ResourceName"))
        return [Purchase(key, day, cost, str(what)) for day, cost, what in zip(*columns, strict=True)]


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
