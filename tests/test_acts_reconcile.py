"""What became of an intent whose outcome nobody wrote down: found out by reading, before anything else is done."""

# ruff: noqa: F401, F811 - fixtures are imported, and asked for by their names
from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from acting import MANY, empty, state
from adversary import FAULTS, NOW, Cloud, Died, compute, costed, making, removal, shrink

from finops.acts import Act, Resolved, perform, reconcile
from finops.state import Busy, State


def died(cloud: Cloud, state: State, act: Act, when: str) -> None:
    """`act` is performed, and the process dies at its request."""
    cloud.at[cloud.calls + 6] = [FAULTS[f"died {when}"]()]
    with pytest.raises(Died):
        perform([act], cloud, state, MANY, NOW, "decided")  # type: ignore[arg-type]
    cloud.heal()
    assert len(state.pending_intents()) == 1


def resolved(cloud: Cloud, state: State) -> Resolved:
    (found,) = reconcile(cloud, state, NOW + timedelta(minutes=5))  # type: ignore[arg-type]
    return found


@pytest.mark.parametrize("kind", [shrink, removal, costed])
@pytest.mark.parametrize(("when", "outcome"), [("before", "not-done"), ("after", "done")])
def test_reading_tells_whether_it_was_done(state: State, kind: Any, when: str, outcome: str):
    cloud = Cloud()
    died(cloud, state, kind(cloud, cloud.make("gpu")), when)

    assert resolved(cloud, state).outcome == outcome
    assert state.pending_intents() == []
    assert state.audit_entries()[-1]["what"] == outcome
    assert state.verify_audit().fault is None


@pytest.mark.parametrize(("when", "outcome"), [("before", "not-done"), ("after", "done")])
def test_reading_tells_whether_it_was_made(state: State, when: str, outcome: str):
    cloud = Cloud()
    died(cloud, state, making("gpu"), when)

    assert resolved(cloud, state).outcome == outcome


def test_what_was_deleted_and_made_anew_was_deleted(state: State):
    cloud = Cloud()
    died(cloud, state, removal(cloud, cloud.make("gpu")), "after")
    cloud.make("gpu")

    assert resolved(cloud, state).outcome == "done"


@pytest.mark.parametrize("kind", [removal, shrink])
def test_one_whose_making_is_spelled_otherwise_is_still_there(state: State, kind: Any):
    cloud = Cloud()
    died(cloud, state, kind(cloud, cloud.make("gpu")), "before")
    cloud.spell("gpu")

    assert resolved(cloud, state).outcome == "not-done"


def test_what_somebody_else_replaced_was_not_changed_by_us(state: State):
    cloud = Cloud()
    died(cloud, state, shrink(cloud, cloud.make("gpu")), "before")
    cloud.make("gpu")

    found = resolved(cloud, state)

    assert (found.outcome, found.why) == ("changed-since", "It was deleted, and something of the same name was made.")


def test_what_is_gone_was_not_changed_by_us(state: State):
    cloud = Cloud()
    died(cloud, state, shrink(cloud, cloud.make("gpu")), "before")
    cloud.remove("gpu")

    assert resolved(cloud, state).outcome == "changed-since"


def test_something_else_in_its_place_was_not_made_by_us(state: State):
    cloud = Cloud()
    died(cloud, state, making("gpu"), "before")
    cloud.make("gpu", high=7)

    assert resolved(cloud, state).outcome == "changed-since"


@pytest.mark.parametrize("fault", ["403", "500", "429", "400", "lost before"])
def test_what_cannot_be_read_stays_open(state: State, fault: str):
    cloud = Cloud()
    died(cloud, state, shrink(cloud, cloud.make("gpu")), "after")
    cloud.at[cloud.calls + 1] = [FAULTS[fault]()]

    first, second = resolved(cloud, state), resolved(cloud, state)

    assert (first.outcome, second.outcome) == (None, "done")


def test_what_azure_is_still_at_stays_open(state: State):
    cloud = Cloud()
    died(cloud, state, removal(cloud, cloud.make("gpu")), "before")
    cloud.bodies[compute("gpu").lower()]["properties"]["provisioningState"] = "Deleting"

    first = resolved(cloud, state)
    cloud.remove("gpu")

    assert first.outcome is None
    assert "Deleting" in first.why
    assert resolved(cloud, state).outcome == "done"


def test_a_request_that_lands_after_we_are_back_is_waited_for(state: State):
    cloud = Cloud()
    died(cloud, state, removal(cloud, cloud.make("gpu")), "before")
    back = cloud.clock

    def lands(half: str) -> None:
        if half == "before" and cloud.clock > back + 10:
            cloud.remove("gpu")

    cloud.at = {cloud.calls + 2: [lands]}

    assert resolved(cloud, state).outcome == "done"


def test_one_that_cannot_be_read_does_not_keep_others_open(state: State):
    cloud = Cloud()
    gpu = cloud.make("gpu")
    other = "/subscriptions/1/resourceGroups/a/providers/Microsoft.MachineLearningServices/workspaces/other/computes/x"
    with state.turn():
        state.open_intent(
            NOW, generation="g", evidence={}, afterwards=None, run="r", resource_id=other, workspace="other",
            api_version="1", action="delete", rule="r", why="w", who="me", decision="d", saving="",
        )  # fmt: skip
    cloud.at[cloud.calls + 6] = [FAULTS["died after"]()]
    with pytest.raises(Died):
        perform([shrink(cloud, gpu)], cloud, state, MANY, NOW, "decided")  # type: ignore[arg-type]
    cloud.at = {cloud.calls + 1: [FAULTS["403"]()]}

    found = reconcile(cloud, state, NOW)  # type: ignore[arg-type]

    assert [one.outcome for one in found] == [None, "done"]


def test_the_intents_of_a_run_that_is_alive_are_its_own(state: State, tmp_path: Path):
    cloud = Cloud()
    died(cloud, state, shrink(cloud, cloud.make("gpu")), "after")

    with State.open(tmp_path / "state.db") as other, other.turn(), pytest.raises(Busy):
        reconcile(cloud, state, NOW)  # type: ignore[arg-type]

    assert len(state.pending_intents()) == 1


def test_with_nothing_open_nothing_is_asked(state: State):
    cloud = Cloud()

    assert reconcile(cloud, state, NOW) == []  # type: ignore[arg-type]
    assert cloud.calls == 0
