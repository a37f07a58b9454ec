"""A folder of checkpoints on real file systems: full, read-only, gone, and what the kernel is asked for."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from made_checkpoints import newest, save

from finops import checkpoint
from finops.checkpoint.faults import CheckpointWarning, StoreFault
from finops.checkpoint.names import Name
from finops.checkpoint.stores.calls import Calls
from finops.checkpoint.stores.folder import Folder


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A file system of 1 MiB of its own."""
    path = Path(tempfile.mkdtemp())
    mounted = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "none", path], capture_output=True
    )
    if not mounted or mounted.returncode:
        path.rmdir()
        pytest.skip("no file system can be mounted here")
    yield path
    subprocess.run(["umount", path], check=True)
    path.rmdir()


def test_a_full_disk_keeps_what_it_has_and_takes_the_next_when_there_is_room(small_disk: Path):
    folder = Folder(small_disk)
    folder.claim()
    save(folder, Name(1, 1), nbytes=400_000)
    save(folder, Name(1, 2), nbytes=400_000)

    with pytest.raises(StoreFault, match="No space left"):
        save(folder, Name(1, 3), nbytes=400_000)
    held = newest(folder), sorted(entry.suffix for entry in small_disk.iterdir())
    folder.delete(Name(1, 1))
    save(folder, Name(1, 3), nbytes=400_000)

    assert held == (Name(1, 2), [".begun", ".ckpt", ".ckpt"])
    assert newest(folder) == Name(1, 3)


def test_a_training_on_a_full_disk_goes_on_and_saves_once_there_is_room(small_disk: Path):
    """G4, through what a training calls."""
    state = {"bytes": bytearray(300_000)}
    ballast = small_disk / "ballast"
    with checkpoint.open(state, small_disk / "here", job="j", keep=2, every=0.01) as ck:
        ck.save(step=1, wait=True)
        ballast.write_bytes(bytes(500_000))
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            while ck.stats().failed < 3:
                ck.step()
            ballast.unlink()
            while ck.stats().saves < 2:
                ck.step()
            ck.wait()

    assert {one.category for one in said} == {CheckpointWarning}
    assert "No space left on device. Make room" in str(said[0].message)
    assert not list(small_disk.glob("here/*.part"))
    with checkpoint.open(state, small_disk / "here", job="j") as ck:
        assert ck.restore() is not None


def test_a_disk_that_fills_up_while_it_is_written_keeps_what_it_has(small_disk: Path):
    class Unreserved(Calls):
        def reserve(self, fd: int, nbytes: int) -> None:
            pass

    folder = Folder(small_disk, Unreserved())
    folder.claim()
    save(folder, Name(1, 1), nbytes=600_000)

    with pytest.raises(StoreFault, match="No space left"):
        save(folder, Name(1, 2), nbytes=600_000)

    assert newest(folder) == Name(1, 1)
    assert sorted(entry.suffix for entry in small_disk.iterdir()) == [".begun", ".ckpt"]


def test_a_read_only_disk_is_told_with_a_way_out(small_disk: Path):
    folder = Folder(small_disk)
    folder.claim()
    save(folder, Name(1, 1))
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)

    with pytest.raises(StoreFault, match=r"Read-only file system.*FINOPS_CHECKPOINT_FOLDER"):
        save(folder, Name(1, 2))
    with pytest.raises(StoreFault, match="Read-only file system"):
        Folder(small_disk).claim()

    assert newest(Folder(small_disk)) == Name(1, 1)


def test_a_folder_that_was_removed_is_told_and_written_again_once_it_is_back(tmp_path: Path):
    folder = Folder(tmp_path / "here")
    attempt = folder.claim()
    shutil.rmtree(folder.path)

    assert folder.names() == []
    with pytest.raises(StoreFault, match="No such file or directory"):
        save(folder, Name(attempt, 1))
    folder.path.mkdir()
    save(folder, Name(attempt, 1))

    assert newest(folder) == Name(attempt, 1)


def test_a_file_in_the_folders_place_is_told(tmp_path: Path):
    (tmp_path / "checkpoints").write_text("a file")

    with pytest.raises(StoreFault, match="checkpoints: Not a directory"):
        Folder(tmp_path / "checkpoints").claim()


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_the_kernel_is_asked_for_what_the_tests_above_take_for_granted(tmp_path: Path):
    """Written past the page cache, cut to its length, synced, looked whether it is late, renamed, the folder synced."""
    saving = "from made_checkpoints import *; from finops.checkpoint.stores.folder import Folder\n"
    saving += f"folder = Folder({str(tmp_path)!r}); folder.claim(); print(flush=True); save(folder, Name(1, 1))"
    here = Path(__file__).parent
    calls = "trace=openat,fallocate,fcntl,write,ftruncate,fsync,getdents64,rename,unlink"
    log = tmp_path / "log"
    subprocess.run(
        ["strace", "-o", log, "-e", calls, sys.executable, "-c", saving],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(here), str(here.parent)])},
        check=True,
    )
    asked = log.read_text().partition('write(1, "\\n", 1)')[2]

    part = re.escape(f"{Name(1, 1)}.part")
    order = (
        rf"openat\([^\n]*{part}[^\n]* = (\d+)\n.*fallocate\(\1, 0, 0, .*write\(\1, .*ftruncate\(\1, .*fsync\(\1\) += 0"
        rf".*getdents64.*rename\([^\n]*{part}.*openat\([^\n]*O_DIRECTORY\) = (\d+)\n.*fsync\(\2\) += 0"
    )
    assert re.search(order, asked, re.DOTALL), asked
    assert "unlink" not in asked


@pytest.mark.parametrize("nbytes", [5000, 70_000, 3_000_000])
def test_past_the_page_cache_or_through_it_the_same_is_written(tmp_path: Path, nbytes: int):
    class Cached(Calls):
        def set_direct(self, fd: int, direct: bool) -> bool:
            return False

    written = []
    for calls in (Calls(), Cached()):
        folder = Folder(tmp_path / type(calls).__name__, calls)
        folder.claim()
        save(folder, Name(1, 1), nbytes=nbytes)
        written.append((folder.path / str(Name(1, 1))).read_bytes())

    assert written[0] == written[1]


def test_memory_that_the_disk_does_not_take_goes_through_the_page_cache(tmp_path: Path):
    """O_DIRECT asks for aligned memory; what is not is refused by EINVAL."""
    folder = Folder(tmp_path)
    folder.claim()
    odd = memoryview(bytearray(3 * 4096 + 1))[1:]

    with folder.sink(Name(1, 1), len(odd)) as sink:
        sink.write(odd)
        sink.publish()

    assert (tmp_path / str(Name(1, 1))).read_bytes() == odd
