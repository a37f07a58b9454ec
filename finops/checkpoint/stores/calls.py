"""The system calls that a folder makes, in one place: a test gives it a disk in their stead that dies and forgets."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import sys


class Calls:
    """Each is one call of the operating system, and raises OSError as that does."""

    def mkdir(self, path: str) -> None:
        os.mkdir(path)

    def open(self, path: str, flags: int) -> int:
        return os.open(path, flags, 0o666)

    def close(self, fd: int) -> None:
        os.close(fd)

    def listdir(self, path: str) -> list[str]:
        return os.listdir(path)

    def size(self, fd: int) -> int:
        return os.fstat(fd).st_size

    def read(self, fd: int, offset: int, into: memoryview) -> int:
        if hasattr(os, "preadv"):
            return os.preadv(fd, [into], offset)
        got = os.pread(fd, len(into), offset)  # macOS before 11
        into[: len(got)] = got
        return len(got)

    def write(self, fd: int, piece: memoryview) -> int:
        return os.write(fd, piece)

    def truncate(self, fd: int, nbytes: int) -> None:
        os.ftruncate(fd, nbytes)

    def sync(self, fd: int) -> None:
        os.fsync(fd)

    def forget(self, fd: int) -> None:
        """What was synced is read from the disk from now on: the page cache tells what it should hold, not whether."""
        if hasattr(os, "posix_fadvise"):
            with contextlib.suppress(OSError):  # advice that may be declined
                os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)

    def rename(self, old: str, new: str) -> None:
        os.rename(old, new)

    def unlink(self, path: str) -> None:
        os.unlink(path)

    def reserve(self, fd: int, nbytes: int) -> None:
        """Raises OSError where the disk has no room for them. Does nothing where the file system cannot tell.

        Not by os.posix_fallocate: where the file system has no such call, glibc makes it up by a write to each block.
        """
        if (fallocate := _fallocate()) is None:
            return
        while fallocate(fd, 0, 0, nbytes):
            fault = ctypes.get_errno()
            if fault in (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS, errno.ENODEV):
                return
            if fault != errno.EINTR:
                raise OSError(fault, os.strerror(fault))

    def set_direct(self, fd: int, direct: bool) -> bool:
        """Whether the file is used past the page cache from now on, as asked: tmpfs and others have no such way."""
        if not hasattr(os, "O_DIRECT"):
            return False
        import fcntl

        flags = fcntl.fcntl(fd, fcntl.F_GETFL)
        try:
            fcntl.fcntl(fd, fcntl.F_SETFL, flags | os.O_DIRECT if direct else flags & ~os.O_DIRECT)
        except OSError:
            return False
        return direct


def _fallocate() -> ctypes._NamedFuncPointer | None:
    if not sys.platform.startswith("linux") or sys.maxsize < 1 << 32:
        return None
    found = getattr(ctypes.CDLL(None, use_errno=True), "fallocate", None)
    if found is not None:
        found.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]
    return found


class Reading:
    """An open file as a source."""

    def __init__(self, name: str, fd: int, calls: Calls) -> None:
        self.name = name
        self._fd, self._calls = fd, calls
        self._direct = False

    def size(self) -> int:
        return self._calls.size(self._fd)

    def read(self, offset: int, into: memoryview) -> int:
        try:
            return read_all(self._calls, self._fd, offset, into)
        except OSError as fault:
            if fault.errno != errno.EINVAL or not self._direct:
                raise
        self._direct = self._calls.set_direct(self._fd, False)  # the memory or the disk is aligned otherwise
        return read_all(self._calls, self._fd, offset, into)

    def go_straight(self) -> None:
        self._direct = self._calls.set_direct(self._fd, True)


def write_some(calls: Calls, fd: int, piece: memoryview) -> int:
    """How much was written, something at least."""
    if not (done := calls.write(fd, piece)):
        raise OSError(errno.EIO, "nothing was written and no reason given")
    return done


def write_all(calls: Calls, fd: int, piece: memoryview) -> None:
    while piece:
        piece = piece[write_some(calls, fd, piece) :]


def read_all(calls: Calls, fd: int, offset: int, into: memoryview) -> int:
    """Fill `into` from `offset` on; how much of it there was."""
    done = 0
    while done < len(into) and (got := calls.read(fd, offset + done, into[done:])):
        done += got
    return done
