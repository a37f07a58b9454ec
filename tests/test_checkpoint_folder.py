"""A folder of checkpoints on a disk that dies, forgets, fills up and fails at every call (I26)."""

from __future__ import annotations

import contextlib
import errno
import random
from pathlib import Path

import pytest
from forgetful_disk import Died, Disk
from made_checkpoints import newest, save

from finops.checkpoint.faults import Fenced, StoreFault
from finops.checkpoint.names import Name
from finops.checkpoint.retention import Keep
from finops.checkpoint.scribe import Retiring
from finops.checkpoint.stores.folder import Folder

PLACE = "/data/jobs/checkpoints"
STEPS = 4
WAYS = 1024  # ways in which what was unsynced may have reached the disk, of each death


def a_life(disk: Disk, done: list[Name], begun: list[Name], steps: int = STEPS) -> None:
    """An attempt: what it claims, restores, saves and deletes. done: what it knows to be durable."""
    folder = Folder(PLACE, disk)
    attempt = folder.claim()
    found = newest(folder)
    first = 1 if found is None else found.step + 1
    retiring = Retiring(folder)
    for step in range(first, first + steps):
        begun.append(Name(attempt, step))
        save(folder, begun[-1])
        done.append(begun[-1])
        retiring.after(begun[-1], {}, Keep(2))


def calls_of(disk: Disk, steps: int = STEPS) -> int:
    a_life(disk, [], [], steps)
    return disk.made


def assert_found(disk: Disk, done: list[Name], begun: list[Name]) -> None:
    """What a training finds there is the newest that was durable, or one that was about to be."""
    folder = Folder(PLACE, disk)
    folder.claim()
    found = newest(folder)
    assert not done or (found is not None and found >= done[-1]), f"{done[-1]} was durable, and {found} is found"
    assert found is None or found in begun


def test_whichever_call_it_dies_before_nothing_is_lost_or_mixed():
    """Of what was not synced then, every part reaches the disk or not, in any order."""
    disks = 0

    for number in range(calls_of(Disk())):
        disk, done, begun = Disk(), list[Name](), list[Name]()
        disk.die_at = number
        with pytest.raises(Died):
            a_life(disk, done, begun)
        for left in disk.crashes(WAYS, random.Random(number)):
            assert_found(left, done, begun)
            disks += 1

    assert disks > 400


def test_an_attempt_that_dies_after_one_that_died_loses_nothing_either():
    chance, calls = random.Random(7), calls_of(Disk())

    for _ in range(150):
        disk, done, begun = Disk(), list[Name](), list[Name]()
        for _ in range(3):
            disk.die_at = chance.randrange(1, calls)
            with contextlib.suppress(Died):
                a_life(disk, done, begun, steps=2)
            disk = chance.choice(list(disk.crashes(WAYS, chance)))
        assert_found(disk, done, begun)


@pytest.mark.parametrize("forgets", ["forgets_folders", "forgets_files"])
def test_a_protocol_that_left_out_a_sync_would_be_found_out(forgets: str):
    """Guards the tests above: on a disk that does not do it, they fail."""
    found_out = 0

    for number in range(calls_of(Disk())):
        disk, done, begun = Disk(), list[Name](), list[Name]()
        disk.die_at = number
        setattr(disk, forgets, True)
        with pytest.raises(Died):
            a_life(disk, done, begun)
        for left in disk.crashes(16, random.Random(number)):
            try:
                assert_found(left, done, begun)
            except AssertionError as fault:
                assert "was durable" in str(fault)  # noqa: PT017 - lost, as it must be; never a mixture
                found_out += 1

    assert found_out > 100


@pytest.mark.parametrize("fault", [errno.EIO, errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_call_that_fails_costs_that_save_and_nothing_else(fault: int):
    start, end = calls_of(Disk(), steps=2), calls_of(Disk(), steps=3)

    for number in range(start, end):
        disk, done, begun = Disk(), list[Name](), list[Name]()
        disk.faults[number] = fault
        told = list[StoreFault]()
        try:
            a_life(disk, done, begun, steps=3)
        except StoreFault as one:
            told.append(one)
        said = disk.said[number]
        assert not told or (PLACE in told[0].what and told[0].fix), said

        folder = Folder(PLACE, disk)
        assert_found(disk, done, begun)
        save(folder, Name(9, 9))
        assert newest(folder) == Name(9, 9), said
        assert not [entry for entry in disk.entries if entry.endswith(".part")], said


def test_a_call_that_fails_and_then_no_power_leaves_what_was_durable():
    start, end = calls_of(Disk(), steps=2), calls_of(Disk(), steps=3)

    for number in range(start, end):
        for more in range(0, 12, 3):
            disk, done, begun = Disk(), list[Name](), list[Name]()
            disk.faults[number] = errno.EIO
            disk.die_at = number + more
            with contextlib.suppress(StoreFault, Died):
                a_life(disk, done, begun, steps=3)
            for left in disk.crashes(16, random.Random(number)):
                assert_found(left, done, begun)


def test_an_attempt_that_begins_between_any_two_calls_of_an_earlier_one_is_not_disturbed():
    """And the earlier one publishes nothing more, and is told why (G7)."""
    for number in range(calls_of(Disk(), steps=0), calls_of(Disk(), steps=2)):
        disk, late, there = Disk(), list[Name](), list[list[Name]]()

        def next_attempt(disk: Disk = disk, late: list[Name] = late, there: list[list[Name]] = there) -> None:
            a_life(disk, late, [], steps=2)
            there.append(Folder(PLACE, disk).names())

        disk.before[number] = next_attempt
        mine, told = list[Name](), list[str]()
        try:
            a_life(disk, mine, [], steps=2)
        except Fenced as fault:
            told.append(fault.what)

        assert Folder(PLACE, disk).names() == there[0]
        assert newest(Folder(PLACE, disk)) == late[-1]
        assert set(late) <= set(there[0])
        if len(mine) < 2:
            assert told == [f"Attempt 2 of this job has begun in {PLACE}; this is attempt 1."]


def test_two_that_begin_at_once_are_different_attempts():
    alone = Disk()
    Folder(PLACE, alone).claim()

    for number in range(alone.made):
        disk, other = Disk(), list[int]()

        def at_once(disk: Disk = disk, other: list[int] = other) -> None:
            other.append(Folder(PLACE, disk).claim())

        disk.before[number] = at_once
        mine = Folder(PLACE, disk).claim()

        assert sorted([mine, *other]) == [1, 2]


def test_writes_that_stop_short_are_gone_on_with():
    for most in (1000, 4096, 5000):
        disk = Disk()
        disk.most = most
        folder = Folder(PLACE, disk)
        folder.claim()

        save(folder, Name(1, 1))

        assert newest(folder) == Name(1, 1)


def test_a_disk_too_small_is_known_before_a_byte_is_written():
    disk = Disk()
    folder = Folder(PLACE, disk)
    folder.claim()
    save(folder, Name(1, 1))
    disk.room = 20_000
    before = len(disk.said)

    with pytest.raises(StoreFault, match=f"Cannot write {PLACE}/.*: No space left.*Make room, or keep fewer"):
        save(folder, Name(1, 2))

    assert not [call for call in disk.said[before:] if call.startswith("write")]
    assert newest(folder) == Name(1, 1)


def test_a_note_is_whole_or_the_one_before():
    def write(disk: Disk, done: list[str]) -> None:
        folder = Folder(PLACE, disk)
        folder.claim()
        for text in ("first", "second, which is longer"):
            folder.note("told.json", text)
            done.append(text)

    whole = Disk()
    write(whole, [])
    for number in range(whole.made):
        disk, done = Disk(), list[str]()
        disk.die_at = number
        with pytest.raises(Died):
            write(disk, done)
        for left in disk.crashes(WAYS, random.Random(number)):
            found = Folder(PLACE, left).notes("told.json")
            assert found in {None, "first", "second, which is longer"}
            assert not done or (found is not None and found >= done[-1])


def test_what_killed_attempts_left_half_written_goes_when_the_next_begins(tmp_path: Path):
    folder = Folder(tmp_path)
    folder.claim()
    for left in (f"{Name(1, 1)}.part", "told.json.0a1b2c3d.part"):
        (tmp_path / left).write_text("half")

    Folder(tmp_path).claim()

    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["attempt-0001.begun", "attempt-0002.begun"]


def test_what_others_keep_there_is_left_alone(tmp_path: Path):
    for name in ("attempt-x.begun", "notes.txt", "step-7.ckpt", "attempt-0001.step-1.ckpt"):
        (tmp_path / name).write_text("theirs")
    folder = Folder(tmp_path)

    assert (folder.claim(), folder.names()) == (1, [])
    assert len(list(tmp_path.iterdir())) == 5
