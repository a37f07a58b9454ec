"""A run of a duty in a process of its own: its order comes from the daemon, and what it came to goes back there."""

from __future__ import annotations

import json
import logging
import os
import queue
import resource
import signal
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finops import __version__
from finops.errors import FinopsError, UsageError
from finops.jobs.duties import duty
from finops.jobs.duties.model import Work

from . import logs
from .apart import OURS
from .calls import Calls

if TYPE_CHECKING:
    from finops.config.model import Settings
    from finops.state import State

    from .working import Connect

log = logging.getLogger("finops.daemon")
# What nearly every run uses, loaded before there is an order: it may have been begun ahead of its run.
LOADED = ("finops.cloud", "finops.state", "finops.jobs.guarding.run")
GONE = 70  # what this process ends with where the daemon is gone; nobody is left to read it
LONGEST_WHY = 600
PR_SET_PDEATHSIG = 1  # https://man7.org/linux/man-pages/man2/pr_set_pdeathsig.2const.html
# Where memory runs out, the kernel is to take this one and not the daemon, which would be the smaller loss of memory
# and the greater one of work. https://man7.org/linux/man-pages/man5/proc_pid_oom_score_adj.5.html
FIRST_TO_GO = "500"

Json = dict[str, Any]


@dataclass(frozen=True)
class Given:
    """What a run works with here: connections of its own, by the daemon's settings.

    redact: takes secrets out of a text
    """

    settings: Settings
    state: State
    azure: Connect
    acting: Connect
    redact: Callable[[str], str]


Equipped = Callable[[Json, Calls], AbstractContextManager[Given]]


def obey(equipped: Equipped) -> None:
    """Do what the daemon at the other end of standard input says, and tell it what that came to."""
    line = _line()
    for number in OURS:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, OURS)
    _ends_with_the_daemon()
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(FIRST_TO_GO)
    for name in LOADED:
        import_module(name)
    order = line.order()
    came: Json
    try:
        _same_version(order)
        with equipped(order, line.calls) as given, logs.of_run(order["run"], order["duty"], **order["within"]):
            came = _came(order, given, line)
    except FinopsError as fault:
        came = {"what": fault.what, "fix": fault.fix}
    except Exception as fault:  # whatever it is, the daemon is to hear of it
        log.exception("%s failed", order["duty"])
        came = _of_another_kind(fault)
    line.tell(came)


class Line:
    """To the daemon, one JSON object a line. Once the order is there, the daemon's end is this process's, at once."""

    def __init__(self, ends: socket.socket) -> None:
        self.calls = Calls()
        self._socket = ends
        self._heard = ends.makefile("rb")
        self._sending = threading.Lock()
        self._asking = threading.Lock()
        self._answers: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._stops = False
        self._answers_within = 0.0

    def order(self) -> Json:
        said = self._heard.readline()
        if not said:
            os._exit(GONE)
        threading.Thread(target=self._listen, name="hears the daemon", daemon=True).start()
        order: Json = json.loads(said)
        self._answers_within = float(order["answers_within"])
        return order

    def tell(self, message: Json) -> None:
        calls = [[service, status, count] for (service, status), count in self.calls.totals().items()]
        said = json.dumps({**message, "calls": calls}).encode() + b"\n"
        with self._sending:
            self._socket.sendall(said)

    def stopping(self) -> bool:
        """What the daemon says now; silence is a yes. After a yes it is not asked again."""
        with self._asking:
            if not self._stops:
                self.tell({"asks": "stopping"})
                try:
                    self._stops = self._answers.get(timeout=self._answers_within)
                except queue.Empty:
                    self._stops = True
            return self._stops

    def _listen(self) -> None:
        """Nothing is to go on here beside the next leader: not the act in hand, either."""
        try:
            for said in self._heard:
                self._answers.put(bool(json.loads(said)["stop"]))
        finally:
            os._exit(GONE)


def _line() -> Line:
    """Standard input, which is then nothing's: what this process begins has no part in it."""
    try:
        ends = socket.socket(fileno=os.dup(0))
    except OSError as fault:
        raise UsageError(
            "The daemon begins this by itself, and tells it what to do.", "Write `finops daemon run --once DUTY`."
        ) from fault
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return Line(ends)


def _ends_with_the_daemon() -> None:
    """By the kernel, when the thread that began us ends: also while a library holds Python's lock here."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL))


def _same_version(order: Json) -> None:
    if order["version"] != __version__:
        raise FinopsError(
            f"The daemon is finops {order['version']}, and {__version__} was installed since.",
            "Restart the daemon. Until then its larger duties do not run.",
        )


def _came(order: Json, given: Given, line: Line) -> Json:
    work = Work(
        settings=given.settings, state=given.state, now=datetime.fromisoformat(order["now"]), run=order["run"],
        azure=given.azure, acting=given.acting, note=lambda text: line.tell({"note": given.redact(text)}),
        stopping=line.stopping, slot=datetime.fromisoformat(order["slot"]) if order["slot"] else None,
    )  # fmt: skip
    try:
        done = duty(order["duty"]).run(work)
    except FinopsError as fault:
        return {"what": given.redact(fault.what), "fix": given.redact(fault.fix)}
    except Exception as fault:  # as in the daemon: told, and tried again
        log.exception("%s failed", order["duty"])
        return {name: given.redact(text) for name, text in _of_another_kind(fault).items()}
    finally:
        used = resource.getrusage(resource.RUSAGE_SELF)
        logs.logger().info("its process ends", peak_mib=_peak(), cpu_seconds=round(used.ru_utime + used.ru_stime, 1))
    return {"outcome": done.outcome, "said": [given.redact(one) for one in done.said], "counts": dict(done.counts)}


def _of_another_kind(fault: Exception) -> Json:
    return {"what": f"{type(fault).__name__}: {fault}"[:LONGEST_WHY], "fix": ""}


def _peak() -> int | None:
    """MiB that this process held at most; None where that is not told.

    Not ru_maxrss: that begins at what the daemon held when it began this one.
    """
    with suppress(OSError, StopIteration):
        lines = Path("/proc/self/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM:")).split()[1]) // 1024
    return None
