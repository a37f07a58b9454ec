"""The daemon as a process: told to stop in the midst of an act, killed, frozen; and another one beside it."""

# ruff: noqa: F401, F811 - fixtures are imported, and asked for by their names
from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from databases import database, postgresql, server

from finops.state import State

SCRIPT = Path(__file__).parent / "daemon_process.py"
PATIENCE = 90.0  # seconds for a line of a process on a busy machine


class Process:
    """One of them, and the lines that it said."""

    def __init__(self, state: str, owner: str, work: float, lease: float, patience: float) -> None:
        args = [sys.executable, str(SCRIPT), state, owner, str(work), str(lease), str(patience)]
        self.process = subprocess.Popen(args, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self._lines: queue.Queue[str] = queue.Queue()
        self.said: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self._lines.put(line)

    def hears(self, text: str) -> None:
        """Wait until it says so."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                self.said.append(self._lines.get(timeout=0.2))
            except queue.Empty:
                if self.process.poll() is not None and self._lines.empty():
                    break
                continue
            if text in self.said[-1]:
                return
        raise AssertionError(f"not heard: {text}; said: {self.said}")

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._reader.join()
        if self.process.stdout:
            self.process.stdout.close()


@pytest.fixture
def begin(database: str) -> Iterator[Callable[..., Process]]:
    found: list[Process] = []

    # Longer than a busy machine lets a process wait for its turn.
    def begun(owner: str, work: float = 0.0, lease: float = 15.0, patience: float = 60.0) -> Process:
        found.append(Process(database, owner, work, lease, patience))
        return found[-1]

    yield begun
    for one in found:
        one.end()


def outcomes(database: str) -> list[str]:
    with State.open(database) as state:
        return [run.outcome for run in state.daybook.runs(datetime(2000, 1, 1, tzinfo=UTC))]


def test_told_to_stop_it_finishes_the_act_in_hand_and_ends_well(begin: Callable[..., Process], database: str):
    one = begin("one", work=2.0)
    one.hears("begins")

    one.process.send_signal(signal.SIGTERM)

    one.hears("finished the act")
    one.hears("ends, left []")
    assert one.process.wait(30) == 0
    assert outcomes(database) == ["held"]


def test_what_is_stuck_does_not_keep_it(begin: Callable[..., Process], database: str):
    one = begin("one", work=600.0, patience=1.0)
    one.hears("begins")

    one.process.send_signal(signal.SIGTERM)

    one.hears("ends, left ['guard']")
    assert one.process.wait(30) == 0
    assert outcomes(database) == ["failed"]


def test_killed_in_an_act_the_second_takes_over_and_does_it_again(begin: Callable[..., Process], database: str):
    one = begin("one", work=600.0)
    one.hears("begins")
    two = begin("two")
    two.hears("one leads; this one waits")

    one.process.kill()
    killed = time.monotonic()
    two.hears("finished the act")

    assert time.monotonic() - killed < 60
    until = time.monotonic() + PATIENCE
    while outcomes(database)[:2] != ["failed", "done"]:  # told to stop before that is recorded, it would say "held"
        assert time.monotonic() < until, outcomes(database)
        time.sleep(0.2)
    two.process.send_signal(signal.SIGTERM)
    two.hears("ends")


def test_frozen_past_its_lease_it_finds_another_leading_and_stops(begin: Callable[..., Process], database: str):
    one = begin("one", work=0.5)
    one.hears("finished the act")
    two = begin("two")
    two.hears("one leads")

    os.kill(one.process.pid, signal.SIGSTOP)
    two.hears("This process leads")
    os.kill(one.process.pid, signal.SIGCONT)

    one.hears("Another process leads now")
    one.hears("two leads; this one waits")
