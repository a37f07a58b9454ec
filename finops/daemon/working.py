"""Runs of duties, each in a thread of its own: begun once, watched, and written down whatever it comes to."""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from finops.errors import FinopsError
from finops.jobs.duties.model import Duty, Work

from .due import DIED, STOPPED

if TYPE_CHECKING:
    from finops.cloud import Azure
    from finops.config.model import Settings
    from finops.state import State

    from .apart import Apart
    from .clock import Clock
    from .leading import Leading
    from .pulse import Pulse
    from .stopping import Stop

log = logging.getLogger("finops.daemon")
LONGEST_WHY = 600

Connect = Callable[[], AbstractContextManager["Azure"]]
Start = Callable[[Callable[[], None], str], None]


@dataclass(frozen=True)
class Means:
    """What every run works with.

    settings: asked for each run, so that what was changed since counts. clock: by which duties are due; machine: by
    which a run lasts. around: a block that each run is in, by its id and its duty. apart: runs what is to have a
    process of its own; None: that runs in this one, too.
    """

    settings: Callable[[], Settings]
    state: State
    azure: Connect
    acting: Connect
    clock: Clock
    machine: Clock
    note: Callable[[str], None]
    around: Callable[[str, str], AbstractContextManager[object]] = lambda run, job: nullcontext()
    apart: Apart | None = None


@dataclass
class Running:
    duty: Duty
    number: int
    slot: datetime
    asked: str
    began: float  # by machine.monotonic
    told: bool = False


@dataclass(frozen=True)
class Ended:
    """What a run came to."""

    job: str
    number: int
    slot: datetime
    outcome: str
    why: str = ""
    said: Sequence[str] = ()
    counts: Mapping[str, int | float] = field(default_factory=dict)
    run: str = ""


def in_a_thread(work: Callable[[], None], name: str) -> None:
    """No thread keeps the process: one that is stuck is left behind."""
    threading.Thread(target=work, name=name, daemon=True).start()


class Working:
    """All that runs in this process. `begin` and `look_after` are the loop's; the rest any thread may ask."""

    def __init__(self, means: Means, leading: Leading, pulse: Pulse, stop: Stop, start: Start = in_a_thread) -> None:
        self._means = means
        self._leading = leading
        self._pulse = pulse
        self._stop = stop
        self._start = start
        self._lock = threading.Lock()
        self._running: dict[str, Running] = {}
        self._unwritten: list[Ended] = []
        self._given_up: set[int] = set()
        self.ended: list[Ended] = []  # since somebody looked

    def running(self) -> dict[str, Running]:
        with self._lock:
            return dict(self._running)

    def take_ended(self) -> list[Ended]:
        """What has ended since this was last asked."""
        with self._lock:
            ended, self.ended = self.ended, []
        return ended

    def stopping(self) -> bool:
        """What acts ask: a process that is being stopped, or that does not lead any more, begins none."""
        return self._stop.asked() or not self._leading.holds()

    def begin(self, duty: Duty, slot: datetime, now: datetime, asked: str = "") -> bool:
        """Whether it runs now. Not, where another process was quicker, or the lease is lost."""
        if self.stopping() or duty.name in self.running():
            return False
        run = f"{duty.name}-{uuid.uuid4().hex[:12]}"
        leading = self._leading
        number = self._means.state.daybook.begin(
            duty.name, slot, run, leading.owner, leading.fence, now, lease=leading.name, asked=asked
        )
        if number is None:
            return False
        running = Running(duty, number, slot, asked, self._means.machine.monotonic())
        with self._lock:
            self._running[duty.name] = running
        self._pulse.begins(duty.name, now)
        self._start(lambda: self._work(running, run, now), f"duty {duty.name}")
        return True

    def _work(self, running: Running, run: str, now: datetime) -> None:
        duty, means = running.duty, self._means
        with means.around(run, duty.name):
            try:
                work = Work(
                    settings=means.settings(), state=means.state, now=now, run=run, azure=means.azure,
                    acting=means.acting, note=means.note, stopping=self.stopping,
                    slot=None if running.asked else running.slot,
                )  # fmt: skip
                done = means.apart(duty, work) if means.apart and duty.apart else duty.run(work)
                why = STOPPED if done.outcome == "held" and self.stopping() else ""
                ended = Ended(duty.name, running.number, running.slot, done.outcome, why, done.said, done.counts)
            except FinopsError as fault:
                log.error("%s failed: %s", duty.name, fault)
                ended = Ended(duty.name, running.number, running.slot, "failed", str(fault))
            except Exception as fault:  # the daemon outlives any duty
                log.exception("%s failed", duty.name)
                why = f"{type(fault).__name__}: {fault}"[:LONGEST_WHY]
                ended = Ended(duty.name, running.number, running.slot, "failed", why)
            ended = replace(ended, run=run)
            self._write(ended)
        with self._lock:
            self._running.pop(duty.name, None)
            self.ended.append(ended)
        self._pulse.ends(duty.name)
        self._stop.wakes.set()

    def _write(self, ended: Ended) -> None:
        """Write down what it came to; later, where the database is away. Until then the duty counts as under way."""
        try:
            now = self._means.clock.now()
            stood = self._means.state.daybook.end(ended.number, ended.outcome, ended.why, ended.said, ended.counts, now)
        except FinopsError as fault:
            log.warning("What %s came to (%s) is not written down yet: %s", ended.job, ended.outcome, fault)
            with self._lock:
                self._unwritten.append(ended)
            return
        if not stood and ended.number not in self._given_up:
            log.warning("%s was given up by another process before it ended here (%s).", ended.job, ended.outcome)

    def look_after(self) -> None:
        """Tell of what runs for too long, and write down what could not be."""
        with self._lock:
            unwritten, self._unwritten = self._unwritten, []
        for ended in unwritten:
            self._write(ended)
        steady = self._means.machine.monotonic()
        for name, running in self.running().items():
            lasted = timedelta(seconds=int(steady - running.began))
            if lasted > running.duty.limit and not running.told:
                running.told = True
                self._pulse.overruns(name)
                log.warning("%s has run for %s; %s are expected. It goes on.", name, lasted, running.duty.limit)
                self._means.note(f"{name} has run for {lasted}; {running.duty.limit} are expected. It goes on.")

    def give_up(self, why: str) -> list[str]:
        """Close what still runs, because the process ends now, and end what runs in others. The duties."""
        left = self.running()
        try:
            now = self._means.clock.now()
            for running in left.values():
                self._given_up.add(running.number)
                self._means.state.daybook.end(running.number, "failed", why, (), {}, now)
        finally:
            if self._means.apart:
                self._means.apart.end()
        return sorted(left)


def close_dead(means: Means, leading: Leading, ours: Collection[int] = ()) -> list[str]:
    """Close runs that nobody will end any more: of processes that hold no lease. Their duties."""
    book, closed = means.state.daybook, []
    alive = {lease.owner for lease, held in book.leases(means.machine.now()) if held} | {leading.owner}
    for run in book.open_runs():
        if run.owner not in alive and run.number not in ours:
            why = f"{DIED}, or lost its lease: {run.owner}."
            if book.end(run.number, "failed", why, (), {}, means.clock.now()):
                means.note(f"{run.job}: the run of {run.began_at:%Y-%m-%d %H:%M} UTC did not end. {why}")
                closed.append(run.job)
    return closed
