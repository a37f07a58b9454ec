"""How long something took by a clock that stands still while the machine does: a stall is nobody's fault."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

TICK = 0.01
LONGEST = 0.1  # of which longer gaps between two ticks count


@contextmanager
def awake() -> Iterator[Callable[[], float]]:
    """Gives the seconds since the block began, without those in which no thread of this process had a turn."""
    counted, over = [0.0], threading.Event()

    def count() -> None:
        last = time.monotonic()
        while not over.wait(TICK):
            now = time.monotonic()
            counted[0] += min(now - last, LONGEST)
            last = now

    thread = threading.Thread(target=count, name="awake", daemon=True)
    thread.start()
    try:
        yield lambda: counted[0]
    finally:
        over.set()
        thread.join()
