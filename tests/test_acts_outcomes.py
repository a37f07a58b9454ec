"""What came of a change: what Azure confirms when it is read back, and nothing else."""

# ruff: noqa: F401, F811 - fixtures are imported, and asked for by their names
from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from acting import empty, results, run, state
from adversary import (
    FAULTS,
    GROUP,
    NOW,
    WORKSPACE,
    Cloud,
    act,
    before,
    compute,
    removal,
    shrink,
)

from finops.errors import AzureError
from finops.state import State


@pytest.mark.parametrize("fault", ["lost after", "500 after", "403 after", "404 after"])
def test_what_azure_did_without_saying_so_is_found_by_reading(state: State, fault: str):
    cloud = Cloud()
    gpu, cpu = cloud.make("gpu"), cloud.make("cpu")
    cloud.at[6] = [FAULTS[fault]()]

    outcomes = run(cloud, state, removal(cloud, gpu), shrink(cloud, cpu))

    assert results(outcomes) == ["done", "done"]
    assert state.pending_intents() == []


def test_what_azure_refused_for_this_one_does_not_stop_the_others(state: State):
    cloud = Cloud()
    gpu, cpu = cloud.make("gpu"), cloud.make("cpu")
    cloud.at[6] = [FAULTS["403"]()]

    outcomes = run(cloud, state, shrink(cloud, gpu), shrink(cloud, cpu))

    assert results(outcomes) == ["failed", "done"]


@pytest.mark.parametrize(
    ("fault", "result"),
    [("400", "failed"), ("500", "unknown"), ("429", "unknown"), ("lost before", "unknown"), ("odd", "unknown")],
)
def test_the_first_unexpected_fault_stops_the_run(state: State, fault: str, result: str):
    cloud = Cloud()
    gpu, cpu = cloud.make("gpu"), cloud.make("cpu")
    cloud.at[6] = [FAULTS[fault]()]

    outcomes = run(cloud, state, shrink(cloud, gpu), shrink(cloud, cpu))

    assert results(outcomes) == [result, "refused"]
    assert len(state.pending_intents()) == (result == "unknown")
    assert outcomes[1].why.startswith("Not tried")
    assert cloud.attempts == [("PATCH", compute("gpu").lower())]


def test_what_azure_accepted_but_reading_does_not_show_is_no_success(state: State):
    cloud = Cloud()
    gpu, cpu = cloud.make("gpu"), cloud.make("cpu")
    for call in (7, 8, 9):
        cloud.at[call] = [before(lambda: cloud.grow("gpu"))]

    outcomes = run(cloud, state, shrink(cloud, gpu), shrink(cloud, cpu))

    assert results(outcomes) == ["failed", "refused"]
    assert "maxNodeCount is 9, not 0" in outcomes[0].why


def test_what_shows_a_little_late_is_a_success(state: State):
    cloud = Cloud()
    gpu = cloud.make("gpu")
    late = replace(shrink(cloud, gpu), confirmed=lambda body: None if cloud.calls >= 9 else "Not yet.")

    assert results(run(cloud, state, late)) == ["done"]


def test_a_confirmation_that_says_yes_to_everything_is_not_enough(state: State):
    cloud = Cloud()
    gpu = cloud.make("gpu")
    nothing = {"properties": {"properties": {"scaleSettings": {"other": 1}}}}
    lazy = replace(shrink(cloud, gpu), request=lambda azure: azure.patch(compute("gpu"), "1", nothing))

    assert results(run(cloud, state, lazy)) == ["failed"]


def test_what_azure_is_still_at_is_unknown(state: State):
    cloud = Cloud()
    gpu = cloud.make("gpu")

    def accept(azure: Any) -> None:
        azure.patch(compute("gpu"), "1", {"properties": {"properties": {"scaleSettings": {"other": 1}}}})
        cloud.bodies[compute("gpu").lower()]["properties"]["provisioningState"] = "Updating"

    (left,) = run(cloud, state, replace(shrink(cloud, gpu), request=accept))

    assert left.result == "unknown"
    assert len(state.pending_intents()) == 1


def test_an_outcome_that_cannot_be_recorded_stops_the_run(state: State):
    cloud = Cloud()
    gpu, cpu = cloud.make("gpu"), cloud.make("cpu")

    def fill(body: Any) -> str | None:
        with state._engine.connect() as db:
            db.exec_driver_sql("PRAGMA query_only = ON")
        return None

    def free(body: Any) -> str | None:
        with state._engine.connect() as db:
            db.exec_driver_sql("PRAGMA query_only = OFF")
        return None

    second = replace(shrink(cloud, cpu), still_holds=free)
    outcomes = run(cloud, state, replace(shrink(cloud, gpu), confirmed=fill), second)

    assert results(outcomes) == ["unknown", "refused"]
    assert outcomes[1].why.startswith("Not tried")
    assert "could not be recorded" in outcomes[0].why
    assert len(cloud.attempts) == 1


def test_when_no_intent_can_be_written_nothing_is_sent(state: State):
    cloud = Cloud()
    gpu = cloud.make("gpu")

    def fill(body: Any) -> str | None:
        with state._engine.connect() as db:
            db.exec_driver_sql("PRAGMA query_only = ON")
        return None

    (left,) = run(cloud, state, replace(shrink(cloud, gpu), still_holds=fill))

    assert left.result == "refused"
    assert cloud.attempts == []


def test_a_request_that_fails_before_it_sends_is_no_change(state: State):
    cloud = Cloud()
    gpu = cloud.make("gpu")

    def broken(azure: Any) -> None:
        raise AzureError("No sign-in.", "", 401)

    (failed,) = run(cloud, state, replace(shrink(cloud, gpu), request=broken))

    assert failed.result == "failed"
    assert state.intents_since(NOW)[0].outcome == "not-done"


def test_an_act_sends_one_change(state: State):
    cloud = Cloud()
    gpu = cloud.make("gpu")

    def twice(azure: Any) -> None:
        azure.patch(compute("gpu"), "1", {"properties": {"properties": {"scaleSettings": {"maxNodeCount": 0}}}})
        azure.delete(compute("gpu"), "1")

    run(cloud, state, replace(shrink(cloud, gpu), request=twice))

    assert [verb for verb, _ in cloud.attempts] == ["PATCH"]


@pytest.mark.parametrize("other", [compute("gpu2"), compute("cpu"), WORKSPACE, GROUP])
def test_an_act_changes_its_own_resource_only(state: State, other: str):
    cloud = Cloud()
    gpu = cloud.make("gpu")
    astray = act(gpu, "delete", lambda azure: azure.delete(other, "1"), lambda body: None, None)

    (left,) = run(cloud, state, astray)

    assert left.result == "refused"
    assert cloud.attempts == []


def test_a_request_that_sends_nothing_has_done_nothing(state: State):
    cloud = Cloud()
    idle = replace(shrink(cloud, cloud.make("gpu", high=0)), request=lambda azure: None, still_holds=lambda body: None)

    (failed,) = run(cloud, state, idle)

    assert failed.result == "failed"
    assert state.intents_since(NOW)[0].outcome == "not-done"
