"""A script that is run, evicted and started again: what is told of it is what happened, and what the replay says."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from finops.checkpoint.faults import Foreign
from finops.checkpoint.rehearsing.evicting import evict
from finops.checkpoint.rehearsing.patterns import Pattern
from finops.checkpoint.rehearsing.rehearsal import Plan, Rehearsal, ScriptFailed, rehearse
from finops.checkpoint.rehearsing.rehearsed import by_epoch, measured, reckoned, sameness, without
from finops.errors import FinopsError

HERE = Path(__file__).parent
LOOP = HERE / "small_loop.py"
ONE_GOES = Pattern("an hour, and one that stays", ((0, 3600), (0, 20_000)))
ENV = {**os.environ, "PYTHONPATH": str(HERE.parent)}


def plan(folder: Path, *arguments: object, **more: object) -> Plan:
    return Plan([sys.executable, str(LOOP), *map(str, arguments)], ONE_GOES, folder, **more)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> Rehearsal:
    """Four seconds of training in two epochs; two nodes go while it trains, the third stays."""
    folder = tmp_path_factory.mktemp("rehearsal")
    result, nodes = folder / "walk.json", Pattern("two go", ((0, 5600), (0, 9400), (0, 40_000)))
    command = [sys.executable, str(LOOP), "100", "0.02", "2", "--result", str(result)]
    return rehearse(Plan(command, nodes, folder, scale=3600.0, results=(result,)), ENV)


def test_an_evicted_training_ends_as_the_undisturbed_one(usual: Rehearsal):
    found = sameness(usual)

    assert len(usual.evicted) == 2
    assert (found.state, found.steps, found.alike, found.missing, found.beyond) == (True, 200, 200, 0, 0)
    assert list(usual.same.values()) == [True]


def test_what_was_lost_is_what_the_replay_says(usual: Rehearsal):
    of = measured(usual)

    told = reckoned(usual, of)

    # 0.03 s an eviction on a quiet machine; on a busy one the pace differs from node to node
    assert told.finished
    assert abs(len(told.lost) - len(of.lost)) <= 1
    assert told.lost[0] == pytest.approx(of.lost[0], abs=0.6)
    assert told.seconds == pytest.approx(usual.seconds, rel=0.35)


def test_a_naive_loop_would_have_lost_more(usual: Rehearsal):
    of = measured(usual)

    ours, never = (sum(way(usual, of).lost) for way in (reckoned, without))

    assert never > ours
    assert by_epoch(usual, of).saves >= 1


def test_with_a_notice_next_to_nothing_is_lost(tmp_path: Path):
    found = rehearse(
        Plan([sys.executable, str(LOOP), "100", "0.02"], ONE_GOES, tmp_path, scale=1200.0, notice=2.5, by="imds"), ENV
    )

    of = measured(found)
    assert [one.announced for one in found.attempts] == [True, False]
    assert of.lost[0] < 1.5  # asked once a second, a save a second
    assert sameness(found).whole


def test_a_script_that_ends_on_sigterm_is_started_again(tmp_path: Path):
    found = rehearse(
        Plan([sys.executable, str(LOOP), "60", "0.02"], ONE_GOES, tmp_path, scale=2400.0, notice=0.7, by="SIGTERM"), ENV
    )

    assert [one.code for one in found.attempts] == [None, 0]
    assert measured(found).lost_steps[0] <= 1
    assert sameness(found).whole


def test_a_script_that_fails_is_shown_with_its_last_lines(tmp_path: Path):
    with pytest.raises(ScriptFailed, match="ended with 3 at start 1:\n  so long"):
        rehearse(Plan([sys.executable, "-c", "print('so long'); raise SystemExit(3)"], ONE_GOES, tmp_path), ENV)


def test_a_script_with_a_folder_of_its_own_is_told_apart(tmp_path: Path):
    with pytest.raises(Foreign, match=r"keeps its checkpoints in folder:.*own"):
        rehearse(plan(tmp_path, 5, 0.001, 1, "--folder", tmp_path / "own"), ENV)


def test_a_result_that_is_there_already_is_left_alone(tmp_path: Path):
    result = tmp_path / "model.pt"
    result.write_text("precious")

    with pytest.raises(FinopsError, match="is there already"):
        rehearse(plan(tmp_path, 5, 0.001, results=(result,)), ENV)
    assert result.read_text() == "precious"


def test_a_script_that_saves_nothing_is_given_up(tmp_path: Path):
    nodes = Pattern("an hour each", ((0, 3600),))

    found = rehearse(
        Plan([sys.executable, "-c", "import time; time.sleep(0.6)"], nodes, tmp_path, scale=18000.0, longest=2.0), ENV
    )

    assert not found.finished
    assert measured(found).saves == 0
    assert sameness(found).state is None


def test_an_eviction_takes_what_made_itself_independent(tmp_path: Path):
    code = (
        "import subprocess, sys, time; "
        "subprocess.Popen([sys.executable, '-c', 'import os, time; print(os.getpid(), flush=True); time.sleep(60)'],"
        " start_new_session=True); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env={**ENV, "MARK": "this"})
    assert process.stdout
    child = int(process.stdout.readline())

    evict(process, "MARK=this")

    assert process.returncode == -9
    assert not _lives(child)
    process.stdout.close()


def _lives(pid: int) -> bool:
    for _ in range(3000):
        stat = Path(f"/proc/{pid}/stat")
        if not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z":
            return False
        time.sleep(0.02)
    return True
