"""Signals that announce the end: SIGTERM and SIGUSR1, after which the handlers that stood before have their turn.

A process has one set of handlers, for all trainings in it.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import sys
import threading
import time
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from finops.checkpoint.notices.notice import Notice, Notices

TERMINATED = 128 + signal.SIGTERM  # what a shell calls the end by SIGTERM; never 0, or Azure ML takes the job for done
SAME = 1.0  # seconds within which a second SIGTERM is the same: to the group, and again by a launcher
# Seconds for which a training that is to end may take no step, or thrice its longest one; then its loop is over, as far
# as can be told. Launchers send SIGKILL 30 s after SIGTERM (Kubernetes, Slurm, torchrun, where not told otherwise).
HOLD = 30.0


class Signals:
    """While it stands, SIGTERM is first a notice, and an order to end that the training carries out after a save.

    armed: whether steps are being taken; while no training takes any, SIGTERM does what it always did. grace: seconds
    from SIGTERM until the training ends of itself.
    """

    def __init__(self, notices: Notices, grace: float, hold: float = HOLD) -> None:
        self._notices, self._grace, self._hold = notices, grace, hold
        self._stepped_at, self._longest = 0.0, 0.0
        self._ending = False
        self.armed = False

    def install(self) -> None:
        """Only the main thread can; one that a C library handles already, such as faulthandler, is left alone."""
        _PROCESS.add(self)

    def remove(self) -> None:
        """With the last one, put back what stood before, unless somebody has come after us."""
        self.armed = False
        _PROCESS.discard(self)

    def stepped(self) -> None:
        now = time.monotonic()
        if self.armed:
            self._longest = max(self._longest, now - self._stepped_at)
        self._stepped_at, self.armed, self._ending = now, True, False

    def rest(self) -> None:
        self.armed = False

    def finish(self) -> None:
        """The last save is made, however long it takes."""
        self._ending = True

    @property
    def end_at(self) -> float | None:
        """In time.monotonic; None where nobody asked for it."""
        return None if _PROCESS.asked is None else _PROCESS.asked + self._grace

    def hear(self, notice: Notice) -> None:
        self._notices.hear(notice)

    def is_late(self, now: float, since: float) -> bool:
        """Whether it was to end, and since then could not for as long as one is waited for that takes no steps."""
        return (end_at := self.end_at) is not None and now > max(end_at, since) + self._patience

    @property
    def _patience(self) -> float:
        return max(self._hold, 3 * self._longest, SAME)

    def is_over(self, now: float) -> bool:
        """Whether it was to end, and takes no more steps in which it could."""
        if self._ending or (end_at := self.end_at) is None:
            return False
        return now > max(end_at, self._stepped_at) + self._patience


class _Process:
    """asked: when SIGTERM asked for the end, in time.monotonic. is_cut: whether a training ended for it unheard."""

    def __init__(self) -> None:
        self.trainings: tuple[Signals, ...] = ()
        self.asked: float | None = None
        self.is_cut = False
        self._knows_of_forks = False

    def add(self, one: Signals) -> None:
        self.trainings = (*self.trainings, one)
        if threading.current_thread() is not threading.main_thread():
            return
        for number in _numbers():
            before = signal.getsignal(number)
            if not isinstance(before, _Handler) and not _is_handled_in_c(number):
                signal.signal(number, _Handler(before))
        if not self._knows_of_forks and hasattr(os, "register_at_fork"):
            self._knows_of_forks = True
            os.register_at_fork(after_in_child=self._forked)

    def discard(self, one: Signals) -> None:
        self.trainings = tuple(other for other in self.trainings if other is not one)
        if self.trainings or threading.current_thread() is not threading.main_thread():
            return
        for number in _numbers():
            if isinstance(ours := signal.getsignal(number), _Handler):
                signal.signal(number, ours.before)

    def _forked(self) -> None:
        """Children end by SIGTERM, as their parents expect."""
        self.asked, self.is_cut = None, False
        for one in self.trainings:
            one.remove()

    def heard(self, number: int, before: Any, frame: FrameType | None) -> None:
        now, name = time.monotonic(), signal.Signals(number).name
        ending = number == signal.SIGTERM and before == signal.SIG_DFL
        if ending and self.asked is not None and now - self.asked < SAME:
            return
        training = any(one.armed for one in self.trainings)
        if not self.trainings or (ending and (not training or self.asked is not None)):
            _as_without_us(number, before, frame)
            return
        for one in self.trainings:
            one.hear(Notice(name, f"{name} came", now, now))
        if ending:
            self.asked = now
        elif callable(before):
            _never_as_done(before, number, frame)


_PROCESS = _Process()


class _Handler:
    """Of one signal. before: what stood there. Where a script put a handler over ours, a second one goes over that."""

    def __init__(self, before: Any) -> None:
        self.before = before

    def __call__(self, number: int, frame: FrameType | None) -> None:
        _PROCESS.heard(number, self.before, frame)


def remind() -> None:
    """From any thread, now and then: where all that trained takes no more steps, SIGTERM comes a second time."""
    now, armed = time.monotonic(), [one for one in _PROCESS.trainings if one.armed]
    if armed and all(one.is_over(now) for one in armed) and isinstance(signal.getsignal(signal.SIGTERM), _Handler):
        os.kill(os.getpid(), signal.SIGTERM)


def end_without(one: Signals) -> None:
    """End the process where SystemExit would not: in another thread than the first, and while a generator is closed.

    Where others still train, they end it, or it ends so once it comes to its end.
    """
    if not any(other.armed for other in _PROCESS.trainings if other is not one):
        _leave()
    if not _PROCESS.is_cut:
        _PROCESS.is_cut = True
        atexit.register(_leave_if_cut)


def _leave_if_cut() -> None:
    if _PROCESS.is_cut:
        _leave()


def _leave() -> NoReturn:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):  # closed, or none
            stream.flush()
    os._exit(TERMINATED)


def _numbers() -> list[signal.Signals]:
    return [signal.Signals[name] for name in ("SIGTERM", "SIGUSR1") if name in signal.Signals.__members__]


def _is_handled_in_c(number: int) -> bool:
    """Whether the process catches a signal of which Python knows nothing, as far as the system tells (Linux)."""
    if (known := signal.getsignal(number)) is None or known not in (signal.SIG_DFL, signal.SIG_IGN):
        return known is None
    with contextlib.suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/self/status").read_text("ascii", "replace").splitlines()
        caught = next(line for line in lines if line.startswith("SigCgt:"))
        return bool(int(caught.partition(":")[2], 16) >> (number - 1) & 1)
    return False


def _as_without_us(number: int, before: Any, frame: FrameType | None) -> None:
    if before == signal.SIG_DFL:
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    elif callable(before):
        before(number, frame)


def _never_as_done(handler: Any, number: int, frame: FrameType | None) -> None:
    """A handler that ends the process says by what; as done it would never be started again."""
    try:
        handler(number, frame)
    except SystemExit as end:
        if end.code in (None, 0):
            raise SystemExit(128 + number) from end
        raise
