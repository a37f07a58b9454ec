"""What people said holds for as long as they said, and whoever is new to a finding gets a grace of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest
from lives import ANA, DAY, MONDAY, OLA, desk, endpoint, finding, only, opened, pending, row, rule, settings, sweep

from finops import approvals
from finops.approvals.votes import ran_out
from finops.exemptions import Exemption, Exemptions
from finops.janitor import Kept
from finops.state import Record, State

UNTIL = MONDAY + 40 * DAY
Say = Callable[[State, Record], object]
SAYINGS: dict[str, Say] = {
    "denied": lambda state, record: desk(state).deny(row(record), ANA, MONDAY, "our fallback"),
    "snoozed": lambda state, record: desk(state).answer_as_owner(row(record), OLA, MONDAY, True, "demo", UNTIL),
    "exempt": lambda state, record: desk(state).exempt(row(record), ANA, MONDAY, UNTIL, "demo"),
}
AWAY: dict[str, dict[str, object]] = {
    "in use": {"present": [endpoint("chat")]},
    "protected": {"kept": [Kept(rule().name, endpoint("chat"), "A lock keeps it.", unknown=False)]},
    "away": {},
    "without its rule": {"rules": []},
    "kept by a tag": {
        "kept": [Kept(rule().name, endpoint("chat"), "exempt", unknown=False)],
        "exemptions": Exemptions([Exemption(endpoint("chat"), date(2026, 11, 20), "demo", "ola", "tag finops:keep")]),
    },
}


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with opened(tmp_path) as found:
        yield found


@pytest.mark.parametrize("status", SAYINGS)
@pytest.mark.parametrize("away", AWAY)
def test_what_a_person_said_outlives_a_sweep_that_does_not_find_it(state: State, status: str, away: str):
    SAYINGS[status](state, pending(state))
    until = only(state).snoozed_until

    sweep(state, MONDAY + DAY, **AWAY[away])  # type: ignore[arg-type]
    sweep(state, MONDAY + 6 * DAY, finding())

    assert (only(state).status, only(state).number, only(state).snoozed_until) == (status, 1, until)


@pytest.mark.parametrize(("away", "status"), [("in use", "kept"), ("away", "gone")])
def test_once_the_day_is_over_it_ends_like_any_other(state: State, away: str, status: str):
    SAYINGS["snoozed"](state, pending(state))

    sweep(state, UNTIL, **AWAY[away])  # type: ignore[arg-type]

    assert only(state).status == status


def test_what_was_snoozed_and_used_is_asked_about_again_after_its_day(state: State):
    SAYINGS["snoozed"](state, pending(state))
    sweep(state, MONDAY + DAY, present=[endpoint("chat")])

    sweep(state, UNTIL, finding())

    assert only(state).status == "pending"
    assert only(state).due_at > UNTIL  # type: ignore[operator]


def test_what_was_approved_and_not_done_in_time_is_asked_about_again_by_the_next_sweep(state: State):
    desk(state).approve(row(pending(state)), ANA, MONDAY)
    over = only(state).approved_until
    assert over is not None

    sweep(state, over, finding())

    assert only(state).status == "pending"
    assert ran_out(only(state))


def test_what_ran_out_is_asked_about_at_once_but_once(state: State):
    desk(state).approve(row(pending(state)), ANA, MONDAY)
    sweep(state, only(state).approved_until or MONDAY, finding())
    over = only(state).expires_at
    assert over is not None

    sweep(state, over, finding())

    assert only(state).status == "expired"


def test_what_nobody_decided_is_not_asked_about_at_once(state: State):
    over = pending(state).expires_at
    assert over is not None

    sweep(state, over, finding())

    assert only(state).status == "expired"


OTHERS = {"another owner": {"owner": "new@contoso.example"}, "made again": {"generation": "2026-11-20T00:00:00Z"}}


@pytest.mark.parametrize("change", OTHERS)
def test_whoever_is_new_to_it_gets_a_grace_of_their_own(state: State, change: str):
    record = pending(state)
    over = record.due_at
    assert over is not None

    sweep(state, over + DAY, finding(digest="d2" * 32, **OTHERS[change]))
    now = only(state)
    desk(state).approve(row(now), ANA, over + DAY)

    assert now.due_at is not None
    assert now.due_at > over + 5 * DAY
    assert "has until" in approvals.not_due(only(state), settings().janitor, over + DAY)


@pytest.mark.parametrize("change", OTHERS)
def test_what_the_owner_gave_up_is_not_given_up_for_whom_it_belongs_to_now(state: State, change: str):
    record = pending(state)
    desk(state).answer_as_owner(row(record), OLA, MONDAY, needs=False)
    desk(state).approve(row(only(state)), ANA, MONDAY)

    again = approvals.reoffered(
        state, record.number, finding(digest="d2" * 32, **OTHERS[change]), "It moved.", MONDAY + DAY
    )

    assert (again.due_at, again.votes) == (None, ())


def test_the_grace_goes_on_where_only_the_evidence_changed(state: State):
    record = pending(state)

    sweep(state, MONDAY + DAY, finding(digest="d2" * 32, dependents=("alias prod",)))

    assert only(state).due_at == record.due_at
