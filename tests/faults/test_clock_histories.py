"""Random histories of a clock that jumps, of faults, deaths and restarts: no slot twice, and none forgotten.

By default some hundreds; FINOPS_CLOCK_HISTORIES=100000 is the long form (`make soak`).
"""

from __future__ import annotations

import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from clock_histories import KINDS, ZONES, Life, Memory

from finops.state import State, StoredRun

HISTORIES = int(os.environ.get("FINOPS_CLOCK_HISTORIES", "600"))
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None


def test_whatever_the_clock_does_each_slot_is_worked_through_once_at_most_and_none_is_forgotten():
    begun, seen, wrong = 0, set(), []
    for number in range(HISTORIES):
        life = Life(number, Memory()).lived()
        begun += life.begun
        seen.add((life.duty.name, life.zone))
        wrong += [f"history {number}, {life.duty.name}, {life.zone}: {one}" for one in life.wrong]

    print(f"\n{HISTORIES} histories, {begun} runs begun, {len(seen)} pairs of a duty and a zone")  # noqa: T201
    assert wrong[:5] == []
    assert begun > 3 * HISTORIES
    assert {zone for _, zone in seen} == set(ZONES)
    assert {duty for duty, _ in seen} == {one.name for one in KINDS}


def test_the_daybook_of_these_histories_is_as_the_real_one():
    for number in range(25):
        listed = Life(number, Memory()).lived()
        with tempfile.TemporaryDirectory(dir=MEMORY) as folder, State.open(Path(folder) / "state.db") as state:
            written = Life(number, state).lived()

            assert told(listed) == told(written), number


def told(life: Life) -> list[tuple[object, ...]]:
    runs: list[StoredRun] = life.book.runs(datetime(2000, 1, 1, tzinfo=UTC))
    return [(one.slot, one.first_slot, one.slots, one.outcome, one.why, one.began_at, one.ended_at) for one in runs]
