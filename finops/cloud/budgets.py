"""How many calls a service allows: we queue for our share here instead of being refused there."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from finops.errors import TemporaryError

from .waits import come_back

# 200 subscriptions at 60 units a minute queue for 3 min 20 s and that is fine; waiting for the next hour is not.
LONGEST_QUEUE_SECONDS = 900.0

# A shorter wait is not worth a line.
TELL_SECONDS = 5.0
_NAMES = {"cost": "Cost Management", "graph": "Resource Graph", "metrics": "Azure Monitor", "prices": "retail prices",
          "registry": "the container registry", "storage": "the storage account"}  # fmt: skip


@dataclass(frozen=True)
class Window:
    """At most `units` in any `seconds`, counted exactly (a token bucket would let through twice that at an edge)."""

    units: float
    seconds: float


@dataclass(frozen=True)
class Limits:
    """What one service allows: `whole` for all our calls together, `per_scope` for each scope (subscription)."""

    whole: tuple[Window, ...] = ()
    per_scope: tuple[Window, ...] = ()


# arm: bucket of 250 reads + 25/s and 200 writes + 10/s per subscription and principal
#   (azure-docs request-limits-and-throttling.md, 2024), as windows: bucket and refill.
# graph: 15 queries per 5 s per user (guidance-for-throttled-requests).
# cost: 12 QPU per 10 s, 60/min, 600/h per tenant (manage-automation.md); 4 calls/min per scope
#   (Microsoft's azure-cost skill, guardrails.md). metrics, prices: nothing published; kind numbers.
AZURE_LIMITS: Mapping[str, Limits] = {
    "arm-read": Limits(per_scope=(Window(500, 10), Window(1750, 60))),
    "arm-write": Limits(per_scope=(Window(300, 10), Window(800, 60))),
    "graph": Limits(whole=(Window(15, 5),)),
    "cost": Limits(whole=(Window(12, 10), Window(60, 60), Window(600, 3600)), per_scope=(Window(4, 60),)),
    "metrics": Limits(whole=(Window(100, 5),)),
    "prices": Limits(whole=(Window(20, 5),)),
    # 1,000 reads a minute for the smallest tier (azure-docs, container-registry-limits.md), and room for others
    "registry": Limits(per_scope=(Window(150, 10), Window(800, 60))),
}


class _Meter:
    """What was granted lately under some windows, and until when nothing is."""

    def __init__(self, windows: tuple[Window, ...]) -> None:
        self.windows = windows
        self.grants: deque[tuple[float, float]] = deque()
        self.held_until = float("-inf")

    def wait(self, units: float, now: float) -> float:
        """Seconds until `units` may be granted, 0 when they may be now."""
        longest = max((window.seconds for window in self.windows), default=0.0)
        while self.grants and self.grants[0][0] <= now - longest:
            self.grants.popleft()
        return max([0.0, self.held_until - now, *(self._window_wait(window, units, now) for window in self.windows)])

    def _window_wait(self, window: Window, units: float, now: float) -> float:
        inside = [(when, amount) for when, amount in self.grants if when > now - window.seconds]
        excess = sum(amount for _, amount in inside) + min(units, window.units) - window.units
        for when, amount in inside:
            if excess <= 0:
                break
            excess -= amount
            if excess <= 0:
                return when + window.seconds - now
        return 0.0


class Budgets:
    """The budgets of all services, shared by all threads."""

    def __init__(
        self,
        limits: Mapping[str, Limits],
        clock: Callable[[], float],
        sleep: Callable[[float], None],
        now: Callable[[], datetime],
        tell: Callable[[str], None] | None = None,
    ) -> None:
        self._limits = limits
        self._clock = clock
        self._sleep = sleep
        self._now = now
        self._tell = tell
        self._told_until = float("-inf")
        self._lock = threading.Lock()
        self._meters: dict[tuple[str, str], _Meter] = {}

    def take(self, service: str, scope: str = "", units: float = 1, at_most: float = LONGEST_QUEUE_SECONDS) -> None:
        """Come back when the service allows `units` more; a wait beyond `at_most` seconds is an error."""
        started = self._clock()
        while True:
            wait = self.wait(service, scope, units)
            if wait <= 0:
                return
            if self._clock() - started + wait > at_most:
                raise TemporaryError(
                    f"Azure's limit for {service} calls is used up; it asks to wait {wait:.0f} s.",
                    come_back(self._now(), wait),
                    429,
                    "Throttled",
                )
            self._announce(service, wait)
            self._sleep(wait)

    def wait(self, service: str, scope: str = "", units: float = 1) -> float:
        """Seconds until the service allows `units` more; 0 when they are granted now."""
        with self._lock:
            now = self._clock()
            meters = self._of(service, scope)
            wait = max(meter.wait(units, now) for meter in meters)
            if wait <= 0:
                for meter in meters:
                    if meter.windows:
                        meter.grants.append((now, units))
        return max(0.0, wait)

    def _announce(self, service: str, wait: float) -> None:
        """Say that we wait, once for all threads that do, if a person would wonder."""
        with self._lock:
            now = self._clock()
            is_news = wait >= TELL_SECONDS and now + wait > self._told_until + TELL_SECONDS
            if is_news:
                self._told_until = now + wait
        if is_news and self._tell is not None:
            self._tell(f"waiting {wait:.0f} s for {_NAMES.get(service, 'Azure')} (throttled)")

    def hold(self, service: str, scope: str, seconds: float) -> None:
        """Grant nothing for `seconds`: Azure said so to one of us, and means all of us."""
        with self._lock:
            meter = self._of(service, scope)[-1]
            meter.held_until = max(meter.held_until, self._clock() + seconds)

    def _of(self, service: str, scope: str) -> list[_Meter]:
        limits = self._limits.get(service, Limits())
        found = [((service, ""), limits.whole)]
        if scope:
            found.append(((service, scope), limits.per_scope))
        return [self._meters.setdefault(key, _Meter(windows)) for key, windows in found]
