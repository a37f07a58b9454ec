"""What is kept: the newest, some for the long run, the best, and always one that is whole (G3)."""

from __future__ import annotations

import math
import random
from pathlib import Path

import pytest
from made_checkpoints import newest, save

from finops.checkpoint.faults import Damaged
from finops.checkpoint.names import Name
from finops.checkpoint.retention import Keep, superfluous
from finops.checkpoint.scribe import Retiring
from finops.checkpoint.stores.folder import Folder


def steps_kept(keep: Keep, metrics: dict[int, dict[str, float]]) -> list[int]:
    held = [Name(1, step) for step in metrics]
    gone = superfluous(keep, held, {Name(1, step): told for step, told in metrics.items()})
    return sorted(name.step for name in set(held) - set(gone))


def losses(*values: float) -> dict[int, dict[str, float]]:
    """Of the steps 1, 2, 3, ..."""
    return {step: {"loss": value} for step, value in enumerate(values, 1)}


def test_the_newest_are_kept():
    assert steps_kept(Keep(2), losses(1, 2, 3, 4)) == [3, 4]


def test_a_later_attempt_is_newer_whatever_its_step():
    held = [Name(1, 50), Name(1, 60), Name(2, 10), Name(2, 20)]

    assert superfluous(Keep(2), held, {}) == [Name(1, 50), Name(1, 60)]


def test_some_are_kept_for_the_long_run():
    assert steps_kept(Keep(2, every=3), losses(*range(10))) == [3, 6, 9, 10]


def test_the_best_are_kept_the_newer_of_two_as_good():
    assert steps_kept(Keep(2, best=2), losses(5, 1, 2, 1, 9, 9)) == [2, 4, 5, 6]
    assert steps_kept(Keep(2, best=1), losses(5, 1, 2, 1, 9, 9)) == [4, 5, 6]


def test_the_best_may_be_the_highest():
    assert steps_kept(Keep(2, best=1, metric="-loss"), losses(5, 7, 2, 1, 0)) == [2, 4, 5]


def test_a_metric_that_is_no_number_is_never_the_best():
    assert steps_kept(Keep(2, best=1), losses(math.nan, 3, -math.inf, 9, 9)) == [2, 4, 5]
    assert steps_kept(Keep(2, best=1), {1: {}, 2: {"accuracy": 1.0}, 3: {}, 4: {}}) == [3, 4]


@pytest.mark.parametrize("wrong", [{"newest": 1}, {"newest": 0}, {"every": 0}, {"best": -1}])
def test_what_would_keep_too_little_is_refused(wrong: dict[str, int]):
    with pytest.raises(ValueError, match=str(next(iter(wrong.values())))):
        Keep(**wrong)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    found = Folder(tmp_path)
    found.claim()
    return found


def damage(folder: Folder, name: Name) -> None:
    path = folder.path / str(name)
    whole = bytearray(path.read_bytes())
    whole[5000] ^= 1
    path.write_bytes(whole)


def test_nothing_is_deleted_while_the_newest_cannot_be_read_back(folder: Folder):
    names = [Name(1, step) for step in range(1, 5)]
    for name in names:
        save(folder, name)
    damage(folder, names[-1])

    with pytest.raises(Damaged, match="bytes 4096 to 8192 are not what was written"):
        Retiring(folder).after(names[-1], {}, Keep(2))

    assert folder.names() == names[::-1]


def test_whatever_is_damaged_the_newest_that_is_whole_is_never_deleted(folder: Folder):
    """G3, over 150 saves of a folder."""
    chance = random.Random(3)
    attempt, deleted = 1, 0

    for step in range(1, 151):
        if chance.random() < 0.1:
            attempt = folder.claim()
        name, held = Name(attempt, step), folder.names()
        save(folder, name)
        for victim in (name, *held[:3]):
            if chance.random() < 0.3:
                damage(folder, victim)
        whole = newest(folder)
        keep = Keep(chance.choice([2, 3]), every=chance.choice([None, 50]))
        try:
            Retiring(folder).after(name, {}, keep)
        except Damaged:
            assert name != whole
        deleted += 1 + len(held) - len(folder.names())

        assert newest(folder) == whole
    assert deleted > 80


def test_an_attempt_that_is_late_deletes_nothing(folder: Folder):
    for name in (Name(1, 1), Name(1, 2), Name(1, 3), Name(2, 2)):
        save(folder, name)

    Retiring(folder).after(Name(1, 3), {}, Keep(2))

    assert len(folder.names()) == 4


def test_what_another_job_left_there_is_neither_counted_nor_deleted(folder: Folder):
    for step in range(1, 5):
        save(folder, Name(1, step), {"job": "theirs"})
    attempt = folder.claim()
    retiring = Retiring(folder)

    for step in range(1, 5):
        save(folder, Name(attempt, step), {"job": "ours"})
        retiring.after(Name(attempt, step), {"job": "ours"}, Keep(2))

    assert sorted((name.attempt, name.step) for name in folder.names()) == [
        *[(1, step) for step in range(1, 5)],
        *[(attempt, 3), (attempt, 4)],
    ]


def test_damaged_ones_of_an_earlier_attempt_go_by_their_age(folder: Folder):
    save(folder, Name(1, 1), {"job": "ours"})
    path = folder.path / str(Name(1, 1))
    path.write_bytes(path.read_bytes()[:-100])
    attempt = folder.claim()

    for step in (2, 3):
        save(folder, Name(attempt, step), {"job": "ours"})
        Retiring(folder).after(Name(attempt, step), {"job": "ours"}, Keep(2))

    assert [name.step for name in folder.names()] == [3, 2]


def test_the_best_of_an_earlier_attempt_is_known_by_what_it_noted(folder: Folder):
    for step, loss in [(1, 0.5), (2, 0.1), (3, 0.9)]:
        save(folder, Name(1, step), {"metrics": {"loss": loss}})
    attempt = folder.claim()

    for step in (4, 5):
        save(folder, Name(attempt, step), {"metrics": {"loss": 0.7}})
        Retiring(folder).after(Name(attempt, step), {"metrics": {"loss": 0.7}}, Keep(2, best=1))

    assert [name.step for name in folder.names()] == [5, 4, 2]


def test_of_a_set_whose_manifest_is_not_there_nothing_is_deleted(folder: Folder):
    for step in range(1, 4):
        for rank in range(2):
            save(folder, Name(1, step, rank, 2))

    Retiring(folder).after(Name(1, 3, 1, 2), {}, Keep(2))
    Retiring(folder).after(Name(1, 3, 0, 2), {}, Keep(2))

    assert len(folder.names()) == 6
