"""A disk that is full, and a database that somebody else holds."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MEBIBYTES = 8


def run(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@contextmanager
def small(folder: Path, mebibytes: int = MEBIBYTES) -> Iterator[Path]:
    """A disk of few MiB at `folder`; FileNotFoundError where none can be mounted here."""
    folder.mkdir()
    if os.geteuid() != 0 or shutil.which("mount") is None or not run(
        "mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "tmpfs", str(folder)
    ):  # fmt: skip
        raise FileNotFoundError("no disk can be mounted here")
    try:
        yield folder
    finally:
        run("umount", "-l", str(folder))


@contextmanager
def full(folder: Path) -> Iterator[None]:
    """Not a byte is left."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (65536, 4096, 1):
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError:
                continue
    yield
    filler.unlink()


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """A backup that does not end."""
    held = sqlite3.connect(folder / "state.db", isolation_level=None)
    held.execute("BEGIN IMMEDIATE")
    yield
    held.execute("ROLLBACK")
    held.close()


def read_only(folder: Path) -> bool:
    """Whether nothing can be written there any more. Not, while somebody has a file open for writing."""
    return run("mount", "-o", "remount,ro", str(folder))


def writable(folder: Path) -> bool:
    return run("mount", "-o", "remount,rw", str(folder))
