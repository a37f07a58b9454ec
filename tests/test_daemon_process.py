"""The daemon as a process: told to stop in the midst of an act, killed, frozen; and another one beside it."""

# ruff: noqa: F401, F811 - fixtures are imported, and asked for by their names
from __future__ import annotations

import queue
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from databases import database, postgresql, server

from finops.state import State
from finops.state.engine import WRITERS

SCRIPT = Path(__file__).parent / "daemon_process.py"
PATIENCE = 90.0  # seconds for a line of a process on a busy machine


class Process:
    """One of them, and the lines that it said."""

    def __init__(self, state: str, owner: str, work: float | str, lease: float, patience: float) -> None:
        args = [sys.executable, str(SCRIPT), state, owner, str(work), str(lease), str(patience)]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(args, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT, text=True)
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

    def tells(self) -> None:
        """Let it end its act."""
        assert self.process.stdin
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._reader.join()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                pipe.close()


@pytest.fixture
def begin(database: str) -> Iterator[Callable[..., Process]]:
    found: list[Process] = []

    # Longer than a busy machine lets a process wait for its turn.
    def begun(owner: str, work: float | str = 0.0, lease: float = 15.0, patience: float = 60.0) -> Process:
        found.append(Process(database, owner, work, lease, patience))
        return found[-1]

    yield begun
    for one in found:
        one.end()


def outcomes(database: str) -> list[str]:
    with State.open(database) as state:
        return [run.outcome for run in state.daybook.runs(datetime(2000, 1, 1, tzinfo=UTC))]


def freeze(process: subprocess.Popen[str], database: str) -> None:
    """Stop it between two of its transactions: one that stood still within one would hold up everybody."""
    until = time.monotonic() + PATIENCE
    while True:
        process.send_signal(signal.SIGSTOP)
        while Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] != "T":
            time.sleep(0.01)
        if free(database):
            return
        process.send_signal(signal.SIGCONT)
        assert time.monotonic() < until
        time.sleep(0.05)


def free(database: str) -> bool:
    """Whether nobody is writing just now."""
    if "://" in database:
        import psycopg

        with psycopg.connect(database) as db:
            row = db.execute("SELECT pg_try_advisory_xact_lock(%s)", [WRITERS]).fetchone()
            return row is not None and bool(row[0])
    with closing(sqlite3.connect(database, isolation_level=None, timeout=0)) as file:
        try:
            file.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
        file.execute("ROLLBACK")
    return True


def test_told_to_stop_it_finishes_the_act_in_hand_and_ends_well(begin: Callable[..., Process], database: str):
    one = begin("one", work="told")
    one.hears("begins")

    one.process.send_signal(signal.SIGTERM)
    one.hears("Stopping. Waiting for guard.")
    one.tells()

    one.hears("finished the act")
    one.hears("ends, left []")
    assert one.process.wait(PATIENCE) == 0
    assert outcomes(database) == ["held"]


def test_what_is_stuck_does_not_keep_it(begin: Callable[..., Process], database: str):
    one = begin("one", work=600.0, patience=1.0)
    one.hears("begins")

    one.process.send_signal(signal.SIGTERM)

    one.hears("ends, left ['guard']")
    assert one.process.wait(PATIENCE) == 0
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

    freeze(one.process, database)
    two.hears("This process leads")
    one.process.send_signal(signal.SIGCONT)

    one.hears("Another process leads now")
    one.hears("two leads; this one waits")
