"""A sweep's findings enter the state or advance in it, and end only where their absence is proven."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from lives import (
    ANA,
    DAY,
    GROUP,
    MONDAY,
    desk,
    endpoint,
    finding,
    history,
    only,
    opened,
    pending,
    row,
    rule,
    settings,
    sweep,
    tell,
)

from finops import approvals
from finops.estate import Gap
from finops.exemptions import Exemption, Exemptions
from finops.janitor import Kept
from finops.state import State


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with opened(tmp_path) as found:
        yield found


def test_a_finding_is_asked_about_and_then_waits_for_a_decision(state: State):
    record = pending(state)

    assert history(state, record) == ["found", "asked", "pending"]
    assert (record.finding.owner, record.currency) == ("ola@contoso.example", "USD")


def test_nobody_is_asked_before_a_finding_has_persisted(state: State):
    three = [rule(persist_runs=3)]

    for day in range(2):
        sweep(state, MONDAY + day * DAY, finding(), rules=three)
    before = only(state).status
    sweep(state, MONDAY + 2 * DAY, finding(), rules=three)

    assert (before, only(state).status) == ("found", "pending")


def test_sweeps_that_follow_one_another_quickly_count_as_one(state: State):
    for minute in range(5):
        sweep(state, MONDAY + timedelta(minutes=minute), finding(), rules=[rule(persist_runs=2)])

    assert (only(state).status, only(state).runs) == ("found", 1)


def test_recording_a_sweep_again_after_a_crash_changes_nothing_more(state: State):
    sweep(state, MONDAY, finding(), told=False)
    head = state.audit_head()

    sweep(state, MONDAY, finding(), told=False)

    assert state.audit_head() == head


def test_a_rule_that_only_lists_asks_nobody(state: State):
    for day in range(5):
        sweep(state, MONDAY + day * DAY, finding(), rules=[rule(mode="list")])

    assert history(state, only(state)) == ["found"]


def test_the_grace_counts_working_days_and_holidays_do_not(state: State):
    sweep(state, MONDAY, finding(grace_days=5), holidays=[date(2026, 11, 18)])
    record = only(state)

    assert record.due_at == MONDAY.replace(day=24, hour=17)


def test_the_grace_is_longer_where_nobody_is_known_as_the_owner(state: State):
    sweep(state, MONDAY, finding(owner="", grace_days=5), ownerless_days=3)

    assert only(state).due_at == MONDAY.replace(day=26, hour=17)


def test_other_evidence_makes_votes_void_and_asks_anew(state: State):
    record = pending(state)
    desk(state).approve(row(record), ANA, MONDAY)

    sweep(state, MONDAY + DAY, finding(digest="d2" * 32, dependents=("alias prod",)), told=False)
    record = only(state)

    assert (record.status, record.votes, record.approved_until, record.asked_at) == ("pending", (), None, None)
    assert "what depends on it changed" in record.note
    assert record.round == 2


def test_numbers_that_change_by_themselves_leave_an_approval_alone(state: State):
    record = pending(state)
    desk(state).approve(row(record), ANA, MONDAY)

    sweep(state, MONDAY + DAY, finding(why="Nobody has called it for 31 days."))

    assert (only(state).status, only(state).finding.why) == ("approved", "Nobody has called it for 31 days.")


def test_an_approval_of_one_does_not_do_once_the_risk_has_become_high(state: State):
    record = pending(state)
    desk(state).approve(row(record), ANA, MONDAY)

    sweep(state, MONDAY + DAY, finding(risk="high"))

    assert only(state).status == "pending"


def test_what_is_deleted_and_made_again_alike_keeps_its_age(state: State):
    sweep(state, MONDAY, finding(), rules=[rule(persist_runs=3)])
    sweep(state, MONDAY + DAY, rules=[rule(persist_runs=3)])
    sweep(state, MONDAY + 2 * DAY, finding(generation="2026-11-18", digest="d2" * 32), rules=[rule(persist_runs=3)])

    assert [one.status for one in state.findings.all(order="number")[0]] == ["gone", "found"]
    assert (only(state).first_at, only(state).runs) == (MONDAY, 1)


def test_what_comes_back_after_a_long_time_is_new(state: State):
    sweep(state, MONDAY, finding(), rules=[rule(persist_runs=3)])
    sweep(state, MONDAY + DAY, rules=[rule(persist_runs=3)])

    sweep(state, MONDAY + 92 * DAY, finding(), rules=[rule(persist_runs=3)])

    assert only(state).first_at == MONDAY + 92 * DAY


def test_what_comes_back_with_other_settings_is_new(state: State):
    sweep(state, MONDAY, finding(), rules=[rule(persist_runs=3)])
    sweep(state, MONDAY + DAY, rules=[rule(persist_runs=3)])

    sweep(state, MONDAY + 2 * DAY, finding(fingerprint="spec-2"), rules=[rule(persist_runs=3)])

    assert only(state).first_at == MONDAY + 2 * DAY


def test_something_else_under_the_same_name_begins_a_life_of_its_own(state: State):
    pending(state)

    sweep(state, MONDAY + DAY, finding(generation="2026-11-17", fingerprint="spec-2", digest="d2" * 32))

    assert [one.status for one in state.findings.all(order="number")[0]] == ["gone", "pending"]
    assert only(state).first_at == MONDAY + DAY


@pytest.mark.parametrize("verb", ["deny", "snooze"])
def test_a_setting_that_is_changed_in_place_is_no_other_thing(state: State, verb: str):
    record = pending(state)
    decide = getattr(desk(state), verb)
    decide(row(record), ANA, MONDAY, reason="we need it")

    sweep(state, MONDAY + DAY, finding(fingerprint="spec-2", digest="d2" * 32))

    assert (only(state).number, only(state).status) == (1, "denied" if verb == "deny" else "snoozed")


def test_who_was_told_of_an_earlier_round_was_not_told_of_this_one(state: State):
    sweep(state, MONDAY, finding(), told=False)
    seen = only(state)
    tell(state, MONDAY)
    sweep(state, MONDAY + DAY, finding(digest="d2" * 32), told=False)

    told = approvals.told(state, [seen], settings().janitor, MONDAY + DAY)

    assert (told, only(state).asked_at) == ([], None)


def test_what_is_not_there_any_more_is_gone(state: State):
    pending(state)

    sweep(state, MONDAY + DAY)

    assert only(state).status == "gone"


def test_what_is_there_and_not_found_any_more_is_kept(state: State):
    pending(state)

    sweep(state, MONDAY + DAY, present=[endpoint("chat")])

    assert only(state).status == "kept"


@pytest.mark.parametrize("scope", [GROUP, endpoint("chat"), f"{endpoint('chat')}/deployments/blue", "", GROUP.upper()])
def test_nothing_is_gone_where_something_could_not_be_read(state: State, scope: str):
    pending(state)

    changes = sweep(state, MONDAY + DAY, gaps=[Gap(scope, "online endpoints", "403")])

    assert (only(state).status, changes.unclear) == ("pending", [1])


def test_a_gap_beside_it_does_not_matter(state: State):
    pending(state)

    sweep(state, MONDAY + DAY, gaps=[Gap(f"{GROUP}-other", "online endpoints", "403")])

    assert only(state).status == "gone"


def test_nothing_is_gone_where_most_of_what_was_there_is_missing(state: State):
    sweep(state, MONDAY, finding(), looked_at=100)

    changes = sweep(state, MONDAY + DAY, looked_at=49)

    assert only(state).status == "pending"
    assert changes.problems == [
        "endpoint-without-requests looked at 49 resources, at 100 before: what is missing counts as not read, not as "
        "gone."
    ]


def test_what_stays_missing_is_believed_in_the_end(state: State):
    sweep(state, MONDAY, finding(), looked_at=100)

    for day in range(1, 4):
        sweep(state, MONDAY + day * DAY, looked_at=49)
        sweep(state, MONDAY + day * DAY, looked_at=49)  # the same sweep again, after a crash
        seen = only(state).status
        assert seen == ("pending" if day < 3 else "gone")


def test_what_is_protected_is_kept_and_says_why(state: State):
    pending(state)

    sweep(state, MONDAY + DAY, kept=[Kept(rule().name, endpoint("chat"), "A lock keeps it.", unknown=False)])

    assert (only(state).status, only(state).note) == ("kept", "A lock keeps it.")


def test_what_is_not_known_changes_nothing_and_breaks_the_row_of_sweeps(state: State):
    unknown = [Kept(rule().name, endpoint("chat"), "Requests are not known.", unknown=True)]
    sweep(state, MONDAY, finding(), rules=[rule(persist_runs=2)])

    sweep(state, MONDAY + DAY, kept=unknown, rules=[rule(persist_runs=2)])
    during = only(state)
    sweep(state, MONDAY + 2 * DAY, finding(), rules=[rule(persist_runs=2)])

    assert (during.status, during.note) == ("found", "It could not be checked: Requests are not known.")
    assert (only(state).number, only(state).status, only(state).runs) == (1, "found", 1)


def test_a_request_that_nobody_decides_expires_and_is_not_approved(state: State):
    pending(state)

    sweep(state, MONDAY + 14 * DAY, finding())

    assert history(state, only(state))[-1] == "expired"


def test_an_expired_request_is_made_again_after_a_while(state: State):
    pending(state)
    sweep(state, MONDAY + 14 * DAY, finding())

    sweep(state, MONDAY + 27 * DAY, finding())
    before = only(state).status
    sweep(state, MONDAY + 28 * DAY, finding())

    assert (before, only(state).status) == ("expired", "pending")
    assert only(state).round == 2


def test_an_approval_that_is_not_used_expires(state: State):
    record = pending(state)
    desk(state).approve(row(record), ANA, MONDAY)
    until = only(state).approved_until
    assert until == MONDAY.replace(day=30, hour=17)

    approvals.lapsed(state, until)

    assert only(state).status == "expired"


def test_a_snooze_ends_and_the_question_is_asked_anew_with_a_grace_of_its_own(state: State):
    record = pending(state)
    desk(state).snooze(row(record), ANA, MONDAY, MONDAY + 10 * DAY, "release week")

    sweep(state, MONDAY + 9 * DAY, finding())
    before = only(state).status
    sweep(state, MONDAY + 11 * DAY, finding())

    assert (before, only(state).status) == ("snoozed", "pending")
    assert only(state).due_at > MONDAY + 15 * DAY


def test_a_denial_holds_though_the_evidence_changes(state: State):
    record = pending(state)
    desk(state).deny(row(record), ANA, MONDAY, "It is our fallback.")

    sweep(state, MONDAY + 30 * DAY, finding(digest="d2" * 32))

    assert only(state).status == "denied"


def test_a_keep_tag_exempts_for_as_long_as_it_is_there(state: State):
    pending(state)
    keep = Exemptions(
        [Exemption(endpoint("chat"), date(2026, 12, 31), "demo", "ola@contoso.example", "tag finops:keep")]
    )
    protected = [Kept(rule().name, endpoint("chat"), "exempt", unknown=False)]

    sweep(state, MONDAY + DAY, kept=protected, exemptions=keep)
    during = only(state)
    sweep(state, MONDAY + 2 * DAY, finding())

    assert (during.status, during.note) == ("exempt", "Exempt until 31 December 2026 by tag finops:keep: demo")
    assert history(state, only(state))[-4:] == ["exempt", "found", "asked", "pending"]


def test_a_rule_that_is_switched_off_makes_its_findings_stale(state: State):
    pending(state)

    sweep(state, MONDAY + DAY, rules=[])
    stale = only(state).status
    sweep(state, MONDAY + 2 * DAY, finding())

    assert (stale, only(state).status) == ("stale", "pending")


def test_a_rule_that_only_lists_from_now_on_takes_its_requests_back(state: State):
    record = pending(state)
    desk(state).approve(row(record), ANA, MONDAY)

    sweep(state, MONDAY + DAY, finding(), rules=[rule(mode="list")])

    assert (only(state).status, only(state).votes) == ("stale", ())


def test_what_was_restored_is_left_alone_for_a_while(state: State):
    record = pending(state)
    desk(state).approve(row(record), ANA, MONDAY)
    for status in ("scheduled", "acted", "confirmed", "restored"):
        approvals.moved(state, record.number, status, "test", MONDAY + DAY, "test")

    sweep(state, MONDAY + 2 * DAY, finding())
    early = only(state).status
    sweep(state, MONDAY + 40 * DAY, finding())

    assert (early, only(state).status) == ("snoozed", "pending")


@pytest.mark.parametrize("status", ["quiet", "acted"])
def test_a_sweep_leaves_alone_what_is_being_acted_on(state: State, status: str):
    record = pending(state)
    desk(state).approve(row(record), ANA, MONDAY)
    approvals.moved(state, record.number, "scheduled", "test", MONDAY + DAY, "test")
    approvals.moved(state, record.number, status, "test", MONDAY + DAY, "test", quiet_until=MONDAY + 5 * DAY)
    head = state.audit_head()

    sweep(state, MONDAY + 2 * DAY, finding(digest="d2" * 32))
    sweep(state, MONDAY + 3 * DAY)

    assert (only(state).status, state.audit_head()) == (status, head)


def test_the_evidence_that_was_decided_on_is_on_the_audit_trail(state: State):
    pending(state)

    entries = state.audit_entries()

    assert "30 days without requests" in entries[0]["evidence"]
    assert [entry["what"] for entry in entries] == ["finding found", "finding asked", "finding pending"]
    assert state.verify_audit().fault is None
