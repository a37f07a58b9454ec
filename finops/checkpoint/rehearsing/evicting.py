"""An eviction on this machine: everything that was started is gone at once, also what made itself independent."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

PROC = Path("/proc")


def evict(process: subprocess.Popen[bytes], mark: str) -> None:
    """Kill the process, its descendants, and whatever has `mark` in its environment; none of them sees it come.

    They are stopped first: one that still ran might finish a file that a node takes with it, or start another.
    """
    known: set[int] = set()
    while found := _family(process.pid, mark) - known:
        for pid in found:
            _send(pid, signal.SIGSTOP)
        known |= found
    for pid in known:
        _send(pid, signal.SIGKILL)
    process.kill()
    process.wait()


def _send(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _family(root: int, mark: str) -> set[int]:
    parents = dict(_parents())
    found = {pid for pid in parents if _is_marked(pid, mark)}
    if root in parents:
        found.add(root)
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {os.getpid()}


def _parents() -> Iterator[tuple[int, int]]:
    if not PROC.is_dir():  # macOS
        told = subprocess.run(["/bin/ps", "-axo", "pid=,ppid="], capture_output=True, text=True, check=True)
        yield from ((int(pid), int(parent)) for pid, parent in map(str.split, told.stdout.splitlines()))
        return
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                # "12 (a name with (brackets)) S 1 ...": the parent is the second after the last bracket.
                state, parent = (entry / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()[:2]
                if state != "Z":
                    yield int(entry.name), int(parent)


def _is_marked(pid: int, mark: str) -> bool:
    with contextlib.suppress(OSError):
        return mark.encode() in (PROC / str(pid) / "environ").read_bytes().split(b"\0")
    return False
