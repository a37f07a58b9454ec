"""What the daemon does beside its duties: tell systemd, call operators where one is late, ping the watcher outside."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from . import logs
from .deadman import look
from .health import unwell
from .loop import Chore, Hooks

if TYPE_CHECKING:
    from finops.config.model import Settings
    from finops.jobs.duties import Duty
    from finops.state import State

    from .notify import Notifier
    from .ping import Ping
    from .pulse import Pulse
    from .working import Ended

EVERY = 60.0  # seconds between two looks at what is late
# systemd asks for twice as many pings as would do.
# https://www.freedesktop.org/software/systemd/man/sd_watchdog_enabled.html
PINGS = 3


class Beside:
    """Its hooks are the loop's: what is told of the loop is told by the loop, or by nobody."""

    def __init__(
        self,
        settings: Callable[[], Settings],
        state: State,
        duties: Collection[Duty],
        pulse: Pulse,
        notifier: Notifier,
        ping: Ping,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings, self._state, self._duties, self._pulse = settings, state, duties, pulse
        self._notifier, self.ping, self._now, self._monotonic = notifier, ping, now, monotonic
        self._alive_at = float("-inf")
        self._status = ""
        self._problems: tuple[str, ...] = ()
        self._log = logs.logger()

    def hooks(self) -> Hooks:
        return Hooks(
            self.ready, self.beat, self.ended, (Chore("looks for what is late", EVERY, self.look, alone=True),)
        )

    def ready(self) -> None:
        """The first look at the slots went well."""
        self._status = self._line()
        self._notifier.ready(self._status)

    def beat(self) -> None:
        """The loop came by: only so does systemd hear that we live. A loop that hangs says nothing, and is ended."""
        seconds, now = self._notifier.watchdog_seconds, self._monotonic()
        if seconds and now - self._alive_at >= seconds / PINGS:
            self._alive_at = now
            self._notifier.alive()
        line = self._line()
        if self._pulse.stopping and not self._status.startswith("Stopping"):
            self._notifier.stopping(line)
        elif line != self._status:
            self._notifier.status(line)
        self._status = line

    def ended(self, ended: Ended) -> None:
        """A run that is over, as one line of the log."""
        level = self._log.info if ended.outcome in {"done", "partial", "held"} else self._log.warning
        level(
            "run ended",
            run=ended.run,
            job=ended.job,
            slot=ended.slot,
            outcome=ended.outcome,
            why=ended.why,
            **_figures(ended),
        )

    def look(self) -> None:
        """Call operators, where something is late. A cycle is good where all is well, or all that is not was told."""
        if self._pulse.clock_in_doubt:
            return  # what is late cannot be said, and somebody is to look: the watcher outside hears nothing
        settings = self._settings()
        found = look(self._state, settings, self._duties, self._now())
        for subject in found.told:
            self._log.warning("operators were told", subject=subject)
        if found.problems != self._problems:
            self._problems = found.problems
            for problem in found.problems:
                self._log.error("operators may not know that a duty is late", why=problem)
        if not found.problems and not unwell(self._pulse, time.monotonic(), settings.daemon.heartbeat_seconds):
            self.ping.send()

    def _line(self) -> str:
        """What `systemctl status` shows."""
        seen = self._pulse.seen()
        running = f", {', '.join(sorted(seen.running))} under way" if seen.running else ""
        if seen.stopping:
            return f"Stopping{running}"
        doubt = f"; the clock is in doubt: {seen.clock_in_doubt}" if seen.clock_in_doubt else ""
        return f"{'Leads' if seen.leads else 'Waits to lead'}{running}{doubt}"


def _figures(ended: Ended) -> dict[str, object]:
    return {"said": list(ended.said), "counts": dict(ended.counts)}
