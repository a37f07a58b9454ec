"""The simulator's own time: it starts at the estate's `asOf` and goes as fast as asked, or only when moved."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta


class Clock:
    """Time that can be moved. `speed` is simulated seconds per real second: 0 stands still, 1 is live."""

    def __init__(self, start: datetime, speed: float = 0.0) -> None:
        self._origin = start.astimezone(UTC)
        self._speed = speed
        self._since = time.monotonic()

    def now(self) -> datetime:
        return self._origin + timedelta(seconds=(time.monotonic() - self._since) * self._speed)

    def advance(self, **by: float) -> datetime:
        """Move forward, as in `advance(hours=24)`; the new time."""
        return self.move_to(self.now() + timedelta(**by))

    def move_to(self, moment: datetime) -> datetime:
        self._origin = moment.astimezone(UTC)
        self._since = time.monotonic()
        return self._origin
