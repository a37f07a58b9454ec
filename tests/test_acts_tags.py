"""Tags are merged, never replaced, and read back."""

# ruff: noqa: F401, F811 - fixtures are imported, and asked for by their names
from __future__ import annotations

import pytest
from acting import empty, results, run, state
from adversary import (
    Cloud,
    before,
    compute,
    costed,
)

from finops.state import State


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
