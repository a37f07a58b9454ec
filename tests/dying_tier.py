"""A process that runs `tier apply` or `tier undo` on a simulator, to be killed at any moment by whoever started it."""

from __future__ import annotations

import os
import random
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet
from forking import obey

from finops.cloud import connect
from finops.cloud.retry import Time
from finops.config.model import Settings
from finops.jobs.tiering.applying import apply
from finops.jobs.tiering.undoing import undo
from finops.state import State

assert duckdb  # loaded before the forks, as what takes long
assert pyarrow.parquet


def work(order: dict[str, Any]) -> str:
    """What each line of the run says, where the process lives to tell."""
    if not os.environ.get("FINOPS_SAY"):
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115

    def sleep(seconds: float) -> None:
        # What a request that just left needs to land is waited for in full.
        time.sleep(0.3 if seconds >= 15 else 0.002)

    settings = Settings.model_validate(order["settings"])
    now = datetime.fromisoformat(order["now"])
    waits = Time(time.monotonic, lambda: datetime.now(UTC), sleep, random.Random(order["seed"]).random)
    with connect(settings.azure, time=waits, operation_seconds=2) as azure, State.open(order["state"]) as state:
        if order["undo"]:
            done = undo(azure, settings, state, now, execute=True)
        else:
            done = apply(azure, settings, state, now, execute=True, paths=[Path(path) for path in order["paths"]])
    return "\n".join(f"{line.what}: {line.result}, {line.why}" for line in done.lines)


if __name__ == "__main__":
    obey(work)
