"""A daemon of one duty that runs in a process of its own, as a process: `python lone_run.py DUTY STATE NOW HELD`.

HELD is the file with the settings' text. Its lease never ends; it is to be killed.
"""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import Any

from finops.daemon.apart import Apart
from finops.daemon.calls import Calls
from finops.jobs.duties import Work, duty
from finops.state import State


def main() -> None:
    name, where, now, held = sys.argv[1:]
    text = Path(held).read_text("utf-8")
    apart = Apart(Calls(), {"config": None, "azure": None, "held": {"file": held, "text": text}})
    with State.open(where) as state:
        asked: Any = None  # its own connections are for runs in this process
        work = Work(asked, state, datetime.fromisoformat(now), "run-1", asked, asked, say, lambda: False)
        say(apart(duty(name), work).outcome)


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
