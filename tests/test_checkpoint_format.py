"""A checkpoint is whole or known not to be: every byte of a small one cut at, flipped, zeroed, and then restored."""

from __future__ import annotations

import gc
import os
import struct
import warnings
import weakref
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finops import checkpoint
from finops.checkpoint.format import BLOCK, CHUNK, VERSION, padded, room
from finops.checkpoint.loop import Checkpointer
from finops.checkpoint.names import Name
from finops.checkpoint.stores.folder import Folder
from finops.checkpoint.tree import flatten
from finops.checkpoint.writing import fill, get, lay_out, put, verify

OLD, NEW = Name(1, 1), Name(1, 2)


class Restoring:
    """A training of which two steps were saved, and the file of the second."""

    def __init__(self, folder: Path) -> None:
        self._value = {"step": 0}
        self.ck: Checkpointer = checkpoint.open({"value": self._value}, folder, job="j")
        for step in (1, 2):
            self._value["step"] = step
            self.ck.save(step, wait=True)
        self.newest = folder / str(NEW)
        self.whole = self.newest.read_bytes()

    def after(self, damage: bytes) -> int:
        """The step that is restored when the newest file is `damage`; what was saved with it is in its place."""
        with self.newest.open("r+b") as held:
            held.write(damage)
            held.truncate()
        self._value["step"] = 0
        step = self.ck.restore()
        assert step == self._value["step"]
        return step


@pytest.fixture(scope="module")
def restoring(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Restoring]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", checkpoint.CheckpointWarning)
        found = Restoring(tmp_path_factory.mktemp("two"))
        with found.ck:
            yield found


@pytest.fixture
def trained(restoring: Restoring) -> Iterator[Restoring]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", checkpoint.CheckpointWarning)
        assert restoring.after(restoring.whole) == 2
        yield restoring
        assert restoring.after(restoring.whole) == 2


def test_cut_at_any_byte_the_one_before_is_restored(trained: Restoring):
    used = {trained.after(trained.whole[:length]) for length in range(len(trained.whole))}

    assert used == {1}


def test_with_any_byte_changed_the_one_before_is_restored(trained: Restoring):
    used = {trained.after(changed(trained.whole, at, 1 << at % 8)) for at in range(len(trained.whole))}

    assert used == {1}


def test_with_any_byte_zeroed_the_one_before_is_restored(trained: Restoring):
    told = [at for at, byte in enumerate(trained.whole) if byte]  # the others are zero already

    used = {trained.after(changed(trained.whole, at, trained.whole[at])) for at in told}

    assert (used, len(told) > 1000) == ({1}, True)


def test_with_any_bit_of_its_beginning_and_end_changed_the_one_before_is_restored(trained: Restoring):
    whole = trained.whole
    footer = whole.rindex(b'{"chunk"')
    ends = [*range(32), *range(footer, footer + whole[footer:].index(b"\0")), *range(len(whole) - 64, len(whole))]

    used = {trained.after(changed(whole, at, 1 << bit)) for at in ends for bit in range(8)}

    assert used == {1}


@pytest.mark.parametrize("size", [64, 512, BLOCK], ids=["line", "sector", "page"])
def test_with_any_stretch_that_never_reached_the_disk_the_one_before_is_restored(trained: Restoring, size: int):
    whole, used = trained.whole, set()

    for at in range(0, len(whole), size):
        if any(whole[at : at + size]):
            used.add(trained.after(whole[:at] + bytes(size) + whole[at + size :]))
            used.add(trained.after(whole[:at] + b"\xff" * size + whole[at + size :]))
            used.add(trained.after(whole[:at] + bytes(len(whole) - at)))

    assert used == {1}


def test_with_two_pages_exchanged_or_bytes_after_its_end_the_one_before_is_restored(trained: Restoring):
    pages = [trained.whole[at : at + BLOCK] for at in range(0, len(trained.whole), BLOCK)]

    for at in range(len(pages) - 1):
        assert trained.after(b"".join([*pages[:at], pages[at + 1], pages[at], *pages[at + 2 :]])) == 1
    for more in (b"\0", bytes(BLOCK), pages[-1], trained.whole):
        assert trained.after(trained.whole + more) == 1


def test_begun_by_one_checkpoint_and_ended_by_another_the_one_before_is_restored(trained: Restoring):
    other = (trained.newest.parent / str(OLD)).read_bytes()
    assert len(other) == len(trained.whole)

    used = {trained.after(trained.whole[:at] + other[at:]) for at in range(BLOCK, len(other), BLOCK)}

    assert used == {1}


def test_a_later_format_is_passed_over_and_told_as_such(trained: Restoring):
    trained.after(of_version(trained.whole, VERSION + 1))

    with pytest.warns(checkpoint.CheckpointWarning, match=f"{NEW} has format {VERSION + 1}.*{OLD} is used instead"):
        trained.ck.restore()


def test_a_version_that_only_one_end_tells_is_damage(trained: Restoring):
    for at in (16, len(trained.whole) - 48 + 16):
        trained.after(changed(trained.whole, at, 2))
        with pytest.warns(checkpoint.CheckpointWarning, match="is damaged"):
            trained.ck.restore()


def test_each_kind_of_damage_is_told_as_what_it_is(trained: Restoring):
    whole = trained.whole
    for damage, said in (
        (whole[:100], "it has 100 bytes, fewer than any checkpoint"),
        (changed(whole, 3, 1), "it does not begin as a checkpoint does"),
        (changed(whole, len(whole) - 48, 1), "its end is missing or does not belong to it"),
        (whole + bytes(BLOCK), "its end is missing or does not belong to it"),
        (changed(whole, whole.rindex(b'{"chunk"'), 1), "its footer is not what was written"),
        (changed(whole, BLOCK, 1), "bytes 0 to [0-9]+ are not what was written"),
    ):
        trained.after(damage)
        with pytest.warns(checkpoint.CheckpointWarning, match=f"is damaged: {said}.*{OLD} is used instead"):
            trained.ck.restore()


def changed(whole: bytes, at: int, by: int) -> bytes:
    return whole[:at] + bytes([whole[at] ^ by]) + whole[at + 1 :]


def of_version(whole: bytes, version: int) -> bytes:
    """As that version would have written it: its preamble, its trailer, and the checksum that fits."""
    made = bytearray(whole)
    made[16:20] = made[-32:-28] = struct.pack("<I", version)
    body = struct.unpack("<Q", made[-28:-20])[0]
    made[-4:] = struct.pack("<I", zlib.crc32(made[body:-4]))
    return bytes(made)


# What is said of it


def test_what_was_found_what_is_used_instead_and_how_to_override_is_told_once_each(tmp_path: Path):
    with checkpoint.open({"value": {"is": 1}}, tmp_path, job="j") as ck:
        for step in (1, 2, 3):
            ck.save(step, wait=True)
    for name, cut in ((Name(1, 3), 100), (Name(1, 2), 200)):
        (tmp_path / str(name)).write_bytes((tmp_path / str(name)).read_bytes()[:-cut])

    with warnings.catch_warnings(record=True) as said, checkpoint.open({"value": {}}, tmp_path, job="j") as ck:
        warnings.simplefilter("always")
        assert ck.restore() == 1

    first, second = (str(one.message) for one in said)
    assert first.startswith(f"{tmp_path / str(Name(1, 3))} is damaged: its end is missing")
    assert second.startswith(f"{tmp_path / str(Name(1, 2))} is damaged: its end is missing")
    assert first.endswith(f"{OLD} is used instead. To begin elsewhere, name another folder.")
    assert len(ck.stats().passed_over) == 2


def test_where_none_is_whole_the_training_begins_anew_and_says_so(tmp_path: Path):
    with checkpoint.open({"value": {"is": 1}}, tmp_path, job="j") as ck:
        ck.save(1, wait=True)
    (tmp_path / str(OLD)).write_bytes(b"")

    with checkpoint.open({"value": {"is": 0}}, tmp_path, job="j") as ck:
        with pytest.warns(checkpoint.CheckpointWarning, match=r"has 0 bytes.*None is left: the training begins anew"):
            step = ck.restore()
        assert (step, ck.state["value"]) == (None, {"is": 0})


def test_a_training_does_not_begin_anew_over_one_of_a_later_format(tmp_path: Path):
    with checkpoint.open({"value": {"is": 1}}, tmp_path, job="j") as ck:
        ck.save(1, wait=True)
    file = tmp_path / str(OLD)
    file.write_bytes(of_version(file.read_bytes(), 7))

    with (
        checkpoint.open({"value": {"is": 0}}, tmp_path, job="j") as ck,
        pytest.raises(
            checkpoint.Newer, match=r"has format 7, .* up to 1\. Run: pip install --upgrade aml-finops\. To b"
        ),
    ):
        ck.restore()


def test_a_training_does_not_begin_anew_over_one_that_is_out_of_reach(tmp_path: Path):
    (tmp_path / str(OLD)).symlink_to(tmp_path / str(OLD))

    with (
        checkpoint.open({"value": {"is": 0}}, tmp_path, job="j") as ck,
        pytest.raises(checkpoint.StoreFault, match=f"Cannot read {tmp_path / str(OLD)}: Too many levels"),
    ):
        ck.restore()


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_is_no_reason_to_lose_the_checkpoint(tmp_path: Path, loss: float):
    with checkpoint.open({"value": {"is": 1}}, tmp_path, job="j") as ck:
        ck.save(1, wait=True, loss=loss)

    assert get(Folder(tmp_path), OLD).state["value"] == {"is": 1}


# The file


def written(folder: Folder, state: dict[str, Any], chunk: int, stale: bytes = b"\0") -> bytes:
    nodes, buffers = flatten(state)
    layout = lay_out(nodes, buffers)
    held = bytearray(stale * layout.body)
    fill(memoryview(held), address_of(held), layout, buffers)
    assert put(folder, NEW, memoryview(held), layout.tree, {}, chunk) <= room(layout.body, {}, chunk)
    return (folder.path / str(NEW)).read_bytes()


def address_of(held: bytearray) -> int:
    import ctypes

    return ctypes.addressof(ctypes.c_char.from_buffer(held))


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    found = Folder(tmp_path)
    found.claim()
    return found


def test_many_chunks_come_back_and_each_is_looked_at(folder: Folder):
    big = bytes(range(256)) * 400
    whole = written(folder, {"value": big}, chunk=BLOCK)
    assert get(folder, NEW).state["value"] == big

    for at in range(0, len(whole), 997):
        (folder.path / str(NEW)).write_bytes(changed(whole, at, 255))
        for read in (get, verify):
            with pytest.raises(checkpoint.Damaged, match=f"{NEW} is damaged"):
                read(folder, NEW)


def test_the_same_state_makes_the_same_file_whatever_was_in_the_memory_before(folder: Folder):
    state = {"a": b"1", "b": b"22", "c": [1.5, None], "none": b""}

    assert written(folder, state, BLOCK) == written(folder, state, BLOCK, stale=b"\xa5")


def test_lengths_are_padded_up():
    assert [padded(n, 8) for n in (0, 1, 8, 9)] == [0, 8, 8, 16]


# Its name

names = st.builds(
    lambda attempt, step, rank, more: Name(attempt, step, rank, rank + more),
    st.integers(0, 10**6),
    st.integers(0, 10**14),
    st.integers(0, 10**6),
    st.integers(1, 10**6),
)


@settings(deadline=None)
@given(names)
def test_a_name_is_read_as_it_was_written(name: Name):
    assert Name.of(str(name)) == name


@settings(deadline=None)
@given(names, names)
def test_of_two_attempts_the_later_is_newer_and_within_one_the_higher_step(one: Name, other: Name):
    assert (one < other) == (
        (one.attempt, one.step, one.rank, one.world) < (other.attempt, other.step, other.rank, other.world)
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "attempt-0001.step-000000000001.ckpt.part",
        "attempt-00001.step-000000000001.ckpt",
        "attempt-0001.step-1.ckpt",
        "attempt-0001.step--00000000001.ckpt",
        "attempt-٠٠٠١.step-000000000001.ckpt",
        "attempt-0001.step-000000000001.rank-00000-of-00001.ckpt",
        "attempt-0001.step-000000000001.rank-00003-of-00002.ckpt",
        "attempt-0001.step-000000000001.ckpt\n",
    ],
)
def test_what_we_did_not_name_is_no_checkpoint(text: str):
    assert Name.of(text) is None


@pytest.mark.parametrize("step", [-1, 1.0, "1"])
def test_a_step_that_could_not_be_found_again_is_refused(tmp_path: Path, step: Any):
    with checkpoint.open({"value": {"is": 1}}, tmp_path, job="j") as ck, pytest.raises((ValueError, TypeError)):
        ck.save(step)


def test_small_parts_of_what_was_read_do_not_hold_all_of_it(folder: Folder):
    written(folder, {"steps": numpy.arange(3), "large": numpy.zeros(1 << 20)}, BLOCK)
    found = get(folder, NEW)
    memory = weakref.ref(found.held)
    state = found.state

    gc.disable()
    try:
        del found
        assert memory() is not None
        del state["large"]

        assert (memory(), state["steps"].tolist()) == (None, [0, 1, 2])
    finally:
        gc.enable()


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="tells how much memory is in use only on Linux")
def test_what_a_model_copied_goes_while_its_optimizer_goes_on_using_the_rest(folder: Folder):
    written(folder, {"model": numpy.ones(8 << 20), "optimizer": numpy.full(8 << 20, 2.0)}, CHUNK)
    state = get(folder, NEW).state

    before = in_use()
    assert state.pop("model").sum() == 8 << 20

    assert before - in_use() > 50 << 20
    assert state["optimizer"].sum() == 16 << 20


def in_use() -> int:
    """Bytes of this process that are in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_a_file_of_another_kind_is_told_as_such(trained: Restoring):
    trained.after(b"PK\3\4" + bytes(20_000))

    with pytest.warns(checkpoint.CheckpointWarning, match="is damaged: it does not begin as a checkpoint does"):
        trained.ck.restore()
