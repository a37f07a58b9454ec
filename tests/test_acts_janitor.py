"""What acts can do for the janitor: a decision of their own, giving back, telling at once, images."""

# ruff: noqa: F401, F811 - fixtures are imported, and asked for by their names
from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from acting import empty, results, run, state
from adversary import GROUP, NOW, WORKSPACE, Cloud, act, compute, removal, shrink

from finops.acts import Held, Outcome
from finops.acts.verdict import settled
from finops.errors import FinopsError
from finops.state import State


def test_an_act_may_carry_the_decision_that_allows_it(state: State):
    cloud = Cloud()
    decided = replace(removal(cloud, cloud.make("gpu")), decision="finding 1, approved by Ann")

    [done] = run(cloud, state, decided, decision="")

    assert done.result == "done"
    assert state.intents_since(NOW)[0].decision == "finding 1, approved by Ann"


def test_one_act_without_a_decision_stops_them_all(state: State):
    cloud = Cloud()
    decided = replace(removal(cloud, cloud.make("gpu")), decision="finding 1")

    outcomes = run(cloud, state, decided, removal(cloud, cloud.make("cpu")), decision="")

    assert results(outcomes) == ["refused", "refused"]
    assert cloud.attempts == []


@pytest.mark.parametrize("scope", [compute("gpu"), WORKSPACE, GROUP])
def test_a_keep_tag_does_not_stop_giving_back(state: State, scope: str):
    cloud = Cloud()
    body = cloud.make("gpu")
    cloud.keep(scope)

    assert results(run(cloud, state, shrink(cloud, body))) == ["refused"]
    assert results(run(cloud, state, shrink(cloud, body, gives_back=True))) == ["done"]


@pytest.mark.parametrize("scope", [compute("gpu"), WORKSPACE, GROUP])
def test_a_lock_that_is_not_only_against_deletion_stops_giving_back_too(state: State, scope: str):
    cloud = Cloud()
    body = cloud.make("gpu")
    cloud.lock(scope)

    assert results(run(cloud, state, shrink(cloud, body, gives_back=True))) == ["refused"]
    assert cloud.attempts == []


def test_each_outcome_is_told_as_soon_as_it_is_known(state: State):
    cloud = Cloud()
    told: list[tuple[str, int]] = []

    def tell(outcome: Outcome) -> None:
        told.append((outcome.result, len(cloud.attempts)))

    run(cloud, state, shrink(cloud, cloud.make("gpu")), shrink(cloud, cloud.make("cpu")), then=tell)

    assert told == [("done", 1), ("done", 2)]


def test_where_the_outcome_cannot_be_told_nothing_more_is_done(state: State):
    cloud = Cloud()

    def full(outcome: Outcome) -> None:
        raise FinopsError("The disk is full.", "Make room.")

    outcomes = run(cloud, state, shrink(cloud, cloud.make("gpu")), shrink(cloud, cloud.make("cpu")), then=full)

    assert results(outcomes) == ["done", "refused"]
    assert len(cloud.attempts) == 1


def test_what_is_refused_just_before_the_request_stops_only_itself(state: State):
    cloud = Cloud()
    gpu, cpu = cloud.make("gpu"), cloud.make("cpu")

    def withdrawn(hand: Any) -> None:
        hand.ready(gpu["id"])
        raise Held("It was denied.", "")

    outcomes = run(cloud, state, replace(shrink(cloud, gpu), request=withdrawn), shrink(cloud, cpu))

    assert results(outcomes) == ["refused", "done"]


@pytest.mark.parametrize("path", [compute("other"), WORKSPACE])
def test_what_may_not_be_sent_is_not_ready_either(state: State, path: str):
    cloud = Cloud()
    gpu = cloud.make("gpu")
    reached: list[str] = []

    def request(hand: Any) -> None:
        hand.ready(path)
        reached.append(path)

    assert results(run(cloud, state, replace(shrink(cloud, gpu), request=request))) == ["refused"]
    assert reached == []


@pytest.mark.parametrize("on_the_way", ["Stopping", "Starting", "Restarting", "Deleting", "SettingUp"])
def test_an_instance_on_its_way_is_not_settled(on_the_way: str):
    body = {"properties": {"provisioningState": "Succeeded", "properties": {"state": on_the_way}}}

    assert not settled(body)


@pytest.mark.parametrize("state_of_it", ["Stopped", "Running", "Unusable", "CreateFailed", None])
def test_an_instance_that_stands_is_settled(state_of_it: str | None):
    assert settled({"properties": {"provisioningState": "Succeeded", "properties": {"state": state_of_it}}})


def test_a_stop_that_azure_is_still_at_is_unknown(state: State):
    cloud = Cloud()
    gpu = cloud.make("gpu")
    wanted = {"properties": {"properties": {"state": "Stopped"}}}

    def stop(azure: Any) -> None:
        azure.patch(compute("gpu"), "1", {"properties": {"properties": {"scaleSettings": {"maxNodeCount": 1}}}})
        cloud.bodies[compute("gpu").lower()]["properties"]["properties"]["state"] = "Stopping"

    [left] = run(cloud, state, act(gpu, "stop", stop, lambda body: None, wanted))

    assert left.result == "unknown"
