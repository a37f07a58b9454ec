"""What the loop shows of itself: its heartbeat, whether it leads, what runs, whether its clock is in doubt."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType


@dataclass(frozen=True)
class Seen:
    """One moment of it. beat_at: seconds of time.monotonic(). due: the next slots."""

    beat_at: float
    leads: bool
    leader: str
    ready: bool
    running: Mapping[str, datetime]
    overrun: frozenset[str]
    clock_in_doubt: str
    due: Mapping[str, datetime]
    stopping: bool


class Pulse:
    """Written by the loop, read by other threads; each field by itself, or all at one moment by `seen`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.beat_at = time.monotonic()
        self.leads = False
        self.leader = ""  # who leads, in words; "" nobody that we know
        self.ready = False  # settings, state and the first look at the slots went well
        self.running: dict[str, datetime] = {}  # job: when it began
        self.overrun: frozenset[str] = frozenset()  # jobs that have run longer than they may
        self.clock_in_doubt = ""  # why; "" while it is trusted
        self.due: dict[str, datetime] = {}  # job: its next slot
        self.stopping = False

    def beat(self) -> None:
        """The loop came by."""
        self.beat_at = time.monotonic()

    def age(self) -> float:
        """Seconds since the last beat."""
        return time.monotonic() - self.beat_at

    def begins(self, job: str, now: datetime) -> None:
        with self._lock:
            self.running = {**self.running, job: now}

    def ends(self, job: str) -> None:
        with self._lock:
            self.running = {name: began for name, began in self.running.items() if name != job}
            self.overrun -= {job}

    def overruns(self, job: str) -> None:
        with self._lock:
            self.overrun |= {job}

    def seen(self) -> Seen:
        with self._lock:
            return Seen(
                self.beat_at, self.leads, self.leader, self.ready, MappingProxyType(self.running), self.overrun,
                self.clock_in_doubt, MappingProxyType(dict(self.due)), self.stopping,
            )  # fmt: skip
