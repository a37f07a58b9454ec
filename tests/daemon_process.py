"""A daemon of one toy duty as a process: `python daemon_process.py STATE OWNER SECONDS_OF_WORK LEASE PATIENCE`.

Prints "leads" once it does, and a line for each step of its duty. With "told" for the seconds, its act ends when a line
comes in.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from finops.config.model import Settings
from finops.daemon.clock import SystemClock
from finops.daemon.loop import Hooks, Pace, run
from finops.daemon.pulse import Pulse
from finops.daemon.stopping import Stop
from finops.daemon.working import Means
from finops.jobs.duties.model import Done, Duty, Work
from finops.state import State

where, owner, work_for = sys.argv[1:4]
lease, patience = float(sys.argv[4]), float(sys.argv[5])


@contextmanager
def nothing() -> Iterator[Any]:
    yield None


def say(text: str) -> None:
    sys.stdout.write(f"{owner}: {text}\n")
    sys.stdout.flush()


def act(work: Work) -> Done:
    """One act that takes so long and must not be cut; then another, if we are not to stop."""
    say(f"begins {work.slot}")
    if work_for == "told":
        sys.stdin.readline()
    else:
        end = time.monotonic() + float(work_for)
        while time.monotonic() < end:
            time.sleep(0.05)
    say("finished the act")
    if work.stopping():
        return Done("held", ("The daemon is being stopped.",))
    return Done("done")


stop, clock = Stop(), SystemClock()
duty = Duty("guard", "Toy.", "every 15 minutes", act, timedelta(hours=1), timedelta(minutes=10), acts=True)
with stop.on_signals(), State.open(where) as state:
    means = Means(Settings, state, nothing, nothing, clock, clock, say)
    pace = Pace(lease=lease, look=0.5, adopt=1.0, patience=patience)
    left = run(means, [duty], stop, Pulse(), hooks=Hooks(), pace=pace, owner=owner)
say(f"ends, left {left}")
if left:
    os._exit(0)
assert threading.current_thread() is threading.main_thread()
