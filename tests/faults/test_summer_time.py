"""The whole daemon over a change of the clocks: each slot once, at the local time that people wrote, acts at work only.

What is expected is reckoned here, from the offsets that each zone has on which days, not by the code that is tested. By
default one change is lived through with the weeks on both sides, the others on that day and the next;
FINOPS_YEAR=1 is all of them with both weeks (`make soak`).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import pytest
from applying import empty_endpoint
from forking import Worker, worker_of
from tallying import changes_of, duties_of, unasked
from year import DAY, Plan, Year, lived

from finops.state import State, StoredRun

HOUR = timedelta(hours=1)
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
LONG = os.environ.get("FINOPS_YEAR") == "1"
# What is due every few minutes is due in every zone, and would be most of the time; all else is as shipped.
SELDOM = {"guard": "off", "watch": "off", "deliver": "every 12 hours", "tell": "every 12 hours",
          "apply": "working hours every 120 minutes"}  # fmt: skip
DAILY = {"housekeeping": time(3, 30), "ingest": time(4, 30), "anomalies": time(5, 15), "budgets": time(5, 30),
         "compliance": time(5, 45)}  # fmt: skip
MONDAYS = {"sweep": time(6), "report": time(6, 45)}
WORK = range(8, 17, 2)
OPEN = range(8, 17)


@dataclass(frozen=True)
class Change:
    """A zone on whose Sunday at 2 or 3 the clocks change: its offset until then, and from then on.

    first, last: the days that are lived through, counted from that Sunday.
    """

    zone: str
    sunday: date
    before: timedelta
    after: timedelta
    first: int = -6 if LONG else 0
    last: int = 3 if LONG else 1

    @property
    def days(self) -> list[date]:
        return [self.sunday + number * DAY for number in range(self.first, self.last + 1)]

    def utc(self, day: date, at: time) -> datetime:
        """What happens after 3 in the morning is after the change."""
        return datetime.combine(day, at, UTC) - (self.before if day < self.sunday else self.after)

    def local(self, moment: datetime) -> datetime:
        ahead = self.before if moment < self.utc(self.sunday, time(3)) else self.after
        return (moment + ahead).replace(tzinfo=None)


CHANGES = (
    Change("Europe/Berlin", date(2027, 3, 28), 1 * HOUR, 2 * HOUR, -6, 3),
    Change("Europe/Berlin", date(2027, 10, 31), 2 * HOUR, 1 * HOUR),
    Change("Australia/Lord_Howe", date(2027, 10, 3), 10.5 * HOUR, 11 * HOUR),
)


@dataclass
class Lived:
    change: Change
    year: Year
    runs: list[StoredRun]
    wrong: list[str]

    def begun(self, duty: str) -> list[StoredRun]:
        return [one for one in self.runs if one.job == duty and one.outcome in {"done", "partial"}]


@pytest.fixture(scope="module", params=CHANGES, ids=lambda one: f"{one.zone.rpartition('/')[2]}-{one.sunday:%m}")
def life(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, worker: Worker) -> Iterator[Lived]:
    """From noon of the day before the first one until the evening of the last one."""
    change: Change = request.param
    begins = change.utc(change.days[0] - DAY, time(12))  # time for what is due of that day
    plan = Plan(
        len(change.days),
        0,
        7,
        SELDOM,
        share=0,
        lease=4 * 3600,
        begins=begins,
        zone=change.zone,
        persist_runs=1,
        denied=0,
    )
    with lived(tmp_path_factory.mktemp("summer"), plan) as year:
        # Too young in the first of two weeks, and old enough in the second.
        young = {"systemData": {"createdAt": (begins - 3 * DAY).isoformat(), "createdBy": "ana@contoso.com"}}
        year.served.world.resources.put(empty_endpoint("young") | young)
        year.ends = change.utc(change.days[-1], time(21))
        year.live(worker)
        with State.open(year.state) as state:
            wrong = [*duties_of(year, state, year.ends - HOUR).wrong, *unasked(year, state)]
            yield Lived(change, year, state.daybook.runs(LONG_AGO), wrong)


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    with worker_of("dying_daemon.py") as found:
        yield found


def test_each_slot_is_worked_through_once_and_nothing_is_changed_that_nothing_allowed(life: Lived):
    assert life.wrong == []
    since = [one for one in life.runs if one.slot >= life.year.begins]
    assert {one.outcome for one in since} <= {"done", "partial", "held"}


def test_daily_and_weekly_duties_begin_at_their_local_time_on_both_sides(life: Lived):
    change = life.change
    for duty, at in (DAILY | MONDAYS).items():
        due = [change.utc(day, at) for day in change.days if duty in DAILY or day.weekday() == 0]
        runs = [one for one in life.begun(duty) if one.slot >= change.utc(change.days[0], time())]

        assert [one.slot for one in runs] == due, duty
        # Of those whose morning is yesterday in UTC, the report waits for the charges of its last day.
        most = DAY if duty == "report" else HOUR
        assert all(timedelta() <= one.began_at - one.slot < most for one in runs), duty


def test_what_is_due_in_working_hours_is_due_in_those_of_the_day(life: Lived):
    working = [day for day in life.change.days if day.weekday() < 5]

    runs = [one for one in life.begun("apply") if one.slot >= life.change.utc(life.change.days[0], time())]
    assert [one.slot for one in runs] == [life.change.utc(day, time(hour)) for day in working for hour in WORK]


def test_what_was_approved_is_deleted_in_working_hours_on_both_sides(life: Lived):
    change = life.change
    moments = [
        datetime.fromisoformat(one["at"])
        for one in changes_of(life.year)
        if one["method"] == "DELETE" and "/onlineendpoints/" in one["path"].lower()
    ]
    local = [change.local(one) for one in moments]

    assert all(one.weekday() < 5 and one.hour in OPEN for one in local), local
    if change.first < 0:
        assert {one.date() < change.sunday for one in local} == {True, False}


def test_the_report_leaves_at_a_quarter_to_seven_on_both_sides(life: Lived):
    reports = [life.change.local(one.slot) for one in life.begun("report")]

    mondays = [day for day in life.change.days if day.weekday() == 0]
    assert reports == [datetime.combine(day, time(6, 45)) for day in mondays]
    assert len(mondays) == (2 if life.change.first < 0 else 1)
