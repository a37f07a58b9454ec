"""Toy duties, a clock that tests put forward, and loops on it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from finops.config.model import Settings
from finops.daemon.loop import Hooks, Loop, Pace, Wakes
from finops.daemon.pulse import Pulse
from finops.daemon.stopping import Stop
from finops.daemon.working import Means, in_a_thread
from finops.jobs.duties.model import Done, Duty, Work
from finops.state import State

# A test's hour is made of few turns: each renewal of the lease is a write through to the disk.
RARE = Pace(lease=3600, look=60, adopt=600)
MONDAY = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)


@dataclass
class Hands:
    """A clock that goes on when it is waited for. `jump` puts the wall clock only."""

    wall: datetime = MONDAY
    steady: float = 1000.0

    def now(self) -> datetime:
        return self.wall

    def monotonic(self) -> float:
        return self.steady

    def wait(self, seconds: float, event: threading.Event) -> None:
        self.forward(seconds)

    def forward(self, seconds: float) -> None:
        self.wall += timedelta(seconds=seconds)
        self.steady += seconds

    def jump(self, by: timedelta) -> None:
        self.wall += by


@dataclass
class Diary:
    """What duties did: (name, slot) of every run that was begun."""

    began: list[tuple[str, datetime | None]] = field(default_factory=list)

    def duty(self, name: str, when: str, does: Callable[[Work], Done] = lambda work: Done("done"), **more: Any) -> Duty:
        def run(work: Work) -> Done:
            self.began.append((name, work.slot))
            return does(work)

        more = {"late_after": timedelta(days=1), "limit": timedelta(minutes=10), **more}
        return Duty(name, f"Tests {name}.", when, run, **more)

    def slots(self, name: str) -> list[datetime | None]:
        return [slot for one, slot in self.began if one == name]


def inline(work: Callable[[], None], name: str) -> None:
    work()


def never(work: Callable[[], None], name: str) -> None:
    """As if the process had been killed before the first line of it."""


@contextmanager
def no_azure() -> Iterator[Any]:
    yield None


@dataclass
class Replica:
    """One loop, and what it said."""

    loop: Loop
    stop: Stop
    pulse: Pulse
    wakes: Wakes
    hands: Hands
    notes: list[str]

    def turn(self) -> None:
        self.loop.turn()

    def go(self, span: timedelta) -> None:
        """Go round for so long."""
        end = self.hands.steady + span.total_seconds()
        while self.hands.steady < end:
            self.hands.forward(min(self.loop.turn(), end - self.hands.steady))
        self.loop.turn()


def replica(
    state: State, hands: Hands, *duties: Duty, start: Callable[[Callable[[], None], str], None] = inline,
    owner: str = "one", settings: Settings | None = None, pace: Pace | None = None, hooks: Hooks | None = None,
    machine: Hands | None = None,
) -> Replica:  # fmt: skip
    given, stop, pulse, notes = settings or Settings(), Stop(), Pulse(), list[str]()
    means = Means(lambda: given, state, no_azure, no_azure, hands, machine or hands, notes.append)
    wakes = Wakes(stop)
    loop = Loop(means, duties, stop, pulse, wakes, hooks or Hooks(), pace or RARE, start, owner)
    return Replica(loop, stop, pulse, wakes, hands, notes)


__all__ = ["MONDAY", "RARE", "Diary", "Hands", "Replica", "in_a_thread", "inline", "never", "no_azure", "replica"]
