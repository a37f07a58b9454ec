"""The watch over anomalies: judge the complete days, move the cases, find causes, tell each case once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from finops.anomalies import Anomaly, Bar, detect
from finops.anomalies.cases import CASE, LOOKED, RESTATED, Case, cases, kept_as, plans, raised
from finops.charges import Period
from finops.jobs.anomalies.causes import Cause, cause_of
from finops.jobs.anomalies.lasting import carried
from finops.jobs.anomalies.letters import closing, first_mails
from finops.jobs.anomalies.matching import goes_on, is_news, matched, moved, own_id
from finops.jobs.anomalies.ours import ended_by, gained_by
from finops.jobs.anomalies.reading import DAY, Read, read
from finops.jobs.budgeting.outgoing import finish, leave
from finops.jobs.claims import claims_of

if TYPE_CHECKING:
    from finops.charges import Charges
    from finops.cloud import Azure
    from finops.config.model import Settings
    from finops.state import State

Json = dict[str, Any]
OUTGOING = "anomaly-outgoing"
FEWEST = 15
"""Days of history below which nothing is judged."""


CALM = timedelta(days=3)
"""Complete days as expected after which a cost is over: a weekend does not end it."""


@dataclass(frozen=True)
class Watched:
    """What a watch found and did. moved: known ones whose figures changed; ended: closed by it; again: opened anew.

    why: nothing was judged; lacking: charges that were not there to be judged; problems: who could not be told.
    """

    period: Period | None
    new: tuple[Case, ...] = ()
    moved: tuple[Case, ...] = ()
    ended: tuple[Case, ...] = ()
    again: tuple[Case, ...] = ()
    mails: tuple[Json, ...] = ()
    why: str = ""
    lacking: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def gaps(self) -> tuple[str, ...]:
        """What could not be read."""
        return tuple(dict.fromkeys([*self.lacking, *(gap for case in (*self.new, *self.moved) for gap in case.gaps)]))


@dataclass(frozen=True)
class Look:
    """What was read in one currency, and what of it is off."""

    read: Read
    found: tuple[Anomaly, ...]

    def recent(self, days: int) -> list[Anomaly]:
        """Those whose last day is one of the last `days`."""
        first = self.read.through - timedelta(days=days - 1)
        return [one for one in self.found if one.last >= first]


def look(book: Charges, settings: Settings, state: State | None, now: datetime) -> tuple[Look, ...]:
    """What the charges show, by currency; nothing is kept."""
    planned, bar = plans(state), Bar(settings.anomalies.minimum, settings.anomalies.times_usual)
    looks = []
    taken: set[str] = set()
    for seen in read(book, settings, now):
        bars = raised(state, seen.currency)
        found = []
        for part in seen.parts:
            for one in detect(
                part.days, part.through, bar, planned=planned, missing=part.missing, raised=bars, cells=part.cells
            ):
                found.append(own_id(one, seen.currency, taken))
                taken.add(found[-1].id)
        looks.append(Look(seen, tuple(sorted(found, key=lambda one: (one.first, -abs(one.impact), one.id)))))
    return tuple(looks)


def watch(
    azure: Azure | None,
    book: Charges,
    state: State,
    settings: Settings,
    now: datetime,
    *,
    tell: bool = True,
    step: Callable[[str], None] = lambda doing: None,
) -> Watched:
    """Judge, keep, tell. Changes nothing in Azure. Busy if another one is at it.

    azure: to ask who changed what; without it the cause is from the charges alone. tell: else cases wait to be told.
    """
    with state.telling():
        left = finish(state, settings, OUTGOING)
        step("Judging the complete days")
        looks = look(book, settings, state, now)
        lacking = tuple(dict.fromkeys(gap for one in looks for gap in one.read.gaps))
        period = looks[0].read.period if looks else None
        if period is None or len(period.days) < FEWEST:
            why = f"Fewer than {FEWEST} complete days of charges: nothing is judged."
            return Watched(None, mails=tuple(left), why=why, lacking=lacking)
        step("Looking for causes")
        known = cases(state)
        new: list[Case] = []
        changed: list[Case] = []
        acts = claims_of(state)
        for one in looks:
            fresh, same = _judged(one, known, book, settings, azure, now)
            new += [gained_by(case, acts) for case in fresh]
            changed += [ended_by(gained_by(case, acts), acts, one.read, now) for case in same]
        before = {case.id: case for case in known}
        ended = [case for case in changed if before[case.id].is_open and not case.is_open]
        told, letters, problems = _letters([*new, *changed], settings, now) if tell else ({}, [], [])
        final = [told.get(case.id, case) for case in (*new, *changed)]
        keeps = [kept_as(case) for case in final if before.get(case.id) != case]
        keeps.append((LOOKED, {"first": f"{period.days[0]}", "through": f"{period.days[-1]}"}))
        mails = leave(state, settings, OUTGOING, letters, keeps, (), now)
        for case in new:
            _note(state, case, "found an anomaly", now)
        for case in ended:
            _note(state, case, "closed an anomaly", now)
        again = [case for case in changed if case.again > before[case.id].again]
        for case in again:
            _note(state, case, "opened an anomaly again", now)
    return Watched(
        period,
        tuple(told.get(case.id, case) for case in new),
        tuple(case for case in final if case.id in before and case != before[case.id]),
        tuple(ended),
        tuple(told.get(case.id, case) for case in again),
        (*left, *mails),
        lacking=lacking,
        problems=tuple(problems),
    )


def _judged(
    found: Look, known: Sequence[Case], book: Charges, settings: Settings, azure: Azure | None, now: datetime
) -> tuple[list[Case], list[Case]]:
    """The new cases of one currency, and its known ones as they are now."""
    seen, late = found.read, settings.charges.late_hours
    own = [case for case in known if case.currency == seen.currency]
    of_case, fresh = matched(found.found, own)
    recent = found.recent(settings.anomalies.tell_days)
    taken = {case.id for case in known}
    new = [caused(own_id(one, seen.currency, taken), book, seen, azure, now, late) for one in fresh if one in recent]
    changed = []
    for case in own:
        one = of_case.get(case.id)
        now_is = _moved(case, one, one in recent, book, seen, azure, now)
        changed.append(carried(now_is, case, book, seen, azure, now))
    return new, changed


def caused(one: Anomaly, book: Charges, seen: Read, azure: Azure | None, now: datetime, late_hours: int = 24) -> Case:
    """A new case of what was found, with its cause. Nothing is kept."""
    complete = None
    if one.seen:
        complete = datetime.combine(one.seen + DAY, time(), UTC) + timedelta(hours=late_hours)
    case = Case(replace(one, found_at=now), seen.currency, seen.basis, min(complete, now) if complete else None)
    return _caused(case, cause_of(one, book, seen, azure, now))


def _caused(case: Case, cause: Cause) -> Case:
    one = replace(case.anomaly, cause=cause.said, evidence=cause.evidence, owner=cause.owner or case.anomaly.owner)
    # Nobody needs to say why it costs less where that is known.
    if one.state == "open" and one.impact < 0 and cause.is_told:
        one = replace(one, state="explained", why=cause.said)
    return replace(
        case, anomaly=one, ids=cause.ids, gaps=cause.gaps, actor=cause.actor, stop=cause.stop, command=cause.command
    )


def _moved(
    case: Case, one: Anomaly | None, recent: bool, book: Charges, seen: Read, azure: Azure | None, now: datetime
) -> Case:
    """The case by what the charges say now. What was closed stays so while it is what was known then."""
    if one is not None:
        again, news = recent and goes_on(case, one), is_news(case, one)
        was, case = case, moved(case, one)
        if again:
            case = _reopened(case, one)
        if again or news:
            case = _caused(case, cause_of(case.anomaly, book, seen, azure, now))
        if again:
            case = replace(case, anomaly=replace(case.anomaly, evidence=(_closed_before(was), *case.anomaly.evidence)))
        if one.state == "planned" and case.anomaly.state == "open":
            case = replace(case, anomaly=replace(case.anomaly, state="planned", why=one.why))
        elif one.state == "open" and case.anomaly.state == "planned":
            case = replace(case, anomaly=replace(case.anomaly, state="open", why=""))
    elif case.is_open and not case.by_person and _is_judged(case.anomaly, seen):
        gone = replace(case.anomaly, going_on=False, state="resolved", why=RESTATED)
        return replace(case, anomaly=gone, ended=now)
    was_off = case.anomaly
    if was_off.state in ("explained", "planned") and not was_off.going_on and seen.through >= was_off.last + CALM:
        return replace(case, anomaly=replace(was_off, state="resolved"), ended=now)
    return case


def _reopened(case: Case, one: Anomaly) -> Case:
    """To be told in a thread of its own: those who read the last mail were told that no more would come."""
    return replace(
        case,
        anomaly=replace(case.anomaly, state=one.state, why=one.why),
        told=None,
        subject="",
        people=(),
        closed=None,
        who="",
        by_person=False,
        ended=None,
        again=case.again + 1,
        by_act=False,
    )


def _closed_before(was: Case) -> str:
    when = f" on {was.ended:%-d %b}" if was.ended else ""
    by = f" by {was.who}" if was.who else ""
    why = was.anomaly.why.rstrip(".")
    return f"It was closed{when}{by}{f' ({why})' if why else ''}, and it is off again or still."


def _is_judged(one: Anomaly, seen: Read) -> bool:
    """Whether its days were looked at again, with as much history as then, and with all charges."""
    is_whole = seen.touched.isdisjoint(one.scopes)
    return is_whole and seen.first + timedelta(days=FEWEST + 42) <= one.first and one.last <= seen.through


def _letters(found: Sequence[Case], settings: Settings, now: datetime) -> tuple[dict[str, Case], list[Json], list[str]]:
    """The mails that are due, the cases as they are once those are put, and who could not be told."""
    told: dict[str, Case] = {}
    letters: list[Json] = []
    problems: list[str] = []
    due = [case for case in found if case.anomaly.state == "open" and case.told is None]
    for case, mails, refused in first_mails(due, settings, now):
        told[case.id] = case
        letters += mails
        problems += refused
    for case in found:
        if not case.is_open and case.people and case.closed is None:
            letters += closing(case, settings, now)
            told[case.id] = replace(case, closed=now)
    return told, letters, list(dict.fromkeys(problems))


def _note(state: State, case: Case, did: str, now: datetime) -> None:
    one = case.anomaly
    evidence = {"id": one.id, "scope": str(one.scope), "kind": one.kind, "impact": f"{one.impact:f} {case.currency}"}
    state.audit("finops", did, f"{CASE}{one.id}", one.cause, evidence, now)
