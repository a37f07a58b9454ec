"""A file that is written beside its place and takes its name at the end: whole and on the disk, or not at all."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from finops.errors import DataError, FinopsError

SUM = ".sha256"  # beside a backup, as `sha256sum -c` reads it
BLOCK = 1 << 20
_SUMMED = re.compile(r"([0-9a-f]{64}) [ *]")
# What a file system without hard links says to link(2): https://man7.org/linux/man-pages/man2/link.2.html
NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK}


@contextmanager
def beside(path: Path, *, replace: bool = False) -> Iterator[Path]:
    """A new file for its owner only, in the folder of `path`. It takes that name when the block ends without a fault.

    A process that dies leaves it behind under its temporary name, where the next one for the same `path` begins anew.
    """
    if not replace and os.path.lexists(path):
        raise _is_there(path)
    part = path.with_name(f".{path.name}.part")
    file = _taken(part)
    try:
        yield part
        with explained(path):
            _synced(part)
            if replace:
                os.replace(part, path)
            else:
                _named(part, path)
            sync_folder(path.parent)
    except BaseException:
        with suppress(OSError):
            _without_logs(part)
            part.unlink()
        raise
    finally:
        os.close(file)


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn a fault of the disk into one clear error."""
    try:
        yield
    except OSError as fault:
        fix = "Name a folder that this user may write."
        if fault.errno in {errno.ENOSPC, errno.EDQUOT}:
            fix = "Free space on its disk. What was there before is as it was."
        raise FinopsError(f"{path} cannot be written ({fault.strerror}).", fix) from fault


def _taken(part: Path) -> int:
    """The file, empty and locked for as long as it is open: nobody else writes to the same place meanwhile."""
    while True:
        with explained(part):
            file = os.open(part, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_still(part, file):
                os.fchmod(file, 0o600)
                os.ftruncate(file, 0)
                _without_logs(part)
                return file
        except BlockingIOError as fault:
            os.close(file)
            raise FinopsError(f"Another process is writing {part} now.", "Wait for its end.") from fault
        os.close(file)  # who had it ended between our opening and our locking: it has its name, and is a backup now


def _is_still(part: Path, file: int) -> bool:
    try:
        return os.stat(part).st_ino == os.fstat(file).st_ino
    except FileNotFoundError:
        return False


def _without_logs(part: Path) -> None:
    """Remove what SQLite left beside the file, here or in a process that died: it is of no other one."""
    for end in ("-journal", "-wal", "-shm"):
        part.with_name(part.name + end).unlink(missing_ok=True)


def _named(part: Path, path: Path) -> None:
    """Give `part` its name, where nothing has it: link(2) looks and names in one step, and never over anything."""
    try:
        os.link(part, path)
    except FileExistsError as fault:
        raise _is_there(path) from fault
    except OSError as fault:
        if fault.errno not in NO_LINKS:
            raise
        if os.path.lexists(path):
            raise _is_there(path) from fault
        os.rename(part, path)
        return
    os.unlink(part)


def _is_there(path: Path) -> FinopsError:
    return FinopsError(f"{path} is there already.", "Name another file, or say --replace. Nothing was changed.")


def _synced(path: Path) -> None:
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def sync_folder(folder: Path) -> None:
    """Let the names in a folder be on the disk, too."""
    _synced(folder)


def sum_of(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    found = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(BLOCK):
            found.update(block)
    return found.hexdigest()


def note_sum(path: Path, digest: str) -> None:
    """Write the sum of a file beside it."""
    with beside(path.with_name(path.name + SUM), replace=True) as part, explained(path):
        part.write_text(f"{digest}  {path.name}\n", "utf-8")


def noted_sum(path: Path) -> str | None:
    """The sum that stands beside a file; None where none does."""
    try:
        found = _SUMMED.match(path.with_name(path.name + SUM).read_text("utf-8", "replace"))
    except FileNotFoundError:
        return None
    return found[1] if found else ""


def matches_its_sum(path: Path) -> bool:
    """Whether a sum stands beside a file; raises where the file is another one than was summed."""
    noted = noted_sum(path)
    if noted is None:
        return False
    if noted != sum_of(path):
        raise DataError(
            f"{path} is not as it was written: its SHA-256 differs from the one in {path.name}{SUM}.",
            "Take an older backup. Nothing was changed.",
        )
    return True
