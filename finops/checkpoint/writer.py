"""The training's end of the writer: hands over a snapshot and goes on. At most one is being written at a time."""

from __future__ import annotations

import atexit
import contextlib
import errno
import json
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from finops.checkpoint.arena import Arena
from finops.checkpoint.faults import Fenced, StoreFault
from finops.checkpoint.launch import Started, launch
from finops.checkpoint.names import Name
from finops.checkpoint.retention import Keep
from finops.checkpoint.saying import LOG
from finops.checkpoint.stores import Store
from finops.checkpoint.tree import Buffer
from finops.checkpoint.writing import Layout, fill
from finops.errors import FinopsError

NICER = 19  # than the training, which is the lowest priority there is
LAST = 1800.0  # seconds for which the end of a training waits for its last save
_QUIET = getattr(socket, "MSG_NOSIGNAL", 0)  # a training that takes SIGPIPE for its end does not die of our writer's


@dataclass(frozen=True)
class Outcome:
    """What became of a save. stall: seconds for which the training waited. seconds: from there to durable.

    fault: why it is not there, None where it is.
    """

    name: Name
    stall: float
    seconds: float = 0.0
    nbytes: int = 0
    fault: StoreFault | None = None


class Writer:
    """Snapshots into shared memory, written by a process beside. For one thread.

    slow: seconds after which a save that is not done is worth a word.
    """

    def __init__(
        self,
        store: Store,
        launch: Callable[[Store, Arena, socket.socket, int], Started] = launch,
        slow: float = 600.0,
    ) -> None:
        self._store, self._launch, self._slow = store, launch, slow
        self.complaints: list[str] = []
        self._said = set[str]()
        self._let_go = False
        self._begin()
        atexit.register(self._end)

    def _begin(self) -> None:
        """Anew, as a process that was forked from the training has no writer."""
        self._pid = os.getpid()
        self._turn = threading.RLock()
        self._arena: Arena | None = None
        self._short = False
        self._process: Started | None = None
        self._hurries = False
        self._socket: socket.socket | None = None
        self._deaf = True  # whether the process has ended, and all that it said was heard
        self._listening: threading.Thread | None = None
        self._preparing: threading.Thread | None = None
        self._prepares = False
        self._pending: Name | None = None
        self._order = b""
        self._told_again = False
        self._stall = self._since = 0.0
        self._outcome: Outcome | None = None
        self._idle = threading.Event()
        self._idle.set()

    @property
    def busy(self) -> bool:
        if self._idle.is_set():
            return False
        if self._process is not None and self._process.poll() is not None and self._socket is not None:
            with contextlib.suppress(OSError):  # a process forked meanwhile may hold its end open
                self._socket.shutdown(socket.SHUT_RD)
        with self._turn:
            unheard = self._listening is not None and not self._listening.is_alive()
            if unheard and not self._idle.is_set():  # nobody is left who could tell what became of it
                self._deaf = True
                self._tell_another("ended")
        if time.monotonic() - self._since > self._slow:
            self._say(
                f"{self._pending} is still being written after {self._slow:.0f} s; nothing else is saved meanwhile. "
                "Look whether the place answers."
            )
        return True

    def hand_over(
        self, name: Name, layout: Layout, buffers: list[Buffer], meta: Mapping[str, Any], keep: Keep
    ) -> float:
        """Take the snapshot and have it written beside; the seconds it took. Waits for the one before."""
        self._own()
        self.wait()
        if self._preparing is not None:
            self._preparing.join()
        meta = {**meta, "keep": keep.as_json()}  # for whoever looks at it later
        begun = time.monotonic()
        try:
            arena = self._ready(layout.body)
        except (OSError, MemoryError) as fault:
            self._make_do(fault)
            return self._by_itself(name, layout, buffers, meta, keep)
        fill(memoryview(arena.memory), arena.address, layout, buffers)
        order = {
            "name": [name.attempt, name.step, name.rank, name.world],
            "body": layout.body,
            "tree": layout.tree,
            "meta": meta,
            "keep": keep.as_json(),
        }
        with self._turn:
            self._pending, self._since, self._outcome = name, begun, None
            self._stall = time.monotonic() - begun
            self._order, self._told_again = json.dumps(order).encode() + b"\n", False
            try:
                self._idle.clear()
                self._tell()
            except BaseException:  # Ctrl-C: whether it was told is not known, and it must not read the next snapshot
                self._told_again = True
                self._kill()
                raise
        return self._stall

    def wait(self, timeout: float | None = None) -> Outcome | None:
        """What became of the last one, once it is known; None where there was none or it takes longer."""
        until = None if timeout is None else time.monotonic() + timeout
        while self.busy and (until is None or time.monotonic() < until):
            self._idle.wait(1.0 if until is None else min(1.0, max(0.0, until - time.monotonic())))
        return self._outcome if self._idle.is_set() else None

    def ready_for(self, nbytes: int) -> bool:
        """Whether a snapshot of so many bytes can be taken at once; where not, it is made so beside the training.

        Where memory is short it never will be: the training waits while it is written, and is told so.
        """
        self._own()
        if self._preparing is not None:
            if self._preparing.is_alive():
                return False
            self._preparing = None
        if self._short or (self._arena is not None and self._arena.nbytes >= nbytes):
            return True
        preparing = threading.Thread(target=self._prepare, args=[nbytes], daemon=True)
        self._prepares = True
        try:
            preparing.start()
        except RuntimeError as fault:  # no thread can be started
            self._prepares = False
            self._make_do(fault)
        else:
            self._preparing = preparing
        return False

    def close(self) -> None:
        """Let the writer finish what it has, and end it."""
        if not self.is_ours:
            return
        atexit.unregister(self._end)
        if self._preparing is not None:
            self._preparing.join()
        self.wait()
        self._drop()

    def hurry(self, hurries: bool) -> None:
        """Whether to write at the training's own priority, from now on.

        Beside a training that uses all cores the lowest takes half a minute for a gigabyte. No process may raise its
        own, so another takes its place, and begins anew what this one was writing.
        """
        if hurries != self._hurries and self.is_ours:
            self._hurries, process = hurries, self._process
            if process is not None:
                self._kill()
                process.wait()

    @property
    def is_ours(self) -> bool:
        """Whether this is no process that was forked from the training."""
        return os.getpid() == self._pid

    def let_go(self) -> None:
        """Nobody holds it any more: what is under way is finished beside, and only the end of the process waits for it.

        Its memory, process and thread go after that.
        """
        with self._turn:
            if self.is_ours and not self._let_go:
                self._let_go = True
                if not self._prepares:
                    self._leave()

    def _leave(self) -> None:
        """To be called in turn. The process is told that there is no more; whoever listens to it does the rest."""
        if self._process is not None and self._socket is not None and not self._deaf:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_WR)
            return
        atexit.unregister(self._end)
        self._process = self._socket = None
        if self._arena is not None:
            self._arena.close()
        self._arena = None

    def _end(self) -> None:
        """The training ends without having closed it: its last save is worth waiting for, but not a node for ever."""
        if self.is_ours and (self.wait(LAST) is not None or not self.busy):
            self.close()

    def _own(self) -> None:
        if not self.is_ours:
            self._begin()

    # Memory

    def _prepare(self, nbytes: int) -> None:
        try:
            self._ready(nbytes)
        except (OSError, MemoryError) as fault:
            self._make_do(fault)
        with self._turn:
            self._prepares = False
            if self._let_go:
                self._leave()

    def _make_do(self, fault: OSError | MemoryError | RuntimeError) -> None:
        if not self._short:
            self._short = True
            self._say(f"The training waits while checkpoints are written: there is no writer beside it ({fault}).")

    def _ready(self, body: int) -> Arena:
        if self._arena is None or self._arena.nbytes < body:
            self._drop()
            self._arena = Arena(body + body // 16)  # a scheduler's list that grows by an entry needs no other
            self._arena.touch()
        if self._deaf or self._process is None or self._process.poll() is not None:
            self._end_process()
            self._start(self._arena)
        return self._arena

    def _by_itself(
        self, name: Name, layout: Layout, buffers: list[Buffer], meta: Mapping[str, Any], keep: Keep
    ) -> float:
        """Without a writer: the training waits until it is durable."""
        from finops.checkpoint.scribe import Retiring
        from finops.checkpoint.sparing import put_sparingly
        from finops.checkpoint.together.sets import published

        self._pending, self._since, nbytes, wrong = name, time.monotonic(), 0, None
        try:
            nbytes = published(self._store, name, meta, lambda: put_sparingly(self._store, name, layout, buffers, meta))
        except FinopsError as fault:
            wrong = fault if isinstance(fault, StoreFault) else StoreFault(fault.what, fault.fix)
        except (OSError, MemoryError, ValueError) as fault:
            wrong = StoreFault(f"It could not be written: {fault!r}.", "It is tried again.")
        self._stall = time.monotonic() - self._since
        self._settle(wrong, nbytes)
        if wrong is None:
            try:
                Retiring(self._store).after(name, meta, keep)
            except FinopsError as fault:
                self.complaints.append(str(fault))
        return self._stall

    # The process

    def _drop(self) -> None:
        self._end_process()
        with self._turn:
            if self._arena is not None:
                self._arena.close()
            self._arena = None

    def _end_process(self) -> None:
        """It is told that there is no more, finishes what it has, and all that it said is heard."""
        process, ours, listening = self._process, self._socket, self._listening
        if process is None or ours is None:
            return
        with contextlib.suppress(OSError):
            ours.shutdown(socket.SHUT_WR)
        process.wait()
        with contextlib.suppress(OSError):
            ours.shutdown(socket.SHUT_RD)
        if listening is not None:
            listening.join()
        self._process = self._socket = None

    def _kill(self) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, signal.SIGKILL)

    def _start(self, arena: Arena) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                self._process = self._launch(self._store, arena, theirs, 0 if self._hurries else NICER)
            except BaseException:
                ours.close()
                raise
        listening = threading.Thread(target=self._listen, args=[self._process, ours], daemon=True)
        self._socket, self._listening, self._deaf = ours, listening, False
        try:
            listening.start()
        except RuntimeError as fault:  # no thread can be started, or Python is ending and starts none
            ours.close()  # which ends the process
            self._process = self._socket = self._listening = None
            self._deaf = True
            raise OSError(errno.EAGAIN, str(fault)) from fault

    def _tell(self) -> None:
        """Where it has died, the listener knows, or has known it before there was something to tell."""
        if self._deaf:
            self._tell_another("ended")
        elif self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.sendall(self._order, _QUIET)

    def _tell_another(self, how: str) -> None:
        """The snapshot is still there: a second writer is told of it, but no third."""
        fault = StoreFault(f"The process that writes checkpoints {how}.", "It is started again for the next.")
        if self._told_again or self._arena is None:
            self._settle(fault)
            return
        self._told_again = True
        try:
            self._start(self._arena)
        except OSError:
            self._settle(fault)
        else:
            self._tell()

    def _listen(self, process: Started, ours: socket.socket) -> None:
        with ours, contextlib.suppress(ConnectionError), ours.makefile("r", encoding="utf-8") as said:
            for line in said:
                self._hear(json.loads(line))
        code = process.wait()
        with self._turn:
            self._deaf = True
            if not self._idle.is_set():
                self._tell_another(f"ended with {code}")
            if self._let_go:
                self._leave()

    def _hear(self, answer: dict[str, Any]) -> None:
        if "saved" in answer:
            self._settle(None, answer["bytes"])
        elif answer["fault"] == "retiring":
            self.complaints.append(f"{answer['what']} {answer['fix']}")
        else:
            kind = Fenced if answer["fault"] == "fenced" else StoreFault
            self._settle(kind(answer["what"], answer["fix"]))

    def _settle(self, fault: StoreFault | None, nbytes: int = 0) -> None:
        assert self._pending is not None
        seconds = time.monotonic() - self._since
        self._outcome = Outcome(self._pending, self._stall, seconds, nbytes, fault)
        if fault is not None and self._let_go:
            LOG.warning("%s was not saved: %s", self._pending, fault)
        self._idle.set()

    def _say(self, once: str) -> None:
        if once not in self._said:
            self._said.add(once)
            self.complaints.append(once)
