"""The check of all budgets: where each stands, which alerts are due, and the mails that tell of them once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from finops.anomalies.cases import Case
from finops.budget import (
    Alert,
    Budget,
    Foreseen,
    Standing,
    Told,
    budgets_of,
    due,
    foreseen,
    going_on,
    period_of,
    periods_to_check,
    standing,
    without_refuted_range,
)
from finops.budget.alerts import corrected, to_escalate
from finops.budget.periods import SETTLES
from finops.budget.running import Rates
from finops.budget.standing import basis_of, currency_of
from finops.charges import Period
from finops.errors import FinopsError
from finops.forecast import Reach
from finops.jobs.budgeting import memory
from finops.jobs.budgeting.drivers import charged_ids, drivers, stoppable
from finops.jobs.budgeting.letters import Item, Letter, Why, written
from finops.jobs.budgeting.memory import Remembered, remembered
from finops.jobs.budgeting.outgoing import finish, leave, misaddressed
from finops.jobs.claims import claims_of
from finops.jobs.stopped import cases_now

if TYPE_CHECKING:
    from finops.charges import Charges
    from finops.config.model import Settings
    from finops.state import State

Json = dict[str, Any]
OUTGOING = "budget/outgoing"
# Charges of a period may change for five days after its end; then its thread gets its last mail, within two months.
CLOSES = SETTLES - timedelta(days=1)
TOO_LATE = timedelta(days=62)


@dataclass(frozen=True)
class Looked:
    """Where every budget stands, those of a period that just ended included; problems: which could not be told."""

    standings: tuple[Standing, ...]
    problems: tuple[str, ...]

    def current(self) -> tuple[Standing, ...]:
        """One a budget: that of the period that is on."""
        return tuple(one for one in self.standings if not one.ended)


@dataclass(frozen=True)
class Checked:
    """What a check found and did. mails: those that were new. left: those told before that a crash had left behind."""

    looked: Looked
    alerts: tuple[Alert, ...] = ()
    mails: tuple[Json, ...] = ()
    left: tuple[Json, ...] = ()
    muted: tuple[str, ...] = ()


@dataclass
class _Round:
    """The letters of one check, by recipient, and what is remembered once they are put.

    What closes the thread of a period is a letter of its own: it belongs into that thread.
    """

    letters: dict[tuple[str, bool], Letter] = field(default_factory=dict)
    keeps: list[tuple[str, Any]] = field(default_factory=list)

    def tell(self, to: Sequence[str], item: Item, keys: Sequence[str]) -> None:
        for person in dict.fromkeys(to):
            letter = self.letters.setdefault((person.lower(), item.why == "closed"), Letter(person))
            letter.items.append(item)
            letter.keys += keys


def look(
    book: Charges,
    settings: Settings,
    now: datetime,
    forecasts: bool = True,
    only: str = "",
    found_strange: Sequence[Case] = (),
) -> Looked:
    """Where all budgets stand, or the one of that name; one that cannot be told hides no other. Changes nothing.

    found_strange: the cases of anomalies: those that go on are told beside the forecast, those we ended are not in it.
    """
    found: list[Standing] = []
    problems = []
    for budget in budgets_of(settings):
        if only and budget.name.casefold() != only.casefold():
            continue
        for period in periods_to_check(budget, now):
            try:
                one = stands(budget, book, now, period, forecasts, found_strange)
                found.append(one)
                if (
                    not one.known
                    and not book.by([], one.basis, currency=one.currency, where=budget.scope.where).any().any()
                ):
                    problems.append(f"{budget.name}: no charge of {budget.scope.said} is known. Is it spelt like that?")
            except FinopsError as fault:
                problems.append(f"{budget.name}: {fault}")
                break
    return Looked(tuple(found), tuple(problems))


def stands(
    budget: Budget,
    book: Charges,
    now: datetime,
    period: Period,
    forecasts: bool = True,
    found_strange: Sequence[Case] = (),
) -> Standing:
    """Where one budget stands in one period, with its forecast."""
    currency, _ = currency_of(budget, book, period)
    basis, _ = basis_of(budget, book)
    seen = foreseen(budget, book, period, now, basis, currency, found_strange) if forecasts else None
    one = standing(budget, book, now, seen, period)
    if not found_strange or seen is None or seen.outlook is None:
        return one
    more = going_on(seen.outlook, found_strange, book, basis, currency, period, budget.scope.where or None)
    if without_refuted_range(seen.outlook, more) is not seen.outlook:
        # No range holds what goes on: the end is told with it, and thresholds are held against that.
        end = seen.outlook.total.middle + sum((each.more for each in more), Decimal(0))
        told = Foreseen(Reach(None, end, None), seen.outlook, "", lambda amount: Decimal(1) if end > amount else None)
        one = standing(budget, book, now, told, period)
    return replace(one, goes_on=more)


def check(
    book: Charges,
    settings: Settings,
    state: State,
    now: datetime,
    running: Callable[[], Rates | None] = lambda: None,
    step: Callable[[str], None] = lambda doing: None,
) -> Checked:
    """Tell what is due of all budgets, each thing once. Changes nothing in Azure; Busy if another check is at it.

    running: reads what runs now; called only where an alert is due, to say what can be stopped
    """
    with state.telling():
        left = finish(state, settings, OUTGOING)
        step("Working out where the budgets stand")
        looked = look(book, settings, now, found_strange=cases_now(state))
        for one in looked.current():
            memory.keep_standing(state, one, now)
        known = remembered(state)
        round_ = _Round()
        alerts = _crossed(looked, known, now)
        overdue = _overdue(looked, known, settings, now)
        if alerts or overdue:
            step("Looking for what drove it, and what can be stopped")
            rates = running()
            _tell_crossed(round_, alerts, book, state, rates, now)
            _tell_overdue(round_, overdue, alerts, book, state, rates, now)
        _tell_corrected(round_, looked, known, now)
        problems = [*looked.problems, *_close(round_, book, settings, known, now)]
        letters = [written(letter, settings, now) for letter in round_.letters.values()]
        problems += misaddressed(letters)
        mails = leave(state, settings, OUTGOING, letters, round_.keeps, (), now)
    quiet = tuple(one.what for one in known.muted if now < one.until)
    nobody = [f"{one.standing.budget.name}: nobody is named to be told; set mail.finance." for one in alerts
              if not one.standing.budget.to]  # fmt: skip
    looked = Looked(looked.standings, (*problems, *dict.fromkeys(nobody)))
    return Checked(looked, tuple(alerts), tuple(mails), tuple(left), quiet)


def _crossed(looked: Looked, known: Remembered, now: datetime) -> list[Alert]:
    return [
        alert
        for one in looked.standings
        if not _is_closed(one, known)
        for alert in due(one, known.told_of(one.budget.name, one.period), known.muted, now)
    ]


def _is_closed(one: Standing, known: Remembered) -> bool:
    return memory.closed_key(one.budget.name, one.period) in known.closed


def _tell_crossed(
    round_: _Round, alerts: Sequence[Alert], book: Charges, state: State, rates: Rates | None, now: datetime
) -> None:
    """One item for each budget and period, whatever number of its thresholds was crossed."""
    together: dict[str, list[Alert]] = {}
    for alert in alerts:
        together.setdefault(alert.thread, []).append(alert)
    for found in together.values():
        one = found[0].standing
        if not one.budget.to:
            continue  # said as a problem, and told once somebody is named
        item = _item("crossed", one, book, state, rates, now, thresholds=tuple(alert.threshold for alert in found))
        round_.tell(one.budget.to, item, [alert.key for alert in found])
        round_.keeps += [memory.told_of(alert, now) for alert in found]


def _overdue(
    looked: Looked, known: Remembered, settings: Settings, now: datetime
) -> list[tuple[Standing, tuple[Told, ...]]]:
    found = []
    for one in looked.standings:
        if _is_closed(one, known) or known.mute_of(one.budget.name, now):
            continue
        told = known.told_of(one.budget.name, one.period)
        if late := to_escalate(one.budget, one.period, told, known.acks, now):
            found.append((one, late))
    return found


def _tell_overdue(
    round_: _Round,
    overdue: Sequence[tuple[Standing, tuple[Told, ...]]],
    alerts: Sequence[Alert],
    book: Charges,
    state: State,
    rates: Rates | None,
    now: datetime,
) -> None:
    for one, late in overdue:
        assert one.budget.escalate is not None
        keys = {told.threshold for told in late}
        item = _item(
            "escalated",
            one,
            book,
            state,
            rates,
            now,
            thresholds=tuple(t for t in one.budget.thresholds if t.key in keys),
            first_at=min(told.at for told in late),
        )
        round_.tell(one.budget.escalate.to, item, [f"{told.key}/escalated" for told in late])
        round_.keeps += [memory.told_again(replace(told, escalated=now)) for told in late]


def _tell_corrected(round_: _Round, looked: Looked, known: Remembered, now: datetime) -> None:
    """A note where a threshold was told and, by charges restated since, is not reached."""
    for one in looked.standings:
        told = known.told_of(one.budget.name, one.period)
        if _is_closed(one, known) or not (wrong := corrected(one, told, known.muted, now)):
            continue
        keys = {each.threshold for each in wrong}
        thresholds = tuple(t for t in one.budget.thresholds if t.key in keys)
        people = _people(one, wrong)
        item = Item("corrected", one, thresholds, min(each.at for each in wrong), one.budget.to)
        round_.tell(people, item, [f"{each.key}/corrected" for each in wrong])
        round_.keeps += [memory.told_again(replace(each, corrected=now)) for each in wrong]


def _people(one: Standing, told: Sequence[Told]) -> tuple[str, ...]:
    """Who was told: the second address, too, where it was."""
    rule = one.budget.escalate
    return (*one.budget.to, *(rule.to if rule and any(each.escalated for each in told) else ()))


def _item(
    why: Why, one: Standing, book: Charges, state: State, rates: Rates | None, now: datetime, **more: Any
) -> Item:
    running = rates.running if rates else ()
    stops = () if one.ended else tuple(stoppable(one, charged_ids(one, book), state, running))
    return Item(
        why,
        one,
        first_to=one.budget.to,
        drivers=drivers(one, book, now, claims_of(state)),
        stops=stops,
        looked=rates is not None,
        not_read=rates.unread[:3] if rates else (),
        **more,
    )


def _close(round_: _Round, book: Charges, settings: Settings, known: Remembered, now: datetime) -> list[str]:
    """The last mail of each thread whose period has ended and whose charges change no more."""
    budgets = {one.name: one for one in budgets_of(settings)}
    problems = []
    for name, start in sorted({(one.budget, one.period) for one in known.told}):
        budget = budgets.get(name)
        period = period_of(budget, date.fromisoformat(start)) if budget else None
        if budget is None or period is None or f"{period.start:%Y-%m-%d}" != start:
            continue  # the budget is gone, or its periods begin on other days now: nobody asks for an end
        key = memory.closed_key(name, period)
        if key in known.closed or not period.end + CLOSES <= now < period.end + TOO_LATE:
            continue
        try:
            one = stands(budget, book, now, period, forecasts=False)
        except FinopsError as fault:
            problems.append(f"{name}: {fault}")
            continue
        told = known.told_of(name, period)
        keys = {each.threshold for each in told}
        thresholds = tuple(t for t in budget.thresholds if t.key in keys)
        item = Item("closed", one, thresholds, min(each.at for each in told), budget.to)
        round_.tell(_people(one, told), item, [f"budget/{key}/closed"])
        round_.keeps.append((f"{memory.CLOSED}{key}", now.isoformat()))
    return problems
