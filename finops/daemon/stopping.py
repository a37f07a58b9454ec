"""SIGTERM and SIGINT: nothing more is begun, the act in hand is finished, and the process ends by itself."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

PATIENCE = 75.0  # seconds for what runs; the process has ended within 90


class Stop:
    """Whether we are to stop. `wakes` is set then, and whenever something else wants the loop to look at once."""

    def __init__(self) -> None:
        self.wakes = threading.Event()
        self._asked = threading.Event()
        self.signal = 0

    def ask(self) -> None:
        self._asked.set()
        self.wakes.set()

    def asked(self) -> bool:
        # The number is there at once, even while the thread that sets the event has not come to it.
        return self.signal != 0 or self._asked.is_set()

    @contextmanager
    def on_signals(self) -> Iterator[None]:
        """Within the block, SIGTERM and SIGINT ask us to stop. Only in the main thread.

        A handler runs between any two steps of the main thread, which may hold the very lock that `Event.set` takes:
        so it only writes into a pipe, and a thread sets the events.
        """
        read, write = os.pipe()
        os.set_blocking(write, False)

        def heard(number: int, frame: FrameType | None) -> None:
            self.signal = number
            os.write(write, b"x")

        def tell() -> None:
            if os.read(read, 1) == b"x":
                self.ask()

        before = {number: signal.signal(number, heard) for number in (signal.SIGTERM, signal.SIGINT)}
        teller = threading.Thread(target=tell, name="signals", daemon=True)
        teller.start()
        try:
            yield
        finally:
            for number, old in before.items():
                signal.signal(number, old)
            os.close(write)
            teller.join()
            os.close(read)
