"""What decisions save: by the charges, once they show it; until then only what was decided, or found."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal, localcontext
from typing import TYPE_CHECKING, Literal

from finops.charges.book import added, trimmed
from finops.estate.ids import key, scopes, subscription_of
from finops.report.bill import Bill
from finops.report.gather import ZERO
from finops.report.model import Kind, Money, Saving, Savings, Sum
from finops.report.periods import DAY, last_complete_day
from finops.report.rounding import LONGEST_ID, adding_up, printable

if TYPE_CHECKING:
    from finops.charges import Charges

BEFORE = timedelta(days=30)  # the cost before an act is averaged over at most these
LEAST = 7  # complete days: fewer lack the week's weekend, or its busy days
LIFE = timedelta(days=365)  # after which what was not there for a year is no saving any more, but how things are
ROWS = 8
# An average of 30 days has no last digit: cut here, each amount is exact, and so are their sums.
FINEST = Decimal("1e-12")


@dataclass(frozen=True)
class Claim:
    """What is remembered of one saving: found, decided or done. Times are of the first step that changed anything."""

    number: int
    stage: Literal["found", "decided", "done"]
    resource_id: str
    name: str
    what: str
    holder: str
    rule: str
    does: str
    did: str
    expected: Decimal | None  # a month
    cost: Decimal | None  # a month, before
    currency: str
    created: datetime | None = None  # the resource
    since: datetime | None = None
    until: datetime | None = None  # undone


def savings(
    claims: Collection[Claim], book: Charges, currency: str, digits: int, now: datetime, rows: int = ROWS
) -> Savings:
    """All savings as of `now`: realised by EffectiveCost in `currency` on the resources of `claims` and below them."""
    done = sorted((one for one in claims if one.since), key=lambda one: (one.since, one.number))
    to = min(last_complete_day(book), now.date() - DAY)
    bill = Bill(book, [one.resource_id for one in done], _first(done, to), to, currency)
    measured = _measured(done, bill, currency, to)
    waiting = [_entry(one, "approved", currency) for one in _dearest(claims, "decided")]
    waiting += [_entry(one, "identified", currency) for one in _dearest(claims, "found")]
    entries = _counted_once([*measured, *waiting])
    acts = [one for one in entries if one.is_done and one.counted_with is None]
    known = [one for one in acts if one.kind == "realised" and one.realised]
    shown = adding_up([one.realised.amount for one in known if one.realised], digits)
    printed = {one.number: Money(amount, currency) for one, amount in zip(known, shown, strict=True)}
    printed |= {one.number: Money(ZERO, currency) for one in acts if one.kind == "approved"}
    entries = [replace(one, shown=printed.get(one.number)) for one in entries]
    listed = sorted((one for one in entries if one.is_done and one.counted_with is None), key=_size)
    # A lone other is named: it takes no more room.
    named = listed[: rows if len(listed) > rows + 1 else rows + 1]
    rest = sum((one.shown.amount for one in listed[len(named) :] if one.shown), ZERO)
    return Savings(
        to=to,
        realised=_sum(entries, "realised", currency),
        approved=_sum(entries, "approved", currency),
        identified=_sum(entries, "identified", currency),
        shown=Money(sum(shown, ZERO), currency),
        rows=tuple(named),
        others=len(listed) - len(named),
        others_shown=Money(rest, currency),
        all=tuple(entries),
    )


def _measured(done: Sequence[Claim], bill: Bill, currency: str, to: date) -> list[Saving]:
    """What each act saved, the first first. Every charge counts for one act only: the first that reached it."""
    entries: list[Saving] = []
    found: list[tuple[Saving, str, date, date]] = []  # with its id, its day, and the last one that it counts
    for one in done:
        name, day = key(one.resource_id), _day(one.since)
        last = min(day + LIFE, _day(one.until) - DAY if one.until else date.max)
        free = _day(one.created) + DAY if one.created else date.min
        within: list[str] = []
        entry = None
        for earlier, other, began, ended in found:
            if not (_covers(other, name) or _covers(name, other)):
                continue
            if earlier.realised is None and earlier.kind == "realised":
                free = max(free, began + DAY)  # what it changed is not known: days before it say nothing any more
            elif ended < day:
                free = max(free, ended + 2 * DAY)  # the day on which it was undone is half and half
            elif _covers(other, name):
                why = f"counted with finding {earlier.number}, which was done before"
                entry = replace(_entry(one, "realised", currency), counted_with=earlier.number, why=why)
                break
            else:
                within.append(other)
        entry = entry or _measure(one, bill, currency, to, free, last, within)
        entries.append(entry)
        if entry.counted_with is None:
            found.append((entry, name, day, last))
    return entries


def _measure(one: Claim, bill: Bill, currency: str, to: date, free: date, last: date, within: Sequence[str]) -> Saving:
    """One act. free: the first day that tells what it cost before; within: ids below whose charges are not its own."""
    day = _day(one.since)
    complete = bill.complete(subscription_of(one.resource_id))
    before = [each for each in complete if max(day - BEFORE, free) <= each < day]
    after = [each for each in complete if day < each <= min(to, last)]
    if not after:
        if one.until:
            why = "undone before a whole day of it was on the bill"
            return replace(_entry(one, "realised", currency), realised=Money(ZERO, currency), why=why)
        why = "not on the bill yet"
        if to > day:
            why += ": the charges of the days since are missing, or those of its subscription"
        return replace(_entry(one, "approved", currency), why=why)
    entry = replace(_entry(one, "realised", currency), days_before=len(before), days_after=len(after))
    why = bill.unusable or bill.mixed(one.resource_id)
    if not why and len(before) < LEAST:
        why = f"only {len(before)} complete days of charges before it, and {LEAST} are needed"
    if not why and not bill.names(one.resource_id, before, within) and one.cost != 0 and one.expected != 0:
        why = "no charge names it in the days before it"
    if why:
        return replace(entry, why=why)
    was, is_now = (bill.cost(one.resource_id, days, within) for days in (before, after))
    with localcontext() as context:
        context.prec = 80
        saved = trimmed((was * len(after) / len(before) - is_now).quantize(FINEST))
    return replace(
        entry,
        before=Money(was, currency),
        after=Money(is_now, currency),
        realised=Money(saved, currency),
        why="" if saved > 0 else "the charges have risen" if saved else "the charges have not fallen" if was else "",
    )


def _entry(one: Claim, kind: Kind, currency: str) -> Saving:
    """A claim with nothing measured."""
    expected, why = None, "" if one.expected is not None else "its cost is not known"
    if one.expected is not None:
        if one.currency.upper() == currency:
            expected = Money(one.expected, currency)
        else:
            why = f"it was found in {one.currency or 'an unknown currency'}, which cannot be added"
    return Saving(
        number=one.number, kind=kind, name=printable(one.name), what=one.what, holder=printable(one.holder),
        resource_id=printable(one.resource_id, longest=LONGEST_ID), rule=one.rule, does=one.does, did=one.did,
        since=_day(one.since) if one.since else None, until=_day(one.until) if one.until else None,
        expected=expected, realised=None, shown=None, days_before=0, days_after=0, before=None, after=None,
        why=why, counted_with=None,
    )  # fmt: skip


def _counted_once(entries: Iterable[Saving]) -> list[Saving]:
    """What several ask for the same resource, or for it and what holds it, saves once: what is furthest on counts."""
    taken: dict[str, int] = {}
    above: dict[str, int] = {}
    found = []
    for one in entries:
        if one.kind == "realised" or one.counted_with is not None:
            found.append(one)
            continue
        name = key(one.resource_id)
        holder = next((taken[scope] for scope in scopes(name) if scope in taken), above.get(name))
        if holder is not None:
            found.append(replace(one, counted_with=holder, why=f"counted with finding {holder}"))
            continue
        taken[name] = one.number
        for scope in scopes(name)[1:]:
            above.setdefault(scope, one.number)
        found.append(one)
    return found


def _sum(entries: Iterable[Saving], kind: Kind, currency: str) -> Sum:
    mine = [one for one in entries if one.kind == kind and one.counted_with is None]
    amounts = [one.realised if kind == "realised" else one.expected for one in mine]
    known = [amount.amount for amount in amounts if amount is not None]
    return Sum(Money(added(known), currency), len(mine), len(mine) - len(known))


def _dearest(claims: Iterable[Claim], stage: str) -> list[Claim]:
    return sorted(
        (one for one in claims if one.stage == stage),
        key=lambda one: (-one.expected if one.expected is not None else Decimal("Infinity"), one.number),
    )


def _size(one: Saving) -> tuple[int, Decimal, int]:
    """The largest amount first, then what is not on the bill yet, then what is not known."""
    if one.realised is not None:
        return 0, -abs(one.realised.amount), one.number
    return (1 if one.kind == "approved" else 2), -one.expected.amount if one.expected else ZERO, one.number


def _first(done: Sequence[Claim], to: date) -> date:
    return min([_day(done[0].since) - BEFORE, to]) if done else to


def _covers(scope: str, name: str) -> bool:
    return name == scope or name.startswith(f"{scope}/")


def _day(moment: datetime | None) -> date:
    assert moment is not None
    return moment.date()


__all__ = ["Claim", "savings"]
