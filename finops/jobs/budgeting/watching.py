"""The watch: what runs now x price now, carried forward; a mail within one look when it is too much, and at its end."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from finops import estate as estates
from finops import prices
from finops.anomalies import Planned
from finops.anomalies.cases import plans
from finops.approvals import Workdays
from finops.budget import budgets_of
from finops.budget.rate import FEWEST_DAYS, WHOLE, Left, Projection, Rules, project
from finops.budget.reckoning import SERVICE, Reckoned, reckon
from finops.budget.running import FACTS, Rates, Running, rates
from finops.estate.ids import key
from finops.jobs.budgeting import memory
from finops.jobs.budgeting.billed import billed
from finops.jobs.budgeting.charging import usual_of
from finops.jobs.budgeting.incidents import Told, seen, told_of
from finops.jobs.budgeting.memory import remembered
from finops.jobs.budgeting.outgoing import finish, leave, misaddressed
from finops.jobs.budgeting.recording import Records, noted
from finops.jobs.claims import claims_of

if TYPE_CHECKING:
    from finops.charges import Charges
    from finops.cloud import Azure
    from finops.config.model import Settings
    from finops.state import State

Json = dict[str, Any]
OUTGOING, INCIDENT = "watch/outgoing", "watch/incident"
WHAT = "watch"  # how `finops budget mute` calls it


@dataclass(frozen=True)
class Watched:
    """What a look found and told. left: mails that a crash had left behind. incident: what was told and is still on.

    problems: who could not be told, and what of the last look could not be read, as sentences.
    """

    projection: Projection
    told: tuple[str, ...] = ()
    mails: tuple[Json, ...] = ()
    left: tuple[Json, ...] = ()
    muted: str = ""
    incident: Json | None = None
    problems: tuple[str, ...] = ()


def read_rates(azure: Azure, now: datetime) -> Rates:
    """What runs now, from Azure, with today's list prices."""
    return rates(estates.read(azure, now, facts=FACTS, pricing=prices))


def carried(
    found: Rates,
    settings: Settings,
    records: Records,
    state: State | None,
    book: Callable[[], Charges | None] = lambda: None,
) -> Projection:
    """What runs now carried forward by what is remembered, against what is usual and left. Changes nothing.

    book: the charges at hand, asked for while our own records are too few to say what is usual
    """
    calendar = Workdays(settings.janitor)
    now = found.at
    history = records.history(now.date())[-settings.watch.usual_days :]
    enough = sum(one.covered >= WHOLE for one in history) >= FEWEST_DAYS
    return project(
        found,
        calendar.next_work(now),
        _end_of_work(settings, now) if calendar.working(now) else None,
        history,
        Rules(settings.watch.above_usual, settings.watch.per_day),
        tuple(_lefts(found, settings, records, state, now)) if state else (),
        None if enough else usual_of(book(), now),
        records.lengths(),
        records.since(),
        frozenset(key(one.id) for one in found.running if _is_planned(one, plans(state), now.date())),
    )


def watch(
    read: Callable[[], Rates],
    settings: Settings,
    state: State,
    book: Callable[[], Charges | None] = lambda: None,
) -> Watched:
    """Look once at what runs, remember it, and tell what is too much, once. Changes nothing in Azure.

    book: the charges at hand, asked for where a mail says what they show, and see `carried`
    """
    with state.telling():
        left = finish(state, settings, OUTGOING)
        found = read()
        now = found.at
        records = Records.of(state)
        keeps, drops = noted(records, found, Workdays(settings.janitor), settings.watch)
        projection = carried(found, settings, records, state, book)
        kept = state.kept(INCIDENT).get(INCIDENT)
        incident, unread = seen(kept, projection, claims_of(state) if kept else ())
        muted = remembered(state).mute_of(WHAT, now)
        told = Told(incident)
        if muted is None:
            told = told_of(projection, incident, settings, lambda one: billed(one, book(), now))
        keeps.append((INCIDENT, told.incident)) if told.incident else drops.append(INCIDENT)
        mails = leave(state, settings, OUTGOING, list(told.letters), keeps, drops, now)
    problems = (*misaddressed(told.letters), *filter(None, (unread, told.problem)))
    why = muted.why if muted else ""
    return Watched(projection, told.ids, tuple(mails), tuple(left), why, told.incident, problems)


def record(state: State, book: Charges, now: datetime) -> Reckoned:
    """How far off the watch was: its record by day and resource against the charges."""
    return reckon(Records.of(state).history(now.date()), book, now)


def _lefts(found: Rates, settings: Settings, records: Records, state: State, now: datetime) -> list[Left]:
    """What is left of each budget now: by the last check, less what has run since its charges end."""
    kept = state.kept(memory.STANDING)
    lefts = []
    for budget in budgets_of(settings):
        last = kept.get(f"{memory.STANDING}{budget.name}")
        if last is None or not datetime.fromisoformat(last["start"]) <= now < datetime.fromisoformat(last["end"]):
            continue
        ids = frozenset(key(one.id) for one in found.running if one.covered_by(budget.scope))
        since = (
            records.since_of(datetime.fromisoformat(last["until"]), ids) if last["currency"] == "USD" else Decimal(0)
        )
        # Of the days since, charges and our own records each know a part.
        spent = max(Decimal(last["known"]), Decimal(last["spent"]) + since)
        lefts.append(Left(budget.name, budget.amount, budget.amount - spent, last["currency"], ids))
    return lefts


def _is_planned(one: Running, plans: Iterable[Planned], today: date) -> bool:
    """Whether somebody declared beforehand that it costs more today."""
    own = {("workspace", one.workspace.lower()), ("service", SERVICE.lower())}
    own |= {("cost centre", value.lower()) for name, value in one.tags.items() if name.lower() == "costcenter"}
    return any(
        plan.first <= today <= plan.last and (plan.scope is None or (plan.scope.kind, plan.scope.key.lower()) in own)
        for plan in plans
    )


def _end_of_work(settings: Settings, now: datetime) -> datetime:
    zone = ZoneInfo(settings.janitor.time_zone)
    return datetime.combine(now.astimezone(zone).date(), settings.janitor.work_until, zone).astimezone(UTC)
