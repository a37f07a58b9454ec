"""tests/blobfuse.py as a file system that Linux mounts: what blobfuse2 is to a node, by the kernel's own FUSE protocol.

Run as a process of its own: `python blobfuse_mount.py POINT CLOUD [--dies-at N] [--torn] [--touches] [--stale]`. Needs
/dev/fuse and the right to mount. The cloud is a folder, which stays when the process dies.
https://docs.kernel.org/filesystems/fuse.html, include/uapi/linux/fuse.h (7.31)
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import errno
import os
import select
import stat
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, unquote

import pytest
from blobfuse import Blobfuse, Died, Habits

NOT_ALLOWED = 77
_DETACH = 2
_DIRECT_IO = 1  # the kernel keeps nothing: each call of a program is one that arrives here
_MAX_WRITE = 1 << 17
_SIZE = 1 << 3  # FATTR_SIZE

_HEADER = struct.Struct("<IIQQIIIHH")
_ATTR = struct.Struct("<6Q10I")


class Cloud(MutableMapping[str, bytes]):
    """Blobs as files of a folder, each of them replaced in one step."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(exist_ok=True)

    def _at(self, path: str) -> Path:
        return self._folder / quote(path, safe="")

    def __getitem__(self, path: str) -> bytes:
        try:
            return self._at(path).read_bytes()
        except FileNotFoundError:
            raise KeyError(path) from None

    def __setitem__(self, path: str, content: bytes) -> None:
        aside = self._folder / ".aside"
        aside.write_bytes(content)
        aside.replace(self._at(path))

    def __delitem__(self, path: str) -> None:
        self._at(path).unlink()

    def __iter__(self) -> Iterator[str]:
        return (unquote(name) for name in sorted(os.listdir(self._folder)) if name != ".aside")

    def __len__(self) -> int:
        return sum(1 for _ in self)


@contextmanager
def mounted(point: Path, cloud: Path, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """The process that serves it. Skips the test where mounting is not allowed, as in most containers."""
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        pytest.skip("there is no /dev/fuse to open")
    point.mkdir(exist_ok=True)
    command = [sys.executable, "-P", str(Path(__file__)), str(point), str(cloud), *options]
    folders = [str(Path(__file__).parent), str(Path(__file__).parent.parent)]
    server = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": os.pathsep.join(folders)})
    try:
        end = time.monotonic() + 30
        while not os.path.ismount(point):
            if server.poll() == NOT_ALLOWED:
                pytest.skip("this process may not mount a file system")
            assert server.poll() is None
            assert time.monotonic() < end
            time.sleep(0.01)
        yield server
    finally:
        server.kill()
        server.wait()
        ctypes.CDLL(None).umount2(os.fsencode(point), _DETACH)


class Server:
    """Answers the kernel, one request after another."""

    def __init__(self, blobs: Blobfuse) -> None:
        self._blobs = blobs
        self._paths = {1: "/"}
        self._folders = {"/"}
        self._kinds: dict[int, Callable[[int, bytes], bytes | None]] = {
            1: lambda node, body: self._entry(self._child(node, _name(body))),
            2: lambda node, body: None,  # forget
            3: lambda node, body: struct.pack("<QII", 0, 0, 0) + self._attr(self._paths[node]),
            4: self._setattr,
            9: self._mkdir,
            10: self._unlink,
            12: lambda node, body: self._rename(node, body, 8),
            14: self._open,
            15: self._read,
            16: self._write,
            17: lambda node, body: struct.pack("<5Q4I24x", *(1 << 30,) * 5, 4096, 255, 4096, 0),
            18: self._release,
            20: lambda node, body: b"",  # fsync, which does nothing
            25: self._flush,
            26: self._init,
            27: lambda node, body: struct.pack("<QII", 0, 0, 0),
            28: self._readdir,
            29: lambda node, body: b"",
            30: lambda node, body: b"",
            34: lambda node, body: b"",
            35: self._create,
            36: lambda node, body: None,  # interrupt
            38: lambda node, body: b"",
            42: lambda node, body: None,
            45: lambda node, body: self._rename(node, body, 16),
        }

    def answer(self, request: bytes) -> bytes | None:
        length, kind, unique, node, *_ = _HEADER.unpack_from(request)
        code, told = 0, b""
        try:
            if kind not in self._kinds:
                raise OSError(errno.ENOSYS, "")
            answered = self._kinds[kind](node, request[_HEADER.size : length])
            if answered is None:
                return None
            told = answered
        except OSError as fault:
            code = fault.errno or errno.EIO
        return struct.pack("<IiQ", 16 + len(told), -code, unique) + told

    def _init(self, node: int, body: bytes) -> bytes:
        ahead = struct.unpack_from("<I", body, 8)[0]
        return struct.pack("<IIIIHHIIHHII24x", 7, 31, ahead, 0, 12, 9, _MAX_WRITE, 1, 0, 0, 0, 0)

    def _child(self, node: int, name: str) -> str:
        return os.path.join(self._paths[node], name)

    def _writing(self, path: str) -> int | None:
        """Bytes of it so far, where it is open for writing."""
        handles = self._blobs._handles.values()
        return next((len(each.content) for each in handles if each.path == path and each.writes), None)

    def _attr(self, path: str) -> bytes:
        if path in self._folders:
            mode, size = stat.S_IFDIR | 0o755, 0
        else:
            written = self._writing(path)
            if written is None and path not in self._blobs.cloud:
                raise OSError(errno.ENOENT, path)
            mode, size = stat.S_IFREG | 0o644, len(self._blobs.cloud[path]) if written is None else written
        blocks, times, owner = -(-size // 512), (0,) * 6, (os.getuid(), os.getgid())
        return _ATTR.pack(self._node(path), size, blocks, *times, mode, 1, *owner, 0, 4096, 0)

    def _node(self, path: str) -> int:
        known = next((node for node, each in self._paths.items() if each == path), None)
        if known is None:
            known = max(self._paths) + 1
            self._paths[known] = path
        return known

    def _entry(self, path: str) -> bytes:
        attr = self._attr(path)
        return struct.pack("<QQQQII", self._node(path), 0, 0, 0, 0, 0) + attr

    def _setattr(self, node: int, body: bytes) -> bytes:
        valid, _, _, size = struct.unpack_from("<IIQQ", body)
        if valid & _SIZE:
            for number, each in self._blobs._handles.items():
                if each.path == self._paths[node] and each.writes:
                    self._blobs.truncate(number, size)
        return struct.pack("<QII", 0, 0, 0) + self._attr(self._paths[node])

    def _mkdir(self, node: int, body: bytes) -> bytes:
        self._folders.add(self._child(node, _name(body[8:])))
        return self._entry(self._child(node, _name(body[8:])))

    def _unlink(self, node: int, body: bytes) -> bytes:
        self._blobs.unlink(self._child(node, _name(body)))
        return b""

    def _rename(self, node: int, body: bytes, skipped: int) -> bytes:
        target = struct.unpack_from("<Q", body)[0]
        old, new = body[skipped:].split(b"\0")[:2]
        self._blobs.rename(self._child(node, os.fsdecode(old)), self._child(target, os.fsdecode(new)))
        return b""

    def _open(self, node: int, body: bytes) -> bytes:
        flags = struct.unpack_from("<I", body)[0]
        wanted = flags & os.O_ACCMODE
        fd = self._blobs.open(self._paths[node], os.O_RDONLY if wanted == os.O_RDONLY else os.O_CREAT | os.O_WRONLY)
        return struct.pack("<QII", fd, _DIRECT_IO, 0)

    def _create(self, node: int, body: bytes) -> bytes:
        path = self._child(node, _name(body[16:]))
        fd = self._blobs.open(path, struct.unpack_from("<I", body)[0] | os.O_CREAT)
        return self._entry(path) + struct.pack("<QII", fd, _DIRECT_IO, 0)

    def _read(self, node: int, body: bytes) -> bytes:
        fd, offset, size = struct.unpack_from("<QQI", body)
        held = memoryview(bytearray(size))
        return bytes(held[: self._blobs.read(fd, offset, held)])

    def _write(self, node: int, body: bytes) -> bytes:
        fd, offset, size = struct.unpack_from("<QQI", body)
        if offset != len(self._blobs._handles[fd].content):
            raise OSError(errno.EOPNOTSUPP, "a stream takes what follows")
        return struct.pack("<II", self._blobs.write(fd, memoryview(body)[40 : 40 + size]), 0)

    def _flush(self, node: int, body: bytes) -> bytes:
        self._blobs.upload(self._blobs._handles[struct.unpack_from("<Q", body)[0]])
        return b""

    def _release(self, node: int, body: bytes) -> bytes:
        self._blobs._handles.pop(struct.unpack_from("<Q", body)[0], None)
        return b""

    def _readdir(self, node: int, body: bytes) -> bytes:
        _, offset, size = struct.unpack_from("<QQI", body)
        told = b""
        for number, name in enumerate(sorted(self._blobs.listdir(self._paths[node])), 1):
            raw = os.fsencode(name)
            entry = struct.pack("<QQII", number + 1, number, len(raw), stat.S_IFREG >> 12) + raw
            entry += bytes(-len(entry) % 8)
            if number > offset and len(told) + len(entry) <= size:
                told += entry
            elif number > offset:
                break
        return told


def _name(body: bytes) -> str:
    return os.fsdecode(body.partition(b"\0")[0])


def main() -> int:
    asked = argparse.ArgumentParser()
    asked.add_argument("point")
    asked.add_argument("cloud", type=Path)
    asked.add_argument("--dies-at", type=int)
    for habit in ("--torn", "--touches", "--stale"):
        asked.add_argument(habit, action="store_true")
    told = asked.parse_args()
    server = Server(Blobfuse(Cloud(told.cloud), Habits(told.torn, told.touches, told.stale), told.dies_at))
    fd = os.open("/dev/fuse", os.O_RDWR)
    options = f"fd={fd},rootmode=40000,user_id={os.getuid()},group_id={os.getgid()}"
    if ctypes.CDLL(None).mount(b"blobfuse2", os.fsencode(told.point), b"fuse.blobfuse2", 6, options.encode()):
        return NOT_ALLOWED
    while True:
        select.select([fd], [], [])
        try:
            request = os.read(fd, _MAX_WRITE + 8192)
            if (answer := server.answer(request)) is not None:
                with contextlib.suppress(FileNotFoundError):  # who asked has gone
                    os.write(fd, answer)
        except Died:
            return 1
        except OSError as fault:
            if fault.errno == errno.ENODEV:  # unmounted
                return 0
            if fault.errno not in (errno.EINTR, errno.ENOENT, errno.EAGAIN):
                raise


if __name__ == "__main__":
    sys.stdout.flush()
    os._exit(main())
