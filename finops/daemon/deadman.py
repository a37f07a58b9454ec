"""The dead-man's notice: one mail when a duty has not succeeded in time, and one when it does again."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from finops.errors import FinopsError
from finops.jobs.budgeting import outgoing
from finops.state.runs import WORKED

from . import letters
from .lateness import WATCHED, Standing, standings, watched_since

if TYPE_CHECKING:
    from finops.config.model import Settings
    from finops.jobs.duties import Duty
    from finops.state import State
    from finops.state.runs import StoredRun

LAPSES = "daemon/lapses/"  # what is late, since when, and whether it was told
OUTGOING = "daemon/outgoing"
# A daemon that was down finds everything late, and catches up first. Counted over restarts, so that one which starts
# again and again tells, too.
GRACE = timedelta(minutes=10)
MAILED_WITHIN = timedelta(hours=1)
KEPT = timedelta(days=8)  # runs that are looked through for what came of a duty
SHOWN = 5

Json = dict[str, Any]


@dataclass(frozen=True)
class Looked:
    """late: duties that are, now. told: subjects of the mails that were new. problems: why nobody may know of it."""

    late: tuple[str, ...] = ()
    told: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


def look(state: State, settings: Settings, duties: Collection[Duty], now: datetime) -> Looked:
    """See to it that operators know which duties are late, and which are not any more. Each is told once."""
    outgoing.finish(state, settings, OUTGOING)
    found = _standings(state, settings, duties, now)
    lapses = {name.removeprefix(LAPSES): lapse for name, lapse in state.kept(LAPSES).items()}
    late = {one.job: one for one in found if one.is_late(now)}
    for job in late.keys() - lapses.keys():
        lapses[job] = {"late": _late_at(late[job]), "noticed": now.isoformat(), "thread": ""}
        state.keep(LAPSES + job, lapses[job], now)
    to_tell = [one for job, one in late.items() if not lapses[job]["thread"] and _waited(lapses[job], now)]
    over = {job: lapse for job, lapse in lapses.items() if job not in late}
    told = _tell(state, settings, to_tell, over, lapses, {one.job: one for one in found}, now)
    problems: list[str] = []
    if told or "deliver" in late:
        try:
            problems += outgoing.deliver(state, settings, now).problems
        except FinopsError as fault:
            problems.append(str(fault))
    return Looked(tuple(sorted(late)), told, (*problems, *_stuck(state, now)))


def _standings(state: State, settings: Settings, duties: Collection[Duty], now: datetime) -> list[Standing]:
    """As `standings`; a duty that is new, or on again, is looked at from now on."""
    watched = watched_since(state)
    succeeded = state.daybook.newest([duty.name for duty in duties], WORKED, now)
    found = standings(settings, duties, succeeded, watched, now)
    for one in found:
        if one.enabled and one.job not in watched:
            state.keep(WATCHED + one.job, now.isoformat(), now)
        elif not one.enabled and one.job in watched:
            state.drop(WATCHED + one.job)
    return found


def recipients(settings: Settings) -> list[str]:
    """Who runs the daemon, as far as the settings name somebody; finance knows whom to ask."""
    return settings.daemon.operators or settings.guard.admins or settings.mail.finance


def _tell(
    state: State,
    settings: Settings,
    late: list[Standing],
    over: Mapping[str, Json],
    lapses: Mapping[str, Json],
    standing: Mapping[str, Standing],
    now: datetime,
) -> tuple[str, ...]:
    """Leave the mails, and remember what was told in the same plan: whoever is killed in between tells no less."""
    written, keeps = [], []
    people = recipients(settings)
    if late:
        thread = f"daemon/{late[0].job}/{lapses[late[0].job]['late']}"
        items = [letters.late(one, _recent(state, one, now), _open(state, one.job), settings, now) for one in late]
        about = [f"late/{one.job}/{lapses[one.job]['late']}" for one in late]
        written += letters.written("daemon-late", people, items, about, thread, settings, now)
        keeps = [(LAPSES + one.job, lapses[one.job] | {"thread": thread}) for one in late]
    again = {job: lapse for job, lapse in over.items() if lapse["thread"]}
    if again:
        items = [
            letters.well(job, standing.get(job), datetime.fromisoformat(lapse["late"])) for job, lapse in again.items()
        ]
        about = [f"well/{job}/{lapse['late']}" for job, lapse in again.items()]
        thread = next(iter(again.values()))["thread"]
        written += letters.written("daemon-well", people, items, about, thread, settings, now)
    new = outgoing.leave(state, settings, OUTGOING, written, keeps, [LAPSES + job for job in over], now)
    return tuple(dict.fromkeys(letter["subject"] for letter in new))


def _recent(state: State, one: Standing, now: datetime) -> list[StoredRun]:
    """Its last runs since it last succeeded, newest first."""
    since = max(one.succeeded or one.watched, now - KEPT)
    ended = [
        run for run in state.daybook.runs(since, one.job) if run.outcome and run.outcome not in {"done", "partial"}
    ]
    return ended[::-1][:SHOWN]


def _open(state: State, job: str) -> StoredRun | None:
    return next((run for run in state.daybook.open_runs() if run.job == job), None)


def _late_at(one: Standing) -> str:
    assert one.late_at is not None
    return one.late_at.isoformat()


def _waited(lapse: Json, now: datetime) -> bool:
    """Whether it was noticed long enough ago; a clock that was put back does not make it wait for ever."""
    noticed = datetime.fromisoformat(lapse["noticed"])
    return now - noticed >= GRACE or noticed - now > GRACE


def _stuck(state: State, now: datetime) -> list[str]:
    """Notices of ours that have not left within an hour: then only the watcher outside can tell."""
    return [
        f"The notice '{letter.subject}' has not left to {one.address}: {one.note or one.status}"
        for letter in state.letters.newest(("waiting", "failed", "unsure"), 200)
        if letter.kind.startswith("daemon-") and now - letter.put_at > MAILED_WITHIN
        for one in letter.recipients
        if one.channel == "mail" and one.status != "sent"
    ]
