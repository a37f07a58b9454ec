"""Requests that nobody decided in time: neither counted nor offered, and the page says what happens next."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from approvals_page import NOW, Browser, opened, put, text

from finops.approvals import moved
from finops.jobs.knowing import known_by_state
from finops.state import State

LATE = NOW + timedelta(days=14)  # to the minute: the request holds until then


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with opened(tmp_path) as found:
        yield found


def test_what_ended_undecided_is_not_counted_as_waiting(state: State):
    put(state, saving=Decimal(100))
    put(state, name="later", saving=Decimal(7), now=NOW + timedelta(days=1))

    said = text(Browser(state, now=LATE).get("/findings"))

    assert "$7.00 a month in 1 open finding" in said
    assert "1 request ended undecided : nothing is done." in said


@pytest.mark.parametrize(("query", "there"), [("expired", True), ("pending", False), ("waiting", False), ("all", True)])
def test_what_ended_undecided_is_found_among_the_expired(state: State, query: str, there: bool):
    put(state)

    said = text(Browser(state, now=LATE).get(f"/findings?status={query}"))

    assert ("Expired ended 30 Nov 2026, undecided" in said) is there
    assert "expires over" not in said
    assert "Waits for a decision ended" not in said


def test_what_ended_undecided_is_not_among_those_that_one_click_selects(state: State):
    put(state)

    assert "low-risk finding" not in text(Browser(state, now=LATE).get("/findings?status=all"))


def test_the_page_of_what_ended_undecided_says_what_happens_next(state: State):
    record = put(state)

    said = text(Browser(state, now=LATE).get(f"/findings/{record.number}"))

    assert "Request ended 30 Nov 2026 09:00 UTC" in said
    assert (
        "Nobody decided until 30 Nov 2026 09:00 UTC, so nothing is done. The next sweep notes that; if it is found 14 "
        "days later still, its owner and the approvers are asked again. You can still say no, or not now."
    ) in said
    assert "Approve: delete it" not in said
    assert "low risk Expired" in said


def test_once_a_sweep_has_noted_it_the_page_says_from_when_on_people_are_asked_again(state: State):
    record = put(state)
    moved(state, record.number, "expired", "Nobody decided.", LATE, "finops janitor")

    said = text(Browser(state, now=LATE + timedelta(days=1)).get(f"/findings/{record.number}"))

    assert "If a sweep finds it still from 14 Dec 2026 on, its owner and the approvers are asked again." in said


def test_until_its_last_minute_a_request_is_decided_on(state: State):
    record = put(state)

    said = text(Browser(state, now=LATE - timedelta(minutes=1)).get(f"/findings/{record.number}"))

    assert "Approve: delete it" in said


def test_the_report_asks_for_no_decision_on_what_has_ended(state: State):
    put(state)
    kept = put(state, name="later", now=NOW + timedelta(days=1))

    known = known_by_state(state, LATE)

    assert [one.number for one in known.requests] == [kept.number]
    assert known.remarks == (
        "1 request of the janitor ended undecided, and nothing is done with it; the sweep asks again about what is "
        "still there.",
    )


def test_while_nothing_has_ended_the_report_says_nothing_of_it(state: State):
    put(state)

    assert known_by_state(state, NOW).remarks == ()
