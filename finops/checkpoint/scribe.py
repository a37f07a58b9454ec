"""The writer: a process of its own at the lowest priority, so that training has the processor when it wants it.

While the node may go it has the training's own, as the lowest gets nothing done beside a training that uses all cores.

It is told by a line of JSON on a socket and answers with one. What it was told it finishes when the training is killed:
the memory is shared, and holds a whole snapshot before the line is sent. It ends when the socket or the training does,
and not before: signals that end the training leave it alone.
"""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import selectors
import signal
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from finops.checkpoint.faults import Damaged, Fenced, Newer
from finops.checkpoint.format import read_footer
from finops.checkpoint.names import Name
from finops.checkpoint.retention import Keep, superfluous
from finops.checkpoint.stores import Store, store_of
from finops.checkpoint.together.sets import delete, left_over, published, whole
from finops.checkpoint.writing import put, verify
from finops.errors import FinopsError

Json = dict[str, Any]
LOOK = 2.0  # seconds between looks whether the training is there, while it says nothing


def main(spec: str, fd: int, nbytes: int, training: socket.socket) -> None:
    """Write what each line asks for, until there are no more."""
    memory = memoryview(mmap.mmap(fd, nbytes))
    retiring: Retiring | None = None
    parent = os.getppid()
    goes_on = _going_on(training, parent)
    with contextlib.suppress(ConnectionError):
        for line in _lines(training, parent):
            retiring = retiring or Retiring(spec)
            for answer in _carried_out(retiring, memory, json.loads(line), goes_on):
                training.sendall(json.dumps(answer).encode() + b"\n")
    if os.getppid() != parent:
        os.ftruncate(fd, 0)  # a process that was forked from the training holds the memory, and does nothing with it


def _lines(training: socket.socket, parent: int) -> Iterator[bytes]:
    """What the training says, while it is there. Half a line is none: it was killed while it wrote it.

    A process that was forked from it may hold its end of the socket for long after it.
    """
    heard, waiting = b"", selectors.DefaultSelector()
    waiting.register(training, selectors.EVENT_READ)
    with waiting:
        while True:
            if waiting.select(LOOK):
                if not (more := training.recv(1 << 16)):
                    return
                *lines, heard = (heard + more).split(b"\n")
                yield from lines
            elif os.getppid() != parent:
                return


def _going_on(training: socket.socket, parent: int) -> Callable[[], bool]:
    """Whether the training is there: its end of the socket, and it as the parent, should a fork of it hold that end."""

    def goes_on() -> bool:
        with contextlib.suppress(BlockingIOError):
            return os.getppid() == parent and training.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) != b""
        return True

    return goes_on


def _carried_out(
    retiring: Retiring, memory: memoryview, order: Json, goes_on: Callable[[], bool] = lambda: True
) -> Iterator[Json]:
    name, begun = Name(*order["name"]), time.monotonic()
    try:
        body, tree, meta = memory[: order["body"]], tuple(order["tree"]), order["meta"]
        nbytes = published(retiring.store, name, meta, lambda: put(retiring.store, name, body, tree, meta), goes_on)
    except FinopsError as fault:
        yield {"fault": "fenced" if isinstance(fault, Fenced) else "store", "what": fault.what, "fix": fault.fix}
        return
    except (OSError, ValueError, MemoryError) as fault:
        yield {"fault": "store", "what": f"It could not be written: {fault!r}.", "fix": "It is tried again."}
        return
    yield {"saved": order["name"], "bytes": nbytes, "seconds": time.monotonic() - begun}
    try:
        retiring.after(name, order["meta"], Keep(**order["keep"]))
    except FinopsError as fault:
        yield {"fault": "retiring", "what": fault.what, "fix": fault.fix}


class Retiring:
    """Deletes what no rule keeps, once one that is kept is known to be whole on the disk (G3)."""

    def __init__(self, place: str | Store) -> None:
        self._place = place
        self._store: Store | None = None
        self._told: dict[Name, Mapping[str, Any]] = {}

    @property
    def store(self) -> Store:
        if self._store is None:
            self._store = store_of(self._place) if isinstance(self._place, str) else self._place
        return self._store

    def after(self, name: Name, meta: Mapping[str, Any], keep: Keep) -> None:
        """`name` was just published with `meta`. Of a set, one process deletes."""
        if name.rank:
            return
        name, names = whole(name), self.store.names()
        self._told[name] = meta
        there = [one for one in names if one.world == 1]
        self._learn(there, meta.get("job"))
        held = [one for one in there if self._told[one].get("job") == meta.get("job")]
        if not held or held[0].attempt > name.attempt:  # a later attempt has saved: what stays is for it to say
            return
        if meta.get("anew"):  # nobody has looked at what earlier attempts left: it stays
            held = [one for one in held if one.attempt == name.attempt]
        gone = superfluous(keep, held, {one: self._told[one].get("metrics", {}) for one in held})
        if not gone or name in gone:
            return
        verify(self.store, name)  # the parts of a set were read back before it became one
        for one in gone:
            delete(self.store, one, names)
            self._told.pop(one, None)
        for one in left_over(names, name):
            self.store.delete(one)

    def _learn(self, there: list[Name], job: object) -> None:
        """What earlier attempts noted of what they left. The damaged ones go by their age, those of others stay."""
        for name in set(there) - set(self._told):
            try:
                with self.store.open(name) as source:
                    self._told[name] = read_footer(source).meta
            except Damaged:
                self._told[name] = {"job": job}
            except Newer:
                self._told[name] = {"job": None}


def begin(spec: str, fd: int, nbytes: int, training: int, nicer: int) -> None:
    """The process, from its beginning to its end. `training` is the socket's number."""
    os.nice(nicer)
    for ending in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, signal.SIG_IGN)
    main(spec, fd, nbytes, socket.socket(fileno=training))
