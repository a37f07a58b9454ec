"""What became of what was posted to the webhook, counted since the daemon began, for /metrics."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from .governed import REASONS
from .waking import JOB

EVENTS, REFUSED, HANDSHAKES, WOKEN = "events", "refused", "handshakes", "woken"
TAKEN, SEEN_BEFORE = "taken", "seen-before"
AGREED, NOT_AGREED = "agreed", "refused"
# Why a request is refused. keys-away, database-away: Event Grid is asked to come again.
CONTENT, STRANGER, NOT_ALLOWED, KEYS_AWAY = "content", "stranger", "not-allowed", "keys-away"
SLOW, BROKEN_OFF, TOO_LONG, GARBAGE = "slow", "broken-off", "too-long", "garbage"
NOT_OURS, DATABASE_AWAY = "subscription", "database-away"
WORDS: Mapping[str, tuple[str, ...]] = {
    EVENTS: (TAKEN, SEEN_BEFORE, *REASONS),
    REFUSED: (
        CONTENT, STRANGER, NOT_ALLOWED, KEYS_AWAY, SLOW, BROKEN_OFF, TOO_LONG, GARBAGE, NOT_OURS, DATABASE_AWAY,
    ),
    HANDSHAKES: (AGREED, NOT_AGREED),
    WOKEN: (JOB,),
}  # fmt: skip


class Arrivals:
    """Counts that any thread may add to, all of them there from the start, at 0: a webhook adds, /metrics shows."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts = {(what, word): 0 for what, words in WORDS.items() for word in words}

    def add(self, what: str, word: str, count: int = 1) -> None:
        """Count `count` more; `what` and `word` are those of WORDS, and KeyError for any other."""
        with self._lock:
            self._counts[what, word] += count

    def counts(self) -> Mapping[tuple[str, str], int]:
        """Each count so far, at one moment."""
        with self._lock:
            return dict(self._counts)
