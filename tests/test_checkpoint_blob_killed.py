"""Trainings that save into blobs and are killed at random: what was said to be there is, and nothing comes after."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from azurite_service import KEY, NAME, Azurite

from finops import checkpoint
from finops.checkpoint.names import Name
from finops.checkpoint.stores.blob import Blob
from finops.checkpoint.stores.blob_access import CONNECTION
from finops.checkpoint.writing import get, verify

KILLS = max(5, int(os.environ.get("FINOPS_CHECKPOINT_KILLS", "0")) // 50)
# Saves as fast as it can, and says which steps are durable; its writer outlives it by the save that it is at.
TRAINING = """
import sys
from finops import checkpoint
state = {"count": [0], "bytes": bytearray(300_000)}
ck = checkpoint.open(state, sys.argv[1], job="killed", keep=2)
ck.restore()
while True:
    state["count"][0] += 1
    state["bytes"][:] = bytes([state["count"][0] % 256]) * 300_000
    ck.save(step=state["count"][0], wait=True)
    print(state["count"][0], flush=True)
"""


def killed_after(seconds: float, job: str) -> int:
    """The last step that it said was durable. seconds: that it lives on after its first."""
    folder = str(Path(checkpoint.__file__).parents[2])
    training = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", TRAINING, job],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": folder},
    )
    assert training.stdout is not None
    first = training.stdout.readline()
    time.sleep(seconds)
    training.kill()
    said, _ = training.communicate()
    return int((first + said).split()[-1])


def test_killed_trainings_lose_nothing_that_was_durable_and_their_writers_publish_nothing_late(
    azurite: Azurite, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(CONNECTION, f"AccountName={NAME};AccountKey={KEY}")
    job = f"{azurite.address}/jobs/killed"
    chance = random.Random(7)

    for _ in range(KILLS):
        durable = killed_after(chance.uniform(0, 0.5), job)
        later = Blob(job)
        begun = later.claim()
        seen = later.names()
        time.sleep(0.3)  # the writer that was left over has had its time

        assert later.names() == seen
        found = get(later, seen[0])
        step = found.state["count"][0]
        assert step >= durable
        assert bytes(found.state["bytes"]) == bytes([step % 256]) * 300_000
        assert found.name == Name(begun - 1, step)
        for name in seen:
            verify(later, name)
