"""A process that runs `janitor apply` or `undo` on a simulator, to be killed at any moment by whoever started it.

Started once; forks for every order that it reads, one JSON object a line. Answers first with the child's process id;
asked with another line, with its exit status.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from datetime import UTC, datetime
from typing import Any

from finops.cloud import connect
from finops.cloud.retry import Time
from finops.config.model import Settings
from finops.jobs.sweeping.applying import apply
from finops.jobs.sweeping.undoing import undo
from finops.state import State

JSON = dict[str, Any]


def work(order: JSON) -> None:
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


def main() -> None:
    say("ready")
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if child == 0:
            sys.stderr = open(os.devnull, "w") if not os.environ.get("FINOPS_SAY") else sys.stderr  # noqa: SIM115
            try:
                work(order)
            except BaseException:  # noqa: BLE001 - a forked child must not come back into the loop
                import traceback

                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        say(str(child))
        sys.stdin.readline()  # until it is waited for, no other process can get its number
        _, status = os.waitpid(child, 0)
        say(str(os.waitstatus_to_exitcode(status)))


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
