"""A daemon as it is seen from outside, without its loop: the test says what the loop shows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from finops.config.model import Settings
from finops.daemon.arrivals import Arrivals
from finops.daemon.calls import Calls
from finops.daemon.listening import serving
from finops.daemon.outside import Outside, app
from finops.daemon.pulse import Pulse
from finops.jobs.duties.model import Done, Duty
from finops.state import State

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)  # a Monday
HOUR = timedelta(hours=1)


def duty(name: str, when: str = "every 15 minutes", late_after: timedelta = HOUR) -> Duty:
    return Duty(name, f"What {name} does, for people.", when, lambda work: Done("done"), late_after, HOUR)


GUARD = duty("guard")
REPORT = duty("report", "weekly on monday at 06:30", timedelta(days=8))
DUTIES = (GUARD, REPORT)


def settings(folder: Path, daemon: Mapping[str, Any] | None = None, **more: Any) -> Settings:
    """Settings whose state and outbox lie in `folder`."""
    given = {"outbox": folder / "outbox", "finance": ["finance@contoso.example"], "sender": "finops@contoso.example"}
    mail = given | more.pop("mail", {})
    state = {"url": str(folder / "state.db")}
    return Settings.model_validate({"mail": mail, "state": state, "daemon": daemon or {}, **more})


def ran(
    state: State,
    job: str,
    began: datetime,
    outcome: str = "done",
    *,
    why: str = "",
    minutes: float = 1,
    **counts: float,
) -> int:
    """A run as the loop writes it down."""
    number = state.daybook.begin(job, began, f"run-{began:%H%M}", "me", 1, began)
    assert number is not None
    state.daybook.end(number, outcome, why, [], counts, began + timedelta(minutes=minutes))
    return number


@dataclass
class Daemon:
    """What of it a test can set, and what is asked of it over HTTP."""

    settings: Settings
    state: State
    pulse: Pulse = field(default_factory=Pulse)
    calls: Calls = field(default_factory=Calls)
    now: datetime = NOW
    monotonic: float = 1000.0
    url: str = ""

    def get(self, path: str, **given: Any) -> httpx.Response:
        return httpx.get(self.url + path, timeout=60, trust_env=False, **given)

    def metrics(self) -> dict[str, float]:
        """Every series by its name and labels, as Prometheus writes them."""
        answer = self.get("/metrics")
        assert answer.status_code == 200, answer.text
        lines = [line for line in answer.text.splitlines() if line and not line.startswith("#")]
        return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines}


@contextmanager
def seen(folder: Path, daemon: Mapping[str, Any] | None = None, duties: tuple[Duty, ...] = DUTIES) -> Iterator[Daemon]:
    """One that leads and whose loop just beat, listening on a free port."""
    own = settings(folder, {"listen": "127.0.0.1:0"} | dict(daemon or {}))
    with State.open(own.state.url, busy_seconds=1) as state:
        shown = Daemon(own, state)
        shown.pulse.beat_at, shown.pulse.leads, shown.pulse.ready = 999.0, True, True
        outside = Outside(
            own, state, shown.pulse, duties, shown.calls, Arrivals(), now=lambda: shown.now,
            monotonic=lambda: shown.monotonic,
        )  # fmt: skip
        with serving(app(outside), own.daemon.listen, "daemon.listen") as listener:
            shown.url = listener.url
            yield shown
