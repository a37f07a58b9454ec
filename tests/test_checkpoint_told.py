"""What attempts tell beside their checkpoints, and what evictions cost by it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from announcing import until

from finops.checkpoint.stores import store_of
from finops.checkpoint.stores.folder import Folder
from finops.checkpoint.told import Rerun, Telling, Told, here, name_of, read, read_folder, reruns
from finops.errors import DataError

ROOT = Path(__file__).parents[1]
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
CLUSTER = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.MachineLearningServices/workspaces/ml/computes/gpu"


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def attempt(number: int, began: float, last: float, went_on: tuple[int, float] | None = None, **other: Any) -> Told:
    """In minutes since noon. went_on: from which attempt's snapshot, taken when."""
    one = Told("run_1", number, at(began), at(last), compute_id=CLUSTER)
    if went_on:
        one = replace(one, restored=went_on[0], restored_at=at(went_on[1]))
    return replace(one, **other)


def hours(*attempts: Told) -> list[float]:
    return [round(one.hours * 60, 6) / 60 for one in reruns(attempts)]


# What evictions cost


def test_what_was_done_after_the_snapshot_that_is_gone_on_from_is_done_again() -> None:
    [one] = reruns([attempt(1, 0, 60), attempt(2, 70, 90, (1, 54))])

    assert one == Rerun(CLUSTER, "run_1", 1, at(60), pytest.approx(0.1), 0.0)


def test_reading_it_back_counts_too_and_all_of_it_for_each_node() -> None:
    [one] = reruns([attempt(1, 0, 60, nodes=4), attempt(2, 70, 90, (1, 54), nodes=4, restoring_seconds=90.0)])

    assert (one.lost, one.restoring) == (pytest.approx(0.4), pytest.approx(0.1))


def test_the_one_that_runs_and_the_last_one_lost_nothing() -> None:
    assert reruns([attempt(1, 0, 60)]) == []


def test_one_that_ended_by_itself_was_not_evicted() -> None:
    assert reruns([attempt(1, 0, 60, ended="exited"), attempt(2, 70, 90, (1, 54))]) == []


def test_one_that_was_told_to_end_was() -> None:
    assert len(reruns([attempt(1, 0, 60, ended="SIGTERM"), attempt(2, 70, 90, (1, 60))])) == 1


def test_one_after_which_the_next_began_anew_lost_all_of_it() -> None:
    assert hours(attempt(1, 0, 60), attempt(2, 70, 90)) == [1.0]


def test_one_that_saved_nothing_lost_all_of_its_own_and_nothing_of_the_one_before() -> None:
    one, two, three = attempt(1, 0, 60), attempt(2, 70, 82, (1, 54)), attempt(3, 90, 99, (1, 54))

    assert hours(one, two, three) == [0.1, 0.2]


def test_what_a_later_one_found_damaged_is_lost_after_all() -> None:
    one, two, three = attempt(1, 0, 60), attempt(2, 70, 82, (1, 54)), attempt(3, 90, 99, (1, 30))

    assert hours(one, two, three) == [0.5, 0.2]


def test_one_that_told_nothing_leaves_the_others_as_they_are() -> None:
    assert hours(attempt(1, 0, 60), attempt(3, 90, 99, (1, 54))) == [0.1]


def test_clocks_that_differ_make_no_negative_loss() -> None:
    assert hours(attempt(1, 0, 60), attempt(2, 70, 90, (1, 61))) == [0.0]


# How it is written and read


def test_what_is_told_is_read_as_it_was() -> None:
    one = attempt(2, 70, 90, (1, 54), saved_at=at(89), saved_step=7, spot=True, nodes=2, stalled_seconds=0.5)

    assert Told.of(json.loads(json.dumps(one.as_json()))) == one


def test_the_schema_is_the_documented_one() -> None:
    page = (ROOT / "docs" / "checkpoint.md").read_text("utf-8")

    assert [name for name in attempt(1, 0, 1).as_json() if f"| `{name}` |" not in page] == []


WRONG: list[Callable[[dict[str, Any]], Any]] = [
    lambda told: None,
    lambda told: [told],
    lambda told: {**told, "format": 2},
    lambda told: {**told, "attempt": "1"},
    lambda told: {**told, "attempt": True},
    lambda told: {**told, "attempt": 0},
    lambda told: {**told, "nodes": 0},
    lambda told: {**told, "saves": -1},
    lambda told: {**told, "restoringSeconds": float("nan")},
    lambda told: {**told, "last": "yesterday"},
    lambda told: {**told, "last": "2026-11-20T13:00:00"},
    lambda told: {**told, "last": "2026-11-20T11:00:00+00:00"},
    lambda told: {**told, "ended": "well"},
    lambda told: {key: value for key, value in told.items() if key != "began"},
]


@pytest.mark.parametrize("wrong", range(len(WRONG)))
def test_what_contradicts_itself_is_refused(wrong: int) -> None:
    told = WRONG[wrong](attempt(1, 0, 60).as_json())

    with pytest.raises(DataError):
        Told.of(told)


def test_what_a_later_version_adds_is_passed_over() -> None:
    assert Told.of({**attempt(1, 0, 60).as_json(), "mood": "good"}) == attempt(1, 0, 60)


def test_a_file_that_cannot_be_read_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    for job, number in (("a", 1), ("a", 2), ("b", 1)):
        (tmp_path / job).mkdir(exist_ok=True)
        (tmp_path / job / name_of(number)).write_text(json.dumps(attempt(number, 0, 60).as_json()))
    (tmp_path / "b" / name_of(2)).write_text("{")

    found, wrong = read_folder(tmp_path)

    assert {path.name: [one.attempt for one in told] for path, told in found.items()} == {"a": [1, 2], "b": [1]}
    assert [path.name for path in wrong] == [name_of(2)]


def test_a_store_is_read_past_attempts_that_told_nothing(tmp_path: Path) -> None:
    store = store_of(str(tmp_path))
    store.claim()
    for number in (2, 5):
        store.note(name_of(number), json.dumps(attempt(number, 0, 60).as_json()))
    store.note(name_of(3), "torn")

    assert [one.attempt for one in read(store)] == [2, 5]


def test_azure_mls_environment_says_which_cluster_it_is() -> None:
    env = {
        "AZUREML_ARM_SUBSCRIPTION": "s", "AZUREML_ARM_RESOURCEGROUP": "rg", "AZUREML_ARM_WORKSPACE_NAME": "ml",
        "AZ_BATCHAI_CLUSTER_NAME": "gpu", "AZ_BATCH_NODE_IS_DEDICATED": "false", "AZUREML_NODE_COUNT": "4",
        "AZ_BATCH_NODE_ID": "tvm-1",
    }  # fmt: skip

    assert here(env) == {"compute_id": CLUSTER, "spot": True, "nodes": 4, "node_id": "tvm-1"}


@pytest.mark.parametrize("env", [{}, {"AZUREML_NODE_COUNT": "0"}, {"AZUREML_NODE_COUNT": "many"}])
def test_what_is_not_said_is_left_out(env: dict[str, str]) -> None:
    assert here(env) == {}


# Telling


def test_it_is_told_at_once_and_again_and_at_the_end(tmp_path: Path) -> None:
    store, step = store_of(str(tmp_path)), iter(range(10**6))
    telling = Telling(store, "run_1", store.claim(), lambda: {"step": next(step)}, beat=0.01)
    telling.start()
    until(lambda: [one for one in read(store) if one.step > 2])
    telling.end("exited")
    telling.end("SIGTERM")
    until(lambda: read(store)[0].ended)  # a machine that stalls outlasts its last word

    [one] = read(store)
    time.sleep(0.05)

    assert one.ended == "exited"
    assert read(store) == [one]


def test_a_place_that_cannot_be_written_harms_nobody(tmp_path: Path) -> None:
    store = store_of(str(tmp_path / "gone"))
    attempt = store.claim()
    telling = Telling(store, "run_1", attempt, dict, beat=0.01)
    telling.start()
    until(lambda: read(store))
    for path in (tmp_path / "gone").iterdir():
        path.unlink()
    (tmp_path / "gone").rmdir()

    telling.end("exited")


class Hanging(Folder):
    """As a mount that no longer answers: who writes a note there waits."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.asked, self.answers = threading.Event(), threading.Event()

    def note(self, name: str, text: str) -> None:
        self.asked.set()
        self.answers.wait()
        super().note(name, text)


def test_a_place_that_hangs_keeps_nobody_from_ending(tmp_path: Path) -> None:
    store = Hanging(tmp_path)
    telling = Telling(store, "run_1", store.claim(), dict, beat=0.01, patience=0.05)
    telling.start()
    assert store.asked.wait(90)

    ending = threading.Thread(target=telling.end, args=["exited"], daemon=True)
    ending.start()
    ending.join(90)

    assert not ending.is_alive()
    store.answers.set()
    until(lambda: [one for one in read(store) if one.ended == "exited"])  # where it answers after all, it is told


HANGING = """
import os, signal, sys, threading, time
from finops.checkpoint.cadence import Cadence
from finops.checkpoint.stores.folder import Folder
from finops.checkpoint.loop import Checkpointer
from finops.checkpoint.retention import Keep
from finops.checkpoint.notices.watch import Watch

asked = threading.Event()
class Hanging(Folder):
    def note(self, name, text):
        asked.set()
        threading.Event().wait()

ck = Checkpointer({"count": {"of": 0}}, Hanging("ckpts"), "j", Keep(3), Cadence(3600.0), watch=Watch())
for one in ck.run(range(9)):
    ck.step()
    assert asked.wait(30)
    if one == 5 and sys.argv[1] == "told": os.kill(os.getpid(), signal.SIGTERM)
"""


@pytest.mark.parametrize(("how", "code"), [("done", 0), ("told", 128 + signal.SIGTERM)])
def test_a_training_whose_place_hangs_ends(tmp_path: Path, how: str, code: int) -> None:
    env = {**os.environ, "PYTHONPATH": str(ROOT), "FINOPS_CHECKPOINT_IMDS": "off"}

    ran = subprocess.run([sys.executable, "-W", "ignore", "-c", HANGING, how], cwd=tmp_path, env=env, timeout=120)

    assert ran.returncode == code
    assert [name.step for name in store_of(str(tmp_path / "ckpts")).names()] == [9 if how == "done" else 7]


TRAIN = """
import sys, time
from finops import checkpoint
count = {"seen": 0}
ck = checkpoint.open({"count": count}, "ckpts", job="j", every=0.05)
if int(sys.argv[1]) < 0: ck.step(); sys.exit('a fault')
for one in ck.run(list(range(int(sys.argv[1])))):
    count["seen"] += 1
    ck.step()
    print(count["seen"], flush=True)
    time.sleep(0.002)
"""


def train(folder: Path, steps: int, kill_at: str = "") -> int:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("AZ", "FINOPS"))}
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", TRAIN, str(steps)],
        cwd=folder,
        env={**inherited, "PYTHONPATH": str(ROOT), "FINOPS_CHECKPOINT_IMDS": "off"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    with process:
        for line in process.stdout:
            if line.strip() == kill_at:
                process.send_signal(signal.SIGKILL)
    return process.returncode


def test_a_training_that_is_killed_and_goes_on_tells_of_both(tmp_path: Path) -> None:
    assert train(tmp_path, 400, kill_at="200") == -signal.SIGKILL
    assert train(tmp_path, 400) == 0

    one, two = read(store_of(str(tmp_path / "ckpts")))

    assert (one.job, one.ended, two.ended, two.restored, two.step) == ("j", "", "exited", 1, 400)
    assert two.restored_step > 0
    assert two.saves > 0
    assert two.restored_at
    assert one.began < two.restored_at < two.began
    assert len(reruns([one, two])) == 1


def test_one_that_ends_by_a_fault_of_its_own_was_not_evicted(tmp_path: Path) -> None:
    assert train(tmp_path, -1) == 1

    assert [one.ended for one in read(store_of(str(tmp_path / "ckpts")))] == ["exited"]
