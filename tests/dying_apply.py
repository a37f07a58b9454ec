"""A process that runs `janitor apply` or `undo` on a simulator, to be killed at any moment by whoever started it."""

from __future__ import annotations

import os
import random
import sys
import time
from datetime import UTC, datetime
from typing import Any

from forking import obey

from finops.cloud import connect
from finops.cloud.retry import Time
from finops.config.model import Settings
from finops.jobs.sweeping.applying import apply
from finops.jobs.sweeping.undoing import undo
from finops.state import State

JSON = dict[str, Any]


def work(order: JSON) -> str:
    if not os.environ.get("FINOPS_SAY"):
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115

    def sleep(seconds: float) -> None:
        # What a request that just left needs to land is waited for in full.
        time.sleep(0.3 if seconds >= 15 else 0.002)

    settings = Settings.model_validate(order["settings"])
    now = datetime.fromisoformat(order["now"])
    waits = Time(time.monotonic, lambda: datetime.now(UTC), sleep, random.Random(order["seed"]).random)
    with (
        connect(settings.azure, time=waits, operation_seconds=2) as azure,
        State.open(order["state"]) as state,
    ):
        if order["undo"]:
            for number in order["undo"]:
                undo(azure, settings, state, number, now, "ann")
        else:
            apply(azure, settings, state, now, execute=True)
    return ""


if __name__ == "__main__":
    obey(work)
