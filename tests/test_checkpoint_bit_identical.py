"""A training that is killed again and again ends as the one that nobody killed, to the last bit (I26, G5, G6)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

RUNS = int(os.environ.get("FINOPS_CHECKPOINT_RUNS", "10"))
FRESH = 1 if RUNS <= 10 else 5  # attempts of these are new processes, which import torch each time


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    script, folder = Path(__file__).with_name("small_training.py"), tmp_path_factory.mktemp("killed")
    seed = os.environ.get("FINOPS_CHECKPOINT_SEED", "7")
    env = {**os.environ, "OMP_NUM_THREADS": "1"}  # a process that is forked has one thread
    ended = subprocess.run(
        [sys.executable, str(script), "kill", str(folder), str(RUNS), str(FRESH), seed],
        env=env,
        stdout=subprocess.PIPE,
        check=True,
    )
    told: dict[str, Any] = json.loads(ended.stdout)
    return told


def test_each_run_was_killed(found: dict[str, Any]) -> None:
    kills = [run["kills"] for run in found["runs"]]

    assert len(kills) == RUNS
    assert sum(kills) >= RUNS


def test_weights_optimizer_scheduler_and_random_numbers_end_the_same(found: dict[str, Any]) -> None:
    different = [run for run in found["runs"] if not run["same end"]]

    assert different == []


def test_each_step_was_taken_on_the_same_samples_with_the_same_loss_whenever_it_was_taken(
    found: dict[str, Any],
) -> None:
    different = [run for run in found["runs"] if run["other lines"] or run["missing lines"]]

    assert different == []


def test_some_steps_were_taken_again(found: dict[str, Any]) -> None:
    assert sum(run["again"] for run in found["runs"]) > 0


def test_saving_changes_nothing_of_a_training(found: dict[str, Any]) -> None:
    assert found["unsaved is the same"]
