"""What decisions save: by the charges, once they show it; until then only what was decided, or found."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal, localcontext
from typing import TYPE_CHECKING

from finops.charges.book import added, trimmed
from finops.estate.ids import key, scopes
from finops.report.bill import Bill
from finops.report.claim import Claim
from finops.report.evicted import NOTHING_TOLD, Accounts
from finops.report.gather import ZERO
from finops.report.measuring import BEFORE, FINEST, acts_on, day_of, measured, waits
from finops.report.model import Came, Kind, Money, Saving, Savings, Source, Sum
from finops.report.periods import DAY, last_complete_day
from finops.report.rounding import adding_up, percent_of

if TYPE_CHECKING:
    from datetime import datetime

    from finops.charges import Charges

ROWS = 8
MONTH = 30  # days: what is expected "a month" was found as a cost of 30


def savings(
    claims: Collection[Claim], book: Charges, currency: str, digits: int, now: datetime, rows: int = ROWS,
    told: Accounts = NOTHING_TOLD,
) -> Savings:  # fmt: skip
    """All savings as of `now`: realised by EffectiveCost in `currency` on the resources of `claims` and below them.

    told: what jobs ran again after evictions, which is taken off.
    """
    done = sorted((one for one in claims if one.since), key=lambda one: (one.since, one.number))
    to = min(last_complete_day(book), now.date() - DAY)
    stored = [one.resource_id for one in done if one.measure == "stored"]
    timed = [one.resource_id for one in done if one.lives_on and one.measure != "stored"]
    dearest = [*_dearest(claims, "decided"), *_dearest(claims, "found")]
    again = [one.resource_id for one in dearest if one.basis == "bill" and acts_on(one, done)]
    bill = Bill(book, [*(one.resource_id for one in done), *again], _first(done, to), to, currency, timed, stored)
    found = measured(done, bill, currency, to, told)
    named = {one.ref or str(one.number): one.called for one in claims}
    waiting = [
        waits(one, "approved" if one.stage == "decided" else "identified", done, bill, currency, to) for one in dearest
    ]
    entries = _counted_once([*found, *waiting], named)
    acts = [one for one in entries if one.is_done and one.counted_with is None]
    known = [one for one in acts if one.kind == "realised" and one.realised]
    shown = adding_up([one.realised.amount for one in known if one.realised], digits)
    printed = {one.ref: Money(amount, currency) for one, amount in zip(known, shown, strict=True)}
    printed |= {one.ref: Money(ZERO, currency) for one in acts if one.kind == "approved"}
    entries = [replace(one, shown=printed.get(one.ref)) for one in entries]
    listed = sorted((one for one in entries if one.is_done and one.counted_with is None and one.saves), key=_size)
    # A lone other is named: it takes no more room.
    first = listed[: rows if len(listed) > rows + 1 else rows + 1]
    rest = sum((one.shown.amount for one in listed[len(first) :] if one.shown), ZERO)
    rerun = [one for one in acts if one.again_hours is not None and one.again]
    lapsed = tuple(one for one in entries if one.lapsed and one.counted_with is None)
    return Savings(
        to=to,
        realised=_sum(entries, "realised", currency),
        approved=_sum(entries, "approved", currency),
        identified=_sum(entries, "identified", currency),
        shown=Money(sum(shown, ZERO), currency),
        rows=tuple(first),
        others=len(listed) - len(first),
        others_shown=Money(rest, currency),
        all=tuple(entries),
        sources=_by_source(entries, currency, digits),
        came=_came(entries, currency),
        lapsed=lapsed,
        again_hours=sum((one.again_hours for one in rerun if one.again_hours), ZERO) if rerun else None,
        again=Money(added(one.again.amount for one in rerun if one.again), currency) if rerun else None,
        lapsed_sum=_sum(lapsed, "identified", currency) if lapsed else None,
    )


def _counted_once(entries: Iterable[Saving], named: dict[str, str]) -> list[Saving]:
    """What several ask for the same resource, or for it and what holds it, saves once: what is furthest on counts."""
    taken: dict[str, str] = {}
    above: dict[str, str] = {}
    found = []
    for one in entries:
        if one.kind == "realised" or one.counted_with is not None or not one.saves:
            found.append(one)
            continue
        name = key(one.resource_id)
        holder = next((taken[scope] for scope in scopes(name) if scope in taken), above.get(name))
        if holder is not None:
            found.append(replace(one, counted_with=holder, why=f"counted with {holder}"))
            continue
        taken[name] = named[one.ref]
        for scope in scopes(name)[1:]:
            above.setdefault(scope, named[one.ref])
        found.append(one)
    return found


def _by_source(entries: Sequence[Saving], currency: str, digits: int) -> tuple[Source, ...]:
    """The three amounts of each source, the furthest on first. The printed ones add up to the printed totals."""
    names = list(dict.fromkeys(one.source for one in entries if one.saves))
    apart = {name: [one for one in entries if one.source == name] for name in names}
    sums: dict[Kind, list[Sum]] = {}
    shown: dict[Kind, list[Decimal]] = {}
    for kind in ("realised", "approved", "identified"):
        sums[kind] = [_sum(apart[name], kind, currency) for name in names]
        shown[kind] = adding_up([one.amount.amount for one in sums[kind]], digits)
    # What was realised is printed act by act as well: both add up to the same.
    shown["realised"] = [
        sum((one.shown.amount for one in apart[name] if one.shown and one.kind == "realised"), ZERO) for name in names
    ]
    found = [
        Source(
            name=name,
            realised=sums["realised"][n],
            approved=sums["approved"][n],
            identified=sums["identified"][n],
            shown_realised=Money(shown["realised"][n], currency),
            shown_approved=Money(shown["approved"][n], currency),
            shown_identified=Money(shown["identified"][n], currency),
        )
        for n, name in enumerate(names)
    ]
    return tuple(sorted(found, key=lambda one: (-one.realised.amount.amount, -one.identified.amount.amount, one.name)))


def _came(entries: Iterable[Saving], currency: str) -> Came:
    """What became of what was found, and how far it was from what had been expected of it."""
    counted = [one for one in entries if one.counted_with is None and one.saves]
    known = [one for one in counted if one.realised and one.expected and one.days_after]
    expected = added(one.expected.amount for one in known if one.expected)
    with localcontext() as context:
        context.prec = 80
        monthly = [one.realised.amount * MONTH / one.days_after for one in known if one.realised]
        came = trimmed(sum(monthly, ZERO).quantize(FINEST))
    return Came(
        found=len(counted),
        decided=sum(one.kind != "identified" for one in counted),
        realised=sum(one.kind == "realised" for one in counted),
        compared=len(known),
        expected=Money(expected, currency),
        monthly=Money(came, currency),
        error_percent=percent_of(came - expected, expected) if known else None,
    )


def _sum(entries: Iterable[Saving], kind: Kind, currency: str) -> Sum:
    mine = [one for one in entries if one.kind == kind and one.counted_with is None and one.saves]
    amounts = [(one, one.realised if kind == "realised" else one.expected) for one in mine]
    known = [(one, amount.amount) for one, amount in amounts if amount is not None]
    listed = added(amount for one, amount in known if one.basis == "list price" and kind != "realised")
    return Sum(
        amount=Money(added(amount for _, amount in known), currency),
        count=len(mine),
        unknown=len(mine) - len(known),
        nothing=sum(not amount for _, amount in known),
        listed=Money(listed, currency) if listed else None,
    )


def _dearest(claims: Iterable[Claim], stage: str) -> list[Claim]:
    return sorted(
        (one for one in claims if one.stage == stage),
        key=lambda one: (-one.expected if one.expected is not None else Decimal("Infinity"), one.number, one.ref),
    )


def _size(one: Saving) -> tuple[int, Decimal, int]:
    """The largest amount first, then what is not on the bill yet, then what is not known."""
    if one.realised is not None:
        return 0, -abs(one.realised.amount), one.number
    return (1 if one.kind == "approved" else 2), -one.expected.amount if one.expected else ZERO, one.number


def _first(done: Sequence[Claim], to: date) -> date:
    return min([*(day_of(one.quiet or one.since) - BEFORE for one in done), to])


__all__ = ["Claim", "savings"]
