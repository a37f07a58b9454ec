"""Several processes, of which one is killed at a moment that nobody chose: the others' parts are never mixed up."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
ROUNDS = int(os.environ.get("FINOPS_CHECKPOINT_KILLS", "150")) // 10


def ran(*arguments: object) -> str:
    script = [sys.executable, str(HERE / "ranked.py"), *map(str, arguments)]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE.parent), os.environ.get("PYTHONPATH", "")])}
    ended = subprocess.run(script, capture_output=True, text=True, timeout=60 + 10 * ROUNDS, env=env)
    assert ended.returncode == 0, ended.stderr[-4000:]
    return ended.stdout


@pytest.fixture(scope="module")
def rounds(tmp_path_factory: pytest.TempPathFactory) -> list[list[dict[str, Any]]]:
    """What each process noted, of all rounds that had a process that got as far as to restore."""
    notes = [json.loads(line) for line in ran("killed", tmp_path_factory.mktemp("killed"), ROUNDS, 3).splitlines()]
    return [[one for one in notes if one["round"] == number] for number in sorted({one["round"] for one in notes})]


def test_all_processes_restore_the_same_step_each_with_its_own_part(rounds: list[list[dict[str, Any]]]):
    saved_by = 1
    for notes in rounds:
        looked = [one for one in notes if "restored" in one]
        assert len({one["restored"] for one in looked}) == 1
        assert len({one["attempt"] for one in looked}) == 1
        for one in looked:
            if one["restored"] is not None:
                assert (one["own"]["step"], one["own"]["bytes"]) == (one["restored"], one["restored"])
                saved_by = max(saved_by, one["own"]["rank"] + 1)
    assert saved_by > 1


def test_what_was_durable_once_is_never_lost_whoever_is_killed(rounds: list[list[dict[str, Any]]]):
    durable = 0
    for notes in rounds:
        for one in notes:
            if "restored" in one:
                assert (one["restored"] or 0) >= durable
                # By age: what an attempt that was killed publishes late may be of an earlier step than the one before.
                assert [one["of"], one["restored"] or 0] >= (one["newest"] or [0, 0])
                assert one["passed_over"] == []
        durable = max([durable, *(one["durable"] for one in notes if "durable" in one)])
    assert durable > 0


def test_a_notice_to_one_process_has_all_of_them_save_and_go_on(tmp_path: Path):
    told = json.loads(ran("flagged", tmp_path))

    assert told["ends"] == [0, 0, 0]
    assert len({re.sub(r"\.rank.*", "", name.removesuffix(".ckpt")) for name in told["names"]}) == 1
    assert len(told["names"]) == 4


def test_told_to_end_all_save_the_same_step_and_none_ends_as_done(tmp_path: Path):
    told = json.loads(ran("ended", tmp_path))

    assert 143 in told["ends"]
    assert 0 not in told["ends"]
    assert len(told["names"]) == 4


def test_told_to_end_while_the_place_is_away_they_end_all_the_same_and_not_as_done(tmp_path: Path):
    ends = json.loads(ran("away", tmp_path))["ends"]

    assert 143 in ends  # the others, too, or they are killed with it
    assert 0 not in ends
