"""Whether a path lies on a file system that keeps its word, or on blobs that a mount dresses up as files."""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePosixPath

# Of the file systems in user space, those that are disks: a container's root, NTFS (which is called fuseblk).
_DISKS = {"fuse.fuse-overlayfs"}
_ESCAPED = re.compile(r"\\([0-7]{3})")


def keeps_its_word(path: str | os.PathLike[str], table: str | None = None) -> bool:
    """False where `path` lies on a mount in user space, as blobfuse2's and Azure ML's own are.

    table: what the kernel tells of mounts; where it tells nothing, as on macOS, a folder is a folder.
    """
    kind = _kind(PurePosixPath(os.path.realpath(path)), _table() if table is None else table)
    return kind in _DISKS or not (kind == "fuse" or kind.startswith("fuse."))


def _kind(path: PurePosixPath, table: str) -> str:
    """The type of the file system that `path` lies on: the deepest mount above it, of several there the last."""
    depth, found = -1, ""
    for line in table.splitlines():
        words = line.split(" ")
        if len(words) < 3:
            continue
        point = PurePosixPath(_ESCAPED.sub(lambda code: chr(int(code[1], 8)), words[1]))
        if path.is_relative_to(point) and len(point.parts) >= depth:
            depth, found = len(point.parts), words[2]
    return found


def _table() -> str:
    try:
        return Path("/proc/self/mounts").read_text("utf-8", "surrogateescape")
    except OSError:
        return ""
