"""A mount of blob storage, as blobfuse2 makes it: a file is uploaded when it is closed, and no more is trusted.

Not a rename, which is a copy and then a delete; not a sync, which may do nothing; not a listing, which may be of
yesterday; not what a second write to a file does to the first. So a checkpoint is written once, from its first byte to
its last, under its final name, closed, and read back. One that a killed writer left half there is listed, and known by
its checksums when it is read. Between nodes a mount has no sure order: of two attempts that begin in the same moment
both may go on. Where that can be, use finops.checkpoint.stores.blob.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import secrets
import zlib
from collections.abc import Iterator
from pathlib import Path

from finops.checkpoint.faults import Fenced, StoreFault
from finops.checkpoint.format import checked, read_footer
from finops.checkpoint.names import Name
from finops.checkpoint.stores.calls import Calls, Reading, write_all
from finops.errors import DataError

_CLAIM = re.compile(r"attempt-(\d{4,})\.(?:[0-9a-f]+\.)?begun")
_AGAIN = "~"  # before the number of a second file of the same attempt and step: no file is written twice
_ROUNDS = 20
_ONCE = os.O_CREAT | os.O_EXCL | os.O_WRONLY


class Mount:
    """See finops.checkpoint.stores.Store."""

    def __init__(self, path: str | os.PathLike[str], calls: Calls | None = None) -> None:
        self.path = Path(path).absolute()
        self.spec = f"mount:{self.path}"
        self._calls = calls or Calls()
        # What this process knows better than an old listing.
        self._made: set[str] = set()
        self._gone: set[str] = set()

    def claim(self) -> int:
        self.make()
        with _told(self.path, "begin an attempt in"):
            attempt = 0
            for _ in range(_ROUNDS):
                attempt = max(attempt, self._newest()) + 1
                own = f"attempt-{attempt:04}.{secrets.token_hex(4)}.begun"
                self._write(own, b"begun\n")  # blobfuse2 may leave an empty file where it is
                if [entry for entry in self._entries() if _attempt_of(entry) == attempt] == [own]:
                    return attempt
        raise StoreFault(f"Others keep beginning attempts in {self.path}.", "Give each job its own folder.")

    def newest(self) -> int:
        with _told(self.path, "list"):
            return self._newest()

    def make(self) -> None:
        with _told(self.path, "make"):
            self._make(self.path)

    def names(self) -> list[Name]:
        with _told(self.path, "list"):
            return sorted({name for name, _ in self._files()}, reverse=True)

    @contextlib.contextmanager
    def open(self, name: Name) -> Iterator[Reading]:
        """Of several files, the last that has an end: it was written whole, or an earlier one is still there."""
        with _told(self._at(str(name)), "read"), contextlib.ExitStack() as held:
            files = self._files_of(name) or [str(name)]
            sources = [held.enter_context(self._reading(entry)) for entry in files]
            yield next(filter(_has_end, reversed(sources)), sources[-1])

    @contextlib.contextmanager
    def sink(self, name: Name, nbytes: int) -> Iterator[_Writing]:
        with _told(self._at(str(name)), "write"):
            writing = _Writing(self, name, *self._begun(name))
            try:
                yield writing
            finally:
                writing.close()

    def delete(self, name: Name) -> None:
        with _told(self._at(str(name)), "delete"):
            for entry in self._files_of(name):
                self.remove(entry)

    def note(self, name: str, text: str) -> None:
        """A second file holds it while the first is written: whichever is cut, the other is whole."""
        aside = f"{name}{_AGAIN}new"
        with _told(self._at(name), "write"):
            self._write(aside, json.dumps({"text": text, "crc32": zlib.crc32(text.encode())}).encode())
            self._write(name, text.encode())
            self.remove(aside)

    def notes(self, name: str) -> str | None:
        with _told(self._at(name), "read"):
            if (newer := self._read(f"{name}{_AGAIN}new")) is not None:
                with contextlib.suppress(ValueError, KeyError, TypeError):  # it was cut: the other is as it was
                    told = json.loads(newer)
                    if zlib.crc32(told["text"].encode()) == told["crc32"]:
                        return str(told["text"])
            held = self._read(name)
        return None if held is None else str(held, "utf-8")

    # Of a checkpoint that is being written

    def refuse_late(self, attempt: int) -> None:
        """Raise Fenced where an attempt after `attempt` is seen to have begun."""
        if (newest := self._newest()) > attempt:
            raise Fenced(
                f"Attempt {newest} of this job has begun in {self.path}; this is attempt {attempt}.",
                "Nothing to do where the job was restarted. Else give each job its own folder.",
            )

    def upload(self, fd: int, piece: memoryview) -> None:
        write_all(self._calls, fd, piece)

    def end(self, fd: int) -> None:
        """Here the file is uploaded. Raises OSError where that failed."""
        self._calls.close(fd)

    def hold_against_sums(self, entry: str) -> None:
        """Raise StoreFault where the file is not, byte for byte, what its checksums say."""
        try:
            with self._reading(entry) as source:
                checked(source)
        except DataError as fault:
            raise StoreFault(f"The mount gave back something else: {fault.what}", "It is saved again.") from fault

    def keep(self, name: Name, entry: str) -> None:
        """`entry` is whole: what it replaces can go."""
        self._made.add(entry)
        for older in self._files_of(name):
            if _number_of(older) < _number_of(entry):
                self.remove(older)

    def remove(self, entry: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            self._calls.unlink(self._at(entry))
        self._made.discard(entry)
        self._gone.add(entry)

    # Within

    def _at(self, entry: str) -> str:
        return str(self.path / entry)

    def _entries(self) -> set[str]:
        try:
            return (set(self._calls.listdir(str(self.path))) | self._made) - self._gone
        except FileNotFoundError:
            return set()

    def _files(self) -> list[tuple[Name, str]]:
        named = ((Name.of(entry.partition(_AGAIN)[0]), entry) for entry in self._entries())
        return [(name, entry) for name, entry in named if name is not None]

    def _files_of(self, name: Name) -> list[str]:
        """Oldest first."""
        return sorted((entry for one, entry in self._files() if one == name), key=_number_of)

    def _newest(self) -> int:
        return max((_attempt_of(entry) for entry in self._entries()), default=0)

    def _begun(self, name: Name) -> tuple[str, int]:
        """A file of that name which was never there, and the descriptor that it is written by."""
        known = [*self._files_of(name), *(entry for entry in self._gone if entry.partition(_AGAIN)[0] == str(name))]
        first = max(map(_number_of, known), default=-1) + 1
        for number in range(first, first + _ROUNDS):
            entry = f"{name}{_AGAIN}{number}" if number else str(name)
            with contextlib.suppress(FileExistsError):  # the listing was old
                return entry, self._calls.open(self._at(entry), _ONCE)
        raise StoreFault(f"{self._at(str(name))} is there, and is not listed.", "Mount it anew.")

    def _write(self, entry: str, content: bytes) -> None:
        fd = self._calls.open(self._at(entry), os.O_CREAT | os.O_TRUNC | os.O_WRONLY)
        try:
            write_all(self._calls, fd, memoryview(content))
        finally:
            self._calls.close(fd)
        self._gone.discard(entry)
        self._made.add(entry)

    def _read(self, entry: str) -> bytes | None:
        with contextlib.suppress(FileNotFoundError), self._reading(entry) as source:
            held = memoryview(bytearray(source.size()))
            return bytes(held[: source.read(0, held)])
        return None

    @contextlib.contextmanager
    def _reading(self, entry: str) -> Iterator[Reading]:
        fd = self._calls.open(self._at(entry), os.O_RDONLY)
        try:
            yield Reading(self._at(entry), fd, self._calls)
        finally:
            self._calls.close(fd)

    def _make(self, path: Path) -> None:
        try:
            self._calls.mkdir(str(path))
        except FileNotFoundError:
            self._make(path.parent)
            self._make(path)
        except FileExistsError:
            pass


class _Writing:
    """In order and without gaps, which is all that a mount that streams can do. No O_DIRECT: it has no such way."""

    def __init__(self, mount: Mount, name: Name, entry: str, fd: int) -> None:
        self._mount, self._name, self._entry = mount, name, entry
        self._fd: int | None = fd
        self._published = False

    def write(self, piece: memoryview) -> None:
        assert self._fd is not None
        self._mount.upload(self._fd, piece)

    def publish(self) -> None:
        self._mount.refuse_late(self._name.attempt)
        self._close()
        self._mount.hold_against_sums(self._entry)
        self._mount.keep(self._name, self._entry)
        self._published = True

    def close(self) -> None:
        """What was not published is removed; the fault that is on its way says why, whatever else goes wrong here."""
        if self._published:
            return
        with contextlib.suppress(OSError):
            self._close()
        with contextlib.suppress(OSError):
            self._mount.remove(self._entry)

    def _close(self) -> None:
        if self._fd is not None:
            fd, self._fd = self._fd, None
            self._mount.end(fd)


def _has_end(source: Reading) -> bool:
    try:
        read_footer(source)
    except (DataError, OSError):
        return False
    return True


def _number_of(entry: str) -> int:
    number = entry.partition(_AGAIN)[2]
    return int(number) if number.isdecimal() else 0


def _attempt_of(entry: str) -> int:
    """Of a claim or a checkpoint; 0 of anything else."""
    if (claim := _CLAIM.fullmatch(entry)) is not None:
        return int(claim[1])
    name = Name.of(entry.partition(_AGAIN)[0])
    return name.attempt if name else 0


@contextlib.contextmanager
def _told(path: str | Path, doing: str) -> Iterator[None]:
    try:
        yield
    except OSError as fault:
        fix = _FIX.get(fault.errno or 0, "Look whether it is mounted, and whether the account lets this node write.")
        raise StoreFault(f"Cannot {doing} {path}: {fault.strerror or fault}.", fix) from fault


_ENDED = "The mount has ended: mount it anew, or name the blobs themselves: folder='https://...'."
_FIX = {
    errno.ENOSPC: "Make room where the mount keeps its cache, or keep fewer: keep=2.",
    errno.ENOTCONN: _ENDED,
    errno.ECONNABORTED: _ENDED,
    errno.EROFS: "Mount it for writing: mode rw_mount of an Azure ML output.",
}
