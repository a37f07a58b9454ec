"""kill -9 at random moments of trainings that do nothing but save, of their writers, and of both (I26).

By default 2,000 kills; FINOPS_CHECKPOINT_KILLS=10000 is the long form (`make soak`).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

KILLS = int(os.environ.get("FINOPS_CHECKPOINT_KILLS", "2000"))
PARTS = 4
HERE = Path(__file__).parent

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc and prctl are Linux's")


def run(program: Path, folder: Path, kills: int, seed: int, how: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, program, folder, str(kills), str(seed), how],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE), str(HERE.parent)])},
        capture_output=True,
        text=True,
    )


def killed(folder: Path, kills: int, seed: int, how: str) -> dict[str, int]:
    ran = run(HERE / "dying_checkpoints.py", folder, kills, seed, how)
    assert ran.returncode == 0, ran.stderr[-3000:]
    return json.loads(ran.stdout)


@pytest.mark.parametrize("part", range(PARTS))
def test_what_was_durable_is_found_whoever_is_killed(tmp_path: Path, part: int):
    told = killed(tmp_path, KILLS // PARTS, part, "forked")

    assert told["kills"] >= KILLS // PARTS
    assert told["durable"] > told["kills"] // 20  # kills fell behind saves
    assert told["ahead"] > told["kills"] // 40  # and into them: the writer had published, and nobody knew yet


def test_what_was_durable_is_found_with_writers_started_as_in_earnest(tmp_path: Path):
    told = killed(tmp_path, max(20, KILLS // 100), 99, "started")

    assert told["durable"] > 2


def test_a_restore_older_than_what_was_durable_would_be_found_out(tmp_path: Path):
    """Guards the tests above: the same trainings, but for that they say so before it is."""
    waits = "        outcome = writer.wait()\n"
    source = (HERE / "dying_checkpoints.py").read_text()
    assert source.count(waits) == 1
    hasty = tmp_path / "dying_checkpoints.py"
    hasty.write_text(source.replace(waits, '        os.write(say, f"durable {step} {attempt}\\n".encode())\n' + waits))

    ran = run(hasty, tmp_path / "jobs", 300, 1, "forked")

    assert ran.returncode == 1
    assert "was durable" in ran.stderr
