"""Calls to Azure of every connection since the daemon began, added up: those that are open now, too."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from finops.cloud import Azure

# Too many requests, and a service that is busy: https://learn.microsoft.com/azure/azure-resource-manager/management/
# request-limits-and-throttling
THROTTLED = {429, 503}

Told = Callable[[Iterable[Sequence[str | int]]], None]  # each a service, a status, how many


class Calls:
    """Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._past: Counter[tuple[str, int]] = Counter()
        self._open: dict[int, Azure] = {}
        self._elsewhere: dict[int, Counter[tuple[str, int]]] = {}

    @contextmanager
    def counted(self, connecting: AbstractContextManager[Azure]) -> Iterator[Azure]:
        """The connection, its calls counted."""
        with connecting as azure:
            with self._lock:
                self._open[id(azure)] = azure
            try:
                yield azure
            finally:
                with self._lock:
                    self._past += self._open.pop(id(azure)).calls

    @contextmanager
    def elsewhere(self) -> Iterator[Told]:
        """For the calls of another process: takes what they are so far, all of them each time."""
        counts: Counter[tuple[str, int]] = Counter()
        with self._lock:
            self._elsewhere[id(counts)] = counts

        def told(calls: Iterable[Sequence[str | int]]) -> None:
            with self._lock:
                counts.clear()
                counts.update({(str(service), int(status)): int(count) for service, status, count in calls})

        try:
            yield told
        finally:
            with self._lock:
                self._past += self._elsewhere.pop(id(counts))

    def by_status(self) -> dict[tuple[str, str], int]:
        """Answers by service and kind of status: 2xx, 4xx, 429, 5xx; none where no answer came."""
        found: Counter[tuple[str, str]] = Counter()
        for (service, status), count in self.totals().items():
            found[service, _kind(status)] += count
        return found

    def throttled(self) -> dict[str, int]:
        """Answers by service that told us to wait."""
        found: Counter[str] = Counter()
        for (service, status), count in self.totals().items():
            found[service] += count if status in THROTTLED else 0
        return found

    def totals(self) -> Counter[tuple[str, int]]:
        """Answers by service and status, 0 where none came."""
        with self._lock:
            total = Counter(self._past)
            for azure in self._open.values():
                # A copy: the threads of that connection go on counting.
                total.update(dict(azure.calls))
            for counts in self._elsewhere.values():
                total.update(counts)
        return total


def _kind(status: int) -> str:
    if status in {0, 429}:
        return str(status or "none")
    return f"{status // 100}xx"
