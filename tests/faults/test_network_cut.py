"""Two replicas and the network between one of them and PostgreSQL cut without a word: who changes Azure then."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from queue import Empty, Queue
from threading import Thread

import pytest
from apart import Cable, allowed, cable
from postgres import programs, running

from finops.state import Busy, State

A_MINUTE = 60.0


class Far:
    """The replica at the other end, and what it says."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._said: Queue[str] = Queue()
        Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            self._said.put(line.strip())

    def hears(self, line: str) -> None:
        assert self._process.stdin
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def said(self, seconds: float) -> str:
        try:
            return self._said.get(timeout=seconds)
        except Empty:
            return f"nothing for {seconds:.0f} s"


@contextmanager
def far(between: Cable, url: str) -> Iterator[Far]:
    script = Path(__file__).parent / "replica_apart.py"
    command = ["ip", "netns", "exec", between.namespace, sys.executable, str(script), url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Far(process)
        process.kill()


@pytest.mark.skipif(not allowed(), reason="no network namespaces here: needs root and iproute2")
@pytest.mark.skipif(programs() is None, reason="no PostgreSQL here")
def test_a_replica_whose_network_is_cut_loses_the_turn_within_a_minute_and_changes_nothing_more():
    with ExitStack() as stack:
        between = stack.enter_context(cable())
        near = stack.enter_context(running(between.here, 54329))
        state = stack.enter_context(State.open(near))
        other = stack.enter_context(far(between, f"postgresql://postgres@{between.here}:54329/postgres"))

        assert other.said(A_MINUTE) == "turn"
        other.hears("/first")
        assert other.said(A_MINUTE) == "opened"
        with pytest.raises(Busy), state.turn():
            pass

        between.cut()
        cut = time.monotonic()
        other.hears("/second")
        took = taken(state, cut)
        refused = other.said(max(1.0, A_MINUTE - (time.monotonic() - cut)))
        between.mend()
        other.hears("/third")
        again = other.said(A_MINUTE)

        assert took < A_MINUTE
        assert refused.startswith("refused")
        assert not again.startswith("opened")
        assert [one.workspace for one in state.pending_intents()] == ["/first"]


def taken(state: State, since: float) -> float:
    """Seconds until the turn could be had here."""
    while (waited := time.monotonic() - since) < A_MINUTE:
        try:
            with state.turn():
                return waited
        except Busy:
            time.sleep(0.5)
    return waited
