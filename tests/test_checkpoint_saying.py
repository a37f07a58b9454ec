"""What a training is told: once, at its own line, and never so that it ends by it."""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from finops import checkpoint
from finops.checkpoint import CheckpointWarning
from finops.checkpoint.loop import Checkpointer


def opened(folder: Path, state: dict[str, Any], **more: Any) -> Checkpointer:
    return checkpoint.open(state, folder, job="j", watch=False, **{"every": 3600.0, **more})


def trained(folder: Path, epochs: int = 1) -> int:
    """How many steps it took."""
    with opened(folder, {"count": {"of": 0}}) as ck:
        steps = 0
        for _ in ck.run([1, 2, 3], epochs=epochs):
            ck.step()
            steps += 1
    return steps


@pytest.fixture
def arguments() -> Iterator[list[str]]:
    """Those of the process."""
    before = [*sys.argv]
    yield sys.argv
    sys.argv[:] = before


def test_going_on_with_other_arguments_is_told_once(tmp_path: Path, arguments: list[str]):
    arguments[:] = ["train.py", "--lr", "0.01"]
    trained(tmp_path)
    arguments[:] = ["elsewhere/train.py", "--lr", "0.1"]

    with pytest.warns(CheckpointWarning) as told:
        trained(tmp_path, epochs=2)

    assert len(told) == 1
    assert str(told[0].message) == (
        "attempt-0001.step-000000000003.ckpt was saved with the arguments `--lr 0.01`; these are `--lr 0.1`. What the "
        "state holds goes on as it was saved, an optimizer's settings among it. To begin anew, name another folder."
    )


def test_the_same_arguments_from_elsewhere_are_the_same(tmp_path: Path, arguments: list[str]):
    arguments[:] = ["train.py", "0.1"]
    trained(tmp_path)
    arguments[:] = ["/mnt/azureml/train.py", "0.1"]

    assert trained(tmp_path, epochs=2) == 3


def test_a_training_that_has_nothing_left_to_do_says_so(tmp_path: Path):
    trained(tmp_path, epochs=2)

    with pytest.warns(CheckpointWarning, match="nothing is trained") as told:
        steps = trained(tmp_path, epochs=2)

    assert steps == 0
    assert str(told[0].message) == (
        "All that is asked for, 2 epochs, was done before (step 6): nothing is trained. To begin anew, name another "
        "folder."
    )


def test_a_script_that_only_looks_at_what_another_trained_is_told_nothing(tmp_path: Path, arguments: list[str]):
    arguments[:] = ["train.py", "0.1"]
    trained(tmp_path)
    arguments[:] = ["evaluate.py"]

    with opened(tmp_path, {"count": {"of": 0}}) as ck:
        assert ck.restore() == 3


def test_so_does_one_that_counts_its_epochs(tmp_path: Path):
    for attempt in range(2):
        with opened(tmp_path, {"count": {"of": 0}}) as ck, warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            for _ in ck.epochs(1):
                for _ in ck.run([1, 2, 3]):
                    ck.step()

        assert len(told) == attempt


def test_where_warnings_are_errors_a_failed_save_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    state: dict[str, Any] = {"count": {"of": 0}}
    ck = opened(tmp_path, state, every=0.0)
    ck.step()
    state["count"]["of"] = object()

    with warnings.catch_warnings(), caplog.at_level(logging.WARNING, "finops.checkpoint"):
        warnings.simplefilter("error")
        while not ck.stats().failed:
            ck.step()

    assert "no plain form" in caplog.text
    state["count"]["of"] = 1
    ck.close()


def test_a_warning_shows_the_line_of_the_script(tmp_path: Path):
    state: dict[str, Any] = {"count": {"of": 0}}
    with opened(tmp_path, state, every=0.0) as ck, warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        ck.step()
        state["count"]["of"] = object()
        while not ck.stats().failed:
            ck.step()
        state["count"]["of"] = 1

    assert told[0].filename == __file__
