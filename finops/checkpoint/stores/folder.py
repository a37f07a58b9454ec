"""A folder on a file system that keeps its word: written aside, synced, renamed, and the folder synced.

Not for mounts of blob storage, where a rename is a copy and a sync may do nothing: see finops.checkpoint.stores.mount.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path

from finops.checkpoint.faults import Fenced, StoreFault
from finops.checkpoint.format import BLOCK
from finops.checkpoint.names import Name
from finops.checkpoint.stores.calls import Calls, Reading, read_all, write_all, write_some

_CLAIM = re.compile(r"attempt-(\d{4,})\.begun")
_ASIDE = ".part"


class Folder:
    """See finops.checkpoint.stores.Store."""

    def __init__(self, path: str | os.PathLike[str], calls: Calls | None = None) -> None:
        self.path = Path(path).absolute()
        self.spec = f"folder:{self.path}"
        self._calls = calls or Calls()

    def claim(self) -> int:
        self.make()
        with _told(self.path, "make"):
            while True:
                attempt = self._newest() + 1
                try:
                    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY
                    self._calls.close(self._calls.open(self._at(f"attempt-{attempt:04}.begun"), flags))
                except FileExistsError:  # two starts at once: the other has this number
                    continue
                self._sync(self.path)
                self._collect(attempt)
                return attempt

    def newest(self) -> int:
        with _told(self.path, "list"):
            try:
                return self._newest()
            except FileNotFoundError:
                return 0

    def make(self) -> None:
        with _told(self.path, "make"):
            self._make(self.path)
            for above in self.path.parents:  # an attempt that was killed may have made them, and synced none
                with contextlib.suppress(OSError):  # not ours to open: then it was there before us
                    self._sync(above)

    def names(self) -> list[Name]:
        with _told(self.path, "list"):
            try:
                entries = self._calls.listdir(str(self.path))
            except FileNotFoundError:
                return []
        return sorted((name for name in map(Name.of, entries) if name), reverse=True)

    @contextlib.contextmanager
    def open(self, name: Name) -> Iterator[Reading]:
        path = self._at(str(name))
        with _told(path, "read"):
            fd = self._calls.open(path, os.O_RDONLY)
            try:
                yield Reading(path, fd, self._calls)
            finally:
                self._calls.close(fd)

    @contextlib.contextmanager
    def sink(self, name: Name, nbytes: int) -> Iterator[_Writing]:
        aside = self._at(f"{name}{_ASIDE}")
        with _told(self._at(str(name)), "write"):
            fd = self._calls.open(aside, os.O_CREAT | os.O_TRUNC | os.O_WRONLY)
            writing = _Writing(self, name, aside, fd, self._calls)
            try:
                self._calls.reserve(fd, nbytes)  # a disk that is too small is known before a byte is written
                yield writing
            finally:
                try:
                    self._calls.close(fd)
                finally:
                    if not writing.published:
                        self._discard(aside)

    def delete(self, name: Name) -> None:
        with _told(self._at(str(name)), "delete"), contextlib.suppress(FileNotFoundError):
            self._calls.unlink(self._at(str(name)))

    def note(self, name: str, text: str) -> None:
        aside = self._at(f"{name}.{secrets.token_hex(4)}{_ASIDE}")  # two attempts may write the same note at once
        with _told(self._at(name), "write"):
            fd = self._calls.open(aside, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
            try:
                try:
                    write_all(self._calls, fd, memoryview(text.encode()))
                    self._calls.sync(fd)
                finally:
                    self._calls.close(fd)
                self._calls.rename(aside, self._at(name))
            except OSError:
                self._discard(aside)
                raise
            self._sync(self.path)

    def notes(self, name: str) -> str | None:
        path = self._at(name)
        with _told(path, "read"), contextlib.suppress(FileNotFoundError):
            fd = self._calls.open(path, os.O_RDONLY)
            try:
                held = memoryview(bytearray(self._calls.size(fd)))
                return str(held[: read_all(self._calls, fd, 0, held)], "utf-8")
            finally:
                self._calls.close(fd)
        return None

    def publish(self, name: Name, aside: str) -> None:
        """Raises Fenced where an attempt after that of `name` has begun."""
        self._refuse_late(name.attempt)
        try:
            self._calls.rename(aside, self._at(str(name)))
        except FileNotFoundError:  # a later attempt that began just now has removed it
            self._refuse_late(name.attempt)
            raise

    def sync(self) -> None:
        self._sync(self.path)

    def _at(self, entry: str) -> str:
        return os.path.join(self.path, entry)

    def _make(self, path: Path) -> None:
        with contextlib.suppress(FileExistsError):
            try:
                self._calls.mkdir(str(path))
            except FileNotFoundError:
                self._make(path.parent)
                self._calls.mkdir(str(path))

    def _sync(self, folder: Path) -> None:
        fd = self._calls.open(str(folder), os.O_RDONLY | os.O_DIRECTORY)
        try:
            self._calls.sync(fd)
        finally:
            self._calls.close(fd)

    def _refuse_late(self, attempt: int) -> None:
        if (newest := self._newest()) > attempt:
            raise Fenced(
                f"Attempt {newest} of this job has begun in {self.path}; this is attempt {attempt}.",
                "Nothing to do where the job was restarted. Else give each job its own folder.",
            )

    def _newest(self) -> int:
        """The newest attempt: by its claim, or by what it saved, should somebody have removed the claims."""
        entries = self._calls.listdir(str(self.path))
        begun = [int(found[1]) for found in map(_CLAIM.fullmatch, entries) if found]
        return max(begun + [name.attempt for name in map(Name.of, entries) if name], default=0)

    def _collect(self, attempt: int) -> None:
        """Remove what attempts that were killed left half written; a writer that still lives is told by the claim."""
        for entry in self._calls.listdir(str(self.path)):
            if entry.endswith(_ASIDE):
                name = Name.of(entry.removesuffix(_ASIDE))
                if name is None or name.attempt < attempt:
                    self._discard(self._at(entry))

    def _discard(self, aside: str) -> None:
        with contextlib.suppress(OSError):  # the next attempt tries again
            self._calls.unlink(aside)


class _Writing:
    """Past the page cache where the disk and the memory allow it: writing through it steals both from the training."""

    def __init__(self, folder: Folder, name: Name, aside: str, fd: int, calls: Calls) -> None:
        self._folder, self._name, self._aside = folder, name, aside
        self._fd, self._calls = fd, calls
        self._direct = calls.set_direct(fd, True)
        self._written = 0
        self.published = False

    def write(self, piece: memoryview) -> None:
        while piece:
            if self._direct and (len(piece) % BLOCK or self._written % BLOCK):
                self._direct = self._calls.set_direct(self._fd, False)
            try:
                done = write_some(self._calls, self._fd, piece)
            except OSError as fault:
                if fault.errno != errno.EINVAL or not self._direct:
                    raise
                self._direct = self._calls.set_direct(self._fd, False)  # the memory or the disk is aligned otherwise
                continue
            self._written += done
            piece = piece[done:]

    def publish(self) -> None:
        self._calls.truncate(self._fd, self._written)
        self._calls.sync(self._fd)
        self._calls.forget(self._fd)
        self._folder.publish(self._name, self._aside)
        self.published = True
        self._folder.sync()


@contextlib.contextmanager
def _told(path: str | Path, doing: str) -> Iterator[None]:
    try:
        yield
    except OSError as fault:
        raise StoreFault(
            f"Cannot {doing} {path}: {fault.strerror or fault}.", _FIX.get(fault.errno or 0, _ELSE)
        ) from fault


_ELSE = "Look whether the place is there and can be written."
_ROOM = "Make room, or keep fewer: keep=2."
_ELSEWHERE = "Name a folder that can be written: folder=... or FINOPS_CHECKPOINT_FOLDER."
_FIX = {
    errno.ENOSPC: _ROOM,
    errno.EDQUOT: _ROOM,
    errno.EROFS: _ELSEWHERE,
    errno.EACCES: _ELSEWHERE,
    errno.EPERM: _ELSEWHERE,
}
