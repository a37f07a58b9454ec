"""Of high risk nobody approves what may be their own, and nobody approves it twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from lives import ANA, BO, DAY, MONDAY, OLA, desk, only, opened, pending, row

from finops import approvals
from finops.approvals import COMMAND_LINE, Person, counting
from finops.state import State

SOMEBODY = Person(COMMAND_LINE, "root on host", "", ANA.roles)
OTHERWISE = Person("oid-ola", "Ola", "o.owner@corp.example", OLA.roles, frozenset({"ola@contoso.example"}))


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with opened(tmp_path) as found:
        yield found


def test_the_command_line_does_not_approve_what_is_of_high_risk(state: State):
    record = pending(state, risk="high")

    [answer] = desk(state).approve(row(record), SOMEBODY, MONDAY)

    assert not answer.ok
    assert "approve it on the page" in answer.said
    assert only(state).votes == ()


def test_the_command_line_approves_what_is_of_low_risk(state: State):
    [answer] = desk(state).approve(row(pending(state)), SOMEBODY, MONDAY)

    assert (answer.ok, only(state).status) == (True, "approved")


def test_a_vote_of_the_command_line_does_not_count_for_high_risk_however_it_came_there(state: State):
    record = pending(state, risk="high")
    for person in (ANA, BO):
        desk(state).approve(row(record), person, MONDAY)
    first, second = only(state).votes

    assert counting(replace(only(state), votes=(first, replace(second, oid=COMMAND_LINE))), MONDAY) == [first]


def test_an_owner_does_not_approve_under_another_address(state: State):
    record = pending(state, risk="high")

    [answer] = desk(state).approve(row(record), OTHERWISE, MONDAY)

    assert not answer.ok
    assert "others must approve it" in answer.said


def test_another_address_alone_makes_nobody_the_owner_who_answers(state: State):
    [answer] = desk(state).answer_as_owner(row(pending(state)), OTHERWISE, MONDAY, needs=False)

    assert not answer.ok


@pytest.mark.parametrize("status", ["denied", "snoozed", "exempt"])
def test_what_a_person_says_during_a_quiet_step_is_what_it_becomes(state: State, status: str):
    record = pending(state)
    desk(state).approve(row(record), ANA, MONDAY)
    approvals.moved(state, record.number, "scheduled", "test", MONDAY + DAY, "test")
    approvals.moved(state, record.number, "quiet", "test", MONDAY + DAY, "test", quiet_until=MONDAY + 8 * DAY)
    say = {"denied": desk(state).deny, "snoozed": desk(state).snooze, "exempt": desk(state).exempt}[status]
    say(row(record), BO, MONDAY + 2 * DAY, reason="our fallback")

    quiet = only(state)
    after = approvals.moved(state, record.number, approvals.aside(quiet), "taken back", MONDAY + 3 * DAY, "test")

    assert (quiet.status, approvals.invalid(quiet, MONDAY + 2 * DAY) != "") == ("quiet", True)
    assert (after.status, after.snoozed_until, after.votes) == (status, quiet.snoozed_until, ())


def test_a_quiet_step_whose_approval_ran_out_expires(state: State):
    record = pending(state)
    desk(state).approve(row(record), ANA, MONDAY)

    assert approvals.aside(only(state)) == "expired"
