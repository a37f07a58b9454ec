"""The whole daemon in a process, by a simulator's clock that its own waits move; whoever started it may kill it.

The loop with its duties as they are, over HTTP, on the state that the order names. A duty runs where it is begun, so
that no time goes by meanwhile: in the simulated stretch everything that is done takes no time at all.
"""

from __future__ import annotations

import faulthandler
import importlib
import json
import os
import random
import sys
import threading
import time
import urllib.request
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Any

from forking import obey

Json = dict[str, Any]
# What duties import when they are first run: here once, before it forks, and not anew in each child.
BEFORE = (
    "azure.mgmt.costmanagement", "azure.mgmt.policyinsights", "azure.mgmt.resource.policy",
    "azure.mgmt.resource.resources", "azure.mgmt.resource.subscriptions", "duckdb", "jinja2",
    "matplotlib.backends.backend_agg", "matplotlib.figure", "openpyxl", "pandas", "pyarrow.compute", "pyarrow.parquet",
)  # fmt: skip


class MovedClock:
    """The simulator's time, put forward by whoever waits. Until `ends`; then the daemon is asked to stop."""

    def __init__(self, url: str, ends: datetime, stop: Any) -> None:
        self._url = f"{url}/simulator/clock"
        self._ends, self._stop = ends, stop
        self.rests: Any = lambda: None  # done before each wait
        with urllib.request.urlopen(self._url, timeout=30) as answer:
            self._now = self._began = _moment(json.load(answer))

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return (self._now - self._began).total_seconds()

    def wait(self, seconds: float, event: threading.Event) -> None:
        if event.is_set():
            return
        self.rests()
        self._now += timedelta(seconds=max(seconds, 0.5))
        body = json.dumps({"to": self._now.isoformat()}).encode()
        request = urllib.request.Request(self._url, body, {"Content-Type": "application/json"}, method="POST")
        with urllib.request.urlopen(request, timeout=60):
            pass
        if self._now >= self._ends:
            self._stop.ask()


class Hurried:
    """A machine's seconds, in which who waits has waited after a moment, all threads alike."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ahead = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self._ahead

    def sleep(self, seconds: float) -> None:
        until = self.monotonic() + seconds
        time.sleep(0.3 if seconds >= 15 else 0.001)  # a request that may still land is given a moment
        with self._lock:
            self._ahead = max(self._ahead, until - time.monotonic())


def _moment(said: Json) -> datetime:
    text = next(value for value in said.values() if isinstance(value, str) and value[:2] == "20")
    return datetime.fromisoformat(text).astimezone(UTC)


def work(order: Json) -> str:
    if not os.environ.get("FINOPS_SAY"):
        sys.stderr = open(order["log"], "a", buffering=1, encoding="utf-8")  # noqa: SIM115 - until the process ends
    faulthandler.enable(sys.stderr)

    from finops.cloud import Azure, connect
    from finops.cloud.retry import Time
    from finops.config.model import Settings
    from finops.daemon import loop
    from finops.daemon.pulse import Pulse
    from finops.daemon.stopping import Stop
    from finops.daemon.working import Means
    from finops.jobs.duties import DUTIES
    from finops.state import State

    settings = Settings.model_validate(order["settings"])
    stop = Stop()
    chance = random.Random(order["seed"] * 1000 + order["start"])
    hurried = Hurried()  # what Azure asks to wait is not waited for
    waits = Time(hurried.monotonic, lambda: datetime.now(UTC), hurried.sleep, chance.random)

    def connected(acting: bool) -> AbstractContextManager[Azure]:
        return connect(settings.azure, acting=acting, time=waits, operation_seconds=3)

    clock = MovedClock(order["url"], datetime.fromisoformat(order["until"]), stop)
    with State.open(settings.state.url) as state, stop.on_signals():
        if order.get("lets_go"):
            clock.rests = state.close  # no file of its is open: it connects anew by itself
        means = Means(
            settings=lambda: settings, state=state, azure=lambda: connected(False), acting=lambda: connected(True),
            clock=clock, machine=clock, note=lambda said: None,
        )  # fmt: skip
        # A day of looks every few seconds would be most of the time; a replica takes over as much later, too.
        pace = loop.Pace(lease=order["lease"], look=order["lease"] / 4, adopt=order["lease"] / 4)
        left = loop.run(means, DUTIES, stop, Pulse(), pace=pace, start=lambda run, name: run())
    return json.dumps(left)


if __name__ == "__main__":
    for name in BEFORE:
        importlib.import_module(name)
    import finops.charges
    import finops.cloud
    import finops.daemon
    import finops.estate
    import finops.jobs
    import finops.state  # noqa: F401 - before it forks

    obey(work)
