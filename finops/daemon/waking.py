"""Wakes the guard for the events that came in, here or at another replica: a thread that mostly sleeps."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from finops.errors import FinopsError

from .burst import Burst
from .governed import STALE

if TYPE_CHECKING:
    from finops.config.events import EventSettings
    from finops.state.runs import SeenEvent

log = logging.getLogger(__name__)
JOB = "guard"
# How often the one that leads looks for events that another replica took in.
LOOK_SECONDS = 2.0
AHEAD_SECONDS = 5.0  # of waking, when the guard's process is begun; it takes a second or two to load what it uses


class Waiting(Protocol):
    """What of the daybook is used here."""

    def events_waiting(self) -> list[SeenEvent]: ...

    def handled(self, ids: list[str], now: datetime) -> None: ...


class Waking:
    """Gathers events until it is time, then calls `wake` once.

    Only where `leads` says so: the others keep theirs in the database, where whoever leads finds them. soon: called
    while it is about to wake, more than once.
    """

    def __init__(
        self,
        settings: EventSettings,
        wake: Callable[[str], object],
        waiting: Waiting,
        now: Callable[[], datetime],
        leads: Callable[[], bool] = lambda: True,
        soon: Callable[[str], object] = lambda job: None,
    ) -> None:
        self._burst = Burst(
            settings.quiet_seconds, settings.longest_seconds, settings.apart_seconds, settings.again_seconds
        )
        self._wake = wake
        self._waiting = waiting
        self._now = now
        self._leads = leads
        self._soon = soon
        self._known: set[str] = set()
        self._heard = threading.Condition()
        self._ended = False

    def heard(self) -> None:
        """Events were written down just now."""
        with self._heard:
            self._burst.heard(time.monotonic())
            self._heard.notify()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Wake while the block runs."""
        thread = threading.Thread(target=self._run, name="wakes the guard", daemon=True)
        thread.start()
        try:
            yield
        finally:
            with self._heard:
                self._ended = True
                self._heard.notify()
            thread.join()

    def _run(self) -> None:
        look_at = rest_until = time.monotonic()
        while True:
            with self._heard:
                due = self._burst.due() if self._leads() else None
                until = max(look_at if due is None else min(due, look_at), rest_until)
                if not self._ended:
                    self._heard.wait(max(0.0, until - time.monotonic()))
                if self._ended:
                    return
                due = self._burst.due()
            at = time.monotonic()
            if due is not None and due - at < AHEAD_SECONDS and self._leads():
                self._soon(JOB)
            if at < rest_until or (at < look_at and (due is None or at < due)):
                continue
            look_at = at + LOOK_SECONDS
            if self._leads() and not self.look(at):
                rest_until = look_at

    def look(self, at: float) -> bool:
        """Take note of what others wrote down, and wake if it is time. False: there is no database now."""
        try:
            waiting = self._waiting.events_waiting()
            if stale := [one.id for one in waiting if self._now() - one.at > STALE]:
                self._waiting.handled(stale, self._now())
            fresh = {one.id for one in waiting} - set(stale)
            with self._heard:
                if fresh - self._known:
                    self._burst.heard(at)
                elif not fresh:
                    self._burst.forget()
                self._known = fresh
                due = self._burst.due()
                if due is None or due > at:
                    return True
                self._burst.woke(at)
            self._wake(JOB)
            self._waiting.handled(sorted(fresh), self._now())
            self._known = set()
        except FinopsError as fault:
            log.warning("Events wait: %s", fault)
            return False
        return True
