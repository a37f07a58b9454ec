"""A stretch of an estate's life under the whole daemon, with faults in one request of twenty, and kills at any moment.

By default seven simulated days and three kills; FINOPS_YEAR=1 is a year and fifty kills (`make soak`). Each prints its
tally: run it with -s.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta

import pytest
from forking import Worker, worker_of
from tallying import LONG_AGO, duties_of, printed, twice_told, unasked
from year import Plan, Year, lived

from finops.state import State

LONG = os.environ.get("FINOPS_YEAR") == "1"
DAYS = int(os.environ.get("FINOPS_YEAR_DAYS", "365" if LONG else "7"))
KILLS = int(os.environ.get("FINOPS_YEAR_KILLS", "50" if LONG else "3"))
# What is due every few minutes costs most of the time, and is the same each time: the schedule as shipped is what
# FINOPS_YEAR_SCHEDULE=shipped runs, in six times as long.
SELDOM = {
    "guard": "every 4 hours" if LONG else "every 12 hours", "watch": "every 6 hours" if LONG else "every 12 hours",
    "deliver": "every 2 hours" if LONG else "every 6 hours", "tell": "every 2 hours" if LONG else "every 6 hours",
    "apply": "working hours every 120 minutes" if LONG else "working hours every 240 minutes",
} | ({} if LONG else {"sweep": "daily at 06:00"})  # fmt: skip
# KiB of the database: letters of 90 days, what a day adds that is never forgotten, and a run, kept for 400 days.
LETTERS, DAILY, RUN = 5 * 1024, 12, 0.6
MEBIBYTES = 400  # pandas and DuckDB stay loaded once a duty has used them: about 300


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    with worker_of("dying_daemon.py") as found:
        yield found


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory, worker: Worker) -> Iterator[Year]:
    """It has been lived, and ended with a day on which nothing goes wrong."""
    schedule = {} if os.environ.get("FINOPS_YEAR_SCHEDULE") == "shipped" else SELDOM
    plan = Plan(DAYS, KILLS, int(os.environ.get("FINOPS_YEAR_SEED", "7")), schedule)
    with lived(tmp_path_factory.mktemp("year"), plan) as found:
        found.live(worker, KILLS)
        found.calm(days=1)
        found.live(worker)
        yield found


@pytest.fixture
def state(year: Year) -> Iterator[State]:
    with State.open(year.state) as found:
        yield found


def test_every_duty_happened_in_every_period_once_or_is_told_with_the_reason(year: Year, state: State):
    found = duties_of(year, state, year.ends - timedelta(hours=1))

    print("\n" + printed(year, found, state))  # noqa: T201 - the tally
    assert found.wrong == []
    assert year.tally.kills == KILLS
    assert all(
        sum(counted.values()) > 0 for name, counted in found.counted.items() if LONG or name not in {"close", "tier"}
    )


def test_nothing_was_changed_that_nothing_allowed(year: Year, state: State):
    assert unasked(year, state) == []


def test_nobody_was_told_twice(year: Year):
    assert twice_told(year) == []


def test_what_is_remembered_is_whole(year: Year, state: State):
    state.check()

    assert state.verify_audit().fault is None
    assert state.pending_intents() == []
    assert state.daybook.open_runs() == []


def test_something_happened_that_could_have_gone_wrong(year: Year, state: State):
    assert len(year.tally.struck) > 20
    assert year.tally.approved > 0
    assert any(one["method"] == "DELETE" for one in year.served.requests)


def test_memory_stays_within_its_bounds(year: Year):
    assert max(kibibytes for _, kibibytes in year.tally.rss) < MEBIBYTES * 1024


def test_the_database_stays_within_its_bounds(year: Year, state: State):
    runs = len(state.daybook.runs(year.begins - LONG_AGO))

    assert year.kept < LETTERS + DAILY * DAYS + RUN * runs
