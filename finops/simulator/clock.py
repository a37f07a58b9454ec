"""The simulator's own time: it starts at the estate's `asOf` and goes as fast as asked, or only when moved."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from finops.errors import UsageError

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Clock:
    """Time that can be moved forward. `speed` is simulated seconds per real second: 0 stands still, 1 is live."""

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
        """Move forward to `moment`; the new time. What was billed and published cannot be taken back."""
        now = self.now()
        if moment < now:
            raise UsageError(
                f"The simulated clock stands at {now.isoformat()} and cannot go back to {moment.isoformat()}.",
                "Serve the estate anew to start from its asOf.",
            )
        self._origin = moment.astimezone(UTC)
        self._since = time.monotonic()
        return self._origin


def minutes(moment: datetime) -> int:
    """Whole minutes from 1970 to `moment`, rounded down: the time the living world counts in."""
    return int((moment - EPOCH) // timedelta(minutes=1))


def moment_of(minute: int) -> datetime:
    return EPOCH + timedelta(minutes=minute)


def stamp_of(minute: int, key: int = 0) -> str:
    """`minute` as ARM writes times, with a fraction of a second that depends on `key` alone."""
    return f"{moment_of(minute):%Y-%m-%dT%H:%M}:{key % 60:02d}.{key % 9_999_991:07d}Z"
