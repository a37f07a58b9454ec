"""A replica at the other end of a cable: has the turn, and tries to begin a change when it is told to."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime

from finops.errors import FinopsError
from finops.state import State


def main() -> None:
    with State.open(sys.argv[1]) as state:
        try:
            with state.turn():
                say("turn")
                for line in sys.stdin:
                    began = time.monotonic()
                    try:
                        intent(state, line.strip())
                    except FinopsError as fault:
                        say(f"refused after {time.monotonic() - began:.0f} s: {fault.what}")
                    else:
                        say("opened")
        except FinopsError as fault:
            say(f"ended: {fault.what}")


def intent(state: State, workspace: str) -> None:
    state.open_intent(
        datetime.now(UTC), generation="g", evidence={}, afterwards=None, run="r", resource_id="/x",
        workspace=workspace, api_version="1", action="delete", rule="r", why="w", who="me", decision="d", saving="",
    )  # fmt: skip


def say(text: str) -> None:
    sys.stdout.write(f"{' '.join(text.split())}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
