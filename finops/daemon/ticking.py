"""`schedule`, by a clock that is handed in and never goes back: what the loop itself does every few seconds."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import schedule

# schedule counts in naive local time, and stands still for as long as that is put back (schedule 1.2.2: ten days back,
# nothing for nine days). So its time is seconds of a clock that only goes forward, from this moment on.
BEGAN = datetime(2000, 1, 1)  # noqa: DTZ001 - schedule compares naive ones


class Ticker(schedule.Scheduler):
    """Calls what is due, in the order in which it fell due. Duties' slots are no ticks: those are in the database."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        super().__init__()
        self._monotonic = monotonic
        self._zero = monotonic()

    def time(self) -> datetime:
        return BEGAN + timedelta(seconds=self._monotonic() - self._zero)

    def tick(self, what: Callable[[], object], every: Callable[[], float]) -> None:
        """Call `what` now, and then again and again `every` so many seconds, which are asked for after each call."""
        _Tick(self, every).seconds.do(what)

    def seconds_until_next(self) -> float:
        return max(0.0, (self.next_run - self.time()).total_seconds()) if self.next_run else 60.0


class _Tick(schedule.Job):
    def __init__(self, ticker: Ticker, every: Callable[[], float]) -> None:
        super().__init__(1, ticker)
        self._ticker = ticker
        self._every = every

    @property
    def should_run(self) -> bool:
        return self.next_run is not None and self._ticker.time() >= self.next_run

    def _schedule_next_run(self) -> None:
        first = self.next_run is None
        self.next_run = self._ticker.time() + timedelta(seconds=0 if first else self._every())
