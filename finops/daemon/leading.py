"""Who leads: of all replicas one, by a lease in the database. Who cannot renew it stops by itself, before it ends."""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from finops.errors import FinopsError

if TYPE_CHECKING:
    from finops.state import Lease, State

    from .clock import Clock

NAME = "daemon"
ASKED_EVERY = 5.0  # seconds from one try to the next of a replica that waits


def owner_of_this_process() -> str:
    return f"{socket.gethostname()} process {os.getpid()} {uuid.uuid4().hex[:8]}"


class Leading:
    """The lease of one process. Only the loop's thread takes and renews it; any thread may ask whether it `holds`."""

    def __init__(
        self, state: State, owner: str, clock: Clock, seconds: float, note: Callable[[str], None], name: str = NAME
    ) -> None:
        self.owner = owner
        self.name = name
        self._state = state
        self._clock = clock
        self._seconds = seconds
        self._note = note
        self._lease: Lease | None = None
        self._until = 0.0  # by the monotonic clock
        self._seen: tuple[Lease, float] | None = None  # another's, and since when it has not moved
        self.since: datetime | None = None
        self.leader = ""  # the other one, in words

    @property
    def every(self) -> float:
        """Seconds until the next `keep`."""
        return self._seconds / 4 if self._lease else min(ASKED_EVERY, self._seconds / 4)

    @property
    def fence(self) -> int:
        return self._lease.fence if self._lease else 0

    def holds(self) -> bool:
        """Whether the lease is ours, for certain, now: also while the database is away, and after a long sleep."""
        return self._lease is not None and self._clock.monotonic() < self._until

    def keep(self) -> bool:
        """Take the lease, or renew it. True: we lead anew, and what the one before left open is ours to close."""
        began = self._clock.monotonic()
        try:
            if self._lease:
                self._lease = self._state.daybook.renew(self._lease, self._seconds, self._clock.now())
                if self._lease:
                    self._until = began + self._seconds * 0.9
                    return False
                self._note("Another process leads now; nothing more is begun here.")
            return self._take(began)
        except FinopsError as fault:
            self._note(f"The lease could not be renewed. {fault}")
            return False

    def _take(self, began: float) -> bool:
        book, now = self._state.daybook, self._clock.now()
        found = next((lease for lease, _ in book.leases(now) if lease.name == self.name), None)
        if found is None or self._seen is None or found != self._seen[0]:
            self._seen = (found, began) if found else None
        stale = self._seen[0] if self._seen and began - self._seen[1] >= self._seconds else None
        lease = book.lease(self.name, self.owner, self._seconds, now, unmoved=stale)
        if lease is None:
            other = found.owner if found else "another process"
            if other != self.leader:
                self._note(f"{other} leads; this one waits, and takes over when that one falls silent.")
            self.leader = other
            return False
        self._lease, self._until, self.since, self.leader, self._seen = (
            lease,
            began + self._seconds * 0.9,
            now,
            "",
            None,
        )
        return True

    def leave(self) -> None:
        """Let the next one lead at once."""
        if self._lease:
            lease, self._lease = self._lease, None
            self._state.daybook.release(lease, self._clock.now())
