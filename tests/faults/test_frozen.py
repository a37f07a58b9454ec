"""Two whole daemons over one database, the first stopped (SIGSTOP) in front of its act: the act happens once."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from guarding import dedicated, estate_of
from meanwhile import meanwhile
from test_cut_daemons import PATIENCE, changes, daemon, until
from test_daemon_process import freeze

from finops.simulator import serving
from finops.state import State

Json = dict[str, Any]
NAME = "spot-0"


def runs_of(process: int) -> list[int]:
    """The processes of its runs."""
    threads = Path(f"/proc/{process}/task").glob("*/children")
    return [int(one) for thread in threads for one in thread.read_text().split()]


def asks_for_subscriptions(asked: Json) -> bool:
    """A run asks twice: first of all, and for what it costs, once it has read everything. Then it decides."""
    return asked["path"] == "/subscriptions"


def reads_it_once_more(asked: Json) -> bool:
    """The last reading, in one's turn, before the request."""
    return asked["method"] == "GET" and bool(asked["path"].endswith(f"/computes/{NAME}"))


@pytest.mark.parametrize(
    ("at", "nth", "second_did"),
    [(asks_for_subscriptions, 2, 1), (reads_it_once_more, 1, 0)],
    ids=["before its turn", "in its turn"],
)
def test_stopped_in_front_of_its_act_and_continued_once_another_leads_the_act_happens_once(
    tmp_path: Path, at: Callable[[Json], bool], nth: int, second_did: int
):
    database = str(tmp_path / "state.db")
    cluster = dedicated(name=NAME, priority="LowPriority", low=2)
    with ExitStack() as stack:
        served = stack.enter_context(serving(estate_of(tmp_path / "estate", cluster), retry_after=0, polls=0))
        stopped: list[int] = []

        def stop() -> None:
            (run,) = runs_of(one.process.pid)
            os.kill(run, signal.SIGSTOP)
            freeze(one.process, database)
            stopped.extend([run, one.process.pid])

        def go_on() -> None:
            while stopped:
                with suppress(ProcessLookupError):
                    os.kill(stopped.pop(), signal.SIGCONT)

        meanwhile(served, at, stop, nth)
        one = stack.enter_context(daemon(tmp_path, "one", database, served.url))
        stack.callback(go_on)
        until(lambda: stopped, PATIENCE, lambda: f"it did not come to that: {one.lines[-20:]}")
        two = stack.enter_context(daemon(tmp_path, "two", database, served.url))
        two.hears("This process leads")
        two.hears('"message": "run ended"')
        while_stopped = changes(served)
        go_on()
        one.hears("Another process leads now")
        one.hears('"message": "run ended"')

        sent = changes(served)
        with State.open(database) as state:
            pending = state.pending_intents()

    assert len(while_stopped) == second_did
    assert len(sent) == 1
    assert pending == []
