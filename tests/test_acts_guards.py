"""Each thing that must hold before a change, one at a time: without it nothing is sent."""

# ruff: noqa: F401, F811 - fixtures are imported, and asked for by their names
from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from acting import empty, results, run, state
from adversary import (
    FAULTS,
    GROUP,
    NOW,
    SUBSCRIPTION,
    WORKSPACE,
    Cloud,
    compute,
    costed,
    making,
    removal,
    shrink,
    switch,
)

from finops.state import State


def test_what_still_holds_is_done_and_written_down(state: State):
    cloud = Cloud()
    gpu = cloud.make("gpu")

    (done,) = run(cloud, state, shrink(cloud, gpu))

    assert (done.result, done.intent) == ("done", 1)
    assert [entry["what"] for entry in state.audit_entries()] == ["will shrink", "done"]
    assert state.intents_since(NOW)[0].outcome == "done"
    assert state.verify_audit().fault is None


def test_the_audit_says_who_why_and_on_what_evidence(state: State):
    cloud = Cloud()
    gpu = cloud.make("gpu")

    run(cloud, state, shrink(cloud, gpu), who="finops@host")

    (intent, _) = state.audit_entries()
    assert (intent["who"], intent["why"], intent["intent"]) == ("finops@host", "because", 1)
    assert gpu["systemData"]["createdAt"] in intent["evidence"]


def test_the_intent_is_on_the_disk_before_the_request_leaves(state: State, tmp_path: Path):
    cloud = Cloud()
    gpu = cloud.make("gpu")
    seen: list[str] = []

    def look(verb: str, resource: str) -> None:
        with State.open(tmp_path / "state.db") as other:
            seen.extend(intent.resource_id.lower() for intent in other.pending_intents())

    cloud.on_write = look
    run(cloud, state, shrink(cloud, gpu))

    assert seen == [compute("gpu").lower()]


def test_what_was_refused_is_written_down_too(state: State):
    cloud = Cloud()
    gpu = cloud.make("gpu")
    cloud.keep(GROUP)

    run(cloud, state, shrink(cloud, gpu))

    (entry,) = state.audit_entries()
    assert (entry["what"], entry["resource_id"], entry["intent"]) == ("refused: shrink", compute("gpu"), None)
    assert "finops:keep" in entry["why"]


def test_without_a_decision_nothing_is_done(state: State):
    cloud = Cloud()

    (refused,) = run(cloud, state, shrink(cloud, cloud.make("gpu")), decision=" ")

    assert refused.result == "refused"
    assert cloud.attempts == []


def test_a_namesake_made_since_is_left_alone(state: State):
    cloud = Cloud()
    wanted = removal(cloud, cloud.make("gpu"))
    cloud.make("gpu")

    (left,) = run(cloud, state, wanted)

    assert left.result == "changed-since"
    assert "another one of the same name" in left.why
    assert cloud.attempts == []


def test_one_whose_making_is_spelled_otherwise_is_the_same(state: State):
    cloud = Cloud()
    wanted = removal(cloud, cloud.make("gpu"))
    cloud.spell("gpu")

    assert results(run(cloud, state, wanted)) == ["done"]


def test_what_is_gone_by_now_is_not_done(state: State):
    cloud = Cloud()
    wanted = removal(cloud, cloud.make("gpu"))
    cloud.remove("gpu")

    assert results(run(cloud, state, wanted)) == ["changed-since"]
    assert cloud.attempts == []


def test_what_does_not_hold_any_more_is_not_done(state: State):
    cloud = Cloud()
    wanted = shrink(cloud, cloud.make("gpu"))
    cloud.job("gpu")

    (left,) = run(cloud, state, wanted)

    assert (left.result, left.why) == ("changed-since", "A job runs.")
    assert cloud.attempts == []


def test_what_was_made_by_somebody_since_is_not_made_again(state: State):
    cloud = Cloud()
    wanted = making("gpu")
    cloud.make("gpu")

    (left,) = run(cloud, state, wanted)

    assert (left.result, left.why) == ("changed-since", "It is there already.")
    assert cloud.attempts == []


def test_what_has_no_generation_is_tagged_at_most(state: State):
    cloud = Cloud()
    gpu = cloud.make("gpu")
    del gpu["systemData"], cloud.bodies[compute("gpu").lower()]["systemData"]

    outcomes = run(cloud, state, removal(cloud, gpu), costed(cloud, gpu))

    assert results(outcomes) == ["changed-since", "done"]


@pytest.mark.parametrize("scope", [compute("gpu"), WORKSPACE, GROUP, SUBSCRIPTION])
def test_what_is_locked_is_left_alone(state: State, scope: str):
    cloud = Cloud()
    gpu = cloud.make("gpu")
    cloud.lock(scope.upper().replace("/SUBSCRIPTIONS/", "/subscriptions/"))

    outcomes = run(cloud, state, removal(cloud, gpu), shrink(cloud, gpu), costed(cloud, gpu))

    assert results(outcomes) == ["refused"] * 3
    assert "lock" in outcomes[0].why
    assert cloud.attempts == []


def test_a_lock_on_a_namesakes_beginning_does_not_count(state: State):
    cloud = Cloud()
    gpu = cloud.make("gpu")
    cloud.lock(compute("gp"))
    cloud.lock(compute("gpu2"))

    assert results(run(cloud, state, shrink(cloud, gpu))) == ["done"]


def test_what_has_a_lock_below_it_is_not_deleted(state: State):
    cloud = Cloud()
    gpu = cloud.make("gpu")
    cloud.lock(f"{compute('gpu')}/children/one")

    outcomes = run(cloud, state, removal(cloud, gpu), shrink(cloud, gpu))

    assert results(outcomes) == ["refused", "done"]


@pytest.mark.parametrize("scope", [compute("gpu"), WORKSPACE, GROUP, SUBSCRIPTION])
def test_what_is_to_be_kept_is_left_alone(state: State, scope: str):
    cloud = Cloud()
    gpu = cloud.make("gpu")
    cloud.keep(scope)

    outcomes = run(cloud, state, removal(cloud, gpu), shrink(cloud, gpu), costed(cloud, gpu))

    assert results(outcomes) == ["refused"] * 3
    assert "finops:keep" in outcomes[0].why
    assert cloud.attempts == []


@pytest.mark.parametrize("scope", [compute("gpu"), WORKSPACE, GROUP, SUBSCRIPTION])
@pytest.mark.parametrize(
    ("value", "result"),
    [
        ("2026-11-22;until tonight", "refused"),
        ("2026-11-21;until last night", "done"),
        ("2099-01-01;for long", "refused"),
        ("as long as I live", "refused"),
        ("21.11.2026", "refused"),
    ],
)
def test_a_keep_holds_until_its_day_is_over_and_for_good_where_that_is_not_clear(
    state: State, scope: str, value: str, result: str
):
    cloud = Cloud()
    gpu = cloud.make("gpu")
    cloud.keep(scope, value=value)

    assert results(run(cloud, state, shrink(cloud, gpu))) == [result]


@pytest.mark.parametrize("fault", ["403", "400", "500", "429"])
@pytest.mark.parametrize("call", range(1, 6))
def test_what_cannot_be_read_is_not_done_and_the_others_are(state: State, fault: str, call: int):
    cloud = Cloud()
    gpu, cpu = cloud.make("gpu"), cloud.make("cpu")
    cloud.at[call] = [FAULTS[fault]()]

    outcomes = run(cloud, state, shrink(cloud, gpu), shrink(cloud, cpu))

    assert results(outcomes) == ["refused", "done"]
    assert cloud.attempts == [("PATCH", compute("cpu").lower())]


def test_an_unforeseen_fault_while_looking_stops_the_run(state: State):
    cloud = Cloud()
    gpu, cpu = cloud.make("gpu"), cloud.make("cpu")
    broken = replace(shrink(cloud, gpu), still_holds=lambda body: body["no such thing"])

    outcomes = run(cloud, state, broken, shrink(cloud, cpu))

    assert results(outcomes) == ["refused", "refused"]
    assert cloud.attempts == []


def test_a_reading_that_is_too_old_does_not_count(state: State):
    cloud = Cloud()
    gpu = cloud.make("gpu")
    slow = shrink(cloud, gpu)

    def still(body: Any) -> str | None:
        cloud.clock += 301
        return None

    (left,) = run(cloud, state, replace(slow, still_holds=still))

    assert left.result == "refused"
    assert "began 301 s ago, and 300 s is the limit" in left.why
    assert cloud.attempts == []
    assert state.pending_intents() == []


def test_a_reading_of_five_minutes_still_counts(state: State):
    cloud = Cloud()
    gpu = cloud.make("gpu")

    def still(body: Any) -> str | None:
        cloud.clock += 299
        return None

    assert results(run(cloud, state, replace(shrink(cloud, gpu), still_holds=still))) == ["done"]


def test_the_kill_switch_stops_everything(state: State, tmp_path: Path):
    cloud = Cloud()
    acts = [shrink(cloud, cloud.make(name)) for name in ("gpu", "cpu")]
    switch(tmp_path).touch()

    outcomes = run(cloud, state, *acts, kill_switch=switch(tmp_path))

    assert results(outcomes) == ["refused"] * 2
    assert cloud.calls == 0


@pytest.mark.parametrize("call", range(1, 16))
def test_after_the_kill_switch_at_any_moment_nothing_more_leaves(state: State, tmp_path: Path, call: int):
    cloud = Cloud()
    acts = [shrink(cloud, cloud.make(name)) for name in ("gpu", "cpu", "tpu")]
    late: list[str] = []
    cloud.at[call] = [lambda half: switch(tmp_path).touch() if half == "after" else None]
    cloud.on_write = lambda verb, resource: late.append(resource) if switch(tmp_path).exists() else None

    run(cloud, state, *acts, kill_switch=switch(tmp_path))

    assert late == []
    assert state.pending_intents() == []


def test_the_kill_switch_is_looked_at_after_the_intent_too(state: State, tmp_path: Path):
    cloud = Cloud()
    gpu = cloud.make("gpu")

    def still(body: Any) -> str | None:
        switch(tmp_path).touch()
        return None

    (left,) = run(cloud, state, replace(shrink(cloud, gpu), still_holds=still), kill_switch=switch(tmp_path))

    assert left.result == "refused"
    assert cloud.attempts == []
    assert state.intents_since(NOW)[0].outcome == "not-done"


def test_a_kill_switch_that_cannot_be_looked_at_counts_as_thrown(state: State, tmp_path: Path):
    cloud = Cloud()
    (tmp_path / "file").touch()

    outcomes = run(cloud, state, shrink(cloud, cloud.make("gpu")), kill_switch=tmp_path / "file" / "stop")

    assert results(outcomes) == ["refused"]


def test_a_dangling_link_is_a_kill_switch(state: State, tmp_path: Path):
    cloud = Cloud()
    switch(tmp_path).symlink_to("nowhere")

    assert results(run(cloud, state, shrink(cloud, cloud.make("gpu")), kill_switch=switch(tmp_path))) == ["refused"]


def test_an_unresolved_intent_keeps_its_workspace_closed(state: State):
    cloud = Cloud()
    gpu, cpu = cloud.make("gpu"), cloud.make("cpu")
    cloud.at[6] = [FAULTS["lost before"]()]

    first = run(cloud, state, shrink(cloud, gpu))
    second = run(cloud, state, shrink(cloud, cpu))

    assert results(first) == ["unknown"]
    assert results(second) == ["refused"]
    assert "not resolved" in second[0].why


def test_a_type_of_which_no_version_is_known_is_left_alone(state: State):
    cloud = Cloud()
    gpu = {**cloud.make("gpu"), "id": f"{GROUP}/providers/Microsoft.Else/things/one"}

    assert results(run(cloud, state, removal(cloud, gpu))) == ["refused"]
    assert cloud.calls == 0


def test_while_another_run_acts_nothing_is_done(state: State, tmp_path: Path):
    cloud = Cloud()
    gpu = cloud.make("gpu")
    with State.open(tmp_path / "state.db") as other, other.turn():
        (left,) = run(cloud, state, shrink(cloud, gpu))

    assert left.result == "refused"
    assert "Another run" in left.why
    assert cloud.calls == 0


def test_evidence_that_cannot_be_written_down_is_one_refusal(state: State):
    cloud = Cloud()
    gpu, cpu = cloud.make("gpu"), cloud.make("cpu")
    odd = replace(shrink(cloud, gpu), evidence={"cost": float("nan")})

    assert results(run(cloud, state, odd, shrink(cloud, cpu))) == ["refused", "done"]


def test_a_lock_that_cannot_be_read_is_not_ignored(state: State):
    cloud = Cloud()
    cloud.locks[""] = "/subscriptions/another"

    (left,) = run(cloud, state, shrink(cloud, cloud.make("gpu")))

    assert (left.result, "no id" in left.why) == ("refused", True)


def test_tags_that_cannot_be_read_are_not_taken_for_none(state: State):
    cloud = Cloud()
    odd = cloud.get
    cloud.get = lambda path, version, params=None: {} if path.endswith("/tags/default") else odd(path, version)  # type: ignore[method-assign]

    outcomes = run(cloud, state, shrink(cloud, cloud.make("gpu")), shrink(cloud, cloud.make("cpu")))

    assert ["cannot be read" in one.why and "Not tried" not in one.why for one in outcomes] == [True, True]
    assert cloud.attempts == []


def test_once_the_process_is_being_stopped_nothing_more_is_begun(state: State):
    cloud = Cloud()
    first, second = cloud.make("gpu"), cloud.make("cpu")
    sent: list[str] = []
    cloud.on_write = lambda verb, resource: sent.append(verb)

    done = run(cloud, state, shrink(cloud, first), shrink(cloud, second), stopping=lambda: bool(sent))

    assert results(done) == ["done", "refused"]
    assert "being stopped" in done[1].why
    assert (len(sent), state.pending_intents()) == (1, [])
