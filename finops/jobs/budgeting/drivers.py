"""What drove a budget to where it is, and what could be stopped now: figures for its alert mail."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from finops.approvals.naming import QUIET, VERBS, holder_of, kind_of, name_of, shown
from finops.budget import Budget, Standing
from finops.budget.periods import calendar_start
from finops.budget.running import Running
from finops.charges import Period
from finops.forecast.charged import last_complete, midnight
from finops.jobs.claims import said
from finops.report.claim import ours_on
from finops.report.model import Money
from finops.report.words import starts

if TYPE_CHECKING:
    from datetime import datetime

    import pandas as pd

    from finops.charges import Charges
    from finops.report import Claim
    from finops.state import State

MOST = 3
WEEK = timedelta(days=7)
CENT = Decimal("0.01")
NOWHERE = {"", "(none)"}
# Findings that nobody has decided against: to stop them is still open.
OPEN = ("found", "asked", "pending", "approved", "scheduled")


@dataclass(frozen=True)
class Driver:
    """One resource: its cost in the period so far, and how much more that is than in as many days before.

    did: what we did about it since, "deleted on 26 Nov as approved".
    """

    name: str
    kind: str
    holder: str
    cost: Money
    change: Money | None
    is_new: bool = False
    did: str = ""


@dataclass(frozen=True)
class Others:
    """So many resources that are no rows, and what their changes come to together."""

    count: int
    amount: Money


@dataclass(frozen=True)
class Drivers:
    """The dearest changes, or where there is nothing to compare with, the dearest.

    The rows, and the others that rose and fell, add up to `change`.
    """

    rows: tuple[Driver, ...]
    against: str = ""  # "1 to 14 October 2026"; "" where nothing could be compared
    days: str = ""  # which they are of, where no day of the period is complete: "24 to 30 Nov 2026"
    change: Money | None = None  # of everything
    rose: Others | None = None
    fell: Others | None = None


@dataclass(frozen=True)
class Stop:
    """Something that costs money and that somebody could stop now. why: one sentence; first: what is tried before."""

    name: str
    kind: str
    holder: str
    amount: Money | None
    a: str  # "hour", "month"
    why: str
    command: str
    first: str = ""


def drivers(standing: Standing, book: Charges, now: datetime, acts: Collection[Claim] = ()) -> Drivers:
    """What the money of this period went to, dearest change first, over the days whose charges are complete.

    Before the first of them is, the seven days before the period tell what runs, against four weeks before.
    acts: what we did, to be told beside what it was done to.
    """
    period, where = standing.period, standing.budget.scope.where
    through = min(last_complete(book, now) + timedelta(days=1), period.end.date())
    ask: dict[str, Any] = {"basis": standing.basis, "currency": standing.currency, "where": where}
    first = period.start.date()
    after = Period(first, through) if through > first else Period(through - WEEK, through)
    if through > first:
        before, days = _before(standing.budget, after, book), ""
    else:
        before, days = Period(after.start - 4 * WEEK, after.end - 4 * WEEK), after.label
        before = None if before.start < book.span.start or book.missing(before) else before
    if before is None:
        frame = book.by(["ResourceId", "ResourceName"], period=after, **ask)
        rows = [
            Driver(
                *_called(str(key), str(name)),
                Money(cost, standing.currency),
                None,
                did=_done_about(str(key), after, acts),
            )
            for key, name, cost in _columns(frame, "ResourceId", "ResourceName", "Cost")[:MOST]
            if cost > 0
        ]
        return Drivers(tuple(rows), days=days)
    frame = book.side_by_side(["ResourceId", "ResourceName"], before, after, **ask)
    all_ = _columns(frame, "ResourceId", "ResourceName", "Before", "After", "Change")
    rose = [row for row in all_ if row[4] >= CENT]
    fell = [row for row in all_ if row[4] <= -CENT]
    total = sum((row[4] for row in all_), Decimal(0))
    found = tuple(
        Driver(
            *_called(str(key), str(name)),
            Money(cost, standing.currency),
            Money(change, standing.currency),
            is_new=not old,
            did=_done_about(str(key), after, acts),
        )
        for key, name, old, cost, change in rose[:MOST]
    )

    def others(rows: Sequence[tuple[Any, ...]]) -> Others:
        return Others(len(rows), Money(sum((row[4] for row in rows), Decimal(0)), standing.currency))

    change = Money(total, standing.currency)
    return Drivers(found, before.label, days, change, others(rose[MOST:]), others(fell))


def _done_about(resource_id: str, period: Period, acts: Collection[Claim]) -> str:
    """An act on it since the period began that was not undone, in words; "" where there is none."""
    found = [act for act in ours_on(resource_id, acts) if act.since and act.since >= period.start]
    return said(found[-1]) if found else ""


def charged_ids(standing: Standing, book: Charges) -> frozenset[str]:
    """The ids of the resources that this budget pays for, or paid for just before its period."""
    days = Period(standing.period.start - WEEK, standing.period.end)
    frame = book.by(["ResourceId"], standing.basis, days, standing.currency, where=standing.budget.scope.where)
    return frozenset(str(one).lower() for one in frame["ResourceId"].tolist()) - NOWHERE


def stoppable(
    standing: Standing, ids: Collection[str], state: State | None, running: Collection[Running]
) -> list[Stop]:
    """What runs without work within the budget's scope, and what the janitor found there; dearest first."""
    scope = standing.budget.scope
    # What lets go by itself soon needs nobody.
    idle = [one for one in running if not one.has_work and one.ends is None and one.covered_by(scope)]
    found = [
        Stop(
            one.name,
            one.kind,
            one.workspace,
            Money(one.per_hour, "USD") if one.per_hour is not None else None,
            "hour",
            one.says,
            one.command,
        )
        for one in sorted(idle, key=lambda one: -(one.per_hour or 0))
    ][:MOST]
    if state is not None:
        shown_ids = {one.id.lower() for one in idle}
        records, _, _ = state.findings.all(status=OPEN, order="amount", limit=200)
        for record in records:
            finding = record.finding
            if finding.resource_id.lower() in shown_ids or not _is_paid_by(finding.resource_id, ids):
                continue
            amount = Money(finding.saving, record.currency) if finding.saving and record.currency else None
            found.append(
                Stop(
                    shown(name_of(finding.resource_id)),
                    kind_of(finding.resource_id),
                    shown(holder_of(finding.resource_id)),
                    amount,
                    "month",
                    f"{starts(VERBS.get(finding.action, finding.action))}: {_reason(shown(finding.why))}",
                    f"finops janitor show {record.number}",
                    _first(finding.quiet),
                )
            )
            if len(found) >= 2 * MOST:
                break
    return found[: 2 * MOST]


def _reason(why: str) -> str:
    """The first sentence: what a rule says to the owner goes on to what happens then, and how to keep it."""
    return re.split(r"(?<=[.!?]) +(?=[A-Z])", why, maxsplit=1)[0]


def _first(quiet: Mapping[str, Any] | None) -> str:
    if not quiet:
        return ""
    did = QUIET.get(str(quiet["action"]), str(quiet["action"]))
    return f"First {did} for {quiet['days']} days; if it is used in that time, everything is as before."


def _is_paid_by(resource_id: str, ids: Collection[str]) -> bool:
    """Whether the budget is charged for the resource, or for something in it."""
    name = resource_id.lower().rstrip("/")
    return name in ids or any(one.startswith(f"{name}/") for one in ids)


def _before(budget: Budget, after: Period, book: Charges) -> Period | None:
    """As many days at the start of the period before, or where it is too short just before, if their charges are whole.

    Of a period that begins within the calendar's: the days just before. Less than a week is compared with the same
    weekdays: a Tuesday against a Sunday says nothing.
    """
    days = after.end - after.start
    start = after.start.date()
    first = midnight(calendar_start(budget, start - timedelta(days=1)))
    if days < WEEK:
        first = after.start - 4 * WEEK
    elif start != calendar_start(budget, start) or first + days > after.start:
        first = after.start - days
    before = Period(first, first + days)
    if before.start < book.span.start or book.missing(before):
        return None
    return before


def _called(resource_id: str, name: str) -> tuple[str, str, str]:
    if resource_id in NOWHERE:
        return shown(name) if name not in NOWHERE else "charges without a resource", "", ""
    return shown(name_of(resource_id)), kind_of(resource_id), shown(holder_of(resource_id))


def _columns(frame: pd.DataFrame, *names: str) -> list[tuple[Any, ...]]:
    return list(zip(*(frame[name].tolist() for name in names), strict=True))
