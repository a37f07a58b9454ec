"""The loop: each duty at its time, once, through faults, stops, overruns and a clock that jumps."""

# ruff: noqa: F401, F811 - fixtures are imported, and asked for by their names
from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from daemons import MONDAY, Diary, Hands, in_a_thread, never, replica
from databases import database, postgresql, server
from hypothesis import given, settings
from hypothesis import strategies as st

from finops.config.model import Settings
from finops.daemon.clock import accept
from finops.daemon.loop import Pace
from finops.errors import AzureError, ConfigError
from finops.jobs.duties.model import Done, Work
from finops.state import State

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with State.open(tmp_path / "state.db") as opened:
        yield opened


def failing(work: Work) -> Done:
    raise RuntimeError("no luck")


def outcomes(state: State, job: str) -> list[str]:
    return [run.outcome for run in state.daybook.runs(datetime(2000, 1, 1, tzinfo=UTC), job)]


def test_each_duty_runs_at_its_time(state: State):
    diary, hands = Diary(), Hands(MONDAY + 7 * MINUTE)
    one = replica(state, hands, diary.duty("guard", "every 15 minutes"), diary.duty("ingest", "daily at 06:30"))

    one.go(HOUR)

    assert diary.slots("guard") == [MONDAY + step * MINUTE for step in (0, 15, 30, 45, 60)]
    assert diary.slots("ingest") == [MONDAY - DAY + 30 * MINUTE, MONDAY + 30 * MINUTE]


def test_a_first_start_does_not_send_last_weeks_report(state: State):
    diary, hands = Diary(), Hands(MONDAY + 8 * HOUR)
    one = replica(state, hands, diary.duty("report", "weekly on monday at 06:30"))

    one.turn()
    hands.forward((7 * DAY - 2 * HOUR).total_seconds())
    one.go(HOUR)

    assert diary.slots("report") == [MONDAY + 7 * DAY + 30 * MINUTE]
    assert outcomes(state, "report") == ["skipped", "done"]


def test_what_a_stop_missed_is_caught_up_once_and_the_rest_is_told(state: State):
    diary, hands = Diary(), Hands()
    duties = diary.duty("guard", "every 15 minutes"), diary.duty("ingest", "daily at 05:30")
    replica(state, hands, *duties).go(MINUTE)
    diary.began.clear()

    hands.forward((3 * DAY + 7 * MINUTE).total_seconds())
    replica(state, hands, *duties, owner="two").go(2 * MINUTE)

    assert diary.slots("ingest") == [MONDAY + 3 * DAY - 30 * MINUTE]
    assert diary.slots("guard") == [MONDAY + 3 * DAY]
    missed = [run for run in state.daybook.runs(MONDAY) if run.outcome == "missed"]
    assert {(run.job, run.slots, run.why) for run in missed} == {
        ("ingest", 2, "No daemon was running, or none led."),
        ("guard", 3 * 96 - 1, "No daemon was running, or none led."),
    }


def test_a_slot_that_is_too_old_is_told_and_not_begun(state: State):
    diary, hands = Diary(), Hands()
    report = diary.duty("report", "weekly on monday at 05:30")
    replica(state, hands, report).turn()
    hands.forward((7 * DAY).total_seconds())
    replica(state, hands, report).go(MINUTE)
    diary.began.clear()

    hands.forward((13 * DAY).total_seconds())
    replica(state, hands, report, owner="two").go(MINUTE)

    assert diary.began == []
    missed = [run for run in state.daybook.runs(MONDAY, "report") if run.outcome == "missed"]
    assert [(run.slots, run.slot) for run in missed] == [(1, MONDAY + 14 * DAY - 30 * MINUTE)]
    assert missed[0].why.startswith("Not begun within 4 days")


def test_one_dutys_fault_does_not_stop_the_others(state: State):
    diary, hands = Diary(), Hands()
    one = replica(state, hands, diary.duty("bad", "every 15 minutes", failing), diary.duty("good", "every 15 minutes"))

    one.go(HOUR)

    assert set(outcomes(state, "bad")) == {"failed"}
    assert outcomes(state, "good") == ["done"] * 5
    last = state.daybook.last("bad", ("failed",))
    assert last
    assert last.why == "RuntimeError: no luck"


def test_what_goes_wrong_in_planning_one_duty_leaves_the_others_alone(state: State):
    diary, hands = Diary(), Hands()
    one = replica(state, hands, diary.duty("bad", "every 15 minutes"), diary.duty("good", "every 15 minutes"))
    del one.loop._planner.whens["bad"].__dict__["step"]  # as a bug would: an AttributeError whenever it is asked

    one.go(HOUR)

    assert (len(diary.slots("bad")), len(diary.slots("good"))) == (0, 5)


def test_a_slot_that_failed_is_tried_again_until_it_works(state: State):
    diary, hands, left = Diary(), Hands(), [3]

    def at_last(work: Work) -> Done:
        left[0] -= 1
        if left[0]:
            raise AzureError("Azure is away.", "Wait.")
        return Done("done", ("All is well.",), {"charges": 3})

    replica(state, hands, diary.duty("ingest", "daily at 05:30", at_last)).go(HOUR)

    assert outcomes(state, "ingest") == ["failed", "failed", "done"]


def test_what_is_held_is_tried_again_and_told_where_it_never_was_ready(state: State):
    diary, hands = Diary(), Hands()
    wait = diary.duty("report", "daily at 06:30", lambda work: Done("held", ("Charges are not complete.",)))

    replica(state, hands, wait, pace=Pace(lease=36000, look=900, adopt=36000)).go(2 * DAY)

    missed = [run for run in state.daybook.runs(MONDAY, "report") if run.outcome == "missed"]
    assert [run.slot for run in missed] == [MONDAY - DAY + 30 * MINUTE, MONDAY + 30 * MINUTE]
    assert "Charges are not complete." in missed[0].why
    assert len(diary.slots("report")) > 20


def test_what_is_due_seldom_runs_in_the_order_of_its_slots_one_at_a_time(state: State):
    diary, hands = Diary(), Hands(MONDAY + 12 * HOUR)
    go, both = threading.Event(), []

    def slow(work: Work) -> Done:
        both.append(len(one.loop.working.running()))
        go.wait(90)
        return Done("done")

    one = replica(
        state, hands, diary.duty("budgets", "daily at 05:30", slow), diary.duty("ingest", "daily at 04:30", slow),
        diary.duty("guard", "every 15 minutes"), start=in_a_thread,
    )  # fmt: skip
    one.turn()
    hands.forward(60)
    one.turn()
    assert [name for name, _ in diary.began if name != "guard"] == ["ingest"]

    go.set()
    while one.loop.working.running():
        threading.Event().wait(0.01)
    one.go(MINUTE)
    while one.loop.working.running():
        threading.Event().wait(0.01)

    assert [name for name, _ in diary.began if name != "guard"] == ["ingest", "budgets"]
    assert "guard" in dict(diary.began)


def test_a_run_that_lasts_too_long_is_told_and_never_runs_twice_and_the_clock_goes_on(state: State):
    diary, hands, go = Diary(), Hands(), threading.Event()

    def stuck(work: Work) -> Done:
        go.wait(90)
        return Done("done")

    one = replica(
        state, hands, diary.duty("guard", "every 15 minutes", stuck), diary.duty("watch", "every 15 minutes"),
        start=lambda work, name: in_a_thread(work, name) if name == "duty guard" else work(),
    )  # fmt: skip
    one.go(HOUR)

    assert len(diary.slots("guard")) == 1
    assert one.pulse.overrun == {"guard"}
    assert any("guard has run for" in note for note in one.notes)
    assert len(diary.slots("watch")) >= 4
    go.set()
    while one.loop.working.running():
        threading.Event().wait(0.01)
    one.go(MINUTE)
    skipped = [run for run in state.daybook.runs(MONDAY, "guard") if run.outcome == "skipped"]
    assert [(run.slots, run.why) for run in skipped] == [(3, "The run before it was still under way.")]


def test_an_event_has_a_duty_run_at_once_and_takes_no_slot(state: State):
    diary, hands = Diary(), Hands(MONDAY + 7 * MINUTE)
    one = replica(state, hands, diary.duty("guard", "every 15 minutes"))
    one.turn()

    one.wakes("guard")
    one.go(10 * MINUTE)

    assert diary.slots("guard") == [MONDAY, None, MONDAY + 15 * MINUTE]


def test_an_unknown_duty_in_the_schedule_is_refused(state: State):
    wrong = Settings.model_validate({"daemon": {"schedule": {"gaurd": "off"}}})

    with pytest.raises(ConfigError, match=r"'gaurd', which is no duty.*guard"):
        replica(state, Hands(), Diary().duty("guard", "every 15 minutes"), settings=wrong)


def test_a_schedule_that_says_nothing_is_refused_by_its_name(state: State):
    wrong = Settings.model_validate({"daemon": {"schedule": {"guard": "sometimes"}}})

    with pytest.raises(ConfigError, match=r"daemon\.schedule\.guard: 'sometimes'"):
        replica(state, Hands(), Diary().duty("guard", "every 15 minutes"), settings=wrong)


def test_off_is_never_begun_though_yaml_takes_it_for_false(state: State):
    diary = Diary()
    own = Settings.model_validate({"daemon": {"schedule": {"guard": False}}})

    replica(state, Hands(), diary.duty("guard", "every 15 minutes"), settings=own).go(HOUR)

    assert diary.began == []


# -- replicas -------------------------------------------------------------------------------------------------------


def test_two_replicas_do_the_work_once_and_the_second_takes_over_within_a_minute(database: str):
    diary, hands = Diary(), Hands()
    postgres = "://" in database
    pace = Pace(lease=4.0, look=1.0) if postgres else Pace(look=60)
    with State.open(database) as first, State.open(database) as second:
        duty = diary.duty("guard", "every 15 minutes")
        a = replica(first, hands, duty, owner="a", pace=pace)
        b = replica(second, hands, duty, owner="b", pace=pace)
        for _ in range(60):
            a.turn()
            b.turn()
            hands.forward(0.0 if postgres else 60)
        assert (a.pulse.leads, b.pulse.leads, b.pulse.leader) == (True, False, "a")
        assert b.notes[0].startswith("a leads; this one waits")
        begun = len(diary.began)
        assert begun == len(set(diary.began))

        silent = hands.steady
        for _ in range(60):  # the server's own clock: its seconds really pass
            if b.pulse.leads:
                break
            if postgres:
                threading.Event().wait(0.1)
            b.turn()
            hands.forward(1)

        assert b.pulse.leads
        assert hands.steady - silent < 60


def test_who_was_stopped_for_longer_than_the_lease_begins_nothing_and_stops_acting(state: State):
    diary, hands, frozen = Diary(), Hands(), Hands()
    duty = diary.duty("guard", "every 15 minutes")
    a = replica(state, frozen, duty, owner="a", start=never, pace=Pace())
    a.turn()
    acting = a.loop.working.stopping
    assert not acting()

    hands.forward(120)
    b = replica(state, hands, duty, owner="b", pace=Pace())
    b.turn()
    frozen.forward(120)

    assert acting()
    a.turn()
    assert not a.pulse.leads
    assert diary.slots("guard") == [MONDAY]


def test_the_run_of_a_process_that_died_is_closed_and_its_slot_tried_once_more(state: State):
    diary, hands = Diary(), Hands()
    duty = diary.duty("report", "daily at 05:30")
    for owner in ("a", "b"):
        replica(state, hands, duty, owner=owner, start=never).turn()
        hands.forward(3600)

    replica(state, hands, duty, owner="c").go(MINUTE)

    assert outcomes(state, "report") == ["failed", "failed"]
    assert all(run.why.startswith("The process died") for run in state.daybook.runs(MONDAY, "report"))
    assert diary.began == []


def test_after_one_death_the_slot_is_done(state: State):
    diary, hands = Diary(), Hands()
    duty = diary.duty("report", "daily at 05:30")
    replica(state, hands, duty, owner="a", start=never).turn()
    hands.forward(3600)

    replica(state, hands, duty, owner="b").go(MINUTE)

    assert outcomes(state, "report") == ["failed", "done"]


# -- the clock ------------------------------------------------------------------------------------------------------


def test_a_clock_that_was_put_back_has_nothing_act_until_somebody_accepts_it(state: State):
    diary, hands = Diary(), Hands()
    one = replica(
        state, hands, diary.duty("guard", "every 15 minutes", acts=True), diary.duty("watch", "every 15 minutes")
    )
    one.go(HOUR)
    diary.began.clear()

    hands.jump(-10 * HOUR)
    one.go(HOUR)
    assert "finops daemon clock accept" in one.pulse.clock_in_doubt
    assert (len(diary.slots("guard")), len(diary.slots("watch"))) == (0, 5)

    assert accept(state, "me", hands.wall)
    one.go(HOUR)
    assert one.pulse.clock_in_doubt == ""
    assert len(diary.slots("guard")) == 5


def test_the_doubt_ends_when_the_time_is_reached_again(state: State):
    diary, hands = Diary(), Hands()
    one = replica(state, hands, diary.duty("guard", "every 15 minutes", acts=True))
    one.go(HOUR)
    diary.began.clear()

    hands.jump(-HOUR)
    one.go(2 * HOUR)

    assert one.pulse.clock_in_doubt == ""
    assert diary.slots("guard") == [
        MONDAY + 75 * MINUTE,
        MONDAY + 90 * MINUTE,
        MONDAY + 105 * MINUTE,
        MONDAY + 2 * HOUR,
    ]


def test_a_start_after_the_clock_was_put_back_doubts_it_too(state: State):
    diary, hands = Diary(), Hands()
    duty = diary.duty("guard", "every 15 minutes", acts=True)
    replica(state, hands, duty, owner="a").go(HOUR)
    diary.began.clear()

    hands.jump(-3 * HOUR)
    hands.steady = 5.0
    again = replica(state, hands, duty, owner="b", pace=Pace(look=60))
    again.go(10 * MINUTE)

    assert again.pulse.clock_in_doubt
    assert diary.began == []


def test_a_start_right_after_a_jump_forward_and_back_doubts_it_too(state: State):
    diary, hands = Diary(), Hands()
    duty = diary.duty("guard", "every 15 minutes", acts=True)
    one = replica(state, hands, duty, owner="a")
    one.turn()
    hands.jump(3 * DAY)
    one.go(MINUTE)
    diary.began.clear()

    hands.jump(-3 * DAY)
    again = replica(state, hands, duty, owner="b", pace=Pace(look=60))
    again.go(10 * MINUTE)

    assert again.pulse.clock_in_doubt
    assert diary.began == []


def test_the_clock_of_one_who_waits_is_not_what_others_go_by(state: State):
    hands, ahead = Hands(), Hands(MONDAY + HOUR)
    one, two = replica(state, hands, owner="one"), replica(state, ahead, owner="two")
    one.turn()
    state.daybook.renew(state.daybook.leases(hands.wall)[0][0], 7200, hands.wall)

    two.go(10 * MINUTE)

    assert not two.pulse.leads
    assert state.kept("daemon/clock")["daemon/clock"]["reached"] == MONDAY.isoformat()


def test_a_few_seconds_back_are_no_reason_for_doubt(state: State):
    hands = Hands()
    one = replica(state, hands)
    one.go(HOUR)

    hands.jump(-4 * MINUTE)
    one.go(MINUTE)

    assert one.pulse.clock_in_doubt == ""


def test_a_jump_forward_is_told(state: State):
    hands = Hands()
    one = replica(state, hands, Diary().duty("guard", "every 15 minutes"))
    one.go(HOUR)

    hands.jump(3 * HOUR)
    one.go(MINUTE)

    assert any(note.startswith("The clock jumped forward") for note in one.notes)
    assert [run.why for run in state.daybook.runs(MONDAY) if run.outcome == "missed"] == [
        "The clock jumped over it, or the machine slept."
    ]


# In memory, where there is such a folder: what is tried here are slots, not the disk.
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
EXAMPLES = int(os.environ.get("FINOPS_CLOCK_HISTORIES", "12"))
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Africa/Casablanca",
         "Asia/Kathmandu", "America/Sao_Paulo")  # fmt: skip
JUMPS = st.one_of(st.integers(-600, 0), st.integers(0, 20 * 24 * 60)).map(lambda minutes: timedelta(minutes=minutes))


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    st.sampled_from(ZONES),
    st.sampled_from([MONDAY, datetime(2011, 12, 28, 12, tzinfo=UTC), datetime(2026, 3, 27, tzinfo=UTC)]),
    st.lists(st.tuples(st.integers(1, 240), JUMPS, st.booleans()), min_size=1, max_size=6),
)  # fmt: skip
def test_whatever_the_clock_does_no_slot_runs_twice(
    zone: str, began: datetime, history: list[tuple[int, timedelta, bool]]
):
    diary, hands = Diary(), Hands(began)
    own = Settings.model_validate({"daemon": {"time_zone": zone}})
    duties = [
        diary.duty("guard", "every 15 minutes"), diary.duty("early", "daily at 02:30"),
        diary.duty("sweep", "weekly on friday at 05:30"),
        diary.duty("apply", "working hours every 30 minutes", acts=True),
    ]  # fmt: skip
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder, State.open(Path(folder) / "state.db") as state:
        one = replica(state, hands, *duties, settings=own, pace=Pace(lease=3600, look=300, adopt=3600))
        for number, (minutes, jump, restart) in enumerate(history):
            one.go(minutes * MINUTE)
            hands.jump(jump)
            if restart:
                pace = Pace(lease=3600, look=300, adopt=3600)
                one = replica(state, hands, *duties, settings=own, owner=f"again {number}", pace=pace)
        one.go(90 * MINUTE)

    assert len(diary.began) == len(set(diary.began))
