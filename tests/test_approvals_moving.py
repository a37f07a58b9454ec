"""Every step of a finding's life: those that the table allows, and all others, which change nothing."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from lives import ANA, BO, DAY, MONDAY, OLA, desk, finding, history, only, opened, pending, row, rule, sweep

from finops import approvals
from finops.approvals import ENDED, MOVES, OPEN, STATUSES, WORDS, NotAllowed
from finops.state import Record, State

ALLOWED = [(before, after) for before in STATUSES for after in sorted(MOVES[before])]
FORBIDDEN = [pair for pair in itertools.product(STATUSES, STATUSES) if pair not in ALLOWED]
NEXT_WEEK = MONDAY.replace(day=24)
# How each status is reached from `pending`, by the shortest way.
WAYS = {
    "approved": [],
    "scheduled": ["scheduled"],
    "quiet": ["scheduled", "quiet"],
    "acted": ["scheduled", "acted"],
    "confirmed": ["scheduled", "acted", "confirmed"],
    "restored": ["scheduled", "acted", "confirmed", "restored"],
    "failed": ["scheduled", "acted", "failed"],
}


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with opened(tmp_path) as found:
        yield found


def in_status(state: State, status: str) -> Record:
    """A finding that has come to `status` in a way that is allowed."""
    if status in {"found", "asked"}:
        sweep(state, MONDAY, finding(), rules=[rule(mode="list" if status == "found" else "act")], told=False)
        return only(state)
    record = pending(state)
    if status in WAYS:
        desk(state).approve(row(record), ANA, MONDAY)
        for step in WAYS[status]:
            approvals.moved(state, record.number, step, "test", NEXT_WEEK, "test", quiet_until=NEXT_WEEK + DAY)
    elif status == "denied":
        desk(state).deny(row(record), ANA, MONDAY, "no")
    elif status in {"snoozed", "exempt"}:
        decide = desk(state).snooze if status == "snoozed" else desk(state).exempt
        decide(row(record), ANA, MONDAY, None, "later")
    elif status != "pending":
        approvals.moved(state, record.number, status, "test", NEXT_WEEK, "test")
    return only(state)


@pytest.mark.parametrize("status", STATUSES)
def test_every_status_can_be_reached_and_has_its_words(state: State, status: str):
    assert in_status(state, status).status == status
    assert WORDS[status]


@pytest.mark.parametrize(("before", "after"), [pair for pair in ALLOWED if pair[1] != "approved"])
def test_what_the_table_allows_is_done_and_written_down(state: State, before: str, after: str):
    record = in_status(state, before)
    entries = len(state.audit_entries())

    moved = approvals.moved(state, record.number, after, "because", NEXT_WEEK, "tester", quiet_until=NEXT_WEEK + DAY)

    event, entry = state.findings.history(record.number)[-1], state.audit_entries()[-1]
    assert (moved.status, moved.note) == (after, "because")
    assert (event.before, event.after, event.who, event.why) == (before, after, "tester", "because")
    assert (entry["what"], entry["who"], len(state.audit_entries())) == (f"finding {after}", "tester", entries + 1)
    assert ((record.finding.rule, record.finding.resource_id.lower()) in state.findings.alive()) == (after not in ENDED)


@pytest.mark.parametrize(("before", "after"), FORBIDDEN)
def test_what_the_table_forbids_is_refused_and_changes_nothing(state: State, before: str, after: str):
    record = in_status(state, before)
    head = state.audit_head()

    with pytest.raises(NotAllowed):
        approvals.moved(state, record.number, after, "because", NEXT_WEEK, "tester", quiet_until=NEXT_WEEK + DAY)

    assert (only(state), state.audit_head()) == (record, head)


def test_nobody_approves_by_a_move(state: State):
    record = pending(state)

    with pytest.raises(NotAllowed, match="People approve"):
        approvals.moved(state, record.number, "approved", "because", MONDAY, "tester")

    assert only(state).status == "pending"


@pytest.mark.parametrize("status", ["scheduled", "quiet", "acted"])
def test_nothing_is_acted_on_after_its_approval_expired(state: State, status: str):
    record = in_status(state, "approved" if status == "scheduled" else "scheduled")

    with pytest.raises(NotAllowed, match="Its approval has expired"):
        approvals.moved(
            state, record.number, status, "because", record.approved_until, "t", quiet_until=NEXT_WEEK + 20 * DAY
        )


def test_nothing_is_acted_on_by_half_an_approval(state: State):
    record = pending(state, risk="high")
    for person in (ANA, BO):
        desk(state).approve(row(record), person, MONDAY)
    approvals.moved(state, record.number, "scheduled", "because", NEXT_WEEK, "t")
    with state.findings.changing() as change:
        now = change.get(record.number)
        change.end_votes(now, "taken back", [now.votes[0].number])

    with pytest.raises(NotAllowed, match="1 of 2 approvals stand"):
        approvals.moved(state, record.number, "acted", "because", NEXT_WEEK, "t")


@pytest.mark.parametrize("until", [None, NEXT_WEEK, NEXT_WEEK - DAY, "tomorrow"])
def test_a_quiet_step_has_an_end(state: State, until: object):
    record = in_status(state, "scheduled")

    with pytest.raises(NotAllowed, match="without an end"):
        approvals.moved(state, record.number, "quiet", "because", NEXT_WEEK, "t", quiet_until=until)


def test_an_approval_does_not_run_out_while_its_quiet_step_lasts(state: State):
    record = in_status(state, "scheduled")

    quiet = approvals.moved(state, record.number, "quiet", "because", NEXT_WEEK, "t", quiet_until=NEXT_WEEK + 14 * DAY)

    assert approvals.invalid(quiet, NEXT_WEEK + 14 * DAY) == ""
    assert approvals.invalid(quiet, NEXT_WEEK + 28 * DAY) == "Its approval has expired."


def test_what_is_offered_anew_shows_what_is_there_now_and_needs_new_votes(state: State):
    record = in_status(state, "scheduled")

    again = approvals.reoffered(
        state, record.number, finding(digest="d2" * 32, owner="x@y.example"), "It moved.", NEXT_WEEK
    )

    assert (again.status, again.note, again.votes, again.asked_at) == ("pending", "It moved.", (), None)
    assert (again.finding.digest, again.finding.owner, again.round) == ("d2" * 32, "x@y.example", 2)
    assert history(state, again)[-2:] == ["scheduled", "pending"]


@pytest.mark.parametrize("status", sorted(set(STATUSES)))
@pytest.mark.parametrize("verb", ["approve", "deny", "snooze", "exempt", "answer_as_owner"])
def test_every_decision_on_every_status_is_answered_in_a_sentence(state: State, status: str, verb: str):
    record = in_status(state, status)
    decide = {
        "approve": lambda one: one.approve(row(record), ANA, MONDAY),
        "deny": lambda one: one.deny(row(record), ANA, MONDAY, "because"),
        "snooze": lambda one: one.snooze(row(record), ANA, MONDAY, None, "because"),
        "exempt": lambda one: one.exempt(row(record), ANA, MONDAY, None, "because"),
        "answer_as_owner": lambda one: one.answer_as_owner(row(record), OLA, MONDAY, needs=False),
    }[verb]

    [answer] = decide(desk(state))

    assert len(answer.said) > 10
    assert answer.ok or only(state) == record


def test_whatever_is_open_can_be_denied_snoozed_and_exempt():
    for status in OPEN:
        assert {"denied", "snoozed", "exempt"} - {status} <= MOVES[status]


def test_the_manual_says_what_every_status_means():
    text = (Path(__file__).parent.parent / "docs/janitor.md").read_text("utf-8")

    assert [status for status in STATUSES if f"| `{status}` | " not in text] == []
