"""When an attempt begins, whose the folder is, what stays of earlier ones, and what ends no training."""

from __future__ import annotations

import time
import warnings
from pathlib import Path
from typing import Any

import pytest

from finops import checkpoint
from finops.checkpoint import CheckpointWarning, Fenced, Foreign, StoreFault
from finops.checkpoint.loop import Checkpointer
from finops.checkpoint.stores import Store
from finops.checkpoint.stores.folder import Folder
from finops.checkpoint.stores.mount import Mount


def opened(folder: Path | str, state: Any = None, **named: Any) -> Checkpointer:
    named = {"job": "j", "watch": False, "every": 3600.0, **named}
    return checkpoint.open({"held": [0]} if state is None else state, folder, **named)


def trained(folder: Path | str, steps: int, **named: Any) -> None:
    with opened(folder, **named) as ck:
        for _ in ck.run(range(steps)):
            ck.step()


def steps_of(folder: Path) -> list[tuple[int, int]]:
    return [(name.attempt, name.step) for name in sorted(Folder(folder).names())]


# Whose it is


@pytest.mark.parametrize("watch", [True, False])
def test_another_job_is_refused_before_the_training_that_runs_there_notices(tmp_path: Path, watch: bool):
    running = opened(tmp_path, watch=watch)
    for number, _ in enumerate(running.run(range(20))):
        running.step()
        if number == 10:
            running.save(wait=True)
            with pytest.raises(Foreign, match="of job 'j'; this is 'other'"):
                opened(tmp_path, job="other")

    assert steps_of(tmp_path)[-1] == (1, 20)
    running.close()


def test_another_job_is_refused_where_the_one_that_runs_has_saved_nothing_yet(tmp_path: Path):
    running = opened(tmp_path, watch=True)
    running.step()
    store = Folder(tmp_path)
    while store.notes("attempt-0001.told.json") is None:
        pass

    with pytest.raises(Foreign, match="of job 'j'; this is 'other'"):
        opened(tmp_path, job="other")

    running.close()


def test_a_state_of_another_shape_is_refused_before_the_training_that_runs_there_notices(tmp_path: Path):
    running = opened(tmp_path)
    running.save(1, wait=True)
    other = opened(tmp_path, {"held": [0], "more": [0]})

    with pytest.raises(Foreign):
        next(other.run(range(2)))

    running.save(2, wait=True)
    running.close()


@pytest.mark.parametrize("kind", ["folder", "mount"])
def test_who_only_restores_ends_nobody(tmp_path: Path, kind: str):
    running = opened(f"{kind}:{tmp_path}")
    running.save(1, wait=True)

    with opened(f"{kind}:{tmp_path}") as looking:
        assert looking.restore() == 1
        assert looking.stats().attempt == 0

    running.save(2, wait=True)
    assert not list(tmp_path.glob("attempt-0002*"))
    running.close()


def test_who_trains_after_restoring_begins_the_next_attempt_and_counts_what_went_before(tmp_path: Path):
    trained(tmp_path, 3)

    with opened(tmp_path) as ck:
        assert ck.restore() == 3
        ck.step()
        assert (ck.stats().attempt, ck.stats().evictions) == (2, 1)

    assert steps_of(tmp_path)[-1] == (2, 4)


def test_one_that_was_overtaken_between_restoring_and_training_is_late(tmp_path: Path):
    trained(tmp_path, 3)
    frozen = opened(tmp_path)
    frozen.restore()
    trained(tmp_path, 6)

    with pytest.raises(Fenced, match="Attempt 2 of this job has begun"):
        frozen.step()

    frozen.close()
    trained(tmp_path, 7)


@pytest.mark.parametrize("store", [Folder, Mount])
def test_a_place_that_is_not_there_has_no_attempt(tmp_path: Path, store: type[Folder]):
    place: Store = store(tmp_path / "new" / "place")

    assert place.newest() == 0
    assert place.claim() == 1
    assert store(tmp_path / "new" / "place").newest() == 1


# What ends no training


class Failing:
    def __init__(self) -> None:
        self.fails = False

    def state_dict(self) -> dict[str, int]:
        if self.fails:
            raise RuntimeError("CUDA out of memory")
        return {"a": 1}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """As it is."""


@pytest.mark.parametrize("since", [1, 2])
def test_a_state_that_raises_ends_no_training_unless_it_is_saved_by_hand(tmp_path: Path, since: int):
    one = Failing()
    with opened(tmp_path, {"one": one}, every=0.0) as ck, warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        step, end = 0, time.monotonic() + 60
        while ck.stats().failed < 2 and time.monotonic() < end:
            step += 1
            one.fails = step >= since
            ck.step()
            time.sleep(0.002)
        with pytest.raises(RuntimeError, match="CUDA out of memory"):
            ck.save()
        one.fails = False
        ck.close()

    assert "CUDA out of memory" in str(told[0].message)
    assert "were not" in str(told[-1].message)
    assert len(told) == 2


@pytest.mark.parametrize("since", [1, 2])
def test_a_metric_that_is_no_number_ranks_nothing_and_is_told_once(tmp_path: Path, since: int):
    with opened(tmp_path) as ck, warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        for step in range(1, 5):
            ck.step(loss=None if step >= since else 1.0)  # type: ignore[arg-type]
            ck._save(patient=True)
        with pytest.raises(TypeError):
            ck.save(loss=None)  # type: ignore[arg-type]

    assert ["loss=None ranks no checkpoint" in str(one.message) for one in told] == [True]
    assert steps_of(tmp_path)[-1] == (1, 4)


def test_a_save_that_was_not_handed_over_is_no_durable_one(tmp_path: Path):
    class Short(Failing):
        def state_dict(self) -> dict[str, int]:
            if self.fails:
                raise MemoryError
            return {"a": 1}

    one = Short()
    with opened(tmp_path, {"one": one}) as ck:
        ck.save(1, wait=True)
        one.fails = True
        with pytest.warns(CheckpointWarning, match="Step 2 was not saved"), pytest.raises(StoreFault, match="Step 2"):
            ck.save(2, wait=True)
        one.fails = False
        with pytest.warns(CheckpointWarning, match="Step 3 was saved"):
            ck.save(3, wait=True)

    assert steps_of(tmp_path) == [(1, 1), (1, 3)]


# What stays of earlier attempts


def test_a_loop_that_never_looked_leaves_what_earlier_attempts_saved_and_is_told_once(tmp_path: Path):
    with opened(tmp_path) as ck:
        for step in range(1, 4):
            ck.save(step * 10, wait=True)

    with opened(tmp_path) as ck, pytest.warns(CheckpointWarning, match=r"begins anew.*step-000000000030.*ck\.restore"):
        ck.step()
    with opened(tmp_path) as ck, warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        for _ in range(5):
            ck.step()
            ck.save(wait=True)

    assert len(told) == 1
    assert steps_of(tmp_path) == [(1, 10), (1, 20), (1, 30), (2, 1), (3, 3), (3, 4), (3, 5)]


def test_what_was_left_goes_once_somebody_has_looked(tmp_path: Path):
    trained(tmp_path, 3)
    with opened(tmp_path) as ck:
        ck.restore()
        for _ in range(4):
            ck.step()
            ck.save(wait=True)

    assert steps_of(tmp_path) == [(2, 5), (2, 6), (2, 7)]


# The last step


def test_closing_saves_the_last_step_once(tmp_path: Path):
    ck = opened(tmp_path)
    for _ in range(7):
        ck.step()
    ck.close()
    ck.close()

    assert steps_of(tmp_path) == [(1, 7)]
    assert ck.stats().saves == 1


def test_closing_saves_nothing_while_a_fault_is_on_its_way(tmp_path: Path):
    def training() -> None:
        with opened(tmp_path) as ck:
            ck.step()
            raise KeyError

    with pytest.raises(KeyError):
        training()

    assert steps_of(tmp_path) == []


def test_closing_saves_nothing_where_the_loop_was_left_between_two_steps(tmp_path: Path):
    with opened(tmp_path) as ck:
        for number, _ in enumerate(ck.run(range(9))):
            if number == 5:
                break
            ck.step()

    assert steps_of(tmp_path) == []
