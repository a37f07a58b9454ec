"""Histories of one duty: a clock that jumps, runs that fail, are held, last too long or die, and restarts.

The planner, the slots and the watch of the clock are the daemon's own; the loop around them is a few lines here, so
that a hundred thousand histories take minutes. Each is made from its number, and so is the same each time.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from daemons import Hands

from finops.config.model import Settings
from finops.daemon.clock import Watch, accept
from finops.daemon.due import DIED
from finops.daemon.planning import Planner
from finops.jobs.duties import DUTIES
from finops.jobs.duties.model import Done, Duty
from finops.state import StoredRun
from finops.state.runs import WORKED

Json = dict[str, Any]

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
ZONES = (
    "UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Africa/Casablanca",
    "Asia/Kathmandu", "America/Sao_Paulo",
)  # fmt: skip
# Right before changes of the clocks: Berlin's, New York's, Lord Howe's, and the day that Apia did not have.
EVES = tuple(
    datetime.fromisoformat(text).replace(tzinfo=UTC)
    for text in ("2026-03-28", "2026-10-24", "2026-03-07", "2026-10-31", "2026-10-03", "2026-04-04", "2011-12-29")
)
ODD = ("daily at 02:30", "daily at 00:00", "weekly on sunday at 02:15", "monthly on day 31 at 23:59",
       "weekdays at 09:00", "working hours every 30 minutes", "every 7 hours")  # fmt: skip
TOLD = timedelta(minutes=7)  # back, of which two may have been lost with a process
LOOKS = 25  # a stretch: what is due every minute would be at it for ever


def _nothing(work: object) -> Done:
    return Done("done")


KINDS: tuple[Duty, ...] = (
    *(replace(one, run=_nothing) for one in DUTIES),
    *(Duty(text, "Odd.", text, _nothing, DAY, HOUR, acts=bool(number % 2)) for number, text in enumerate(ODD)),
)


@cache
def settings_of(zone: str) -> Settings:
    return Settings.model_validate({"daemon": {"time_zone": zone}})


@dataclass
class Book:
    """A daybook of one duty, as the real one keeps it, in a list."""

    all: list[StoredRun] = field(default_factory=list)

    def begin(self, job: str, slot: datetime, run: str, owner: str, fence: int, now: datetime) -> int | None:
        if any(one.ended_at is None or (one.slot == slot and one.outcome in WORKED) for one in self.all):
            return None
        self.all = [one for one in self.all if one.slot != slot or one.outcome != "held"]
        return self._add(StoredRun(0, job, slot, slot, 1, "", run, owner, fence, now, None, "", "", (), {}))

    def end(
        self, number: int, outcome: str, why: str, said: Sequence[str], counts: Mapping[str, int | float], now: datetime
    ) -> bool:
        for at, one in enumerate(self.all):
            if one.number == number and one.ended_at is None:
                self.all[at] = replace(one, ended_at=now, outcome=outcome, why=why, said=tuple(said))
                return True
        return False

    def skip(self, job: str, slots: Collection[datetime], why: str, now: datetime, outcome: str = "missed") -> bool:
        if not slots:
            return False
        first, last = min(slots), max(slots)
        if any((one.slot, one.first_slot, one.outcome) == (last, first, outcome) for one in self.all):
            return False
        self._add(StoredRun(0, job, last, first, len(slots), "", "", "", 0, now, now, outcome, why, (), {}))
        return True

    def _add(self, run: StoredRun) -> int:
        number = 1 + max((one.number for one in self.all), default=0)
        self.all.append(replace(run, number=number))
        return number

    def last(self, job: str, outcomes: Collection[str] = WORKED) -> StoredRun | None:
        ended = [one for one in self.all if one.outcome in outcomes and one.ended_at]
        return max(ended, key=lambda one: (one.ended_at, one.number), default=None)

    def of_slot(self, job: str, slot: datetime) -> list[StoredRun]:
        return [one for one in self.all if one.slot == slot]

    def newest_slot(self, job: str) -> datetime | None:
        return max((one.slot for one in self.all), default=None)

    def open_runs(self) -> list[StoredRun]:
        return [one for one in self.all if one.ended_at is None]

    def runs(self, since: datetime) -> list[StoredRun]:
        return list(self.all)


@dataclass
class Memory:
    """What the watch and the planner ask of a State."""

    daybook: Book = field(default_factory=Book)
    things: dict[str, Json] = field(default_factory=dict)

    def kept(self, prefix: str) -> dict[str, Json]:
        return {key: value for key, value in self.things.items() if key.startswith(prefix)}

    def keep(self, key: str, value: Json, now: datetime) -> None:
        self.things[key] = value

    def audit(self, *entry: object) -> None: ...


class Life:
    """One duty's, on a state. `wrong`: what must not happen, and did."""

    def __init__(self, number: int, state: Any) -> None:
        self.chance = chance = random.Random(number)
        self.state, self.book = state, state.daybook
        self.duty = chance.choice(KINDS)
        self.zone = chance.choice(ZONES)
        near = chance.choice(EVES) - DAY * chance.random() * 3
        far = datetime(2008, 1, 1, tzinfo=UTC) + DAY * chance.random() * 8000
        self.hands = Hands(chance.choice((near, far)).replace(microsecond=0))
        self.reached = self.hands.now()  # the newest time of any look, until somebody accepts an older one
        self.wrong: list[str] = []
        self.begun, self.well = 0, False
        self.first: datetime | None = None  # the slot of its very first look
        self._start()

    def lived(self) -> Life:
        for _ in range(self.chance.randint(2, 7)):
            self._go(MINUTE * 4500 ** self.chance.random())
            self._happens()
        self._settle()
        return self

    # -- what happens -----------------------------------------------------------------------------------------------

    def _happens(self) -> None:
        chance, what = self.chance, self.chance.random()
        if what < 0.25:
            self.hands.jump(-MINUTE * chance.randint(0, 600))
        elif what < 0.5:
            self.hands.jump(MINUTE * chance.randint(0, 20 * 24 * 60))
        elif what < 0.75:
            self.hands.forward(60 * 20_000 ** chance.random())  # it is down for so long
            self._start()
        elif what < 0.85:
            self._accept()
        if chance.random() < 0.2:
            self._start()

    def _accept(self) -> None:
        if accept(self.state, "me", self.hands.now()):
            self.reached = self.hands.now()

    def _start(self) -> None:
        """A process; what one before it left open is closed."""
        for run in self.book.open_runs():
            self.book.end(run.number, "failed", f"{DIED}: one.", (), {}, self.hands.now())
        self.planner = Planner(settings_of(self.zone), (self.duty,), self.state, lambda text: None)
        self.watch = Watch(self.hands, self.state, lambda text: None)
        self.since: datetime | None = None
        self.when = self.planner.whens[self.duty.name]

    def _go(self, span: timedelta) -> None:
        end = self.hands.steady + span.total_seconds()
        for _ in range(LOOKS):
            if self.hands.steady >= end:
                return
            self.hands.forward(min(self._look(), end - self.hands.steady))

    def _look(self) -> float:
        """As the loop does. Seconds until it looks again."""
        self.reached = max(self.reached, self.hands.now())
        now = self.watch.look()
        hindered = self.watch.doubt if self.duty.acts else ""
        plan = self.planner.look(self.duty, now, self.since, hindered)
        self.since = self.since or now
        self.first = self.first or plan.slot
        if plan.begin is None:
            return max(1.0, (plan.look_at - now).total_seconds()) if plan.look_at else 86400.0
        if hindered:
            return 600.0
        self._begin(plan.begin, now)
        return 1.0

    def _begin(self, slot: datetime, now: datetime) -> None:
        number = self.book.begin(self.duty.name, slot, "run", "one", 1, now)
        self.begun += 1
        if number is None:
            self.wrong.append(f"{slot} is to be begun at {now}, and was worked through, or one is under way")
            return
        if not timedelta() <= now - slot < self.when.grace:
            self.wrong.append(f"{slot} is begun at {now}")
        if self.when.latest(slot, self.planner.zone) != slot:
            self.wrong.append(f"{slot} is none")
        if self.duty.acts and self.reached - now > TOLD:
            self.wrong.append(f"{slot} is begun at {now}, and it has been {self.reached}")
        outcome = (
            "done"
            if self.well
            else self.chance.choices(("done", "partial", "failed", "held", "dies"), (70, 10, 8, 8, 4))[0]
        )
        self.hands.forward(self.chance.choice((0.0, 5.0, 600.0, 40_000 ** self.chance.random())))
        if outcome == "dies":
            self._start()
        else:
            self.book.end(number, outcome, "Why.", ("Said.",), {}, self.hands.now())

    # -- and what it came to ----------------------------------------------------------------------------------------

    def _settle(self) -> None:
        """The clock is believed, and nothing goes wrong any more: the next slot is done at once."""
        self.watch.look()
        self._accept()
        self.well = True
        for _ in range(3):
            self.hands.forward(self._look())
        following = self.when.next(self.hands.now(), self.planner.zone)
        assert following
        self.hands.forward((following - self.hands.now()).total_seconds())
        fresh = not self.book.of_slot(self.duty.name, following)
        self._look()
        came = [one.outcome for one in self.book.of_slot(self.duty.name, following)]
        if fresh and "done" not in came:
            self.wrong.append(f"{following}, when all was well, came to {came}")
        self.wrong += gaps(self)


def gaps(life: Life) -> list[str]:
    """Slots of which nothing is known, between that of the first look and the newest of which something is."""
    runs = sorted(life.book.runs(datetime(2000, 1, 1, tzinfo=UTC)), key=lambda one: one.first_slot)
    found, reached = [], runs[0].slot
    for run in runs[1:]:
        following = life.when.next(reached, life.planner.zone)
        if following and life.first and life.first < following < run.first_slot:
            found.append(f"nothing is known of {following}")
        reached = max(reached, run.slot)
    return found
