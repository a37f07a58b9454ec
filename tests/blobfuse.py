"""What a node sees of blobs through a mount such as blobfuse2, and what is left in the cloud when the node vanishes.

A file is uploaded when it is closed; a rename is a copy and then a delete; a sync does nothing; what was listed or read
once is not asked for again. Sources: azure-storage-fuse's wiki (file cache, limitations), its issues 1225, 579, 1142
and 964, and Azure ML's DATASET_MOUNT_ATTRIBUTE_CACHE_TTL, by which a listing never grows old.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field

from finops.checkpoint.stores.calls import Calls


class Died(BaseException):
    """The node is gone: nothing on it runs any further."""


@dataclass(frozen=True)
class Habits:
    """torn: an upload that is cut leaves its first half. touches: a file that is begun is an empty blob at once.

    stale: of the folder, and of each file, the first look is all that is ever seen, what this node did included.
    """

    torn: bool = False
    touches: bool = False
    stale: bool = False


@dataclass
class _Handle:
    path: str
    content: bytearray
    writes: bool
    dirty: bool = False


@dataclass
class Blobfuse(Calls):
    """One node's mount of `cloud`: path to content. Dies at the call numbered `dies_at`, which may happen half.

    faults: the errno of a call by its number.
    """

    cloud: MutableMapping[str, bytes]
    habits: Habits = Habits()
    dies_at: int | None = None
    faults: Mapping[int, int] = field(default_factory=dict)
    made: list[str] = field(default_factory=list)
    _handles: dict[int, _Handle] = field(default_factory=dict)
    _cached: dict[str, bytes] = field(default_factory=dict)
    _listed: list[str] | None = None

    def mkdir(self, path: str) -> None:
        self._call("mkdir")
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)

    def open(self, path: str, flags: int) -> int:
        self._call("open")
        there = path in self.cloud
        if flags & os.O_CREAT:
            if there and flags & os.O_EXCL:
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)
            if self.habits.touches:
                self.cloud[path] = b""
            return self._handle(_Handle(path, bytearray(), writes=True, dirty=True))
        if flags & getattr(os, "O_DIRECTORY", 0):
            return self._handle(_Handle(path, bytearray(), writes=False))
        if not there:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        return self._handle(_Handle(path, bytearray(self._content(path)), writes=False))

    def close(self, fd: int) -> None:
        handle = self._handles.pop(fd)
        self._call("close")
        self.upload(handle)

    def upload(self, handle: _Handle) -> None:
        if not handle.dirty:
            return
        handle.dirty = False
        try:
            self._call("upload")
        except Died:
            if self.habits.torn:
                self.cloud[handle.path] = bytes(handle.content[: len(handle.content) // 2])
            raise
        self.cloud[handle.path] = bytes(handle.content)

    def listdir(self, path: str) -> list[str]:
        self._call("listdir")
        if self._listed is None or not self.habits.stale:
            self._listed = [os.path.basename(each) for each in self.cloud if os.path.dirname(each) == path]
        return list(self._listed)

    def size(self, fd: int) -> int:
        return len(self._handles[fd].content)

    def read(self, fd: int, offset: int, into: memoryview) -> int:
        self._call("read")
        piece = self._handles[fd].content[offset : offset + len(into)]
        into[: len(piece)] = piece
        return len(piece)

    def write(self, fd: int, piece: memoryview) -> int:
        self._call("write")
        self._handles[fd].content += piece
        self._handles[fd].dirty = True
        return len(piece)

    def truncate(self, fd: int, nbytes: int) -> None:
        self._call("truncate")
        del self._handles[fd].content[nbytes:]

    def sync(self, fd: int) -> None:
        self._call("sync")

    def rename(self, old: str, new: str) -> None:
        """Of what is in the cloud by then: of a file that is still open, what it was when it was begun."""
        self._call("rename")
        if old not in self.cloud:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), old)
        self.cloud[new] = self.cloud[old]
        self._call("delete of the renamed")
        del self.cloud[old]

    def unlink(self, path: str) -> None:
        self._call("unlink")
        if self.cloud.pop(path, None) is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)

    def reserve(self, fd: int, nbytes: int) -> None:
        pass

    def set_direct(self, fd: int, direct: bool) -> bool:
        return False

    def _call(self, what: str) -> None:
        self.made.append(what)
        number = len(self.made)
        if self.dies_at is not None and number >= self.dies_at:
            raise Died
        if fault := self.faults.get(number):
            raise OSError(fault, os.strerror(fault))

    def _handle(self, handle: _Handle) -> int:
        fd = max(self._handles, default=999) + 1
        self._handles[fd] = handle
        return fd

    def _content(self, path: str) -> bytes:
        return self._cached.setdefault(path, self.cloud[path]) if self.habits.stale else self.cloud[path]
