"""The loop on a full disk, and on a database that somebody holds: it goes on when that is over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path

import pytest
from daemons import Diary, Hands, replica
from disks import full, locked, small

from finops.jobs.duties.model import Done, Work
from finops.state import State

HOUR = timedelta(hours=1)
Fault = Callable[[Path], AbstractContextManager[None]]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    try:
        with small(tmp_path / "disk") as found:
            yield found
    except FileNotFoundError as why:
        pytest.skip(str(why))


@pytest.mark.parametrize("fault", [full, locked])
def test_while_nothing_can_be_written_nothing_is_begun_and_afterwards_it_goes_on(disk: Path, fault: Fault):
    diary, hands = Diary(), Hands()
    with State.open(disk / "state.db", busy_seconds=0.05) as state:
        duty = diary.duty("guard", "every 15 minutes")
        one = replica(state, hands, duty)
        one.go(HOUR)
        before = len(diary.began)

        with fault(disk):
            one.go(3 * HOUR)
            during = len(diary.began)
        one.go(HOUR)

        assert before > 0
        assert during == before
        assert len(diary.began) > during
        assert len(diary.began) == len(set(diary.began))
        told = [run for run in state.daybook.runs(hands.wall - 24 * HOUR) if run.outcome == "missed"]
        assert sum(run.slots for run in told) + len(diary.began) == 5 * 4 + 1
        assert all(run.why for run in told)
        state.check()


@pytest.mark.parametrize("fault", [full, locked])
def test_what_a_run_came_to_is_written_down_once_there_is_room(disk: Path, fault: Fault):
    diary, hands = Diary(), Hands()
    faults: list[AbstractContextManager[None]] = []

    def breaks(work: Work) -> Done:
        if not faults:
            faults.append(fault(disk))
            faults[0].__enter__()
        return Done("done", ("Found 7.",))

    with State.open(disk / "state.db", busy_seconds=0.05) as state:
        one = replica(state, hands, diary.duty("guard", "every 15 minutes", breaks))
        one.turn()
        [begun] = state.daybook.open_runs()
        faults[0].__exit__(None, None, None)
        one.go(5 * timedelta(minutes=1))

        ended = [run for run in state.daybook.runs(hands.wall - HOUR) if run.number == begun.number]
        assert [(run.outcome, run.said) for run in ended] == [("done", ("Found 7.",))]
