"""A disk in memory that dies before any call, and afterwards has of what was not synced only what it likes.

What POSIX allows, and file systems do: blocks of a file reach the disk in any order or not at all, its size before or
after them, the entries of a folder likewise, each for itself. A sync of a file makes its bytes durable and not its
name; a sync of a folder makes its entries durable and not what they name. A sync that fails has dropped what it was
for, as Linux does, and the next one finds nothing to do.
"""

from __future__ import annotations

import errno
import itertools
import os
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from finops.checkpoint.stores.calls import Calls

BLOCK = 4096


class Died(BaseException):
    """The machine is off. Nothing that cleans up is run any more."""


@dataclass(eq=False)
class File:
    """content: as everybody reads it now. disk: what is on the disk for certain. unsynced: what may be."""

    content: bytearray = field(default_factory=bytearray)
    disk: bytes = b""
    unsynced: list[tuple[int, bytes | None]] = field(default_factory=list)  # where, what; or a size, None

    def put(self, offset: int, piece: bytes) -> None:
        end = offset + len(piece)
        if end > len(self.content):
            self.resize(end)
        self.content[offset:end] = piece
        while piece:
            length = BLOCK - offset % BLOCK
            self.unsynced.append((offset, piece[:length]))
            offset, piece = offset + length, piece[length:]

    def resize(self, size: int) -> None:
        del self.content[size:]
        self.content.extend(bytes(size - len(self.content)))
        self.unsynced.append((size, None))

    def sync(self) -> None:
        self.disk, self.unsynced = bytes(self.content), []

    def after(self, chosen: list[tuple[int, bytes | None]]) -> bytes:
        held, size = bytearray(self.disk), len(self.disk)
        for where, what in chosen:
            if what is None:
                size = where
            else:
                held.extend(bytes(max(0, where + len(what) - len(held))))
                held[where : where + len(what)] = what
        return bytes(held[:size]).ljust(size, b"\0")


@dataclass(eq=False)
class Entry:
    """One change of a folder: of that name, to a file, another folder, or nothing. also: the name it had before."""

    name: str
    now: File | str | None
    also: str | None = None


class Disk(Calls):
    """`files` and `folders` are what is there now. die_at: before the call of that number. lies: syncs nothing."""

    def __init__(self, files: Mapping[str, bytes] | None = None, folders: tuple[str, ...] = ("/",)) -> None:
        self.entries: dict[str, File | str] = dict.fromkeys(folders, "folder")
        self.durable: dict[str, File | str] = dict(self.entries)
        for path, content in (files or {}).items():
            self.entries[path] = self.durable[path] = File(bytearray(content), content)
        self.unsynced: list[Entry] = []
        self.made = 0
        self.die_at: int | None = None
        self.before: dict[int, Callable[[], None]] = {}
        self.faults: dict[int, int] = {}
        self.said: list[str] = []
        self.most: int | None = None
        self.room: int | None = None
        self.forgets_folders = self.forgets_files = False
        self._fds: dict[int, tuple[str, File | str, list[int]]] = {}
        self._direct: set[int] = set()
        self._numbers = itertools.count(3)

    # What Folder calls

    def mkdir(self, path: str) -> None:
        self._call("mkdir", path)
        if path in self.entries:
            raise FileExistsError(errno.EEXIST, "File exists", path)
        if os.path.dirname(path) not in self.entries:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", path)
        self._enter(Entry(path, "folder"))

    def open(self, path: str, flags: int) -> int:
        self._call("open", path)
        found = self.entries.get(path)
        if found is None:
            if not flags & os.O_CREAT or os.path.dirname(path) not in self.entries:
                raise FileNotFoundError(errno.ENOENT, "No such file or directory", path)
            found = File()
            self._enter(Entry(path, found))
        elif flags & os.O_EXCL:
            raise FileExistsError(errno.EEXIST, "File exists", path)
        elif flags & os.O_TRUNC and isinstance(found, File):
            found.resize(0)
        fd = next(self._numbers)
        self._fds[fd] = (path, found, [0])
        return fd

    def close(self, fd: int) -> None:
        self._call("close", self._fds[fd][0])
        del self._fds[fd]

    def listdir(self, path: str) -> list[str]:
        self._call("listdir", path)
        if path not in self.entries:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", path)
        return [os.path.basename(one) for one in self.entries if os.path.dirname(one) == path and one != path]

    def size(self, fd: int) -> int:
        self._call("size", self._fds[fd][0])
        return len(self._file(fd).content)

    def read(self, fd: int, offset: int, into: memoryview) -> int:
        self._call("read", self._fds[fd][0])
        piece = self._file(fd).content[offset : offset + len(into)]
        into[: len(piece)] = piece
        return len(piece)

    def write(self, fd: int, piece: memoryview) -> int:
        self._call("write", self._fds[fd][0])
        held = bytes(piece[: self.most])
        position = self._fds[fd][2]
        if fd in self._direct and (len(piece) % BLOCK or position[0] % BLOCK):
            raise OSError(errno.EINVAL, "Invalid argument")
        if self.room is not None:
            self._take(fd, position[0] + len(held))
        self._file(fd).put(position[0], held)
        position[0] += len(held)
        return len(held)

    def truncate(self, fd: int, nbytes: int) -> None:
        self._call("truncate", self._fds[fd][0])
        self._file(fd).resize(nbytes)

    def reserve(self, fd: int, nbytes: int) -> None:
        self._call("reserve", self._fds[fd][0])
        self._take(fd, nbytes)
        if nbytes > len(self._file(fd).content):
            self._file(fd).resize(nbytes)

    def sync(self, fd: int) -> None:
        path, found, _ = self._fds[fd]
        try:
            self._call("sync", path)
        except OSError:
            if isinstance(found, File):
                found.unsynced.clear()
            raise
        if isinstance(found, File) and not self.forgets_files:
            found.sync()
        elif isinstance(found, str) and not self.forgets_folders:
            mine = [one for one in self.unsynced if os.path.dirname(one.name) == path]
            for one in mine:
                _apply(self.durable, one)
                self.unsynced.remove(one)

    def forget(self, fd: int) -> None:
        self._call("forget", self._fds[fd][0])

    def rename(self, old: str, new: str) -> None:
        self._call("rename", new)
        if old not in self.entries:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", old)
        self._enter(Entry(new, self.entries[old], old))

    def unlink(self, path: str) -> None:
        self._call("unlink", path)
        if path not in self.entries:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", path)
        self._enter(Entry(path, None))

    def set_direct(self, fd: int, direct: bool) -> bool:
        self._call("direct", self._fds[fd][0])
        (self._direct.add if direct else self._direct.discard)(fd)
        return direct

    # What may be left

    def crashes(self, most: int, chance: random.Random) -> Iterator[Disk]:
        """The disks that may be found when the power is back: all there can be, or `most` of them, no two alike."""
        files = list({id(one): one for one in self._all() if isinstance(one, File)}.values())
        changes = [(file, change) for file in files for change in file.unsynced]
        many = len(changes) + len(self.unsynced)
        seen = set[frozenset[tuple[str, bytes | None]]]()
        for kept in _choices(many, most, chance):
            chosen = [change for change, keep in zip(changes, kept, strict=False) if keep]
            held = {id(file): file.after([what for of, what in chosen if of is file]) for file in files}
            entries = dict(self.durable)
            for entry, keep in zip(self.unsynced, kept[len(changes) :], strict=True):
                if keep:
                    _apply(entries, entry)
            left = {path: held[id(one)] if isinstance(one, File) else None for path, one in sorted(entries.items())}
            for path in list(left):
                if os.path.dirname(path) not in left:  # its folder is not there
                    del left[path]
            if (told := frozenset(left.items())) not in seen:
                seen.add(told)
                folders = tuple(path for path, one in left.items() if one is None)
                yield Disk({path: one for path, one in left.items() if one is not None}, folders)

    def _all(self) -> Iterator[File | str]:
        yield from self.entries.values()
        yield from self.durable.values()
        yield from (one.now for one in self.unsynced if one.now is not None)

    def _call(self, what: str, path: str) -> None:
        if self.die_at is not None and self.made >= self.die_at:
            raise Died
        number, self.made = self.made, self.made + 1
        self.said.append(f"{what} {os.path.basename(path)}")
        if number in self.before:
            self.before.pop(number)()
        if number in self.faults:
            fault = self.faults[number]
            raise OSError(fault, os.strerror(fault), path)

    def _enter(self, entry: Entry) -> None:
        _apply(self.entries, entry)
        self.unsynced.append(entry)

    def _file(self, fd: int) -> File:
        found = self._fds[fd][1]
        assert isinstance(found, File)
        return found

    def _take(self, fd: int, size: int) -> None:
        """Raise where the disk has no room for a file of that size beside the others."""
        mine = self._file(fd)
        others = sum(len(one.content) for one in self.entries.values() if isinstance(one, File) and one is not mine)
        if self.room is not None and others + size > self.room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _apply(entries: dict[str, File | str], entry: Entry) -> None:
    if entry.also is not None:
        entries.pop(entry.also, None)
    if entry.now is None:
        entries.pop(entry.name, None)
    else:
        entries[entry.name] = entry.now


def _choices(many: int, most: int, chance: random.Random) -> Iterator[tuple[bool, ...]]:
    """Which of `many` changes reached the disk: every way, or the plainest ones and then others by chance."""
    if 2**many <= most:
        yield from itertools.product((False, True), repeat=many)
        return
    for only in range(many):
        yield tuple(one == only for one in range(many))
        yield tuple(one != only for one in range(many))
        yield tuple(one < only for one in range(many))
        yield tuple(one >= only for one in range(many))
    for _ in range(max(0, most - 4 * many)):
        yield tuple(chance.random() < 0.5 for _ in range(many))
