"""The watch over anomalies: judge the complete days, move the cases, find causes, tell each case once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from finops.anomalies import Anomaly, Bar, detect
from finops.charges import Period
from finops.jobs.anomalies import kept
from finops.jobs.anomalies.causes import Cause, cause_of
from finops.jobs.anomalies.kept import CASE, LOOKED, Case, cases, kept_as
from finops.jobs.anomalies.letters import closing, first_mail
from finops.jobs.anomalies.matching import is_news, matched, moved
from finops.jobs.anomalies.reading import DAY, Read, read
from finops.jobs.budgeting.outgoing import finish, leave

if TYPE_CHECKING:
    from finops.charges import Charges
    from finops.cloud import Azure
    from finops.config.model import Settings
    from finops.state import State

Json = dict[str, Any]
OUTGOING = "anomaly-outgoing"
FEWEST = 15
"""Days of history below which nothing is judged."""


@dataclass(frozen=True)
class Watched:
    """What a watch found and did. moved: known ones whose figures changed; ended: closed by it. why: nothing judged."""

    period: Period | None
    new: tuple[Case, ...] = ()
    moved: tuple[Case, ...] = ()
    ended: tuple[Case, ...] = ()
    mails: tuple[Json, ...] = ()
    why: str = ""

    @property
    def gaps(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(gap for case in (*self.new, *self.moved) for gap in case.gaps))


def look(
    book: Charges, settings: Settings, state: State | None, now: datetime
) -> tuple[Read | None, tuple[Anomaly, ...]]:
    """What the charges show, nothing kept."""
    found = read(book, settings, now)
    if found is None:
        return None, ()
    wanted = settings.anomalies
    return found, detect(
        found.days,
        found.through,
        Bar(wanted.minimum, wanted.times_usual),
        planned=kept.plans(state),
        missing=found.missing,
        raised=kept.raised(state),
        meets=found.meets,
    )


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
        seen, found = look(book, settings, state, now)
        if seen is None or (seen.through - seen.first).days + 1 < FEWEST:
            return Watched(
                None, mails=tuple(left), why=f"Fewer than {FEWEST} complete days of charges: nothing is judged."
            )
        known = [case for case in cases(state) if case.currency == seen.currency]
        of_case, fresh = matched(found, known)
        recent = seen.through - timedelta(days=settings.anomalies.tell_days - 1)
        wanted = [one for one in fresh if one.last >= recent]
        step("Looking for causes")
        new = [caused(one, book, seen, azure, now, settings.charges.late_hours) for one in wanted]
        changed = [_moved(case, of_case.get(case.id), book, seen, azure, now) for case in known]
        ended = [case for case, was in zip(changed, known, strict=True) if was.is_open and not case.is_open]
        told, letters = _letters([*new, *changed], settings, now) if tell else ({}, [])
        before = {case.id: case for case in known}
        final = [told.get(case.id, case) for case in (*new, *changed)]
        keeps = [kept_as(case) for case in final if before.get(case.id) != case]
        keeps.append((LOOKED, {"first": seen.first.isoformat(), "through": seen.through.isoformat()}))
        mails = leave(state, settings, OUTGOING, letters, keeps, (), now)
        for case in new:
            _note(state, case, "found an anomaly", now)
        for case in ended:
            _note(state, case, "closed an anomaly", now)
    return Watched(
        seen.period,
        tuple(told.get(case.id, case) for case in new),
        tuple(case for case in final if case.id in before and case != before[case.id]),
        tuple(ended),
        (*left, *mails),
    )


def caused(one: Anomaly, book: Charges, seen: Read, azure: Azure | None, now: datetime, late_hours: int = 24) -> Case:
    """A new case of what was found, with its cause. Nothing is kept."""
    complete = None
    if one.seen:
        complete = datetime.combine(one.seen + DAY, time(), UTC) + timedelta(hours=late_hours)
    case = Case(replace(one, found_at=now), seen.currency, seen.basis, min(complete, now) if complete else None)
    return _caused(case, cause_of(one, book, seen, azure, now))


def _caused(case: Case, cause: Cause) -> Case:
    one = replace(case.anomaly, cause=cause.said, evidence=cause.evidence, owner=cause.owner or case.anomaly.owner)
    return replace(case, anomaly=one, ids=cause.ids, gaps=cause.gaps)


def _moved(case: Case, one: Anomaly | None, book: Charges, seen: Read, azure: Azure | None, now: datetime) -> Case:
    """The case by what the charges say now. What a person closed stays closed, and its figures are still kept right."""
    if one is not None:
        again = is_news(case, one)
        case = moved(case, one)
        if again:
            case = _caused(case, cause_of(case.anomaly, book, seen, azure, now))
        if one.state == "planned" and case.anomaly.state == "open":
            case = replace(case, anomaly=replace(case.anomaly, state="planned", why=one.why))
        elif one.state == "open" and case.anomaly.state == "planned":
            case = replace(case, anomaly=replace(case.anomaly, state="open", why=""))
    elif case.is_open and not case.by_person and _is_judged(case.anomaly.first, case.anomaly.last, seen):
        gone = replace(case.anomaly, going_on=False, state="resolved", why="Restated charges: nothing is off any more.")
        return replace(case, anomaly=gone)
    was = case.anomaly
    if was.state in ("explained", "planned") and not was.going_on:
        return replace(case, anomaly=replace(was, state="resolved"))
    return case


def _is_judged(first: date, last: date, seen: Read) -> bool:
    """Whether its days were looked at again, with as much history as then."""
    return seen.first + timedelta(days=FEWEST + 42) <= first and last <= seen.through


def _letters(found: list[Case], settings: Settings, now: datetime) -> tuple[dict[str, Case], list[Json]]:
    """The mails that are due, and the cases as they are once those are put."""
    told: dict[str, Case] = {}
    letters: list[Json] = []
    due = [case for case in found if case.anomaly.state == "open" and case.told is None]
    for case, mails in first_mail(due, settings, now):
        told[case.id] = case
        letters += mails
    for case in found:
        if not case.is_open and case.people and case.closed is None:
            letters += closing(case, settings, now)
            told[case.id] = replace(case, closed=now)
    return told, letters


def _note(state: State, case: Case, did: str, now: datetime) -> None:
    one = case.anomaly
    evidence = {"id": one.id, "scope": str(one.scope), "kind": one.kind, "impact": f"{one.impact:f} {case.currency}"}
    state.audit("finops", did, f"{CASE}{one.id}", one.cause, evidence, now)
