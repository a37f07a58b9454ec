"""Copies within the memory of this process, by as many threads as it takes to move all that the memory can.

One thread moves what one core can, half of what two do together. Each thread takes the next piece when it has copied
one, so a core that is busy with something else delays a piece and not its share, as it does with OpenMP.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator

PIECE = 4 << 20  # bytes; 0.4 ms
THREADS = 4  # more find the memory busy


class Copying:
    """Copies that were begun; `beside` runs what they need not wait for."""

    def __init__(self) -> None:
        self._pieces: deque[tuple[int, int, int]] = deque()

    def add(self, to: int, start: int, nbytes: int) -> None:
        """`nbytes` from the address `start` to the address `to`; nothing is copied yet."""
        for done in range(0, nbytes, PIECE):
            self._pieces.append((to + done, start + done, min(PIECE, nbytes - done)))

    def carry_out(self, beside: Callable[[], object]) -> None:
        """Copy all, and run `beside` in this thread meanwhile. No copy goes on after this, whatever it raises."""
        with self._helped():
            beside()
            self._work()

    @contextlib.contextmanager
    def _helped(self) -> Iterator[None]:
        helpers = [threading.Thread(target=self._work, daemon=True) for _ in range(self._helpers())]
        begun = []
        try:
            with contextlib.suppress(RuntimeError):  # no thread can be started: this one copies all
                for each in helpers:
                    each.start()
                    begun.append(each)
            yield
        finally:
            self._pieces.clear()
            for each in begun:
                each.join()

    def _helpers(self) -> int:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        return max(0, min(cores, THREADS, len(self._pieces)) - 1)

    def _work(self) -> None:
        with contextlib.suppress(IndexError):
            while True:
                ctypes.memmove(*self._pieces.popleft())  # lets the other threads run
