"""The examples do what they say: a killed script goes on to the same result, the jobs are what Azure ML takes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
WORDS = ["--epochs", "4", "--seconds", "0.02", "--every", "0.2"]
EXAMPLES = ROOT / "examples" / "checkpoint"


def start(script: str, folder: Path, *words: str) -> subprocess.Popen[str]:
    env = {**os.environ, "PYTHONPATH": str(ROOT), "FINOPS_CHECKPOINT_FOLDER": str(folder), "OMP_NUM_THREADS": "1"}
    line = [sys.executable, str(EXAMPLES / script), *words]
    return subprocess.Popen(line, env=env, stdout=subprocess.PIPE, text=True)


def said_by(process: subprocess.Popen[str]) -> str:
    said, _ = process.communicate(timeout=300)
    assert process.returncode == 0
    return said.strip()


def killed_and_gone_on(script: str, folder: Path) -> str:
    """What the second attempt says at its end; the first was killed after its first save."""
    evicted = start(script, folder, *WORDS)
    while not list(folder.glob("*.ckpt")) and evicted.poll() is None:
        time.sleep(0.01)
    evicted.send_signal(signal.SIGKILL)
    evicted.communicate()
    assert evicted.returncode == -signal.SIGKILL
    return said_by(start(script, folder, *WORDS))


@pytest.mark.torch
def test_scikit_learn_goes_on_after_a_kill_to_the_same_result(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")

    calm = start("train_sklearn.py", tmp_path / "calm", *WORDS)
    ended, _, how = killed_and_gone_on("train_sklearn.py", tmp_path / "evicted").partition("; ")

    assert ended == said_by(calm).partition("; ")[0]
    assert how.startswith("attempt 2")
    assert not how.endswith(" 0")


@pytest.mark.torch
def test_torch_goes_on_after_a_kill_and_ends(tmp_path: Path) -> None:
    """That it ends with the same bits is tested where torch is imported once: test_checkpoint_bit_identical."""
    pytest.importorskip("torch")

    ended, _, how = killed_and_gone_on("train_torch.py", tmp_path).partition("; ")

    assert ended.startswith("128 steps, loss 0.")
    assert how.startswith("attempt 2")
    assert not how.endswith(" 0")


def told(job: Any, folder: Path) -> dict[str, Any]:
    """A job as azure-ai-ml writes it down, once it has checked it against its own schema."""
    job.dump(folder / "told.yaml")
    found: dict[str, Any] = yaml.safe_load((folder / "told.yaml").read_text())
    return found


@pytest.mark.filterwarnings("ignore")  # azure-ai-ml's own
def test_the_job_and_its_cluster_are_what_azure_ml_takes(tmp_path: Path) -> None:
    ml = pytest.importorskip("azure.ai.ml")

    job = told(ml.load_job(EXAMPLES / "spot-job.yaml"), tmp_path)
    cluster = ml.load_compute(EXAMPLES / "spot-cluster.yaml")

    assert job["type"] == "command"
    assert job["outputs"]["checkpoints"] == {"type": "uri_folder", "mode": "rw_mount"}
    assert job["compute"] == f"azureml:{cluster.name}"
    assert (cluster.tier, cluster.min_instances) == ("low_priority", 0)


@pytest.mark.filterwarnings("ignore")
def test_the_sdk_makes_the_same_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ml = pytest.importorskip("azure.ai.ml")
    monkeypatch.syspath_prepend(EXAMPLES)
    from spot_job import spot_job

    by_hand, by_sdk = told(ml.load_job(EXAMPLES / "spot-job.yaml"), tmp_path), told(spot_job(), tmp_path)

    assert by_sdk == by_hand


def test_the_mounted_output_is_the_place_that_a_job_uses() -> None:
    from finops.checkpoint.stores.place_of_job import default_folder

    job = yaml.safe_load((EXAMPLES / "spot-job.yaml").read_text())
    [name] = job["outputs"]

    assert default_folder({"AZUREML_RUN_ID": "run_1", f"AZURE_ML_OUTPUT_{name}": "/mnt/out"}).endswith("/mnt/out")
