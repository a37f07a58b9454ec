"""What is due of each duty, by the settings and the database; what was missed is written down, with the reason."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from finops.errors import ConfigError

from .due import DIED, Plan, plan
from .lateness import zone_of
from .slots import When, hours_of, parse

if TYPE_CHECKING:
    from finops.config.model import Settings
    from finops.jobs.duties import Duty
    from finops.state import State, StoredRun

NOT_RUNNING = "No daemon was running, or none led."
OVERRAN = "The run before it was still under way."
JUMPED = "The clock jumped over it, or the machine slept."


def whens(settings: Settings, duties: Collection[Duty]) -> dict[str, When]:
    """When each duty is due: as shipped, or as the settings say."""
    own = settings.daemon.schedule
    if unknown := sorted(set(own) - {duty.name for duty in duties}):
        names = ", ".join(duty.name for duty in duties)
        raise ConfigError(f"daemon.schedule names '{unknown[0]}', which is no duty.", f"Duties are {names}.")
    hours = hours_of(settings.janitor)
    found = {}
    for duty in duties:
        try:
            found[duty.name] = parse(own.get(duty.name, duty.when), hours)
        except ConfigError as fault:
            raise ConfigError(f"daemon.schedule.{duty.name}: {fault.what}", fault.fix) from fault
    return found


class Planner:
    """Slots against what is remembered of them."""

    def __init__(self, settings: Settings, duties: Collection[Duty], state: State, note: Callable[[str], None]) -> None:
        self.whens = whens(settings, duties)
        self.zone = zone_of(settings)
        self._book = state.daybook
        self._note = note

    def look(self, duty: Duty, now: datetime, since: datetime | None = None, hindered: str = "") -> Plan:
        """What to do about a duty now. since: when we began to look; hindered: why its newest slot was not begun."""
        when = self.whens[duty.name]
        newest = self._book.newest_slot(duty.name)
        slot = when.latest(now, self.zone)
        tried = self._tried(duty.name, slot) if slot else []
        found = plan(when, self.zone, now, newest, tried)
        if newest and slot and newest < slot:
            self._held_until_now(duty, newest, now)
            for why, slots in self._why(duty, found.missed, since).items():
                self._skip(duty, slots, hindered or why, now)
        if found.first and found.slot:
            self._book.skip(duty.name, [found.slot], "A first start: it begins with its next slot.", now, "skipped")
        if found.lapsed and found.slot:
            why = hindered or (f"It was held: {tried[-1].why or ' '.join(tried[-1].said)}" if tried else NOT_RUNNING)
            self._skip(duty, [found.slot], f"Not begun within {when.grace}. {why}", now)
        return found

    def _tried(self, job: str, slot: datetime) -> list[StoredRun]:
        """What is known of the slot itself. That it was missed by a clock that is right again does not count."""
        return [run for run in self._book.of_slot(job, slot) if not run.asked and run.outcome != "missed"]

    def _held_until_now(self, duty: Duty, newest: datetime, now: datetime) -> None:
        """The slot before, where it was held to the end, is a missed one, too."""
        tried = self._tried(duty.name, newest)
        if tried and tried[-1].outcome == "held":
            self._skip(duty, [newest], f"It was held until others were due: {' '.join(tried[-1].said)}", now)

    def _why(self, duty: Duty, missed: Sequence[datetime], since: datetime | None) -> dict[str, list[datetime]]:
        """Missed slots by the reason."""
        found: dict[str, list[datetime]] = {}
        last = self._book.last(duty.name, ("done", "partial", "held", "failed")) if since else None
        for slot in missed:
            if since is None or slot < since:
                why = NOT_RUNNING
            elif last and last.ended_at and last.began_at <= slot <= last.ended_at and not last.why.startswith(DIED):
                why = OVERRAN
            else:
                why = JUMPED
            found.setdefault(why, []).append(slot)
        return found

    def _skip(self, duty: Duty, slots: Sequence[datetime], why: str, now: datetime) -> None:
        if not self._book.skip(duty.name, slots, why, now, "skipped" if why == OVERRAN else "missed"):
            return
        first, last = min(slots), max(slots)
        span = f"{first:%Y-%m-%d %H:%M}" + (f" to {last:%Y-%m-%d %H:%M}" if last != first else "")
        self._note(f"{duty.name}: {len(slots)} slot{'s' if len(slots) > 1 else ''} missed ({span} UTC). {why}")
