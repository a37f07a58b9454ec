"""Runs of duties in processes of their own: what their libraries take goes back, and their crash ends a run only."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from finops import __version__
from finops.errors import FinopsError
from finops.jobs.duties.model import Done, Duty, Work

from . import logs

if TYPE_CHECKING:
    from .calls import Calls, Told

LEAVES_WITHIN = (
    15.0  # seconds that a process has for closing what its libraries opened, once it has said what it came to
)
ANSWERS_WITHIN = 60.0  # longer than a lease: a daemon that does not answer a run is frozen, or busy beyond use
# SIGTERM and SIGINT are the daemon's, also where they reach every process of it (a terminal's Ctrl-C, KillMode=
# control-group): it tells its runs. A thread's mask goes on to the process that it begins, and holds them back there.
OURS = (signal.SIGTERM, signal.SIGINT)

Json = dict[str, Any]


class Begun(NamedTuple):
    """A process that waits for its order, and our end of the line to it."""

    process: subprocess.Popen[bytes]
    ours: socket.socket


class Apart:
    """Begins a process for a run, answers it, and hands on what it came to. Safe to share between threads.

    about: what `finops daemon apart` needs to make its own connections, as JSON takes it.
    answers_within: seconds of the daemon's silence after which a run takes it for frozen, and does nothing more
    """

    def __init__(
        self,
        calls: Calls,
        about: Mapping[str, Any],
        command: Sequence[str] = (),
        answers_within: float = ANSWERS_WITHIN,
    ) -> None:
        self._calls = calls
        self._about = {**about, "answers_within": answers_within}
        # -P: what lies in the folder where the daemon was started is no module of ours.
        self._command = list(command) or [sys.executable, "-P", "-m", "finops", "daemon", "apart"]
        self._lock = threading.Lock()
        self._under_way: set[subprocess.Popen[bytes]] = set()
        self._ready: dict[str, Begun] = {}
        self._over = False

    def __call__(self, duty: Duty, work: Work) -> Done:
        """What the run came to there. Raises FinopsError as the run did, or where its process died."""
        process, ours = self._taken(duty.name) or self._begun(duty.name)
        with ours:
            try:
                with self._calls.elsewhere() as told:
                    came = _heard(ours, {**self._about, **_order(duty, work)}, work, told)
            except BaseException:
                process.kill()
                raise
            finally:
                code = self._ended(process)
        if came is None:
            raise FinopsError(*_death(duty.name, code))
        if "what" in came:
            raise FinopsError(came["what"], came["fix"])
        return Done(came["outcome"], tuple(came["said"]), came["counts"])

    def prepare(self, name: str) -> None:
        """Begin the process of a duty's next run, so that what it loads is there by then. For one thread, which stays.

        Where none can be begun, the run itself will say so.
        """
        with self._lock:
            ready = self._ready.get(name)
        if ready is None or ready.process.poll() is not None:
            with suppress(FinopsError):
                begun = self._begun(name)
                with self._lock:
                    self._ready[name] = begun

    def end(self) -> None:
        """End them all, whatever they do, and begin none any more: this process does not lead from now on."""
        with self._lock:
            self._over = True
            left, ready = list(self._under_way), list(self._ready.values())
            self._ready.clear()
        for process in left:
            process.kill()
        for one in ready:
            one.ours.close()
            self._ended(one.process)

    def _taken(self, name: str) -> Begun | None:
        """The process that was prepared for this run, if it still lives."""
        with self._lock:
            ready = self._ready.pop(name, None)
        if ready is not None and ready.process.poll() is not None:
            ready.ours.close()
            return None
        return ready

    def _begun(self, name: str) -> Begun:
        # As we found our modules: started as a file, by -m or from a folder that is not installed.
        path = os.pathsep.join(one or os.getcwd() for one in sys.path)
        ours, theirs = socket.socketpair()
        with theirs, ExitStack() as fails:
            fails.callback(ours.close)
            with self._lock, _held_back():
                if self._over:
                    raise FinopsError(f"{name} was not begun: the daemon ends.", "The next start begins it.")
                try:
                    process = subprocess.Popen(  # noqa: S603 - this interpreter, and words of our own
                        [*self._command, name], stdin=theirs.fileno(), env={**os.environ, "PYTHONPATH": path}
                    )
                except OSError as fault:
                    raise FinopsError(
                        f"No process could be started for {name} ({fault.strerror}).",
                        "See how much memory is free, and how many processes the service may have.",
                    ) from fault
                self._under_way.add(process)
            fails.pop_all()
        return Begun(process, ours)

    def _ended(self, process: subprocess.Popen[bytes]) -> int:
        try:
            return process.wait(LEAVES_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()
        finally:
            with self._lock:
                self._under_way.discard(process)


def _order(duty: Duty, work: Work) -> Json:
    return {
        "version": __version__, "duty": duty.name, "run": work.run, "now": work.now.isoformat(),
        "slot": work.slot.isoformat() if work.slot else None, "within": logs.traced(None, "", {}),
    }  # fmt: skip


def _heard(ours: socket.socket, order: Json, work: Work, told: Told) -> Json | None:
    """What it came to; None where it ended without a word."""
    try:
        _say(ours, order)
        with ours.makefile("rb") as lines:
            for line in lines:
                message = json.loads(line)
                told(message.get("calls", ()))
                if "note" in message:
                    work.note(message["note"])
                elif "asks" in message:
                    _answer(ours, {"stop": work.stopping()})
                else:
                    return dict(message)
    except ConnectionError:  # it ended before it had read what we said
        pass
    return None


def _answer(ours: socket.socket, what: Json) -> None:
    """Where nobody hears it any more, what was said before that still counts."""
    with suppress(ConnectionError):
        _say(ours, what)


def _say(ours: socket.socket, what: Json) -> None:
    ours.sendall(json.dumps(what).encode() + b"\n")


def _death(name: str, code: int) -> tuple[str, str]:
    """What happened, and what to do."""
    if code == -signal.SIGKILL:
        return (
            f"The process of {name} was killed (SIGKILL): memory ran out, or somebody did it.",
            "`journalctl -k` names what was killed for want of memory; charges.memory says what DuckDB may take.",
        )
    how = f"by {_named(-code)}" if code < 0 else f"with {code}"
    return f"The process of {name} ended {how} before it said what it came to.", "The log may say why."


def _named(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


@contextmanager
def _held_back() -> Iterator[None]:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, OURS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
