"""Why it cost more or less: which resources, price or quantity, which job, which change, who made it and when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from finops.anomalies import NO_CAUSE, Anomaly
from finops.approvals.naming import holder_of, kind_of, name_of, shown
from finops.charges import Period
from finops.jobs.anomalies.reading import NAMES, USAGE, Read, rows, where_of
from finops.jobs.anomalies.witness import Seen, look_in_azure
from finops.report.effects import ITEM, KIND, THING, split

if TYPE_CHECKING:
    from finops.charges import Charges
    from finops.cloud import Azure

DAY = timedelta(days=1)
WEEK = 7
MOST = 3
ENOUGH = Decimal("0.8")
"""The part of the impact by which those behind it are named."""
BEHIND = Decimal("0.5")
"""The part below which nobody is: cause not found."""
MAIN = Decimal("0.7")
ELSEWHERE = Decimal("0.1")
"""The part of a change that another scope must take up for the cost to have moved there."""
SPOT = ("spot", "low priority")
"""What names of meters have in them whose machines Azure may take back."""
NOWHERE = {"", "(none)"}
SAID = {
    "quantity": "by the quantity used",
    "price": "by the price",
    "mix": "by the kind of machine",
    "new": "by what is new",
    "gone": "by what is gone",
    "not split": "that the charges do not split into price and use",
}
"""What the kinds of effects are, to people who read an invoice."""


@dataclass(frozen=True)
class Cause:
    """said: one sentence for people. ids: of the resources behind it. actor, stop, command: as `Seen` has them.

    is_told: it says why, not only what: who changed it, or where the cost moved to.
    """

    said: str
    evidence: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    owner: str = ""
    gaps: tuple[str, ...] = ()
    actor: str = ""
    stop: str = ""
    command: str = ""
    is_told: bool = False


@dataclass(frozen=True)
class Culprit:
    """One resource behind it: how much of the impact, and whether it cost nothing before, or nothing since."""

    id: str
    name: str
    change: Decimal
    before: Decimal
    after: Decimal


@dataclass(frozen=True)
class Moved:
    """What the resources cost in another scope of the kind instead: `there` after it, and the change in all."""

    to: str
    there: Decimal
    change: Decimal


def cause_of(found: Anomaly, book: Charges, read: Read, azure: Azure | None, now: datetime) -> Cause:
    """The cause by the charges and, where Azure can be asked, by what it knows of the resources behind it."""
    after = Period(found.first, found.last + DAY)
    before = before_of(found, read)
    if before is None:
        return Cause(NO_CAUSE, ("No days before it to compare with.",))
    total = abs(found.impact)
    culprits = _culprits(found, book, read, before, after)
    explained = sum((abs(one.change) for one in culprits), Decimal(0))
    against = f"against {before.label}"
    days = _days(culprits, found, book, read)
    evidence = [_line(one, found, read.currency, against) + days.get(one.id, "") for one in culprits]
    if explained < BEHIND * total or not culprits:
        return Cause(NO_CAUSE, (*evidence, *_spread(found, book, read, before, after)))
    ids = tuple(one.id for one in culprits if one.id not in NOWHERE)
    moved = _moved(found, book, read, before, after, ids)
    why = _effect(found, book, read, before, after, ids, everywhere=moved is not None)
    if moved:
        there = f"{moved.there:,.2f} {read.currency} on the {found.scope.kind} {shown(moved.to)}"
        evidence.append(f"It moved: {there} instead, {moved.change:+,.2f} in all {against}")
        why = replace(why, short=_told(moved, found, read.currency))
    evidence += [why.line] if why.line else []
    seen = look_in_azure(azure, ids[:1], found.first, found.last, now, gone=found.kind == "gone") if azure else Seen()
    evidence += seen.evidence
    said = _sentence(culprits, why.short, seen)
    return Cause(
        said,
        tuple(evidence),
        ids,
        seen.owner,
        seen.gaps,
        seen.actor,
        seen.stop,
        seen.command,
        moved is not None or bool(seen.actor),
    )


def before_of(found: Anomaly, read: Read) -> Period | None:
    """As many days before it, on the same weekdays; where the history is short, as many of them as there are."""
    length = (found.last - found.first).days + 1
    back = max(-(-length // WEEK) * WEEK, 4 * WEEK if found.kind == "growth" else WEEK)
    start = found.first - timedelta(days=back)
    return Period(start, start + timedelta(days=length)) if start >= read.first else None


def _culprits(found: Anomaly, book: Charges, read: Read, before: Period, after: Period) -> list[Culprit]:
    """Those whose cost moved the same way, dearest change first, until most of the impact is named."""
    frame = book.side_by_side(
        ["ResourceId", "ResourceName"], before, after, _basis(read), read.currency, where_of(found.scope)
    )
    named: list[Culprit] = []
    explained = Decimal(0)
    for key, name, old, new, change in rows(frame, "ResourceId", "ResourceName", "Before", "After", "Change"):
        if explained >= ENOUGH * abs(found.impact) or len(named) == MOST:
            break
        if change * found.impact > 0:
            named.append(Culprit(str(key), str(name), change, old, new))
            explained += abs(change)
    return named


def _moved(
    found: Anomaly, book: Charges, read: Read, before: Period, after: Period, ids: Sequence[str]
) -> Moved | None:
    """Where the cost of those behind it went to or came from: another meter, another cost centre."""
    if not ids:
        return None
    kind = NAMES[found.scope.kind]
    frame = book.side_by_side([kind], before, after, _basis(read), read.currency, {"ResourceId": list(ids), **USAGE})
    lines = rows(frame, kind, "After", "Change")
    here = sum((change for key, _, change in lines if key == found.scope.key), Decimal(0))
    away = [(key, there, change) for key, there, change in lines if key != found.scope.key and change * here < 0]
    if sum((abs(change) for *_, change in away), Decimal(0)) < ELSEWHERE * abs(here) or not away:
        return None
    to, there, _ = max(away, key=lambda one: abs(one[2]))
    return Moved(str(to), there, sum((change for *_, change in lines), Decimal(0)))


def _told(moved: Moved, found: Anomaly, currency: str) -> str:
    names = (found.scope.key.lower(), moved.to.lower())
    if found.impact > 0:
        return f"it came from the {found.scope.kind} {shown(moved.to)}; {moved.change:+,.0f} {currency} in all"
    is_spot = [any(word in name for word in SPOT) for name in names] == [False, True]
    where = f"spot ({shown(moved.to)})" if is_spot else f"the {found.scope.kind} {shown(moved.to)}"
    return f"moved to {where}: {moved.there:,.0f} {currency} there, {moved.change:+,.0f} in all"


def _days(culprits: Sequence[Culprit], found: Anomaly, book: Charges, read: Read) -> dict[str, str]:
    """Of what costs more: since when it is charged, if before the days that are off, and what it cost on the last."""
    ids = [one.id for one in culprits if one.id not in NOWHERE and one.change > 0]
    start = max(found.first - timedelta(days=4 * WEEK), read.first)
    if not ids or start >= found.first:
        return {}
    where = {"ResourceId": ids, **where_of(found.scope)}
    frame = book.by(["ResourceId", "Day"], _basis(read), Period(start, found.last + DAY), read.currency, where)
    costs: dict[str, dict[date, Decimal]] = {}
    for key, day, cost in rows(frame, "ResourceId", "Day", "Cost"):
        if cost:
            costs.setdefault(str(key), {})[day] = cost
    said = {}
    for key, by_day in costs.items():
        since = min(by_day)
        old = f"; charged since {since:%-d %b}" if start < since < found.first else ""
        last = f"; {by_day[found.last]:,.2f} on {found.last:%-d %b}" if found.going_on and found.last in by_day else ""
        said[key] = old + last
    return said


@dataclass(frozen=True)
class Effect:
    short: str = ""
    line: str = ""


def _effect(
    found: Anomaly,
    book: Charges,
    read: Read,
    before: Period,
    after: Period,
    ids: Sequence[str],
    everywhere: bool = False,
) -> Effect:
    """Whether it was the price or the quantity, by the charges of those behind it; everywhere: in all scopes.

    Resource by resource, as the report splits it. What moved between two scopes of a kind is there in both.
    """
    thing = [name for name in THING if not (everywhere and name == NAMES[found.scope.kind])]
    where = {**(USAGE if everywhere else where_of(found.scope)), **({"ResourceId": list(ids)} if ids else {})}
    frame = book.amounts([*thing, *ITEM, *KIND], before, after, _basis(read), read.currency, where, thing)
    names = list(frame.columns)
    given = [
        {name: cell if isinstance(cell, Decimal) else ("" if cell is None else str(cell)) for name, cell in row.items()}
        for row in (dict(zip(names, cells, strict=True)) for cells in rows(frame, *names))
    ]
    parts = {str(kind): amount for kind, amount in split(given).items() if amount}
    if not parts:
        return Effect()
    whole = sum(parts.values(), Decimal(0))
    said = "; ".join(
        f"{amount:+,.0f} {SAID.get(kind, kind)}"
        for kind, amount in sorted(parts.items(), key=lambda one: (-abs(one[1]), one[0]))
    )
    line = f"Of {'the change in all' if everywhere else 'this change'}, in {read.currency}: {said}"
    kind, amount = max(parts.items(), key=lambda one: (abs(one[1]), one[0]))
    if not whole or amount / whole < MAIN:
        return Effect("", line)
    unit, old, new = _quantity(given)
    words = {
        "quantity": f"{compared(old, new)} the {unit} at the same price"
        if unit and old > 0 and new > 0
        else "more of it, at the same price",
        "price": "another price for the same quantity",
        "mix": "dearer sizes or priorities for the same quantity",
        "new": "it is new",
        "gone": "nothing more is charged on this meter" if found.scope.kind == "meter" else "that cost is gone",
    }
    if found.impact < 0:
        words |= {
            "mix": "cheaper sizes or priorities",
            "quantity": words["quantity"].replace("more of it", "less of it"),
        }
    return Effect(words.get(kind, ""), line)


def _quantity(given: Sequence[dict[str, Any]]) -> tuple[str, Decimal, Decimal]:
    """The quantity before and after, where all of it is in one unit."""
    units = {str(row["ConsumedUnit"]) for row in given if row["QuantityBefore"] or row["QuantityAfter"]}
    if len(units) != 1:
        return "", Decimal(0), Decimal(0)
    (unit,) = units
    old = sum((row["QuantityBefore"] for row in given), Decimal(0))
    return unit.lower(), old, sum((row["QuantityAfter"] for row in given), Decimal(0))


def compared(old: Decimal, new: Decimal) -> str:
    """ "2.5 times the hours", "163 times the hours", "1% of the hours"."""
    ratio = new / old
    if ratio >= 1:
        return f"{ratio:.1f} times" if ratio < 10 else f"{ratio:,.0f} times"
    return f"{ratio:.0%} of" if ratio >= Decimal("0.01") else "less than 1% of"


def _line(one: Culprit, found: Anomaly, currency: str, against: str) -> str:
    name = _name(one)
    place = (
        f" ({kind_of(one.id)}{f' in {holder_of(one.id)}' if holder_of(one.id) else ''})"
        if one.id.startswith("/")
        else ""
    )
    here = " on this meter" if found.scope.kind == "meter" else ""
    return f"{name}{place}: {one.after:,.2f} {currency}{here}, {one.change:+,.2f} {against}"


def _name(one: Culprit) -> str:
    if one.id not in NOWHERE:
        return shown(name_of(one.id))
    return shown(one.name) if one.name not in NOWHERE else "charges without a resource"


def _sentence(culprits: Sequence[Culprit], why: str, seen: Seen) -> str:
    first = _name(culprits[0])
    others = len(culprits) - 1
    who = first if not others else f"{first} and {others} more" if others > 1 else f"{first} and {_name(culprits[1])}"
    parts = [part for part in (seen.said, why) if part]
    return f"{who}: {'; '.join(parts)}" if parts else f"{who}, for a reason that was not found"


def _spread(found: Anomaly, book: Charges, read: Read, before: Period, after: Period) -> list[str]:
    """That no resource is behind it is evidence, too: of a price, or of many."""
    effect = _effect(found, book, read, before, after, ())
    return [effect.line] if effect.line else []


def _basis(read: Read) -> Any:
    return read.basis
