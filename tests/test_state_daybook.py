"""The daybook: a slot is worked through once, a lease has one owner, an event is new once. On both databases."""

# ruff: noqa: F401, F811 - fixtures are imported, and asked for by their names
from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from databases import database, postgresql, server

from finops.state import State

NOW = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)
SLOT = NOW
SECOND = timedelta(seconds=1)


@pytest.fixture
def state(database: str) -> Iterator[State]:
    with State.open(database) as opened:
        yield opened


def begun(state: State, job: str = "guard", slot: datetime = SLOT, **more: str) -> int | None:
    return state.daybook.begin(job, slot, "r1", "host-1", 1, NOW, **more)


def ended(state: State, outcome: str, job: str = "guard", slot: datetime = SLOT) -> None:
    number = begun(state, job, slot)
    assert number
    assert state.daybook.end(number, outcome, "", ["All is well."], {"kept": 3}, NOW + SECOND)


@pytest.mark.parametrize(("outcome", "again"), [("done", False), ("partial", False), ("failed", True), ("held", True)])
def test_a_slot_that_was_worked_through_is_not_begun_again(state: State, outcome: str, again: bool):
    ended(state, outcome)

    assert (begun(state) is not None) == again


def test_a_duty_is_under_way_once_whatever_its_slot(state: State):
    begun(state)

    assert begun(state, slot=SLOT + timedelta(minutes=15)) is None
    assert begun(state, job="report")


def test_of_many_that_begin_one_slot_one_does(state: State):
    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(lambda _: begun(state), range(16)))

    assert len([one for one in numbers if one]) == 1


def test_a_run_that_another_closed_stays_as_it_was_closed(state: State):
    number = begun(state)
    assert number
    state.daybook.end(number, "failed", "the process died", (), {}, NOW)

    assert not state.daybook.end(number, "done", "", (), {}, NOW + SECOND)
    assert [one.outcome for one in state.daybook.runs(NOW)] == ["failed"]


def test_what_a_run_said_and_counted_is_kept(state: State):
    ended(state, "done")

    last = state.daybook.last("guard")

    assert last
    assert (last.said, last.counts, last.slot, last.ended_at) == (("All is well.",), {"kept": 3}, SLOT, NOW + SECOND)


def test_a_failure_after_it_does_not_hide_the_last_success(state: State):
    ended(state, "done")
    ended(state, "failed", slot=SLOT + timedelta(minutes=15))

    last = state.daybook.last("guard")

    assert last
    assert last.slot == SLOT


def test_a_slot_that_is_held_many_times_keeps_one_row(state: State):
    for _ in range(5):
        ended(state, "held")

    assert len(state.daybook.of_slot("guard", SLOT)) == 1


def test_missed_slots_are_one_row_that_says_how_many(state: State):
    slots = [SLOT + timedelta(minutes=15) * step for step in range(4)]

    state.daybook.skip("guard", slots, "the daemon was not running", NOW)

    (row,) = state.daybook.runs(NOW)
    assert (row.outcome, row.slots, row.first_slot, row.slot) == ("missed", 4, slots[0], slots[-1])
    assert state.daybook.newest_slot("guard") == slots[-1]


def test_what_somebody_asked_for_is_no_slot(state: State):
    begun(state, asked="event")

    assert state.daybook.newest_slot("guard") is None


def test_of_old_runs_the_last_success_and_the_newest_slot_stay(state: State):
    ended(state, "done")
    ended(state, "done", slot=SLOT + timedelta(minutes=15))
    ended(state, "failed", slot=SLOT + timedelta(minutes=30))

    assert state.daybook.forget_runs(NOW + timedelta(days=400)) == 1
    assert [one.outcome for one in state.daybook.runs(NOW)] == ["done", "failed"]


# -- leases ---------------------------------------------------------------------------------------------------------


def test_a_lease_has_one_owner(state: State):
    first = state.daybook.lease("daemon", "host-1", 45, NOW)

    assert first
    assert state.daybook.lease("daemon", "host-2", 45, NOW) is None


def test_of_many_that_want_a_lease_one_gets_it(state: State):
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda one: state.daybook.lease("daemon", f"host-{one}", 45, NOW), range(16)))

    assert len([one for one in found if one]) == 1


def test_the_next_owner_has_a_greater_number(state: State):
    first = state.daybook.lease("daemon", "host-1", 45, NOW)
    assert first
    state.daybook.release(first, NOW)

    second = state.daybook.lease("daemon", "host-2", 45, NOW + SECOND)

    assert second
    assert second.fence > first.fence


def test_who_lost_a_lease_cannot_renew_it(state: State):
    first = state.daybook.lease("daemon", "host-1", 45, NOW)
    assert first
    state.daybook.release(first, NOW)
    state.daybook.lease("daemon", "host-2", 45, NOW + SECOND)

    assert state.daybook.renew(first, 45, NOW + SECOND) is None


def test_who_lost_a_lease_begins_nothing(state: State):
    first = state.daybook.lease("daemon", "host-1", 45, NOW)
    assert first
    state.daybook.release(first, NOW)
    second = state.daybook.lease("daemon", "host-2", 45, NOW + SECOND)
    assert second

    assert state.daybook.begin("guard", SLOT, "r", "host-1", first.fence, NOW, lease="daemon") is None
    assert state.daybook.begin("guard", SLOT, "r", "host-2", second.fence, NOW, lease="daemon")


def test_a_lease_that_did_not_move_is_taken_whatever_its_clock_says(state: State):
    stuck = state.daybook.lease("daemon", "host-1", 45, NOW + timedelta(days=365))
    assert stuck

    assert state.daybook.lease("daemon", "host-2", 45, NOW, unmoved=stuck)


def test_a_lease_that_moved_is_not_taken(state: State):
    seen = state.daybook.lease("daemon", "host-1", 45, NOW)
    assert seen
    state.daybook.renew(seen, 45, NOW + SECOND)

    assert state.daybook.lease("daemon", "host-2", 45, NOW + SECOND, unmoved=seen) is None


def test_on_postgresql_the_servers_clock_decides(postgresql: str):
    with State.open(postgresql) as state:
        lease = state.daybook.lease("daemon", "host-1", 45, NOW - timedelta(days=3650))

        assert lease
        assert abs(lease.until - datetime.now(UTC)) < timedelta(minutes=5)
        assert state.daybook.lease("daemon", "host-2", 45, NOW + timedelta(days=3650)) is None


def test_on_sqlite_a_lease_ends_by_itself(tmp_path):
    with State.open(tmp_path / "state.db") as state:
        state.daybook.lease("daemon", "host-1", 45, NOW)

        assert state.daybook.lease("daemon", "host-2", 45, NOW + timedelta(seconds=44)) is None
        assert state.daybook.lease("daemon", "host-2", 45, NOW + timedelta(seconds=45))


# -- events ---------------------------------------------------------------------------------------------------------


def test_an_event_is_new_once(state: State):
    assert state.daybook.saw_event("e1", "Microsoft.Resources.ResourceWriteSuccess", "/x", NOW, NOW)
    assert not state.daybook.saw_event("e1", "Microsoft.Resources.ResourceWriteSuccess", "/x", NOW, NOW)


def test_an_event_waits_until_it_was_handled(state: State):
    state.daybook.saw_event("e1", "k", "/x", NOW, NOW)
    state.daybook.saw_event("e2", "k", "/y", NOW, NOW)

    state.daybook.handled(["e1"], NOW + SECOND)

    assert [one.id for one in state.daybook.events_waiting()] == ["e2"]


def test_only_handled_events_are_forgotten(state: State):
    state.daybook.saw_event("e1", "k", "/x", NOW, NOW)
    state.daybook.saw_event("e2", "k", "/y", NOW, NOW)
    state.daybook.handled(["e1"], NOW)

    assert state.daybook.forget_events(NOW + timedelta(days=2)) == 1
    assert not state.daybook.saw_event("e2", "k", "/y", NOW, NOW)


def test_of_many_events_those_that_are_new_are_counted(state: State):
    state.daybook.saw_event("e7", "k", "/x", NOW, NOW)

    many = [(f"e{number}", "k", "/x", NOW) for number in range(1200)]

    assert state.daybook.saw_events([*many, *many], NOW) == 1199
    assert state.daybook.saw_events(many, NOW) == 0


def test_many_events_are_handled_at_once(state: State):
    state.daybook.saw_events([(f"e{number}", "k", "/x", NOW) for number in range(1200)], NOW)

    state.daybook.handled([f"e{number}" for number in range(1199)], NOW)

    assert [one.id for one in state.daybook.events_waiting()] == ["e1199"]
