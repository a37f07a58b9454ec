"""Deciding: what each person may say on what they saw, and the sentence that refuses everything else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from lives import (
    ANA,
    BO,
    DAY,
    MONDAY,
    OLA,
    RIA,
    desk,
    finding,
    history,
    only,
    opened,
    pending,
    row,
    settings,
    sweep,
    tell,
)

from finops import approvals
from finops.approvals import Person
from finops.state import State


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with opened(tmp_path) as found:
        yield found


def test_one_approver_is_enough_for_low_risk(state: State):
    [answer] = desk(state).approve(row(pending(state)), ANA, MONDAY + DAY)

    assert (answer.ok, only(state).status) == (True, "approved")
    assert answer.said == "Approved until 30 November 2026 17:00 UTC. It is checked again before anything is done."


def test_an_approval_holds_from_the_end_of_the_grace(state: State):
    desk(state).approve(row(pending(state)), ANA, MONDAY)

    record = only(state)

    assert record.due_at == MONDAY.replace(day=23, hour=17)
    assert record.approved_until == record.due_at + 7 * DAY


def test_high_risk_takes_two_people(state: State):
    record = pending(state, risk="high")

    [first] = desk(state).approve(row(record), ANA, MONDAY)
    between = only(state).status
    [second] = desk(state).approve(row(record), BO, MONDAY + DAY)

    assert first.said == "You approved it. It is of high risk: another person must approve it as well."
    assert (between, second.ok, only(state).status) == ("pending", True, "approved")


def test_a_risk_that_nobody_knows_is_high(state: State):
    desk(state).approve(row(pending(state, risk="")), ANA, MONDAY)

    assert only(state).status == "pending"


def test_one_person_twice_is_one(state: State):
    record = pending(state, risk="high")
    desk(state).approve(row(record), ANA, MONDAY)

    [again] = desk(state).approve(row(record), ANA, MONDAY)

    assert (again.ok, only(state).status) == (False, "pending")
    assert again.said == "You have approved it already; another person must approve it as well."


def test_two_names_of_one_account_are_one_person(state: State):
    record = pending(state, risk="high")
    desk(state).approve(row(record), ANA, MONDAY)

    [again] = desk(state).approve(row(record), Person(ANA.oid, "Anna", "a@elsewhere.example", ANA.roles), MONDAY)

    assert not again.ok


def test_an_approval_of_two_ends_with_the_older_vote(state: State):
    record = pending(state, risk="high", grace_days=0)
    desk(state).approve(row(record), ANA, MONDAY)

    desk(state).approve(row(record), BO, MONDAY + 3 * DAY)

    assert only(state).approved_until == MONDAY + 7 * DAY


def test_an_old_first_vote_does_not_count_for_the_second(state: State):
    record = pending(state, risk="high", grace_days=0)
    desk(state).approve(row(record), ANA, MONDAY)

    desk(state).approve(row(record), BO, MONDAY + 8 * DAY)
    after = only(state).status
    desk(state).approve(row(record), ANA, MONDAY + 8 * DAY)

    assert (after, only(state).status) == ("pending", "approved")


def test_the_owner_does_not_approve_high_risk(state: State):
    [answer] = desk(state).approve(row(pending(state, risk="high")), OLA, MONDAY)

    assert (answer.ok, only(state).votes) == (False, ())
    assert answer.said == "It is yours, or you put it forward, and its risk is high: others must approve it."


@pytest.mark.parametrize("owner", ["OLA@contoso.example", "oid-ola", "ola_contoso.example#EXT#@corp.onmicrosoft.com"])
def test_an_owner_is_known_by_every_name_that_azure_has_for_them(state: State, owner: str):
    [answer] = desk(state).approve(row(pending(state, risk="high", owner=owner)), OLA, MONDAY)

    assert not answer.ok


def test_the_owner_approves_low_risk_like_anybody(state: State):
    [answer] = desk(state).approve(row(pending(state)), OLA, MONDAY)

    assert answer.ok


def test_whoever_put_it_forward_does_not_approve_high_risk(state: State):
    record = pending(state, risk="high", owner="oid-bo")
    desk(state).answer_as_owner(row(record), BO, MONDAY, needs=False)
    sweep(state, MONDAY + DAY, finding(risk="high", owner=""), told=False)

    [answer] = desk(state).approve(row(only(state)), BO, MONDAY + DAY)

    assert not answer.ok


def test_a_reader_decides_nothing(state: State):
    record = pending(state)
    asked = desk(state)

    answers = [
        *asked.approve(row(record), RIA, MONDAY),
        *asked.deny(row(record), RIA, MONDAY, "no"),
        *asked.snooze(row(record), RIA, MONDAY, None, "later"),
        *asked.exempt(row(record), RIA, MONDAY, None, "never"),
    ]

    assert {answer.said for answer in answers} == {"You may look, but not decide: that takes the role of an approver."}
    assert history(state, only(state)) == ["found", "asked", "pending"]


def test_nobody_is_nobody(state: State):
    [answer] = desk(state).approve(row(pending(state)), Person("", "", "", ANA.roles), MONDAY)

    assert answer.said == "Nobody is signed in."


def test_approving_something_else_than_what_was_seen_is_refused(state: State):
    record = pending(state)
    sweep(state, MONDAY + DAY, finding(digest="d2" * 32))

    [answer] = desk(state).approve(row(record), ANA, MONDAY + DAY)

    assert (answer.ok, only(state).status) == (False, "pending")
    assert answer.said == "It is not what you saw any more. Look at it again, and decide anew."


@pytest.mark.parametrize("digest", ["", "d1", "d1" * 31, "D1" * 32, "é" * 64, "d1" * 33])
def test_a_digest_is_the_same_or_it_is_not(state: State, digest: str):
    [answer] = desk(state).approve([(pending(state).number, digest)], ANA, MONDAY)

    assert not answer.ok


@pytest.mark.parametrize("number", [0, -1, 99, 2**31, 2**70])
def test_a_number_that_is_not_there_is_answered(state: State, number: int):
    pending(state)

    [answer] = desk(state).approve([(number, "d1" * 32)], ANA, MONDAY)

    assert answer.said == f"There is no finding {number}."


def test_an_expired_request_is_not_approved(state: State):
    record = pending(state)

    [late] = desk(state).approve(row(record), ANA, MONDAY + 14 * DAY)
    approvals.lapsed(state, MONDAY + 14 * DAY)
    [later] = desk(state).approve(row(record), ANA, MONDAY + 15 * DAY)

    assert late.said == "The request expired on 30 November 2026 09:00 UTC."
    assert later.said.startswith("The request has expired.")


def test_what_is_approved_is_not_approved_again(state: State):
    record = pending(state)
    desk(state).approve(row(record), ANA, MONDAY)

    [answer] = desk(state).approve(row(record), BO, MONDAY)

    assert answer.said == "It is approved already."


def test_an_approval_is_used_up_by_acting(state: State):
    record = pending(state)
    desk(state).approve(row(record), ANA, MONDAY)
    for status in ("scheduled", "acted", "failed", "asked"):
        approvals.moved(state, record.number, status, "test", MONDAY + DAY, "test")
    tell(state, MONDAY + DAY)

    assert (only(state).status, only(state).votes) == ("pending", ())
    assert [vote.ended for vote in state.findings.votes(record.number)] == ["used"]


def test_bulk_leaves_high_risk_out_and_decides_the_rest(state: State):
    sweep(state, MONDAY, finding("a"), finding("b"), finding("c", risk="high"))
    rows = [pair for name in "abc" for pair in row(only(state, name))]

    answers = desk(state).approve(rows, ANA, MONDAY)

    assert [answer.ok for answer in answers] == [True, True, False]
    assert answers[2].said == "It is of high risk, and decided on its own, not with others."
    assert only(state, "c").votes == ()


@pytest.mark.parametrize("verb", ["deny", "snooze", "exempt"])
def test_no_bulk_takes_high_risk(state: State, verb: str):
    sweep(state, MONDAY, finding("a"), finding("c", risk="high"))
    rows = [*row(only(state, "a")), *row(only(state, "c"))]
    decide = getattr(desk(state), verb)

    answers = decide(rows, ANA, MONDAY, reason="because") if verb == "deny" else decide(rows, ANA, MONDAY, None, "why")

    assert [answer.ok for answer in answers] == [True, False]


def test_the_same_row_twice_is_one_row(state: State):
    record = pending(state, risk="high")

    answers = desk(state).approve([*row(record), *row(record)], ANA, MONDAY)

    assert [answer.ok for answer in answers] == [True]


@pytest.mark.parametrize("reason", ["", "   ", "\n"])
def test_a_no_without_a_reason_is_refused(state: State, reason: str):
    record = pending(state)

    answers = [
        *desk(state).deny(row(record), ANA, MONDAY, reason),
        *desk(state).snooze(row(record), ANA, MONDAY, None, reason),
        *desk(state).exempt(row(record), ANA, MONDAY, None, reason),
        *desk(state).answer_as_owner(row(record), OLA, MONDAY, needs=True, reason=reason),
    ]

    assert {answer.said for answer in answers} == {"Give a reason: others read it."}


def test_a_denial_ends_votes_and_says_why(state: State):
    record = pending(state, risk="high")
    desk(state).approve(row(record), ANA, MONDAY)

    [answer] = desk(state).deny(row(record), BO, MONDAY, "It is our fallback.")

    assert (answer.ok, only(state).status, only(state).votes) == (True, "denied", ())
    assert only(state).note == "Denied until 15 May 2027: It is our fallback."


def test_an_approval_can_be_taken_back_until_it_is_used(state: State):
    record = pending(state)
    desk(state).approve(row(record), ANA, MONDAY)
    approvals.moved(state, record.number, "scheduled", "test", MONDAY + DAY, "test")

    [answer] = desk(state).deny(row(record), ANA, MONDAY + DAY, "I was wrong.")

    assert (answer.ok, only(state).status) == (True, "denied")


def test_a_denial_during_the_quiet_step_makes_the_approval_void(state: State):
    record = pending(state)
    desk(state).approve(row(record), ANA, MONDAY)
    approvals.moved(state, record.number, "scheduled", "test", MONDAY + DAY, "test")
    approvals.moved(state, record.number, "quiet", "test", MONDAY + DAY, "test", quiet_until=MONDAY + 8 * DAY)

    desk(state).deny(row(record), BO, MONDAY + 2 * DAY, "We need it.")

    assert only(state).status == "quiet"
    assert approvals.invalid(only(state), MONDAY + 2 * DAY) == "0 of 1 approvals stand for what it is now."


def test_it_is_too_late_to_deny_what_is_done(state: State):
    record = pending(state)
    desk(state).approve(row(record), ANA, MONDAY)
    for status in ("scheduled", "acted"):
        approvals.moved(state, record.number, status, "test", MONDAY + DAY, "test")

    [during] = desk(state).deny(row(record), ANA, MONDAY + DAY, "Stop!")
    approvals.moved(state, record.number, "confirmed", "Azure says 404.", MONDAY + DAY, "test")
    [after] = desk(state).deny(row(record), ANA, MONDAY + DAY, "Stop!")

    assert [during.said, after.said] == ["It is acted: too late for that.", "It is confirmed: Azure says 404."]


def test_a_snooze_has_an_end_of_its_own_accord(state: State):
    desk(state).snooze(row(pending(state)), ANA, MONDAY, None, "release week")

    assert only(state).snoozed_until == MONDAY + 30 * DAY


@pytest.mark.parametrize(("days", "said"), [(0, "Its end is past"), (-1, "Its end is past"), (181, "too far away")])
def test_an_end_that_cannot_be_meant_is_refused(state: State, days: int, said: str):
    [answer] = desk(state).exempt(row(pending(state)), ANA, MONDAY, MONDAY + days * DAY, "demo")

    assert not answer.ok
    assert said in answer.said


def test_a_snooze_can_be_made_longer(state: State):
    record = pending(state)
    desk(state).snooze(row(record), ANA, MONDAY, MONDAY + DAY, "release week")

    [answer] = desk(state).snooze(row(record), ANA, MONDAY, MONDAY + 5 * DAY, "it takes longer")

    assert (answer.ok, only(state).snoozed_until) == (True, MONDAY + 5 * DAY)


def test_the_owner_keeps_what_they_need_without_any_role(state: State):
    owner = Person("oid-ola", "Ola", "ola@contoso.example", frozenset({"reader"}))

    [answer] = desk(state).answer_as_owner(row(pending(state)), owner, MONDAY, needs=True, reason="demo on Friday")

    assert (answer.ok, only(state).status) == (True, "snoozed")
    assert only(state).note == "Its owner needs it until 16 December 2026: demo on Friday"


def test_the_owners_yes_ends_the_grace_but_approves_nothing(state: State):
    record = pending(state)

    desk(state).answer_as_owner(row(record), OLA, MONDAY + DAY, needs=False)

    assert (only(state).status, only(state).due_at) == ("pending", MONDAY + DAY)
    assert only(state).requester == "oid-ola"


def test_nobody_answers_as_owner_who_is_not(state: State):
    [answer] = desk(state).answer_as_owner(row(pending(state)), ANA, MONDAY, needs=False)

    assert answer.said == "You are not its owner, as far as is known: that is ola@contoso.example."


def test_markup_and_formulas_in_a_reason_stay_text(state: State):
    desk(state).deny(row(pending(state)), ANA, MONDAY, "<b>=cmd()</b>\0 [red]")

    assert only(state).note == "Denied until 15 May 2027: <b>=cmd()</b>� [red]"


# -- what may be tried now ------------------------------------------------------------------------------------------


def approved(state: State, **other: object) -> None:
    desk(state).approve(row(pending(state, **other)), ANA, MONDAY)


TUESDAY = MONDAY.replace(day=24)  # after the grace


def test_what_is_approved_is_due_once_the_grace_is_over(state: State):
    approved(state)

    before = approvals.due(state, settings(), MONDAY.replace(day=23))
    after = approvals.due(state, settings(), TUESDAY)

    assert ([one.number for one in before], [one.number for one in after]) == ([], [1])


@pytest.mark.parametrize("moment", [TUESDAY.replace(hour=7), TUESDAY.replace(hour=17), TUESDAY.replace(day=28)])
def test_nothing_is_due_outside_working_hours(state: State, moment: object):
    approved(state)

    assert approvals.due(state, settings(), moment) == []


@pytest.mark.parametrize("mode", ["off", "list", "ask"])
def test_nothing_is_due_of_a_rule_that_may_not_act(state: State, mode: str):
    approved(state)

    assert approvals.due(state, settings(rules={"endpoint-without-requests": {"mode": mode}}), TUESDAY) == []


def test_nothing_is_due_after_its_approval_expired(state: State):
    approved(state)

    assert approvals.due(state, settings(), MONDAY.replace(month=12, day=1)) == []


def test_what_is_due_comes_dearest_first_and_is_scheduled_once(state: State):
    sweep(state, MONDAY, finding("a", saving=Decimal(5)), finding("b", saving=Decimal(50)))
    for name in "ab":
        desk(state).approve(row(only(state, name)), ANA, MONDAY)

    first = approvals.schedule(state, settings(), TUESDAY)
    again = approvals.schedule(state, settings(), TUESDAY + timedelta(hours=1))

    assert [one.finding.resource_id[-1] for one in first] == ["b", "a"]
    assert [one.number for one in first] == [one.number for one in again]
    assert history(state, only(state, "a")).count("scheduled") == 1
