"""Processes agree through the store alone: on the attempt, on the step at which all save, on what they found."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from awake import awake

from finops import checkpoint
from finops.checkpoint.stores.folder import Folder
from finops.checkpoint.together.ranks import Pace, Ranks, seat

FAST = Pace(idle=0.01, quick=0.002, promised=2.0, opening=20.0)


def together(world: int, work: Callable[[int], Any]) -> list[Any]:
    """What each of `world` threads returns, which stand for processes."""
    with ThreadPoolExecutor(world) as pool:
        return list(pool.map(work, range(world)))


def started(folder: Path, world: int, pace: Pace = FAST) -> list[Ranks]:
    return together(world, lambda rank: Ranks(Folder(folder), rank, world, pace))


def ended(ranks: list[Ranks]) -> None:
    together(len(ranks), lambda rank: ranks[rank].close())


def stepping(one: Ranks, steps: int, wanted: Callable[[int], bool], urgent: Callable[[int], bool]) -> list[int]:
    """The steps at which it was due, of a training whose steps take up to 2 ms."""
    drawn, due = random.Random(one.rank), list[int]()
    for step in range(1, steps + 1):
        time.sleep(drawn.random() / 500)
        if one.due(step, wanted(step), urgent(step)):
            due.append(step)
    return due


def claimed(ranks: list[Ranks], seen: int, rank: int) -> int:
    return ranks[rank].claim(seen)


def never(step: int) -> bool:
    return False


def test_all_save_at_the_same_steps_though_none_waits_for_another(tmp_path: Path):
    ranks = started(tmp_path, 4)

    due = together(4, lambda rank: stepping(ranks[rank], 600, lambda step: rank == 0 and step % 100 > 80, never))

    assert len(due[0]) > 2
    assert due == [due[0]] * 4
    ended(ranks)


def test_one_whose_node_may_go_has_all_save(tmp_path: Path):
    ranks = started(tmp_path, 3)

    due = together(3, lambda rank: stepping(ranks[rank], 300, never, lambda step: rank == 2 and step == 20))

    assert len(due[0]) == 1
    assert due == [due[0]] * 3
    ended(ranks)


def test_the_wish_of_another_than_the_first_to_save_is_not_heard(tmp_path: Path):
    ranks = started(tmp_path, 2)

    due = together(2, lambda rank: stepping(ranks[rank], 60, lambda step: rank == 1, never))

    assert due == [[], []]
    ended(ranks)


def test_none_is_due_while_the_last_save_is_being_written(tmp_path: Path):
    ranks = started(tmp_path, 2)

    held = [one.due(step, True, busy=True) for step in range(1, 30) for one in ranks if not time.sleep(0.003)]

    assert not any(held)
    ended(ranks)


def test_one_that_is_gone_costs_the_others_nothing_but_the_save(tmp_path: Path):
    ranks = started(tmp_path, 2)
    ranks[1].close()

    with awake() as seconds:
        due = stepping(ranks[0], 100, lambda step: True, never)
        took = seconds()

    assert due == []
    assert took < FAST.promised
    ranks[0].close()


def test_one_that_does_not_answer_costs_one_wait_and_then_none_for_a_while(tmp_path: Path):
    pace = Pace(idle=0.01, quick=0.002, promised=0.3)
    ranks = started(tmp_path, 2, pace)
    ranks[1]._ending.set()  # its thread is stuck: it does not say that it ended
    ranks[1]._listening.join()

    begun = time.monotonic()
    with awake() as seconds:
        due = stepping(ranks[0], 200, lambda step: True, never)
        took = seconds()

    assert due == []
    assert time.monotonic() - begun > 0.2
    assert took < 2
    ranks[0].close()


def test_a_store_that_is_away_costs_no_more_than_the_save(tmp_path: Path):
    ranks = started(tmp_path, 2)
    away = tmp_path.with_name("away")
    tmp_path.rename(away)

    due = together(2, lambda rank: stepping(ranks[rank], 100, lambda step: rank == 0, never))

    assert due == [[], []]
    away.rename(tmp_path)
    ended(ranks)


def test_each_start_is_one_attempt_for_all_whoever_comes_first(tmp_path: Path):
    for attempt in (1, 2, 3):

        def start(rank: int, late: int = attempt % 3) -> Ranks:
            time.sleep(0.1 if rank == late else 0)
            return Ranks(Folder(tmp_path / "new" / "folder"), rank, 3, FAST)

        ranks = together(3, start)

        assert together(3, partial(claimed, ranks, attempt - 1)) == [attempt] * 3
        ended(ranks)


def test_what_each_found_is_known_to_all_in_their_order(tmp_path: Path):
    ranks = started(tmp_path, 3)

    def say(rank: int) -> list[Any]:
        return [ranks[rank].gather({"turn": turn, "rank": rank}) for turn in range(5)]

    assert together(3, say) == [[[{"turn": turn, "rank": rank} for rank in range(3)] for turn in range(5)]] * 3
    ended(ranks)


@pytest.mark.parametrize(("rank", "missed"), [(1, "rank 0 to open it"), (0, "ranks 1, 2 to open it")])
def test_one_that_is_started_alone_says_whom_it_misses(tmp_path: Path, rank: int, missed: str):
    Folder(tmp_path).claim()

    with pytest.raises(checkpoint.StoreFault, match=f"Rank {rank} of 3 has waited .* s in folder:.* for {missed}"):
        Ranks(Folder(tmp_path), rank, 3, Pace(quick=0.01, opening=0.1))


def test_a_note_that_is_not_all_there_is_read_again(tmp_path: Path):
    ranks = started(tmp_path, 2)
    for name in ("ranks.asked.json", "ranks.flagged.json", "rank-00001.answers.json"):
        (tmp_path / name).write_text('{"attempt": 1, "rou')

    due = together(2, lambda rank: stepping(ranks[rank], 300, lambda step: rank == 0 and step == 50, never))

    assert len(due[0]) == 1
    assert due[0] == due[1]
    ended(ranks)


@pytest.mark.parametrize(
    ("env", "found"),
    [
        ({}, (0, 1)),
        ({"RANK": "2", "WORLD_SIZE": "4"}, (2, 4)),
        ({"RANK": "2"}, (0, 1)),
        ({"RANK": "0", "WORLD_SIZE": "1"}, (0, 1)),
        ({"RANK": "1", "WORLD_SIZE": "many"}, (0, 1)),
        ({"OMPI_COMM_WORLD_RANK": "3", "OMPI_COMM_WORLD_SIZE": "8"}, (3, 8)),
        ({"PMI_RANK": "1", "PMI_SIZE": "2"}, (1, 2)),
        ({"SLURM_PROCID": "5", "SLURM_STEP_NUM_TASKS": "6", "SLURM_NTASKS": "6"}, (5, 6)),
        ({"SLURM_PROCID": "0", "SLURM_NTASKS": "6"}, (0, 1)),
        ({"RANK": "0", "WORLD_SIZE": "2", "OMPI_COMM_WORLD_RANK": "1", "OMPI_COMM_WORLD_SIZE": "2"}, (0, 2)),
    ],
)
def test_the_launcher_says_which_process_this_is(env: dict[str, str], found: tuple[int, int]):
    assert seat(env) == found


def test_a_step_that_is_not_due_costs_next_to_nothing(tmp_path: Path):
    ranks = started(tmp_path, 2, Pace())

    begun = time.process_time()
    for step in range(20_000):
        ranks[1].due(step, False)

    assert (time.process_time() - begun) / 20_000 < 20e-6
    before = threading.active_count()
    ended(ranks)
    assert threading.active_count() == before - 2
