"""Decisions through the approvals page: one by one and in bulk, what is refused, and what is then shown."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from approvals_page import ANA, BO, NOW, OLA, RIA, Browser, opened, put, text

from finops.state import Record, State


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with opened(tmp_path) as found:
        yield found


def status(state: State, *records: Record) -> list[str]:
    return [state.findings.get(record.number).status for record in records]


def changed(state: State, record: Record, digest: str = "d2" * 32, **other: Any) -> None:
    """The finding as a later sweep saw it: something that matters differs."""
    from dataclasses import replace

    with state.findings.changing() as change:
        seen = change.get(record.number)
        change.touch(seen, replace(seen.finding, digest=digest, **other))


# -- one ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("at", ["list", "finding"])
def test_a_finding_is_approved(state: State, at: str):
    record = put(state)

    answer = Browser(state).decide(record, at=at)

    assert answer.status_code == 200
    assert "Approved until 30 November 2026" in text(answer)
    assert status(state, record) == ["approved"]
    assert [vote.oid for vote in state.findings.get(record.number).votes] == ["oid-ana"]


@pytest.mark.parametrize("at", ["list", "finding"])
def test_a_finding_is_denied_for_a_reason(state: State, at: str):
    record = put(state)

    answer = Browser(state).decide(record, action="deny", at=at, reason="  Exam\n week ")

    assert answer.status_code == 200
    assert status(state, record) == ["denied"]
    assert "Exam week" in state.findings.get(record.number).note


@pytest.mark.parametrize("at", ["list", "finding"])
def test_a_finding_is_snoozed_until_the_end_of_a_day(state: State, at: str):
    record = put(state)

    answer = Browser(state).decide(record, action="snooze", at=at, reason="Exam", until="2026-12-24")

    found = state.findings.get(record.number)
    assert (answer.status_code, found.status) == (200, "snoozed")
    assert found.snoozed_until is not None
    assert found.snoozed_until.isoformat().startswith("2026-12-24T23:59:59")


@pytest.mark.parametrize("at", ["list", "finding"])
@pytest.mark.parametrize(
    ("action", "fields", "says"),
    [
        ("deny", {}, "Give a reason"),
        ("deny", {"reason": " \t\n"}, "Give a reason"),
        ("snooze", {"until": "2026-12-24"}, "Give a reason"),
        ("snooze", {"reason": "Exam"}, "Give the day"),
        ("exempt", {"reason": "Exam"}, "Give the day"),
    ],
)
def test_what_is_missing_is_asked_for_and_nothing_is_lost(
    state: State, at: str, action: str, fields: dict[str, str], says: str
):
    record = put(state)

    answer = Browser(state).decide(record, action=action, at=at, **fields)

    assert answer.status_code == 422
    assert says in text(answer)
    assert "Nothing was decided" in text(answer)
    assert f'value="{record.number}:{record.finding.digest}"' in answer.text
    assert status(state, record) == ["pending"]
    if fields.get("reason") == "Exam" and action != "exempt":
        assert 'value="Exam"' in answer.text


@pytest.mark.parametrize("until", ["2026-11-15", "2030-01-01", "0001-01-01"])
def test_an_end_that_is_past_or_too_far_is_refused(state: State, until: str):
    record = put(state)

    answer = Browser(state).decide(record, action="snooze", at="finding", reason="Exam", until=until)

    assert (answer.status_code, status(state, record)) == (409, ["pending"])


@pytest.mark.parametrize("until", ["tomorrow", "2026-13-01", "2026-12-24; DROP", "\u0662026-12-24", "10000-01-01"])
def test_an_end_that_is_no_day_is_refused(state: State, until: str):
    record = put(state)

    answer = Browser(state).decide(record, action="snooze", reason="Exam", until=until)

    assert (answer.status_code, status(state, record)) == (422, ["pending"])


@pytest.mark.parametrize("action", ["", "delete", "APPROVE", "approve\0", "__class__"])
def test_a_decision_that_there_is_not_is_refused(state: State, action: str):
    record = put(state)

    assert Browser(state).decide(record, action=action).status_code == 422
    assert status(state, record) == ["pending"]


def test_two_decisions_in_one_form_are_refused(state: State):
    record = put(state)

    answer = Browser(state).decide(record, action=["approve", "deny"], reason="x")

    assert (answer.status_code, status(state, record)) == (400, ["pending"])


# -- approve what you saw -----------------------------------------------------------------------------------------


def test_a_changed_row_is_refused_and_shown_again(state: State):
    record = put(state)
    browser = Browser(state)
    changed(state, record, why="It serves 3 requests a day.")

    answer = browser.decide(record)

    assert answer.status_code == 409
    assert "It is not what you saw any more" in text(answer)
    assert "It serves 3 requests a day." in text(answer)
    assert f'value="{record.number}:{"d2" * 32}"' in answer.text
    assert status(state, record) == ["pending"]


def test_a_changed_finding_is_refused_and_shown_again_on_its_page(state: State):
    record = put(state)
    browser = Browser(state)
    changed(state, record, dependents=("Schedule nightly calls it.",))

    answer = browser.decide(record, at="finding")

    assert answer.status_code == 409
    assert "It is not what you saw any more" in text(answer)
    assert "Schedule nightly calls it." in text(answer)
    assert status(state, record) == ["pending"]


def test_what_was_not_changed_is_decided_beside_what_was(state: State):
    one, other = put(state), put(state, name="other")
    changed(state, other)

    answer = Browser(state).decide(one, other)

    assert answer.status_code == 200
    assert "Approved: 1 of 2" in text(answer)
    assert status(state, one, other) == ["approved", "pending"]


def test_an_expired_request_is_not_approved(state: State):
    record = put(state)

    answer = Browser(state, now=NOW + timedelta(days=15)).decide(record, at="finding")

    assert answer.status_code == 409
    assert "The request expired" in text(answer)
    assert status(state, record) == ["pending"]


def test_approving_twice_is_refused_with_a_sentence(state: State):
    record = put(state)
    browser = Browser(state)
    browser.decide(record)

    again = browser.decide(record)

    assert again.status_code == 409
    assert "It is approved already." in text(again)


def test_a_finding_that_is_gone_is_told(state: State):
    record = put(state)
    with state.findings.changing() as change:
        change.move(change.get(record.number), "gone", "It is not there any more.", NOW, "finops janitor", alive=False)

    answer = Browser(state).decide(record)

    assert answer.status_code == 409
    assert "It is gone" in text(answer)


def test_a_finding_that_never_was_is_told(state: State):
    browser = Browser(state)
    put(state)

    answer = browser.post("/decide", {"csrf": browser.csrf(), "from": "list", "action": "approve", "row": "77:d1"})

    assert answer.status_code == 409
    assert "There is no finding 77." in text(answer)


@pytest.mark.parametrize(
    "row", ["", "x", "1", "1:", ":d1", "-1:d1", "0:d1", "1e2:d1", "\u0661:d1", "1:d1 ", "1:<b>", "9" * 10 + ":d1"]
)
def test_a_row_that_this_page_does_not_make_is_refused(state: State, row: str):
    record = put(state)
    browser = Browser(state)

    answer = browser.post("/decide", {"csrf": browser.csrf(), "from": "list", "action": "approve", "row": row})

    assert (answer.status_code, status(state, record)) == (400, ["pending"])


def test_nothing_selected_is_told(state: State):
    put(state)

    answer = Browser(state).decide()

    assert answer.status_code == 422
    assert "Nothing was selected" in text(answer)


# -- high risk ----------------------------------------------------------------------------------------------------


def test_two_different_people_approve_what_is_of_high_risk(state: State):
    record = put(state, risk="high")

    first = Browser(state, ANA).decide(record, at="finding")
    again = Browser(state, ANA).decide(record, at="finding")
    between = status(state, record)
    second = Browser(state, BO).decide(record, at="finding")

    assert (first.status_code, again.status_code, second.status_code) == (200, 409, 200)
    assert "another person must approve it as well" in text(again)
    assert (between, status(state, record)) == (["pending"], ["approved"])


def test_a_bulk_never_takes_what_is_of_high_risk(state: State):
    low, high = put(state), put(state, name="high", risk="high")

    answer = Browser(state).decide(low, high)

    assert status(state, low, high) == ["approved", "pending"]
    assert state.findings.get(high.number).votes == ()
    assert "decide on its own page" in text(answer)


@pytest.mark.parametrize("action", ["approve", "deny", "snooze"])
def test_the_list_does_not_take_even_one_alone_of_high_risk(state: State, action: str):
    high = put(state, risk="high")

    answer = Browser(state).decide(high, action=action, reason="x", until="2026-12-24")

    assert (answer.status_code, status(state, high)) == (409, ["pending"])


def test_the_page_of_one_finding_takes_one_only(state: State):
    records = [put(state), put(state, name="other")]

    assert Browser(state).decide(*records, at="finding").status_code == 400
    assert status(state, *records) == ["pending", "pending"]


def test_the_owner_does_not_approve_their_own_of_high_risk(state: State):
    record = put(state, risk="high")
    owner = {**OLA, "roles": ["FinOps.Approver"]}

    answer = Browser(state, owner).decide(record, at="finding")

    assert answer.status_code == 409
    assert "others must approve it" in text(answer)
    assert "Approve: delete it" not in text(Browser(state, owner).get(f"/findings/{record.number}"))


def test_a_risk_that_is_none_we_know_is_high(state: State):
    record = put(state, risk="medium")

    assert "checkbox" not in Browser(state).get("/findings").text
    assert Browser(state).decide(record).status_code == 409


# -- bulk ---------------------------------------------------------------------------------------------------------


def test_a_whole_page_is_approved_at_once(state: State):
    records = [put(state, name=f"ep-{n}") for n in range(50)]

    answer = Browser(state).decide(*records)

    assert "Approved: 50 of 50" in text(answer)
    assert set(status(state, *records)) == {"approved"}


def test_more_than_the_page_can_show_is_refused(state: State):
    put(state)
    browser = Browser(state)
    rows = [f"{n}:d1" for n in range(1, 250)]

    answer = browser.post("/decide", {"csrf": browser.csrf(), "from": "list", "action": "approve", "row": rows})

    assert answer.status_code == 400


def test_a_row_that_is_sent_twice_is_decided_once(state: State):
    record = put(state)

    answer = Browser(state).decide(record, record)

    assert "Approved until" in text(answer)
    assert len(state.findings.get(record.number).votes) == 1


def test_one_row_as_two_things_is_refused(state: State):
    record = put(state)
    browser = Browser(state)
    rows = [f"{record.number}:{record.finding.digest}", f"{record.number}:d2"]

    answer = browser.post("/decide", {"csrf": browser.csrf(), "from": "list", "action": "approve", "row": rows})

    assert (answer.status_code, status(state, record)) == (400, ["pending"])


def test_after_a_decision_the_way_back_leads_to_the_same_list(state: State):
    record = put(state)
    browser = Browser(state)

    ours = browser.decide(record, back="/findings?risk=low&page=2")
    theirs = browser.decide(record, back="https://evil.example")

    assert 'href="/findings?risk=low&amp;page=2"' in ours.text
    assert "evil.example" not in theirs.text


def test_an_approval_can_be_taken_back(state: State):
    record = put(state)
    browser = Browser(state)
    browser.decide(record)

    answer = browser.decide(record, action="deny", at="finding", reason="Not so fast")

    assert (answer.status_code, status(state, record)) == (200, ["denied"])


# -- the owner's answer -------------------------------------------------------------------------------------------


def test_an_owner_says_that_they_need_it(state: State):
    record = put(state, status="asked")
    browser = Browser(state, OLA)

    page = text(browser.get(f"/findings/{record.number}"))
    answer = browser.decide(record, action="keep", at="finding", reason="Demo for a customer")

    assert "You are its owner" in page
    assert (answer.status_code, status(state, record)) == (200, ["snoozed"])
    assert "Demo for a customer" in state.findings.get(record.number).note


def test_an_owner_says_that_they_do_not_need_it_and_has_not_approved_it(state: State):
    record = put(state)
    browser = Browser(state, OLA)

    answer = browser.decide(record, action="go", at="finding")

    assert (answer.status_code, status(state, record)) == (200, ["pending"])
    assert "does not need it any more" in text(browser.get(f"/findings/{record.number}"))


@pytest.mark.parametrize("action", ["keep", "go"])
@pytest.mark.parametrize("who", [RIA, ANA])
def test_nobody_answers_for_somebody_else(state: State, action: str, who: dict[str, Any]):
    record = put(state)

    answer = Browser(state, who).decide(record, action=action, at="finding", reason="x")

    assert (answer.status_code, status(state, record)) == (409, ["pending"])
    assert "You are its owner" not in text(Browser(state, who).get(f"/findings/{record.number}"))


def test_every_decision_is_on_the_audit_trail_with_who_took_it(state: State):
    record = put(state)

    Browser(state).decide(record, action="deny", reason="Exam")

    last = state.audit_entries()[-1]
    assert "oid-ana" in last["who"]
    assert "Exam" in last["why"]
    assert state.verify_audit().fault is None
