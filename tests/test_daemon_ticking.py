"""The loop's own ticks: by `schedule`, on a clock that only goes forward; and a database that is away meanwhile."""

from __future__ import annotations

import sqlite3
from datetime import timedelta
from pathlib import Path

from daemons import MONDAY, Diary, Hands, replica

from finops.daemon.loop import Chore, Hooks, Pace
from finops.daemon.ticking import Ticker
from finops.jobs.duties.model import Done, Work
from finops.state import State


def test_a_tick_comes_at_once_and_then_as_often_as_is_said():
    hands, ticked = Hands(), list[float]()
    ticker = Ticker(hands.monotonic)
    ticker.tick(lambda: ticked.append(hands.steady), lambda: 10.0 if len(ticked) < 3 else 60.0)

    for _ in range(100):
        ticker.run_pending()
        hands.forward(1)

    assert ticked == [1000, 1010, 1020, 1080]


def test_ticks_go_on_when_the_wall_clock_is_put_back():
    hands, ticked = Hands(), list[float]()
    ticker = Ticker(hands.monotonic)
    ticker.tick(lambda: ticked.append(hands.steady), lambda: 10.0)
    ticker.run_pending()

    hands.jump(timedelta(days=-10))
    hands.forward(10)
    ticker.run_pending()

    assert ticked == [1000, 1010]
    assert ticker.seconds_until_next() == 10


def test_a_chore_is_done_beside_the_duties_and_its_fault_is_its_own(tmp_path: Path):
    done, diary = list[str](), Diary()

    def bad() -> None:
        raise RuntimeError("no luck")

    chores = (Chore("bad", 60, bad), Chore("good", 60, lambda: done.append("good")))
    with State.open(tmp_path / "state.db") as state:
        one = replica(state, Hands(), diary.duty("guard", "every 15 minutes"), hooks=Hooks(chores=chores))
        one.go(timedelta(minutes=10))

    assert len(done) == 11
    assert diary.slots("guard") == [MONDAY]


def test_while_the_database_is_away_nothing_begins_and_what_ended_is_written_down_after(tmp_path: Path):
    diary, hands, file = Diary(), Hands(), tmp_path / "state.db"
    other = sqlite3.connect(file, isolation_level=None, timeout=0)
    acting: list[bool] = []

    def locked_meanwhile(work: Work) -> Done:
        other.execute("BEGIN IMMEDIATE")
        hands.forward(60)
        acting.append(work.stopping())
        return Done("done")

    with State.open(file, busy_seconds=0.05) as state:
        one = replica(
            state, hands, diary.duty("guard", "every 15 minutes", locked_meanwhile), pace=Pace(lease=40, look=10)
        )
        one.turn()
        one.go(timedelta(minutes=3))
        assert (len(diary.began), one.pulse.leads) == (1, False)
        assert acting == [True]  # who cannot renew its lease begins no act

        other.execute("ROLLBACK")
        other.close()
        one.go(timedelta(minutes=1))

        first = state.daybook.runs(MONDAY)[0]
        assert (first.outcome, first.slot) == ("done", MONDAY)
        assert one.pulse.leads
