"""The three lines, in the forms that loops have: what is given, what is saved when, and what people are told."""

from __future__ import annotations

import math
import random
import shutil
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from finops import checkpoint
from finops.checkpoint import CannotSave, CheckpointWarning, Fenced
from finops.checkpoint.loop import Checkpointer

Run = list[tuple[int, int]]


def opened(folder: Path, state: dict[str, Any] | None = None, **more: Any) -> Checkpointer:
    more = {"job": "j", "watch": False, "every": 3600.0} | more
    return checkpoint.open({"count": {"of": 0}} if state is None else state, folder, **more)


def saved_steps(folder: Path) -> list[int]:
    return sorted(int(file.name[18:30]) for file in folder.glob("*.ckpt"))


# Forms of loops


def test_a_loop_over_all_epochs_goes_on_where_it_was(tmp_path: Path):
    read: Run = []
    for _ in range(4):
        with opened(tmp_path) as ck:
            for item in ck.run(list(range(10)), epochs=3):
                read.append((ck.place.epoch, item))
                ck.step()
                if len(read) % 9 == 0:
                    ck.save(wait=True)
                    break

    assert read == [(epoch, item) for epoch in range(3) for item in range(10)]


def test_what_a_loop_does_at_the_end_of_each_epoch_is_done_once(tmp_path: Path):
    read: Run = []
    state = {"rate": {"halved": 0}}
    for _ in range(7):
        state = {"rate": {"halved": 0}}
        with opened(tmp_path, state) as ck:
            for epoch in ck.epochs(3):
                for item in ck.run(list(range(10))):
                    read.append((epoch, item))
                    ck.step()
                    if len(read) % 5 == 0:  # also after the last of an epoch
                        ck.save(wait=True)
                        break
                if ck.place.samples < 10:
                    break  # it was killed
                state["rate"]["halved"] += 1

    assert read == [(epoch, item) for epoch in range(3) for item in range(10)]
    assert state["rate"]["halved"] == 3


def test_a_save_at_the_end_of_an_epoch_counts_it_as_done(tmp_path: Path):
    state = {"rate": {"halved": 0}}
    with opened(tmp_path, state) as ck:
        for _ in ck.epochs(2):
            for _ in ck.run([1, 2]):
                ck.step()
            state["rate"]["halved"] += 1
            ck.save(wait=True)
            break

    with opened(tmp_path, state) as ck:
        assert list(ck.epochs(2)) == [1]
    assert state["rate"]["halved"] == 1


def test_a_loop_of_its_own_around_run_reads_each_epoch_once(tmp_path: Path):
    read: Run = []
    for attempt in range(2):
        with opened(tmp_path) as ck, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for epoch in range(3):
                for item in ck.run(list(range(4))):
                    read.append((epoch, item))
                    ck.step()
                    if attempt == 0 and (epoch, item) == (1, 1):
                        break
                if attempt == 0 and epoch == 1:
                    ck.save(wait=True)
                    break

    assert read == [(epoch, item) for epoch in range(3) for item in range(4)]


def test_a_loop_of_its_own_is_told_what_it_does_again(tmp_path: Path):
    with opened(tmp_path) as ck:
        for _ in range(2):
            for _ in ck.run([1, 2]):
                ck.step()

    with opened(tmp_path) as ck, pytest.warns(CheckpointWarning, match=r"Epoch 0 was done before.*ck\.epochs"):
        assert list(ck.run([1, 2])) == []


def test_an_epoch_that_was_left_early_is_not_gone_back_to(tmp_path: Path):
    read: Run = []
    with opened(tmp_path) as ck:
        for epoch in range(3):
            for item in ck.run(list(range(10))):
                read.append((epoch, item))
                ck.step()
                if item == 2:
                    break

    assert read == [(epoch, item) for epoch in range(3) for item in range(3)]


def test_batches_that_wait_for_their_step_are_read_again(tmp_path: Path):
    read = []
    for stops in (9, 9, 15, 99):
        with opened(tmp_path) as ck:
            for number, item in enumerate(ck.run(list(range(20))), 1):
                read.append(item)
                if number % 4 == 0:
                    ck.step()
                if item == stops:
                    ck.save(wait=True)
                    break

    assert read == [*range(10), 8, 9, *range(8, 16), *range(16, 20)]


def test_steps_that_the_caller_counts(tmp_path: Path):
    with opened(tmp_path) as ck:
        for number, _ in enumerate(ck.run(list(range(10))), 1):
            if number == 4:
                ck.save(step=400, wait=True)
                break

    with opened(tmp_path) as ck:
        assert ck.restore() == 400
        assert next(ck.run(list(range(10)))) == 4


def test_a_job_that_was_done_is_done(tmp_path: Path):
    for attempt in range(2):
        state = {"sum": {"is": 0}}
        with opened(tmp_path, state) as ck, warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            for item in ck.run([1, 2, 3], epochs=2):
                state["sum"]["is"] += item
                ck.step()

        assert state["sum"]["is"] == 12
        assert len(told) == attempt
    assert saved_steps(tmp_path) == [6]


def test_more_epochs_than_the_last_time(tmp_path: Path):
    counts = []
    for epochs in (2, 3):
        with opened(tmp_path) as ck:
            counts.append(sum(1 for _ in ck.run([1, 2, 3], epochs=epochs)))

    assert counts == [6, 3]


def test_data_that_another_loop_evaluates_on_is_read_as_ever(tmp_path: Path):
    with opened(tmp_path) as ck:
        for _ in ck.run([1, 2, 3, 4]):
            ck.step()
            if ck.place.step % 2 == 0:
                assert sum(iter([5, 6])) == 11

    assert ck.place.step == 4


def test_two_sets_of_data_in_one_epoch_are_refused(tmp_path: Path):
    with opened(tmp_path) as ck:
        for _ in ck.epochs(1):
            list(ck.run([1, 2]))
            with pytest.raises(ValueError, match="read several together, as by zip"):
                next(ck.run([3, 4]))


def test_random_numbers_go_on_as_they_were(tmp_path: Path):
    random.seed(1)
    calm = [random.random() for _ in range(20)]
    random.seed(1)
    drawn = []
    for _ in range(3):
        with opened(tmp_path) as ck:
            for item in ck.run(list(range(20))):
                drawn.append(random.random())
                ck.step()
                if item in (6, 12):
                    ck.save(wait=True)
                    break
        random.seed()

    assert drawn == calm


# When


def test_a_step_without_need_of_a_save_costs_next_to_nothing(tmp_path: Path):
    costs = []
    with opened(tmp_path) as ck:
        ck.step(loss=1.0)
        for _ in range(20):
            begun = time.perf_counter()
            for _ in range(500):
                ck.step(loss=1.0)
            costs.append((time.perf_counter() - begun) / 500)

    assert min(costs) < 20e-6  # the rest is what other processes took


def test_it_saves_by_itself_and_the_last_step_at_the_end(tmp_path: Path):
    class Data:
        """A hundred items, and more until a busy machine has come to write two checkpoints."""

        def __iter__(self) -> Iterator[int]:
            for one in range(20_000):
                if one >= 100 and len(saved_steps(tmp_path)) > 1:
                    return
                yield one

    taken = 0
    with opened(tmp_path, every=0.05, keep=50) as ck:
        for _ in ck.run(Data()):
            ck.step()
            taken += 1
            time.sleep(0.005)

    steps = saved_steps(tmp_path)
    assert steps[-1] == taken
    assert len(steps) >= 3
    assert 0 <= ck.stats().saves - len(steps) <= 1  # the last step may have been due, and is saved as the end again


def test_each_attempt_that_left_nothing_counts_as_an_eviction(tmp_path: Path):
    with opened(tmp_path) as ck:
        ck.save(wait=True)
    for _ in range(2):
        next(opened(tmp_path).run(range(3)))

    with opened(tmp_path) as ck:
        next(ck.run(range(3)))

        assert ck.stats().evictions == 3


# What is told


def test_a_disk_that_stays_full_is_told_once_and_once_more_when_it_is_not(tmp_path: Path):
    folder = tmp_path / "there"
    with opened(folder) as ck, warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        for _ in range(3):
            ck.step()
            shutil.rmtree(folder, ignore_errors=True)
            folder.write_text("in the way")
            ck.save()
            ck.wait()
        folder.unlink()
        folder.mkdir()
        ck.step()
        ck.save()
        ck.wait()

    said = [str(one.message) for one in told]
    assert len(said) == 2, said
    assert said[0].startswith("Step 1 was not saved")
    assert said[0].endswith("It is tried again, and told when it succeeds.")
    assert said[1] == "Step 4 was saved: 3 before it were not."
    assert ck.stats().failed == 3


def test_a_state_that_can_no_longer_be_saved_does_not_end_the_training(tmp_path: Path):
    state: dict[str, Any] = {"count": {"of": 0}}
    with opened(tmp_path, state, every=0.0) as ck, warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        ck.step()
        state["count"]["of"] = object()
        end = time.monotonic() + 60
        while not ck.stats().failed and time.monotonic() < end:
            ck.step()
            time.sleep(0.005)

        assert ck.stats().failed == 1
        with pytest.raises(CannotSave):
            ck.save()
        state["count"]["of"] = 1
        ck.close()

    assert "no plain form" in str(told[0].message)


def test_a_metric_that_is_no_number_is_told_at_the_first_step(tmp_path: Path):
    with opened(tmp_path) as ck, pytest.warns(CheckpointWarning, match="loss='low' ranks no checkpoint"):
        ck.step(loss="low")  # type: ignore[arg-type]


@pytest.mark.parametrize("loss", [math.nan, math.inf, -math.inf])
def test_a_loss_that_diverged_is_saved_and_is_none_of_the_best(tmp_path: Path, loss: float):
    with opened(tmp_path) as ck:
        ck.step(loss=loss)
        ck.save(wait=True)

    assert saved_steps(tmp_path) == [1]


def test_a_training_that_was_started_again_elsewhere_ends(tmp_path: Path):
    first = opened(tmp_path)
    first.step()
    second = opened(tmp_path)
    second.step()

    with pytest.raises(Fenced, match="Attempt 2 of this job has begun"):
        first.save(wait=True)

    second.close()
    first.close()


def test_a_script_that_ends_without_a_word_leaves_its_last_save_whole(tmp_path: Path):
    script = (
        "import sys; from finops import checkpoint\n"
        "ck = checkpoint.open({'held': b'x' * 30_000_000}, sys.argv[1], job='j', watch=False)\n"
        "for _ in ck.run(range(100)):\n    ck.step()\n    if ck.place.step == 7: break\n"
        "ck.save()\n"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True)

    with opened(tmp_path, {"held": b""}) as ck:
        assert ck.restore() == 7


def test_names_of_ours_are_refused(tmp_path: Path):
    with pytest.raises(ValueError, match="names that begin with"):
        opened(tmp_path, {"$place": 1})


def endless() -> Iterator[int]:
    at = 0
    while True:
        yield at
        at += 1


def test_a_generator_without_an_end_is_read_until_the_loop_stops(tmp_path: Path):
    read = []
    for _ in range(2):
        with opened(tmp_path) as ck, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it is read from its beginning
            for item in ck.run(endless()):
                read.append(item)
                ck.step()
                if ck.place.step in (5, 9):
                    ck.save(wait=True)
                    break

    assert read == list(range(9))
