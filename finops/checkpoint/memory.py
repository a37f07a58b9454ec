"""How much memory can be taken without harm to the training, which the kernel ends where there is none left."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

LEFT = 0.05  # of the memory there is, which stays for what the training asks for later


def spare(root: str = "/") -> int | None:
    """Bytes that may be taken: of what the machine has and of what each cgroup allows. None where neither is told."""
    rooms = [room for room in (_of_machine(Path(root)), *_of_groups(Path(root))) if room is not None]
    return max(0, min(rooms)) if rooms else None


def _of_machine(root: Path) -> int | None:
    told = dict[str, int]()
    with contextlib.suppress(OSError, ValueError):
        for line in (root / "proc/meminfo").read_text().splitlines():
            key, _, rest = line.partition(":")
            told[key] = int(rest.split()[0]) << 10
    if "MemAvailable" not in told:
        return None
    return told["MemAvailable"] - int(LEFT * told["MemTotal"])


def _of_groups(root: Path) -> list[int | None]:
    """Of this process's cgroups and all above them, version 2 and 1."""
    rooms = list[int | None]()
    with contextlib.suppress(OSError):
        for line in (root / "proc/self/cgroup").read_text().splitlines():
            _, kinds, path = line.split(":", 2)
            names = _V2 if not kinds else _V1 if "memory" in kinds.split(",") else None
            if names is not None:
                base = root / "sys/fs/cgroup" / ("memory" if kinds else "")
                inside = Path(os.path.normpath("/" + path.lstrip("/"))).relative_to("/")  # others' begin with "/.."
                rooms += [_of_group(base / above, names) for above in (inside, *inside.parents)]
    return rooms


_V2 = ("memory.max", "memory.current", "inactive_file")
_V1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")


def _of_group(folder: Path, names: tuple[str, str, str]) -> int | None:
    """What its limit leaves, with the cached files that the kernel drops first."""
    try:
        limit, used = ((folder / name).read_text().strip() for name in names[:2])
        told = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
        if not limit.isdigit():  # max
            return None
        return int(limit) - int(LEFT * int(limit)) - int(used) + int(told.get(names[2], 0))
    except (OSError, ValueError):
        return None
