"""What has been announced of this node: that Azure takes it back, or that somebody wants the training to end."""

from __future__ import annotations

from dataclasses import dataclass

# Seconds before an announced moment from which on saves follow each other. Preempt comes 30 s before, Reboot and
# Redeploy 10 minutes and more (learn.microsoft.com/azure/virtual-machines/linux/scheduled-events).
LEAD = 60.0
# Seconds after it until which the node may still go; then it is taken for called off, as Azure may think again
# (microsoft/ai4s-jobq, changelog 2.5.2, waits as long).
PATIENCE = 120.0


@dataclass(frozen=True)
class Notice:
    """One announcement. heard, due: in seconds of time.monotonic; due: the moment before which nothing happens."""

    key: str  # an event's id, or the name of a signal
    what: str  # "Azure takes this node back (Preempt)"
    heard: float
    due: float


class Notices:
    """What stands. Told by a thread and by signal handlers, read by the training: no lock, each act is one on a dict.

    A handler runs between two instructions of the very thread that reads; a lock that it needs may be held there.
    """

    def __init__(self) -> None:
        self._standing: dict[str, Notice] = {}
        self._heeded: set[str] = set()
        self.heard = 0
        self.withdrawn = 0

    def __bool__(self) -> bool:
        return bool(self._standing)

    def hear(self, notice: Notice) -> None:
        """Told again, one may have another moment."""
        self.heard += notice.key not in self._standing
        self._standing[notice.key] = notice

    def withdraw(self, key: str) -> None:
        if self._standing.pop(key, None) is not None:
            self.withdrawn += 1
        self._heeded.discard(key)

    def get(self, key: str) -> Notice | None:
        return self._standing.get(key)

    def known(self) -> list[str]:
        """The keys of all that stands."""
        return list(self._standing)

    def pressing(self, now: float) -> Notice | None:
        """What asks for a save at `now`: one that was not heeded yet, else one whose moment is near."""
        standing = sorted(self._standing.copy().values(), key=lambda one: one.due)
        fresh = [one for one in standing if one.key not in self._heeded]
        near = [one for one in standing if one.due - LEAD <= now <= one.due + PATIENCE]
        return next(iter([*fresh, *near]), None)

    def heeded(self, notice: Notice) -> bool:
        return notice.key in self._heeded

    def heed(self, notice: Notice) -> bool:
        """Note that a save was made for it; whether it was the first."""
        first = not self.heeded(notice)
        self._heeded.add(notice.key)
        return first
