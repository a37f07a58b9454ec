"""The loop: lead or wait, begin what is due, look after what runs, and end when it is asked to."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from finops.errors import FinopsError

from .clock import Watch
from .due import SELDOM, STOPPED
from .leading import Leading, owner_of_this_process
from .planning import Planner
from .stopping import PATIENCE, Stop
from .ticking import Ticker
from .working import Ended, Means, Start, Working, close_dead, in_a_thread

if TYPE_CHECKING:
    from finops.jobs.duties import Duty

    from .pulse import Pulse

log = logging.getLogger("finops.daemon")


@dataclass(frozen=True)
class Pace:
    """Seconds. lease: how long it lasts. look, adopt: from one look to the next, at slots and at what the dead left.

    patience: for what runs, once we are to stop.
    """

    lease: float = 40.0
    look: float = 10.0
    adopt: float = 60.0
    patience: float = PATIENCE


@dataclass(frozen=True)
class Chore:
    """Something beside the duties, every so many seconds, in a thread of its own. alone: only while we lead."""

    name: str
    every: float
    run: Callable[[], object]
    alone: bool = False


class Wakes:
    """Duties that somebody wants to see run at once, from any thread."""

    def __init__(self, stop: Stop) -> None:
        self._stop = stop
        self._lock = threading.Lock()
        self._jobs: set[str] = set()

    def __call__(self, job: str) -> None:
        with self._lock:
            self._jobs.add(job)
        self._stop.wakes.set()

    def put_back(self, job: str) -> None:
        """For the next look, without waking anybody."""
        with self._lock:
            self._jobs.add(job)

    def waiting(self) -> bool:
        return bool(self._jobs)

    def take(self) -> set[str]:
        with self._lock:
            jobs, self._jobs = self._jobs, set()
        return jobs


@dataclass
class Hooks:
    """What others do beside: on_ready once, on_beat each time round, on_ended for each run that ended here."""

    on_ready: Callable[[], object] = lambda: None
    on_beat: Callable[[], object] = lambda: None
    on_ended: Callable[[Ended], object] = lambda ended: None
    chores: Sequence[Chore] = field(default_factory=tuple)


def run(
    means: Means, duties: Sequence[Duty], stop: Stop, pulse: Pulse, *, wakes: Wakes | None = None,
    hooks: Hooks | None = None, pace: Pace | None = None, start: Start = in_a_thread, owner: str = "",
) -> list[str]:  # fmt: skip
    """Until `stop` is asked to. The duties that still run when our patience ends: then the process must end at once."""
    loop = Loop(means, duties, stop, pulse, wakes or Wakes(stop), hooks or Hooks(), pace or Pace(), start, owner)
    return loop.run()


class Loop:
    """One process's. Everything here happens in one thread, and nothing of it waits for Azure."""

    def __init__(
        self, means: Means, duties: Sequence[Duty], stop: Stop, pulse: Pulse, wakes: Wakes, hooks: Hooks, pace: Pace,
        start: Start = in_a_thread, owner: str = "",
    ) -> None:  # fmt: skip
        self._means = means
        self._duties = {duty.name: duty for duty in duties}
        self._stop = stop
        self._pulse = pulse
        self._wakes = wakes
        self._hooks = hooks
        self._pace = pace
        self._start = start
        self._planner = Planner(means.settings(), duties, means.state, means.note)
        owner = owner or owner_of_this_process()
        self.leading = Leading(means.state, owner, means.machine, pace.lease, means.note)
        self.working = Working(means, self.leading, pulse, stop, start)
        self._watch = Watch(means.clock, means.state, means.note)
        self._look_at: dict[str, datetime] = {}
        self._looked: datetime | None = None  # the time at the last look
        self._since: datetime | None = None  # when this process began to look
        self._chores: set[str] = set()  # those under way
        self._ticker = self._ticks()

    def run(self) -> list[str]:
        while not self._stop.asked():
            self._stop.wakes.clear()  # before looking: what comes later wakes us from the wait
            idle = self.turn()
            if not self._stop.asked():
                self._means.machine.wait(idle, self._stop.wakes)
        return self._end()

    def turn(self) -> float:
        """Do once what is to be done now. Seconds until there may be more."""
        if self.working.ended or self._wakes.waiting():
            self._never_dies(self._look)()
        self._ticker.run_pending()
        self._beat()
        return min(self._ticker.seconds_until_next(), self._pace.look)

    def _ticks(self) -> Ticker:
        ticker = Ticker(self._means.machine.monotonic)
        ticker.tick(self._never_dies(self._lead), lambda: self.leading.every)
        ticker.tick(self._never_dies(self._look), self._seconds_to_look)
        ticker.tick(self._never_dies(self._adopt), lambda: self._pace.adopt)
        for chore in self._hooks.chores:
            ticker.tick(lambda one=chore: self._chore(one), lambda one=chore: one.every)  # type: ignore[misc]
        return ticker

    # -- each tick --------------------------------------------------------------------------------------------------

    def _lead(self) -> None:
        anew = self.leading.keep()
        self._pulse.leads, self._pulse.leader = self.leading.holds(), self.leading.leader
        if anew:
            self._means.note(f"This process leads ({self.leading.owner}).")
            self._look_at.clear()
            self._since = None
            self._watch.forget()
            self._adopt()

    def _adopt(self) -> None:
        """Close what nobody will end any more: runs of processes that hold no lease."""
        if not self.leading.holds():
            return
        ours = {running.number for running in self.working.running().values()}
        for job in close_dead(self._means, self.leading, ours):
            self._look_at.pop(job, None)

    def _look(self) -> None:
        now = self._watch.look(keep=self.leading.holds())
        self._pulse.clock_in_doubt = self._watch.doubt
        self.working.look_after()
        for ended in self.working.take_ended():
            self._look_at.pop(ended.job, None)
            self._hooks.on_ended(ended)
        if self._looked and now < self._looked:
            self._look_at.clear()
        self._looked = now
        if self.leading.holds():
            self._begin_due(now)
            self._begin_woken(now)
        if not self._pulse.ready:
            self._pulse.ready = True
            self._hooks.on_ready()

    def _begin_due(self, now: datetime) -> None:
        """Begin what is due. What is due once a day or more seldom runs in the order of its slots, one at a time.

        So that, after a night of standing still, budgets are looked at when the charges are there.
        """
        running = self.working.running()
        waiting: list[tuple[datetime, Duty]] = []
        for name, duty in self._duties.items():
            if name not in running and now >= self._look_at.get(name, now):
                # One by one: what goes wrong with one duty is no reason to leave out the next.
                self._never_dies(lambda one=duty: self._plan(one, now, waiting))()  # type: ignore[misc]
        self._since = self._since or now
        free = not any(
            self._planner.whens[one.duty.name].grace >= SELDOM and not one.told and not one.asked
            for one in running.values()
        )
        for slot, duty in sorted(waiting, key=lambda one: one[0]):
            if free and self._begin(duty, slot, now):
                free = False
            else:
                self._look_again(duty.name, now)

    def _plan(self, duty: Duty, now: datetime, waiting: list[tuple[datetime, Duty]]) -> None:
        """Begin what is due every few minutes; leave the rest in `waiting`."""
        self._look_again(duty.name, now)
        if (following := self._planner.whens[duty.name].next(now, self._planner.zone)) is not None:
            self._pulse.due = {**self._pulse.due, duty.name: following}
        hindered = self._hindered(duty)
        plan = self._planner.look(duty, now, self._since, hindered)
        if plan.begin is None:
            self._look_at[duty.name] = plan.look_at or now + timedelta(days=1)
        elif hindered:
            return
        elif self._planner.whens[duty.name].grace >= SELDOM:
            waiting.append((plan.begin, duty))
        elif self._begin(duty, plan.begin, now):
            self._look_at[duty.name] = plan.look_at or now

    def _begin(self, duty: Duty, slot: datetime, now: datetime) -> bool:
        begun = self.working.begin(duty, slot, now)
        if not begun:  # another process was quicker, or our lease is over
            self._look_again(duty.name, now)
        return begun

    def _begin_woken(self, now: datetime) -> None:
        """Begin what somebody asked for; what runs just now runs once more after that, as it may have looked before."""
        for name in self._wakes.take():
            duty = self._duties.get(name)
            if duty and not self._hindered(duty) and not self.working.begin(duty, now, now, asked="event"):
                self._wakes.put_back(name)

    def _look_again(self, job: str, now: datetime) -> None:
        self._look_at[job] = now + timedelta(seconds=self._pace.look)

    def _hindered(self, duty: Duty) -> str:
        """Why a duty is not begun now; "" it may."""
        return self._watch.doubt if duty.acts else ""

    def _seconds_to_look(self) -> float:
        """Until the next duty falls due, and no longer than the pace."""
        running = self.working.running()
        ahead = [moment for name, moment in self._look_at.items() if name not in running]
        if not ahead or self._looked is None or not self.leading.holds():
            return self._pace.look
        return min(self._pace.look, max(0.2, (min(ahead) - self._looked).total_seconds()))

    # -- beside, and at the end -------------------------------------------------------------------------------------

    def _chore(self, chore: Chore) -> None:
        if chore.name in self._chores or (chore.alone and not self.leading.holds()):
            return
        self._chores.add(chore.name)

        def work() -> None:
            try:
                self._never_dies(chore.run)()
            finally:
                self._chores.discard(chore.name)

        self._start(work, chore.name)

    def _beat(self) -> None:
        self._pulse.beat()
        self._pulse.leads, self._pulse.leader = self.leading.holds(), self.leading.leader
        self._never_dies(self._hooks.on_beat)()

    def _end(self) -> list[str]:
        """Wait for what runs, as long as we may: it has been told, and finishes the act in hand."""
        self._pulse.stopping, self._pulse.ready = True, False
        self._beat()
        machine = self._means.machine
        until = machine.monotonic() + self._pace.patience
        if running := sorted(self.working.running()):
            self._means.note(f"Stopping. Waiting for {', '.join(running)}.")
        renew_at = 0.0
        while self.working.running() and machine.monotonic() < until:
            self._stop.wakes.clear()
            if machine.monotonic() >= renew_at:
                self._never_dies(self.leading.keep)()
                renew_at = machine.monotonic() + self.leading.every
            self._beat()
            machine.wait(min(1.0, max(0.0, until - machine.monotonic())), self._stop.wakes)
        left: list[str] = []
        why = f"{STOPPED}, and it did not end within {self._pace.patience:.0f} seconds."
        self._never_dies(lambda: left.extend(self.working.give_up(why)))()
        self._never_dies(self.working.look_after)()
        for ended in self.working.take_ended():
            self._never_dies(lambda one=ended: self._hooks.on_ended(one))()  # type: ignore[misc]
        self._never_dies(self.leading.leave)()
        self._pulse.leads = False
        return left

    def _never_dies(self, what: Callable[[], object]) -> Callable[[], None]:
        """`what`, and whatever goes wrong in it is told and tried again: the loop outlives it."""

        def safely() -> None:
            try:
                what()
            except FinopsError as fault:
                log.warning("%s", fault)
            except Exception:
                log.exception("A fault of the loop's own")

        return safely
