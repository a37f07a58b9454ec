"""Runs of duties over a served estate, as the daemon begins them: a connection anew for each, at the estate's time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

from wire_cost_estate import OTHER, SUBSCRIPTION, an_estate, charge

from finops.cloud import Azure, connect
from finops.config.model import Settings
from finops.jobs.duties import Done, Work, duty
from finops.simulator import Served, serving
from finops.state import State

# The estate was recorded on Tuesday 17 November 2026; its reported weeks end on Saturdays.
SUNDAY = datetime(2026, 11, 15, 6, 45, tzinfo=UTC)
MONDAY = SUNDAY + timedelta(days=1)
TUESDAY = datetime(2026, 11, 17, 4, 30, tzinfo=UTC)


@contextmanager
def never_asked() -> Iterator[Azure]:
    """An Azure that must not be connected to."""
    raise AssertionError("Azure was asked")
    yield


def run(
    name: str,
    settings: Settings,
    now: datetime,
    *,
    stopping: Callable[[], bool] = lambda: False,
    slot: datetime | None = None,
    azure: Callable[[], AbstractContextManager[Azure]] | None = None,
    acting: Callable[[], AbstractContextManager[Azure]] | None = None,
    said: list[str] | None = None,
) -> Done:
    """What one run of the duty came to. azure, acting: in place of connections by the settings."""
    reader = azure or (lambda: connect(settings.azure))
    actor = acting or (lambda: connect(settings.azure, acting=True))
    with State.open(settings.state.url) as state:
        work = Work(
            settings, state, now, "run-1", reader, actor, (said if said is not None else []).append, stopping,
            slot,
        )  # fmt: skip
        return duty(name).run(work)


def counted(done: Done, name: str) -> Any:
    return done.counts.get(name)


class Site:
    """The small estate, served, and the duties of a site that works on it."""

    def __init__(self, served: Served, folder: Path, **more: Any) -> None:
        self.served, self.folder = served, folder
        self.settings = Settings.model_validate(
            {
                "azure": {"endpoint": served.url},
                "charges": {"store": folder / "charges"},
                "mail": {"outbox": folder / "outbox", "finance": ["finance@x.example"]},
                "state": {"url": str(folder / "state.db")},
                **more,
            }
        )

    def run(self, name: str, now: datetime, **more: Any) -> Done:
        return run(name, self.settings, now, **more)

    def mails(self) -> list[Any]:
        found = sorted((self.folder / "outbox").glob("*.eml"))
        return [message_from_bytes(path.read_bytes(), policy=default) for path in found]

    def asked(self) -> int:
        """Questions to Cost Management."""
        return sum(one["path"].endswith("/Microsoft.CostManagement/query") for one in self.served.requests)


@contextmanager
def site(folder: Path, *faults: dict[str, Any], last: str = "2026-11-17", **more: Any) -> Iterator[Site]:
    """Two subscriptions that each cost some money a day up to `last`, as Cost Management tells it."""
    first, days = date(2026, 8, 20), (date.fromisoformat(last) - date(2026, 8, 20)).days + 1
    rows = [
        charge(str(first + timedelta(days=n)), "10", SubAccountId=f"/subscriptions/{one}", tags={"CostCenter": "CC-1"})
        for n in range(days)
        for one in (SUBSCRIPTION, OTHER)
    ]
    estate = an_estate(folder / "estate", rows, "2026-11-17T12:00:00Z")
    with serving(estate, faults=list(faults), retry_after=0) as served:
        yield Site(served, folder, **more)


REFUSED = {"fault": "403", "path": f"/subscriptions/{OTHER}/providers/Microsoft.CostManagement"}
"""Cost Management refuses one of them."""
