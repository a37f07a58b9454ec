"""Calls to Azure of every connection since the daemon began, added up: those that are open now, too."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from finops.cloud import Azure

# Too many requests, and a service that is busy: https://learn.microsoft.com/azure/azure-resource-manager/management/
# request-limits-and-throttling
THROTTLED = {429, 503}


class Calls:
    """Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._past: Counter[tuple[str, int]] = Counter()
        self._open: dict[int, Azure] = {}

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

    def by_status(self) -> dict[tuple[str, str], int]:
        """Answers by service and kind of status: 2xx, 4xx, 429, 5xx; none where no answer came."""
        found: Counter[tuple[str, str]] = Counter()
        for (service, status), count in self._all().items():
            found[service, _kind(status)] += count
        return found

    def throttled(self) -> dict[str, int]:
        """Answers by service that told us to wait."""
        found: Counter[str] = Counter()
        for (service, status), count in self._all().items():
            found[service] += count if status in THROTTLED else 0
        return found

    def _all(self) -> Counter[tuple[str, int]]:
        with self._lock:
            total = Counter(self._past)
            for azure in self._open.values():
                # A copy: the threads of that connection go on counting.
                total.update(dict(azure.calls))
        return total


def _kind(status: int) -> str:
    if status in {0, 429}:
        return str(status or "none")
    return f"{status // 100}xx"
