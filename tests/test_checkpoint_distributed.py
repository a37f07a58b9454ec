"""DistributedDataParallel and fully_shard on several processes: killed, and gone on with by another number of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytestmark = pytest.mark.torch

HERE = Path(__file__).parent
SAMPLES, EPOCHS = 52, 3
Json = dict[str, Any]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Json:
    """What became of all trainings: see ranked_torch.py. One process imports torch, and all others are its forks."""
    script = [sys.executable, str(HERE / "ranked_torch.py"), str(tmp_path_factory.mktemp("ranked"))]
    paths = os.pathsep.join([str(HERE.parent), os.environ.get("PYTHONPATH", "")])
    ended = subprocess.run(script, capture_output=True, text=True, timeout=600, env={**os.environ, "PYTHONPATH": paths})
    assert ended.returncode == 0, ended.stderr[-4000:]
    told: Json = json.loads(ended.stdout.splitlines()[-1])
    return told


def each(told: list[Json], key: str) -> list[Any]:
    return [one[key] for one in told]


def samples(logs: list[list[Any]], epoch: int) -> list[int]:
    return sorted(name for log in logs for at, names, _ in log if at == epoch for name in names)


@pytest.mark.parametrize("kind", ["ddp", "fsdp"])
def test_killed_and_started_again_it_ends_bit_for_bit_as_if_it_had_not_been(found: Json, kind: str):
    whole, killed = found[f"{kind} uninterrupted"], found[f"{kind} killed"]

    assert found[f"{kind} kills"] > 0
    assert all(each(killed, "restored"))
    for key in ("model", "buffers", "optimizer", "log"):
        assert each(killed, key) == each(whole, key)
    assert each(killed, "passed_over") == [[], []]


@pytest.mark.parametrize("kind", ["ddp", "fsdp"])
def test_all_processes_end_with_the_same_model(found: Json, kind: str):
    first, second = found[f"{kind} uninterrupted"]

    assert (first["model"], first["optimizer"]) == (second["model"], second["optimizer"])
    assert first["buffers"] != second["buffers"]  # what each of them has seen of the batches


@pytest.mark.parametrize("then", ["ddp on 3", "fsdp on 3", "fsdp on 4", "plain on 1", "fsdp on 1"])
@pytest.mark.parametrize("kind", ["ddp", "fsdp"])
def test_it_is_restored_by_any_number_of_processes_sharded_or_not(found: Json, kind: str, then: str):
    was, now = found[f"{kind} seven"], found[f"{kind} seven as {then}"]

    assert set(each(now, "restored")) == {7}
    assert set(each(now, "model")) == {was[0]["model"]}
    assert set(each(now, "optimizer")) == {was[0]["optimizer"]}
    assert each(now, "buffers") == [was[rank % 2]["buffers"] for rank in range(len(now))]
    assert all(kinds == (["DTensor"] if "fsdp" in then else ["Parameter"]) for kinds in each(now, "kinds"))


@pytest.mark.parametrize("kind", ["ddp", "fsdp"])
def test_each_sample_counts_once_where_processes_are_added_in_mid_epoch(found: Json, kind: str):
    before, after = each(found[f"{kind} seven"], "log"), each(found[f"{kind} grown"], "log")
    added = [log[7:] for log in after]

    for epoch in range(EPOCHS):
        assert samples(before + added, epoch) == list(range(SAMPLES))


@pytest.mark.parametrize("kind", ["ddp", "fsdp"])
def test_the_model_is_written_once_and_shared_out(found: Json, kind: str):
    parts = [size for name, size in found[f"{kind} bytes"].items() if "-of-00002" in name]

    once = 3 * 4 * 2 * 16 * 401  # the weights and both moments of Adam, of two layers
    assert len(parts) == 2
    assert once < sum(parts) < 1.5 * once
    assert max(parts) < 1.3 * min(parts)


def test_what_one_process_sharded_over_itself_is_restored_by_more(found: Json):
    was, now = found["fsdp alone"], found["fsdp alone as fsdp on 2"]

    assert set(each(now, "restored")) == {4}
    for key in ("model", "optimizer", "buffers"):
        assert each(now, key) == each(was, key) * 2


def test_of_copies_that_are_sharded_each_one_is_written(found: Json):
    was, now = found["hsdp four"], found["hsdp four as fsdp on 3"]
    sizes = sorted(size for name, size in found["hsdp bytes"].items() if "-of-" in name)

    assert set(each(now, "model")) == set(each(was, "model"))
    assert set(each(now, "optimizer")) == set(each(was, "optimizer"))
    assert sizes[1] < sizes[2] / 2
