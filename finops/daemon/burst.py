"""When events wake the guard: once for a burst of them, not too often, and once more when Azure has caught up."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Burst:
    """Times are seconds of one clock that only goes forward.

    quiet: without a further event until it is time. longest: after the first event, when it is time in any case.
    apart: from one waking to the next. again: from a waking to one more look, 0 for none.
    """

    quiet: float
    longest: float
    apart: float
    again: float
    _first: float | None = field(default=None, init=False)
    _last: float = field(default=0.0, init=False)
    _woke: float = field(default=float("-inf"), init=False)
    _look: float | None = field(default=None, init=False)

    def heard(self, now: float) -> None:
        """An event came in."""
        self._first = now if self._first is None else self._first
        self._last = now

    def forget(self) -> None:
        """Nothing waits any more: another replica has dealt with it."""
        self._first = None

    def due(self) -> float | None:
        """The time at which to wake; None: nothing is to come."""
        times = [] if self._look is None else [self._look]
        if self._first is not None:
            times.append(max(min(self._last + self.quiet, self._first + self.longest), self._woke + self.apart))
        return min(times, default=None)

    def woke(self, now: float) -> None:
        """It was woken: what was heard until now is dealt with."""
        self._look = now + self.again if self._first is not None and self.again else None
        self._first = None
        self._woke = now
