"""What several processes save is one checkpoint or none: all its parts and a manifest, found and deleted together."""

from __future__ import annotations

import ctypes
import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from awake import awake
from made_checkpoints import until

from finops import checkpoint
from finops.checkpoint.names import Name
from finops.checkpoint.retention import Keep
from finops.checkpoint.scribe import Retiring
from finops.checkpoint.stores.folder import Folder
from finops.checkpoint.together.crew import Together
from finops.checkpoint.together.distributed import load
from finops.checkpoint.together.ranks import Pace
from finops.checkpoint.together.sets import delete, left_over, parts_of, published, say_missed
from finops.checkpoint.tree import flatten
from finops.checkpoint.writing import fill, get, lay_out, put

META: dict[str, Any] = {"job": "j", "metrics": {}, "plan": "same"}


def write_part(folder: Path, name: Name, meta: dict[str, Any] = META, patience: float = 10.0) -> int:
    """One process's part, of a state that says whose it is."""
    store = Folder(folder)
    nodes, buffers = flatten({"rank": name.rank, "step": name.step, "of": name.world, "bytes": bytes([name.rank]) * 99})
    layout = lay_out(nodes, buffers)
    held = bytearray(layout.body)
    fill(memoryview(held), ctypes.addressof(ctypes.c_char.from_buffer(held)), layout, buffers)
    return published(
        store, name, meta, lambda: put(store, name, memoryview(held), layout.tree, meta), patience=patience
    )


def write_set(folder: Path, attempt: int, step: int, world: int, without: tuple[int, ...] = ()) -> list[Any]:
    """What each process's part came to: bytes, or the fault."""

    def work(rank: int) -> Any:
        try:
            return write_part(folder, Name(attempt, step, rank, world), patience=10.0 if not without else 0.5)
        except checkpoint.StoreFault as fault:
            return str(fault)

    with ThreadPoolExecutor(world) as pool:
        return list(pool.map(work, [rank for rank in range(world) if rank not in without]))


def restored(folder: Path, rank: int, world: int) -> Any:
    """The newest checkpoint as a process finds it that looks by itself."""
    store = Folder(folder)
    newest = next(name for name in store.names() if name.world == 1)
    return load(store, get(store, newest), rank, world, {}).state


def files(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.glob("*.ckpt"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    Folder(tmp_path).claim()
    return tmp_path


def test_parts_become_a_checkpoint_that_names_them(folder: Path):
    told = write_set(folder, 1, 7, 3)

    store = Folder(folder)
    manifest = get(store, Name(1, 7))
    assert [type(one) for one in told] == [int] * 3
    assert [name for name, _ in parts_of(manifest)] == [Name(1, 7, rank, 3) for rank in range(3)]
    assert manifest.meta["world"] == 3


@pytest.mark.parametrize("world", [1, 2, 3, 5])
def test_each_process_gets_its_own_and_one_that_is_new_that_of_another(folder: Path, world: int):
    write_set(folder, 1, 7, 3)

    found = [restored(folder, rank, world) for rank in range(world)]

    assert [one["rank"] for one in found] == [rank % 3 for rank in range(world)]
    assert [one["bytes"] for one in found] == [bytes([rank % 3]) * 99 for rank in range(world)]


def test_without_one_part_there_is_no_checkpoint_and_all_know(folder: Path):
    told = write_set(folder, 1, 7, 3, without=(1,))

    assert "Rank 1 has not saved" in told[0]
    assert "Rank 0 " in told[1]
    assert all(name.world == 3 for name in Folder(folder).names())


def test_one_whose_part_cannot_come_says_so_and_nobody_waits(folder: Path):
    say_missed(Folder(folder), Name(1, 7, 1, 3), "the disk is full")

    with awake() as seconds:
        with pytest.raises(checkpoint.StoreFault, match="Rank 1 could not save its part: the disk is full"):
            write_part(folder, Name(1, 7, 0, 3))
        with pytest.raises(checkpoint.StoreFault, match=r"Rank 0 did not make .* the disk is full"):
            write_part(folder, Name(1, 7, 2, 3))
        took = seconds()

    assert took < 5


def test_models_that_differ_between_processes_are_not_shared_out(folder: Path):
    def work(rank: int) -> str:
        with pytest.raises(checkpoint.StoreFault) as fault:
            write_part(folder, Name(1, 7, rank, 2), {**META, "plan": f"of {rank}"})
        return str(fault.value)

    with ThreadPoolExecutor(2) as pool:
        told = list(pool.map(work, range(2)))

    assert "Rank 1 has not the same model as rank 0" in told[0]
    assert "Rank 1 has not the same model as rank 0" in told[1]


def test_an_attempt_that_was_overtaken_makes_no_checkpoint(folder: Path):
    Folder(folder).claim()

    told = write_set(folder, 1, 7, 2)

    assert all("Attempt 2 of this job has begun" in one for one in told)
    assert files(folder) == []


def test_what_an_ending_attempt_notes_last_holds_up_nobody(folder: Path):
    """Its part of an earlier set is read back slowly, and told over what the new one had told."""
    Folder(folder).claim()

    def work(rank: int) -> Any:
        if rank == 2:
            for _ in range(8):
                time.sleep(0.05)
                Folder(folder).note(
                    "rank-00001.saved.json", json.dumps({"name": str(Name(1, 9, 1, 2)), "fault": "late"})
                )
            return None
        return write_part(folder, Name(2, 7, rank, 2))

    with ThreadPoolExecutor(3) as pool:
        told = list(pool.map(work, [1, 2, 0]))

    assert [type(one) for one in told] == [int, type(None), int]
    assert str(Name(2, 7)) in files(folder)


@pytest.mark.parametrize("late", [0, 1])
def test_what_is_saved_again_at_a_step_is_made_of_its_own_parts(folder: Path, late: int):
    assert write_set(folder, 1, 7, 2) == [12288, 12288]
    again = {**META, "world": 2, "what": "again"}
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(write_part, folder, Name(1, 7, 1 - late, 4), again)
        time.sleep(4.0)  # until it looks for the manifest, too
        assert not first.done()
        assert [restored(folder, rank, 2)["rank"] for rank in range(2)] == [0, 1]  # the one before, unharmed
        assert get(Folder(folder), Name(1, 7)).meta.get("what") is None
        assert write_part(folder, Name(1, 7, late, 4), again) == first.result()

    assert get(Folder(folder), Name(1, 7)).meta["what"] == "again"
    assert [restored(folder, rank, 2)["rank"] for rank in range(2)] == [0, 1]
    until(lambda: files(folder) == [str(Name(1, 7)), str(Name(1, 7, 0, 4)), str(Name(1, 7, 1, 4))])
    delete(Folder(folder), Name(1, 7), Folder(folder).names())
    assert files(folder) == []


def test_one_that_fails_to_save_again_at_a_step_harms_none_that_was_saved(folder: Path):
    write_set(folder, 1, 7, 2)

    with pytest.raises(checkpoint.StoreFault, match="Rank 0 has not made the parts a checkpoint"):
        write_part(folder, Name(1, 7, 1, 4), {**META, "world": 2}, patience=5.0)

    assert [restored(folder, rank, 2)["rank"] for rank in range(2)] == [0, 1]


@pytest.mark.parametrize("rank", [0, 1, 2])
@pytest.mark.parametrize("world", [1, 2, 3, 4])
def test_a_missing_or_damaged_part_is_missed_by_somebody(folder: Path, rank: int, world: int):
    write_set(folder, 1, 7, 3)
    part = folder / str(Name(1, 7, rank, 3))
    held = part.read_bytes()

    def found_by_all() -> list[bool]:
        found = []
        for one in range(world):
            try:
                found.append(restored(folder, one, world)["step"] == 7)
            except (checkpoint.Damaged, checkpoint.StoreFault):
                found.append(False)
        return found

    assert all(found_by_all())
    part.unlink()
    assert not all(found_by_all())
    part.write_bytes(held[:5000] + bytes([held[5000] ^ 1]) + held[5001:])
    assert not all(found_by_all())
    part.write_bytes((folder / str(Name(1, 7, (rank + 1) % 3, 3))).read_bytes())  # whole, and of another
    assert not all(found_by_all())


def test_sets_are_retired_whole_and_what_never_became_one_with_them(folder: Path):
    write_set(folder, 1, 1, 2, without=(0,))
    for step in (2, 3, 4):
        write_set(folder, 1, step, 2)

    Retiring(Folder(folder)).after(Name(1, 4, 1, 2), META, Keep(2))
    assert len(files(folder)) == 10
    Retiring(Folder(folder)).after(Name(1, 4, 0, 2), META, Keep(2))

    assert files(folder) == [
        str(name) for step in (3, 4) for name in (Name(1, step), Name(1, step, 0, 2), Name(1, step, 1, 2))
    ]


def test_a_set_is_no_checkpoint_from_the_moment_that_its_deletion_begins(folder: Path):
    write_set(folder, 1, 2, 2)
    gone = list[str]()

    class Noting(Folder):
        def delete(self, name: Name) -> None:
            gone.append(str(name))

    delete(Noting(folder), Name(1, 2), Folder(folder).names())

    assert gone[0] == str(Name(1, 2))
    assert sorted(gone) == files(folder)


def test_parts_that_are_being_written_are_not_left_over():
    there = [Name(1, 2, 0, 2), Name(1, 3), Name(1, 3, 0, 2), Name(1, 3, 1, 2), Name(1, 4, 1, 2)]

    assert left_over(there, Name(1, 3)) == [Name(1, 2, 0, 2)]


def test_all_pass_over_what_one_of_them_finds_damaged(folder: Path):
    for step in (2, 3):
        write_set(folder, 1, step, 3)
    damaged = folder / str(Name(1, 3, 2, 3))
    damaged.write_bytes(damaged.read_bytes()[:-1])
    pace = Pace(idle=0.01, quick=0.002)

    def work(rank: int) -> tuple[int, list[str]]:
        from finops.checkpoint.cadence import Cadence
        from finops.checkpoint.loop import Checkpointer

        store = Folder(folder)
        state = {"rank": -1, "step": -1, "of": -1, "bytes": b""}
        ck = Checkpointer(state, store, "j", Keep(), Cadence(), crew=Together(store, rank, 3, pace))
        found, told = ck._newest_whole(), list(ck.stats().passed_over)
        ck.close()
        assert found is not None
        return found.state["step"], told

    with pytest.warns(checkpoint.CheckpointWarning), ThreadPoolExecutor(3) as pool:
        found = list(pool.map(work, range(3)))

    assert [step for step, _ in found] == [2, 2, 2]
    assert ["not whole for another process" in told[0] for _, told in found] == [True, True, False]
    assert "is damaged" in found[2][1][0]
