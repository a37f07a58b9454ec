"""What a training sees of its saves: metrics that are no number, a later attempt, a place that is away."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
from made_checkpoints import until

from finops import checkpoint
from finops.checkpoint.faults import CheckpointWarning, Fenced
from finops.checkpoint.stores.folder import Folder


def test_a_metric_that_is_no_number_does_not_keep_it_from_being_saved(tmp_path: Path):
    with checkpoint.open({"a": {"b": 1}}, tmp_path, job="j") as ck:
        ck.save(step=1, wait=True, loss=float("nan"))

        assert ck.stats().saves == 1


def test_an_attempt_that_is_late_is_told_by_its_next_save(tmp_path: Path):
    with checkpoint.open({"a": {"b": 1}}, tmp_path, job="j") as late:
        late.save(step=1, wait=True)
        with checkpoint.open({"a": {"b": 2}}, tmp_path, job="j") as other:
            other.restore()
            other.save(step=1, wait=True)

            with pytest.raises(Fenced, match="Attempt 2 of this job has begun"):
                late.save(step=2, wait=True)

    assert [(name.attempt, name.step) for name in Folder(tmp_path).names()] == [(2, 1), (1, 1)]


def test_training_goes_on_while_the_place_is_away_and_is_saved_once_it_is_back(tmp_path: Path):
    place = tmp_path / "mounted"
    with checkpoint.open({"a": {"b": 1}}, place, job="j", every=0.01) as ck:
        ck.save(step=1, wait=True)
        place.rename(tmp_path / "unmounted")
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            until(lambda: (ck.step(), ck.stats().failed > 2)[1])
            (tmp_path / "unmounted").rename(place)
            until(lambda: (ck.step(), ck.stats().saves > 3)[1])

    assert {one.category for one in said} == {CheckpointWarning}
    assert [one for one in said if "was not saved" in str(one.message)]
    assert len(Folder(place).names()) == 3


def test_what_is_saved_is_what_the_state_was_then(tmp_path: Path):
    state = {"bytes": bytearray(b"then" * 1_000_000)}
    with checkpoint.open(state, tmp_path, job="j") as ck:
        ck.save(step=1)
        state["bytes"][:] = b"next" * 1_000_000
        ck.wait()

        assert ck.restore() == 1
    assert state["bytes"] == b"then" * 1_000_000
