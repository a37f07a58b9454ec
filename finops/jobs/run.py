"""One run that may change Azure: what it works with, and what time it is in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from finops.cloud import Azure
    from finops.config.model import Settings
    from finops.state import State


@dataclass
class Run:
    """now: when it began. step: told what is being done. stopping: once True, nothing more is begun."""

    azure: Azure
    settings: Settings
    state: State
    now: datetime
    step: Callable[[str], None]
    stopping: Callable[[], bool] = field(default=lambda: False, kw_only=True)

    def __post_init__(self) -> None:
        self.started = self.azure.time.monotonic()

    def time(self) -> datetime:
        """Now: the time at which the run began, and as long as it has lasted."""
        return self.now + timedelta(seconds=self.azure.time.monotonic() - self.started)
