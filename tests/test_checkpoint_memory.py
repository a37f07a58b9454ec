"""How much memory is taken for a snapshot, and what is done where there is little."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from finops.checkpoint.arena import Arena
from finops.checkpoint.format import CHUNK
from finops.checkpoint.memory import spare
from finops.checkpoint.names import Name
from finops.checkpoint.sparing import put_sparingly
from finops.checkpoint.stores.folder import Folder
from finops.checkpoint.tree import flatten
from finops.checkpoint.writing import fill, lay_out, put


def machine(root: Path, available: int, total: int, cgroup: str, **limits: str) -> Path:
    """A /proc and /sys with what is asked of them, in MiB; limits: file to text, with __ for /."""
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/meminfo").write_text(f"MemTotal: {total << 10} kB\nMemAvailable: {available << 10} kB\nHuge: 0\n")
    (root / "proc/self/cgroup").write_text(cgroup)
    for name, text in limits.items():
        path = root / "sys/fs/cgroup" / name.replace("__", "/").replace("memory_", "memory.")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


MIB = 1 << 20


def test_of_a_machine_without_limits_all_that_is_available_but_a_twentieth_can_be_spared(tmp_path: Path):
    assert spare(str(machine(tmp_path, 600, 1000, "0::/\n"))) == 550 * MIB


def test_a_containers_limit_counts_with_the_files_that_it_caches(tmp_path: Path):
    root = machine(
        tmp_path, 9000, 10000, "0::/\n",
        memory_max=str(1000 * MIB), memory_current=str(800 * MIB), memory_stat=f"anon 5\ninactive_file {300 * MIB}\n",
    )  # fmt: skip

    assert spare(str(root)) == (1000 - 50 - 800 + 300) * MIB


def test_the_tightest_of_nested_groups_counts(tmp_path: Path):
    root = machine(
        tmp_path, 9000, 10000, "1:cpu:/x\n0::/jobs/mine\n",
        jobs__memory_max=str(400 * MIB), jobs__memory_current="0", jobs__memory_stat="",
        jobs__mine__memory_max="max", jobs__mine__memory_current="7", jobs__mine__memory_stat="",
    )  # fmt: skip

    assert spare(str(root)) == 380 * MIB


def test_the_first_version_of_cgroups_counts_too(tmp_path: Path):
    root = machine(
        tmp_path, 9000, 10000, "4:memory:/docker/abc\n0::/\n",
        memory__docker__abc__memory_limit_in_bytes=str(200 * MIB),
        memory__docker__abc__memory_usage_in_bytes=str(100 * MIB),
        memory__docker__abc__memory_stat="total_inactive_file 0\n",
    )  # fmt: skip

    assert spare(str(root)) == 90 * MIB


def test_where_nobody_tells_nothing_is_known(tmp_path: Path):
    assert spare(str(tmp_path)) is None


def test_more_memory_than_there_is_is_not_taken():
    with pytest.raises(MemoryError, match="can be spared"):
        Arena(1 << 50)


def test_through_a_little_memory_the_very_same_bytes_are_written(tmp_path: Path):
    folder = Folder(tmp_path)
    folder.claim()
    chance, some = random.Random(5), [0, 1, 63, 4096, 9_999, 300_000, 2_000_000]
    many = [[chance.choice(some) for _ in range(chance.randrange(1, 12))] for _ in range(12)]
    of_chunks = [[CHUNK - 4096, 7, CHUNK], [2 * CHUNK - 4096], [CHUNK - 4097, 1], [CHUNK - 8192], [2 * CHUNK - 8192]]

    for step, sizes in enumerate(many + of_chunks, 1):
        state = {f"part {number}": os.urandom(size) for number, size in enumerate(sizes)}
        nodes, buffers = flatten(state)
        layout = lay_out(nodes, buffers)
        held = Arena(layout.body)
        fill(memoryview(held.memory), held.address, layout, buffers)
        put(folder, Name(1, step), memoryview(held.memory)[: layout.body], layout.tree, {"step": step})
        whole = (folder.path / str(Name(1, step))).read_bytes()
        held.close()

        nbytes = put_sparingly(folder, Name(1, step), layout, buffers, {"step": step})

        assert (folder.path / str(Name(1, step))).read_bytes() == whole
        assert nbytes == len(whole)
