"""What each act saved, by the charges: every charge counts for one act, and what cannot be known is not guessed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal, localcontext

from finops.charges.book import added, trimmed
from finops.estate.ids import subscription_of
from finops.report.bill import Bill
from finops.report.claim import Claim
from finops.report.evicted import NOTHING_TOLD, Accounts
from finops.report.gather import ZERO
from finops.report.model import Kind, Money, Saving
from finops.report.periods import DAY
from finops.report.rounding import LONGEST_ID, printable

BEFORE = timedelta(days=30)  # the cost before an act is averaged over at most these
LEAST = 7  # complete days: fewer lack the week's weekend, or its busy days
LIFE = timedelta(days=365)  # after which what was not there for a year is no saving any more, but how things are
IN_USE = "its nodes were in use, or still there"
FLOOR = "by the least that a day cost before, as the charges state no hours"
# An average of 30 days has no last digit: cut here, each amount is exact, and so are their sums.
FINEST = Decimal("1e-12")
SHOWN = Decimal("1e-6")  # of a price that has no last digit, where the arithmetic is told


@dataclass(frozen=True)
class _Done:
    """An act that was measured, and the days that it covers."""

    claim: Claim
    entry: Saving
    began: date
    ended: date


def measured(done: Sequence[Claim], bill: Bill, currency: str, to: date, told: Accounts = NOTHING_TOLD) -> list[Saving]:
    """What each act saved, the first first. Every charge counts for one act only: the first that reached it.

    Acts after which the resource lives on share it with others: each counts its own effect, on the price of an hour
    or on idle hours, until an act that takes the whole resource. told: what jobs ran again after evictions.
    """
    entries: list[Saving] = []
    found: list[_Done] = []
    for number, one in enumerate(done):
        day = day_of(one.since)
        last = _last(one, day)
        free = day_of(one.created) + DAY if one.created else date.min
        within: list[str] = []
        entry = None
        for earlier in found:
            other = earlier.claim
            if not (_covers(other.id, one.id) or _covers(one.id, other.id)):
                continue
            if other.lives_on:
                # Days before it cost another price, or held idle nodes. On the very day, both begin together.
                free = max(free, earlier.began + DAY) if earlier.began < day else free
            elif earlier.entry.realised is None and earlier.entry.kind == "realised":
                free = max(free, earlier.began + DAY)  # what it changed is not known: days before it say nothing more
            elif earlier.ended < day:
                free = max(free, earlier.ended + 2 * DAY)  # the day on which it was undone is half and half
            elif _covers(other.id, one.id):
                why = f"counted with {other.called}, which was done before"
                entry = replace(unmeasured(one, "realised", currency), counted_with=other.called, why=why)
                break
            else:
                within.append(other.id)
        if one.lives_on:
            last = min([last, *(day_of(later.since) - DAY for later in done[number + 1 :] if _takes(later, one))])
        entry = entry or _measure(one, bill, currency, to, free, last, within, told)
        entries.append(entry)
        if entry.counted_with is None and one.measure != "none":
            found.append(_Done(one, entry, day, last))
    return entries


def unmeasured(one: Claim, kind: Kind, currency: str) -> Saving:
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
        since=day_of(one.since) if one.since else None, until=day_of(one.until) if one.until else None,
        expected=expected, realised=None, shown=None, days_before=0, days_after=0, before=None, after=None,
        why=why, counted_with=None, source=one.source, ref=one.ref or str(one.number), ends=one.ends,
        saves=one.measure != "none", owner=printable(one.owner), basis=one.basis, lapsed=one.lapsed,
        measure=one.measure, watched=day_of(one.watched) if one.watched else None,
    )  # fmt: skip


def waits(one: Claim, kind: Kind, done: Sequence[Claim], bill: Bill, currency: str, to: date) -> Saving:
    """A claim that waits. Where we changed its resource within the days that its cost is of, the days since tell what
    there is left to save."""
    entry = unmeasured(one, kind, currency)
    mine = [each for each in acts_on(one, done) if _changed(each) > to - BEFORE]
    if not mine or not one.cost or entry.expected is None or bill.unusable or bill.mixed(one.resource_id):
        return entry
    act = max(mine, key=_changed)
    since = [each for each in bill.complete(subscription_of(one.resource_id)) if _changed(act) < each <= to]
    if not since:
        return replace(entry, expected=None, why=f"no whole day since {act.called} is on the bill")
    is_now = bill.cost(one.resource_id, since)
    with localcontext() as context:
        context.prec = 80
        left = trimmed((entry.expected.amount * is_now * BEFORE.days / len(since) / one.cost).quantize(FINEST))
    if left >= entry.expected.amount:
        return entry
    days = f"{len(since)} {'day' if len(since) == 1 else 'days'}"
    why = f"by {is_now.normalize():f} on the {days} since {act.called}: its 30 days hold days before that"
    return replace(entry, expected=Money(left, currency), why=why)


def acts_on(one: Claim, done: Iterable[Claim]) -> list[Claim]:
    """What was done to its resource, to what holds it or to what lies below it, and may have changed its cost: what was
    undone as well, unlike `claim.ours_on`."""
    of = [each for each in done if _covers(each.id, one.id) or _covers(one.id, each.id)]
    return [each for each in of if each.measure != "none"]


def _changed(act: Claim) -> date:
    """The day on which it last changed what its resource costs."""
    return day_of(act.until or act.since)


def day_of(moment: datetime | None) -> date:
    assert moment is not None
    return moment.date()


def _last(one: Claim, day: date) -> date:
    """The last day that counts. A planned end counts where it lay ahead: one that had passed had stopped nothing."""
    ends = [day + LIFE]
    if one.until:
        ends.append(day_of(one.until) - DAY)
    if one.ends and one.ends > day:
        ends.append(one.ends)
    return min(ends)


def _measure(
    one: Claim, bill: Bill, currency: str, to: date, free: date, last: date, within: Sequence[str], told: Accounts
) -> Saving:
    """One act. free: the first day that tells what it cost before; within: ids below whose charges are not its own."""
    day = day_of(one.since)
    quiet = day_of(one.quiet) if one.quiet else day
    complete = bill.complete(subscription_of(one.resource_id))
    before = [each for each in complete if max(quiet - BEFORE, free) <= each < quiet]
    after = [each for each in complete if day < each <= min(to, last)]
    if one.measure == "none":
        why = one.cannot or "it changes no cost"
        return replace(unmeasured(one, "realised", currency), realised=Money(ZERO, currency), why=why)
    if not after:
        if one.until or last <= day:
            said = "undone" if one.until else "another act took the resource"
            why = f"{said} before a whole day of it was on the bill"
            return replace(unmeasured(one, "realised", currency), realised=Money(ZERO, currency), why=why)
        why = "not on the bill yet"
        if to > day:
            why += ": the charges of the days since are missing, or those of its subscription"
        return replace(unmeasured(one, "approved", currency), why=why)
    entry = replace(unmeasured(one, "realised", currency), days_before=len(before), days_after=len(after))
    why = one.cannot or bill.unusable or bill.mixed(one.resource_id)
    if one.measure == "stored":
        # Of its first day too: what moving the blobs costs is on it.
        since = [each for each in complete if day <= each <= min(to, last)]
        return _by_the_gb(one, replace(entry, days_after=len(since)), bill, currency, before, since, why)
    if one.lives_on:
        return _by_the_hour(one, entry, bill, currency, before, after, why, told)
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
        how=f"{was:f} / {len(before)} days x {len(after)} days - {is_now:f} charged since",
        before=Money(was, currency),
        after=Money(is_now, currency),
        realised=Money(saved, currency),
        why="" if saved > 0 else "the charges have risen" if saved else "the charges have not fallen" if was else "",
    )


def _by_the_hour(
    one: Claim, entry: Saving, bill: Bill, currency: str, before: Sequence[date], after: Sequence[date], why: str,
    told: Accounts,
) -> Saving:  # fmt: skip
    """An act after which the resource lives on: its own effect, whether the resource is used more or less since."""
    hours_before, was = bill.hours(one.resource_id, before)
    hours, is_now = bill.hours(one.resource_id, after)
    if one.measure == "idle" and not why and not hours_before and len(before) >= LEAST:
        return _by_the_floor(one, entry, bill, currency, before[-LEAST:], after)
    if not why and not hours_before:
        charged = bill.names(one.resource_id, before)
        why = "the charges state no hours" if charged else "no hour of it was charged in the days before it"
    if not why and not hours and bill.cost(one.resource_id, after):
        why = "the charges since state no hours"
    if why:
        return replace(entry, why=why)
    again, lost = None, ZERO
    with localcontext() as context:
        context.prec = 80
        price = f"{trimmed((was / hours_before).quantize(SHOWN)):f} an hour as before"
        if one.measure == "price":
            # Dedicated nodes would not have run these hours at all.
            again = told.on(one.resource_id, after)
            lost = (min(again or ZERO, hours) * was / hours_before).quantize(FINEST)
            saved = hours * was / hours_before - is_now - lost
            how = f"{hours.normalize():f} hours since at {price} - {is_now:f} charged for them"
            if again:
                how += f" - {min(again, hours).normalize():f} hours that jobs ran again after evictions"
        else:
            each = (bill.hours(one.resource_id, [day])[0] for day in after)
            spared = added(min(max(24 * one.kept - took, ZERO), Decimal(24 * (one.kept - one.keeps))) for took in each)
            saved = spared * was / hours_before
            held = f"{one.kept - one.keeps} nodes x 24 hours x {len(after)} days"
            how = f"{spared.normalize():f} of {held} were not run since, at {price}"
        saved = trimmed(saved.quantize(FINEST))
    why = "" if saved > 0 else "an hour costs more since" if saved else "nothing ran on it since"
    if again and saved <= 0:
        why = "an hour costs more since, or evictions cost more than was saved"
    if one.measure == "idle":
        why = "" if saved else IN_USE
    return replace(
        entry,
        before=Money(was, currency),
        after=Money(is_now, currency),
        realised=Money(saved, currency),
        why=why,
        how=how,
        hours_before=hours_before,
        hours_after=hours,
        evicted=one.measure == "price" and bool(hours) and again is None,
        again_hours=min(again, hours) if again is not None else None,
        again=Money(trimmed(lost), currency) if again is not None else None,
    )


def _by_the_gb(
    one: Claim, entry: Saving, bill: Bill, currency: str, before: Sequence[date], since: Sequence[date], why: str
) -> Saving:
    """Blobs in other tiers: whether more or less is kept since, only the price of what is kept counts; moves, reads and
    early departures are in what was charged."""
    kept_before, was = bill.stored(one.resource_id, before)
    kept, is_now = bill.stored(one.resource_id, since)
    why = why or bill.odd_units(one.resource_id)
    if not why and len(before) < LEAST:
        why = f"only {len(before)} complete days of charges before it, and {LEAST} are needed"
    if not why and not kept_before:
        why = "no charge says what its blobs took in the days before it"
    if not why and not kept and is_now:
        why = "no charge since says what its blobs take"
    if why:
        return replace(entry, why=why)
    with localcontext() as context:
        context.prec = 80
        saved = trimmed((kept * was / kept_before - is_now).quantize(FINEST))
        price = trimmed((was / kept_before).quantize(SHOWN))
    return replace(
        entry,
        how=f"{kept.normalize():f} kept since at {price:f} each as before - {is_now:f} charged for its blobs",
        before=Money(was, currency),
        after=Money(is_now, currency),
        realised=Money(saved, currency),
        why="" if saved > 0 else "what it keeps costs more since, moving and reading included" if saved else "",
    )


def _by_the_floor(
    one: Claim, entry: Saving, bill: Bill, currency: str, before: Sequence[date], after: Sequence[date]
) -> Saving:
    """Fewer nodes at rest, where charges state no hours: nodes that never go away cost the same on every day, so the
    least that one of the last days cost is theirs. On each day since, what was charged below that is saved."""
    least = min(bill.cost(one.resource_id, [day]) for day in before)
    with localcontext() as context:
        context.prec = 80
        most = (least * (one.kept - one.keeps) / one.kept).quantize(FINEST) if one.kept else ZERO
        saved = added(min(max(least - bill.cost(one.resource_id, [day]), ZERO), most) for day in after)
    return replace(
        entry,
        how=f"what each of {len(after)} days cost below {least:f}, the least before, {trimmed(most):f} at most",
        days_before=len(before),
        before=Money(bill.cost(one.resource_id, before), currency),
        after=Money(bill.cost(one.resource_id, after), currency),
        realised=Money(saved, currency),
        why=FLOOR if saved else IN_USE,
    )


def _takes(later: Claim, one: Claim) -> bool:
    """Whether a later act takes the resource as a whole."""
    begins = day_of(later.since) > day_of(one.since)
    return begins and not later.lives_on and later.measure != "none" and _covers(later.id, one.id)


def _covers(scope: str, name: str) -> bool:
    return name == scope or name.startswith(f"{scope}/")


__all__ = ["FINEST", "acts_on", "day_of", "measured", "unmeasured", "waits"]
