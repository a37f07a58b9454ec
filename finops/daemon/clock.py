"""What time it is, and whether to believe it: a clock that was put back by minutes is told, and nothing acts by it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from finops.state import State

KEPT = "daemon/clock"
BACK = timedelta(minutes=5)  # a clock that runs after another by this much has not been set by NTP's small steps
FORWARD = timedelta(minutes=5)
WRITTEN_EVERY = 120.0  # seconds: how exactly a start after a crash knows what time it was

# Goes on while the machine sleeps, where there is such a clock: a lease does not last longer for a nap.
_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class Clock(Protocol):
    """now: aware, UTC. monotonic: seconds that never go back. wait: that long, or until the event is set."""

    def now(self) -> datetime: ...

    def monotonic(self) -> float: ...

    def wait(self, seconds: float, event: threading.Event) -> None: ...


class SystemClock:
    """This machine's."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.clock_gettime(_STEADY)

    def wait(self, seconds: float, event: threading.Event) -> None:
        event.wait(seconds)


class ToldClock:
    """A simulator's: its time goes by as it says, so that no jump is seen in it unless it goes back."""

    def __init__(self, told: Callable[[], datetime], longest_wait: float = 1.0) -> None:
        self._told = told
        self._longest = longest_wait  # a simulator may be put forward while we wait
        self._began = self._newest = told()

    def now(self) -> datetime:
        now = self._told()
        self._newest = max(self._newest, now)
        return now

    def monotonic(self) -> float:
        return (self._newest - self._began).total_seconds()

    def wait(self, seconds: float, event: threading.Event) -> None:
        event.wait(min(seconds, self._longest))


class Watch:
    """The wall clock against the monotonic one, and against the newest time that any leader ever saw."""

    def __init__(self, clock: Clock, state: State, note: Callable[[str], None]) -> None:
        self._clock = clock
        self._state = state
        self._note = note
        self._last: tuple[datetime, float] | None = None
        self._reached: datetime | None = None
        self._written: tuple[float, datetime] | None = None  # when, and what
        self._keeps = True
        self.doubt = ""  # why it is not believed; "" it is
        self.jumped_at: datetime | None = None  # where a jump forward began

    def forget(self) -> None:
        """Somebody else has led meanwhile: what time it was then is in the database."""
        self._reached = None

    def look(self, keep: bool = True) -> datetime:
        """Now. Sees whether it can be. keep: write down what was reached; that is for who leads."""
        self._keeps = keep
        now, steady = self._clock.now(), self._clock.monotonic()
        self._see_jump(now, steady)
        if self._reached is None or self.doubt:
            self._read(now)
        assert self._reached is not None
        if self._reached - now > BACK or (self.doubt and now < self._reached):
            if not self.doubt:
                self._keep(now, steady, doubt=True)
                self._note(f"The clock was put back: it is {said(now)}, and it was {said(self._reached)} before.")
            self.doubt = (
                f"The clock says {said(now)}, and it has been {said(self._reached)} before. Until it is that again, or "
                "somebody says `finops daemon clock accept`, nothing is begun that changes Azure."
            )
            return now
        if self.doubt:
            self._note("The clock is believed again.")
            self.doubt = ""
            self._written = None
        self._reached = max(self._reached, now)
        if self._behind(now, steady) >= WRITTEN_EVERY:
            self._keep(now, steady, doubt=False)
        return now

    def _behind(self, now: datetime, steady: float) -> float:
        """Seconds by which what is written down is old, by either clock: a start right after a jump knows of it."""
        if self._written is None:
            return float("inf")
        when, reached = self._written
        return max(steady - when, (now - reached).total_seconds())

    def _see_jump(self, now: datetime, steady: float) -> None:
        if self._last is not None:
            expected = self._last[0] + timedelta(seconds=steady - self._last[1])
            if now - expected > FORWARD:
                self.jumped_at = expected
                self._note(f"The clock jumped forward: it is {said(now)}, and should be {said(expected)}.")
        self._last = (now, steady)

    def _read(self, now: datetime) -> None:
        """What was reached before, by whichever process; and whether somebody has accepted the clock since."""
        kept = self._state.kept(KEPT).get(KEPT)
        if kept is None:
            self._reached = self._reached or now
        elif self._reached is None:
            self._reached = datetime.fromisoformat(kept["reached"])
            self.doubt = self.doubt or ("It was not believed before." if kept["doubt"] else "")
        elif not kept["doubt"]:
            self._reached, self.doubt = datetime.fromisoformat(kept["reached"]), ""
            self._note("The clock was accepted.")

    def _keep(self, now: datetime, steady: float, doubt: bool) -> None:
        assert self._reached is not None
        if not self._keeps:
            return
        self._state.keep(KEPT, {"reached": self._reached.isoformat(), "doubt": doubt}, now)
        self._written = steady, self._reached


def accept(state: State, who: str, now: datetime) -> bool:
    """Whether there was something to accept: from now on the time is what the clock says."""
    kept = state.kept(KEPT).get(KEPT)
    if kept is None or not (kept["doubt"] or datetime.fromisoformat(kept["reached"]) - now > BACK):
        return False
    evidence: dict[str, Any] = {"reached": kept["reached"], "now": now.isoformat()}
    state.audit(who, "accepted the clock", "", f"It had been {kept['reached']} before.", evidence, now)
    state.keep(KEPT, {"reached": now.isoformat(), "doubt": False}, now)
    return True


def doubted(state: State, now: datetime) -> str:
    """Why the clock is not believed, as far as what is kept says; "" it is."""
    kept = state.kept(KEPT).get(KEPT)
    if kept is None or not kept["doubt"] or datetime.fromisoformat(kept["reached"]) <= now:
        return ""
    return f"The clock was put back: it has been {said(datetime.fromisoformat(kept['reached']))} before."


def said(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
