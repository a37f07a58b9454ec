"""What became of a record that a run was broken off on is told by the intent of its own tombstone, and by no other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from lives import ANA, MONDAY, desk, finding, only, opened, row, sweep

from finops import approvals
from finops.config.model import JanitorSettings
from finops.jobs.sweeping.settling import settle
from finops.state import State

NEW, OLD = "12-delete-2 aaaa", "12-delete-1 bbbb"


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with opened(tmp_path) as found:
        yield found


def acted(state: State, tombstone: str) -> None:
    """A record whose request was sent, or was about to be, when the run was broken off."""
    sweep(state, MONDAY, finding())
    [answer] = desk(state).approve(row(only(state)), ANA, MONDAY)
    assert answer.ok, answer.said
    approvals.moved(state, 1, "scheduled", "It is due.", MONDAY, "apply")
    approvals.moved(state, 1, "acted", "delete is sent to Azure.", MONDAY, "apply", tombstone=tombstone)


def intent(state: State, tombstone: str, outcome: str, record: int = 1, step: str = "act") -> None:
    """What an intent of a step says became of it."""
    with state.turn():
        evidence = {"record": record, "step": step, "tombstone": tombstone}
        number = state.open_intent(
            MONDAY, generation="g", evidence=evidence, afterwards=None, run="r", resource_id="/x", workspace="/w",
            api_version="1", action="delete", rule="janitor/x", why="w", who="me", decision="d", saving="",
        )  # fmt: skip
        if outcome:
            state.close_intent(number, outcome, f"{outcome}, of {tombstone}", MONDAY, "me", {})


def settled(state: State) -> tuple[str, str, str]:
    with state.turn():
        [found] = settle(state, JanitorSettings(), MONDAY)
    return found.result, found.record.status, found.why


def test_the_intent_of_its_tombstone_confirms_it(state: State):
    acted(state, NEW)
    intent(state, NEW, "done")

    assert settled(state) == ("done", "confirmed", f"done, of {NEW}")


def test_an_earlier_request_that_was_done_confirms_nothing(state: State):
    intent(state, OLD, "done")
    acted(state, NEW)

    assert settled(state) == ("failed", "failed", "No request for it was written down, so none was sent.")


def test_a_later_request_of_another_tombstone_does_not_hide_its_own(state: State):
    acted(state, NEW)
    intent(state, NEW, "done")
    intent(state, OLD, "failed")

    assert settled(state)[:2] == ("done", "confirmed")


@pytest.mark.parametrize("other", [{"record": 2}, {"step": "quiet"}, {"step": "undo"}])
def test_a_request_of_another_record_or_step_confirms_nothing(state: State, other: dict[str, object]):
    acted(state, NEW)
    intent(state, NEW, "done", **other)  # type: ignore[arg-type]

    assert settled(state)[1] == "failed"


def test_what_cannot_be_read_yet_stays_as_it_is(state: State):
    acted(state, NEW)
    intent(state, NEW, "")

    assert settled(state)[:2] == ("unknown", "acted")
