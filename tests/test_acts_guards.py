"""Each thing that must hold before a change, one at a time: without it nothing is sent."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from adversary import (
    FAULTS,
    GROUP,
    NOW,
    SUBSCRIPTION,
    WORKSPACE,
    Cloud,
    act,
    before,
    compute,
    costed,
    making,
    removal,
    shrink,
    switch,
)  # fmt: skip

from finops.acts import Act, Caps, Outcome, perform
from finops.errors import AzureError
from finops.state import State

MANY = Caps(max_count=10, max_percent=100, per_owner=None, max_monthly_money=None, population=10)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state that remembers nothing: copied, it saves its migrations."""
    file = tmp_path_factory.mktemp("empty") / "state.db"
    State.open(file).close()
    return file


@pytest.fixture
def state(tmp_path: Path, empty: Path) -> Iterator[State]:
    shutil.copy(empty, tmp_path / "state.db")
    with State.open(tmp_path / "state.db") as opened:
        yield opened


def run(cloud: Cloud, state: State, *acts: Act, caps: Caps = MANY, **more: Any) -> list[Outcome]:
    more.setdefault("decision", "policy spot in mode enforce")
    return perform(acts, cloud, state, caps, NOW, **more)  # type: ignore[arg-type]


def results(outcomes: list[Outcome]) -> list[str]:
    return [outcome.result for outcome in outcomes]


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
    assert "last read 301 s ago" in left.why
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


# -- what came of it --------------------------------------------------------------------------------------------


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


# -- caps -------------------------------------------------------------------------------------------------------


def clusters(cloud: Cloud, number: int, **more: Any) -> list[Act]:
    return [shrink(cloud, cloud.make(f"c{n}"), **more) for n in range(number)]


@pytest.mark.parametrize(
    ("caps", "within"),
    [
        (Caps(3, 100, None, None, 10), 3),
        (Caps(10, 30, None, None, 10), 3),
        (Caps(10, 100, 3, None, 10), 3),
        (Caps(10, 100, None, Decimal("30.00"), 10), 3),
        (Caps(10, 1000, None, None, 3), 3),
        (Caps(10, 100, None, None, 10, per_hour=3), 3),
    ],
)
def test_over_a_cap_nothing_at_all_is_done(tmp_path: Path, empty: Path, caps: Caps, within: int):
    for wanted in range(1, 6):
        cloud = Cloud()
        shutil.copy(empty, tmp_path / f"{wanted}.db")
        with State.open(tmp_path / f"{wanted}.db") as state:
            outcomes = run(cloud, state, *clusters(cloud, wanted), caps=caps)

            if wanted <= within:
                assert results(outcomes) == ["done"] * wanted
            else:
                assert results(outcomes) == ["refused"] * wanted
                assert cloud.calls == 0
                assert "Nothing was changed" in outcomes[0].why
                assert [entry["what"] for entry in state.audit_entries()] == ["refused all"]


@pytest.mark.parametrize(
    "caps",
    [
        Caps(10, 100, None, Decimal("NaN"), 10),
        Caps(10, float("nan"), None, None, 10),
        Caps(10, 100, None, Decimal("Infinity"), 10),
        Caps(10, 100, None, None, 0),
        Caps(10, 0, None, None, 10),
        Caps(0, 100, None, None, 10),
    ],
)
def test_a_cap_that_is_no_limit_lets_nothing_through(state: State, caps: Caps):
    cloud = Cloud()

    assert results(run(cloud, state, *clusters(cloud, 1), caps=caps)) == ["refused"]
    assert cloud.calls == 0


@pytest.mark.parametrize("saving", [None, Decimal("NaN"), Decimal("-31")])
def test_money_that_is_not_known_or_negative_counts_against_its_cap(state: State, saving: Decimal | None):
    cloud = Cloud()
    caps = Caps(10, 100, None, Decimal(30), 10)

    assert results(run(cloud, state, *clusters(cloud, 1, expected_saving=saving), caps=caps)) == ["refused"]


def test_owners_are_capped_each_on_their_own(state: State):
    cloud = Cloud()
    acts = [*clusters(cloud, 2, owner="Ana@x"), shrink(cloud, cloud.make("z"), owner="bo@x")]
    caps = Caps(10, 100, 2, None, 10)

    assert results(run(cloud, state, *acts, caps=caps)) == ["done"] * 3


def test_an_owner_is_the_same_in_any_spelling(state: State):
    cloud = Cloud()
    acts = [shrink(cloud, cloud.make(name), owner=name) for name in ("ana@x", "ANA@x ")]

    assert results(run(cloud, state, *acts, caps=Caps(10, 100, 1, None, 10))) == ["refused"] * 2


def test_several_acts_on_one_resource_are_one_of_the_population(state: State):
    cloud = Cloud()
    gpu = cloud.make("gpu")
    caps = Caps(10, 10, None, None, 10)

    assert results(run(cloud, state, costed(cloud, gpu), shrink(cloud, gpu), caps=caps)) == ["done"] * 2


def test_a_run_that_starts_anew_has_no_new_cap_for_the_hour(state: State):
    cloud = Cloud()
    caps = Caps(10, 100, None, None, 10, per_hour=2)
    run(cloud, state, *clusters(cloud, 2), caps=caps)

    (left,) = run(cloud, state, shrink(cloud, cloud.make("z")), caps=caps)

    assert left.result == "refused"
    assert "2 changes were made in the last hour" in left.why


def test_what_is_known_to_have_changed_nothing_does_not_count_for_the_hour(state: State, tmp_path: Path):
    cloud = Cloud()
    caps = Caps(10, 100, None, None, 10, per_hour=1)

    def stop(body: Any) -> str | None:
        switch(tmp_path).touch()
        return None

    held = replace(shrink(cloud, cloud.make("gpu")), still_holds=stop)
    run(cloud, state, held, caps=caps, kill_switch=switch(tmp_path))
    assert state.intents_since(NOW)[0].outcome == "not-done"

    assert results(run(cloud, state, shrink(cloud, cloud.make("cpu")), caps=caps)) == ["done"]


# -- tags -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("call", range(1, 7))
def test_a_tag_that_somebody_wrote_between_our_read_and_our_write_survives(state: State, call: int):
    cloud = Cloud()
    gpu = cloud.make("gpu", Team="vision")
    cloud.at[call] = [before(lambda: cloud.tag("gpu", "Stage", "trial"))]

    (done,) = run(cloud, state, costed(cloud, gpu))

    assert done.result == "done"
    assert cloud.bodies[compute("gpu").lower()]["tags"] == {"Team": "vision", "CostCenter": "CC-1", "Stage": "trial"}


@pytest.mark.parametrize("name", ["CostCenter", "costcenter", "COSTCENTER"])
def test_what_somebody_set_in_the_meantime_is_not_overwritten(state: State, name: str):
    cloud = Cloud()
    gpu = cloud.make("gpu")
    cloud.tag("gpu", name, "CC-9")

    (left,) = run(cloud, state, costed(cloud, gpu))

    assert left.result == "changed-since"
    assert "Somebody set CostCenter to 'CC-9'" in left.why
    assert cloud.attempts == []


def test_a_spelling_that_was_decided_on_is_set_right(state: State):
    cloud = Cloud()
    gpu = cloud.make("gpu", CostCenter="cc-1")

    assert results(run(cloud, state, costed(cloud, gpu))) == ["done"]


def test_a_tag_that_somebody_removed_is_not_set_again(state: State):
    cloud = Cloud()
    gpu = cloud.make("gpu", CostCenter="cc-1")
    del cloud.bodies[compute("gpu").lower()]["tags"]["CostCenter"]

    assert results(run(cloud, state, costed(cloud, gpu))) == ["changed-since"]


def test_a_tag_that_is_right_already_is_not_written(state: State):
    cloud = Cloud()
    gpu = cloud.make("gpu", CostCenter="CC-1")

    assert results(run(cloud, state, costed(cloud, gpu))) == ["changed-since"]
    assert cloud.attempts == []


def test_somebody_who_writes_the_same_tag_at_the_same_time_is_reported(state: State):
    cloud = Cloud()
    gpu = cloud.make("gpu")
    for call in (7, 8, 9):
        cloud.at[call] = [before(lambda: cloud.tag("gpu", "CostCenter", "CC-9"))]

    (left,) = run(cloud, state, costed(cloud, gpu))

    assert left.result == "failed"
    assert "somebody else writes it too" in left.why


def test_another_ones_tag_that_vanished_with_our_write_is_reported(state: State):
    cloud = Cloud()
    gpu = cloud.make("gpu", Team="vision")
    for call in (7, 8, 9):
        cloud.at[call] = [before(lambda: cloud.bodies[compute("gpu").lower()]["tags"].pop("Team", None))]

    (left,) = run(cloud, state, costed(cloud, gpu))

    assert left.result == "failed"
    assert "Tags that were there before the write are gone: team" in left.why


def test_a_request_that_fails_before_it_sends_is_no_change(state: State):
    cloud = Cloud()
    gpu = cloud.make("gpu")

    def broken(azure: Any) -> None:
        raise AzureError("No sign-in.", "", 401)

    (failed,) = run(cloud, state, replace(shrink(cloud, gpu), request=broken))

    assert failed.result == "failed"
    assert state.intents_since(NOW)[0].outcome == "not-done"


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
