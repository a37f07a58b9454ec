"""Which votes count, asked of records as they might stand in a database that somebody else wrote."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from lives import ANA, BO, DAY, MONDAY, OLA, desk, only, opened, pending, row

from finops.approvals import Person, counting, invalid, owns
from finops.state import Record, State


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with opened(tmp_path) as found:
        yield found


@pytest.fixture
def approved(state: State) -> Record:
    """Of high risk, approved by two on Monday."""
    record = pending(state, risk="high")
    for person in (ANA, BO):
        desk(state).approve(row(record), person, MONDAY)
    return only(state)


def test_two_who_saw_the_same_count(approved: Record):
    assert invalid(approved, MONDAY) == ""


def test_a_vote_for_another_digest_does_not_count(approved: Record):
    first, second = approved.votes

    record = replace(approved, votes=(first, replace(second, digest="d2" * 32)))

    assert invalid(record, MONDAY) == "1 of 2 approvals stand for what it is now."


def test_an_ended_vote_does_not_count(approved: Record):
    first, second = approved.votes

    assert len(counting(replace(approved, votes=(first, replace(second, ended="used"))), MONDAY)) == 1


def test_two_votes_of_one_account_are_one(approved: Record):
    first, second = approved.votes

    assert len(counting(replace(approved, votes=(first, replace(second, oid=first.oid))), MONDAY)) == 1


def test_two_accounts_with_one_address_are_one_person(approved: Record):
    first, second = approved.votes

    record = replace(approved, votes=(first, replace(second, email=f" {first.email.upper()}")))

    assert invalid(record, MONDAY) == "1 of 2 approvals stand for what it is now."


def test_two_accounts_without_an_address_are_two(approved: Record):
    votes = tuple(replace(vote, email="") for vote in approved.votes)

    assert len(counting(replace(approved, votes=votes), MONDAY)) == 2


def test_who_approved_is_told_so_under_another_account(state: State):
    record = pending(state, risk="high")
    desk(state).approve(row(record), ANA, MONDAY)

    [answer] = desk(state).approve(row(record), replace(ANA, oid="another"), MONDAY)

    assert answer.said == "You have approved it already; another person must approve it as well."


def test_an_owner_who_let_it_go_does_not_count_under_another_account(approved: Record):
    first, second = approved.votes
    asked = replace(second, oid="another", says="go")

    record = replace(approved, votes=(first, second, asked))

    assert counting(record, MONDAY) == [first]


def test_a_vote_does_not_count_before_it_was_given_nor_after_its_end(approved: Record):
    until = approved.votes[0].until

    assert len(counting(approved, MONDAY - DAY)) == 0
    assert len(counting(approved, until)) == 0


def test_the_owners_vote_does_not_count_for_high_risk_however_it_came_there(approved: Record):
    record = replace(approved, finding=replace(approved.finding, owner="BO@contoso.example"))

    assert [vote.oid for vote in counting(record, MONDAY)] == ["oid-ana"]


def test_the_requesters_vote_does_not_count_for_high_risk(approved: Record):
    assert [vote.oid for vote in counting(replace(approved, requester="oid-ana"), MONDAY)] == ["oid-bo"]


def test_what_is_not_a_yes_is_no_approval(approved: Record):
    first, second = approved.votes

    assert len(counting(replace(approved, votes=(first, replace(second, says="go"))), MONDAY)) == 1


@pytest.mark.parametrize("status", ["found", "asked", "pending", "denied", "acted", "confirmed", "expired"])
def test_only_what_is_approved_is_approved(approved: Record, status: str):
    assert invalid(replace(approved, status=status), MONDAY) == f"It is {status}, not approved."


def test_an_approval_ends_to_the_moment(approved: Record):
    assert approved.approved_until is not None

    assert invalid(approved, approved.approved_until) == "Its approval has expired."
    assert invalid(replace(approved, approved_until=None), MONDAY) == "Its approval has expired."


@pytest.mark.parametrize(
    ("owner", "theirs"),
    [("ola@contoso.example", True), (" OLA@Contoso.example ", True), ("oid-ola", True), ("", False), (" ", False),
     ("bo@contoso.example", False), ("ola", False), ("ola_contoso.example#EXT#@corp.example", True)],
)  # fmt: skip
def test_an_owner_is_a_person_by_address_or_account(owner: str, theirs: bool):
    assert owns(OLA, owner) == theirs


def test_somebody_without_address_owns_nothing():
    assert not owns(Person("oid-x", "X", "", frozenset()), "")
