"""Processes that are killed: a script that forks for every order that it reads, and whoever gives it orders.

Started once, as its imports take longer than its work. Orders are JSON objects, one a line. It answers first with the
child's process id; asked with another line, with the child's exit status and what its work said.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Json = dict[str, Any]


def obey(work: Callable[[Json], str]) -> None:
    """Be that script: do each order in a child of its own."""
    _say("ready")
    for line in sys.stdin:
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(read)
            try:
                os.write(write, work(json.loads(line)).encode())
            except BaseException:  # noqa: BLE001 - a forked child must not come back into the loop
                import traceback

                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        os.close(write)
        _say(str(child))
        sys.stdin.readline()  # until it is waited for, no other process can get its number
        with os.fdopen(read) as said:
            text = said.read()
        _, status = os.waitpid(child, 0)
        _say(json.dumps({"status": os.waitstatus_to_exitcode(status), "said": text}))


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


@dataclass
class Worker:
    """Such a script's process."""

    process: subprocess.Popen[str]

    def run(self, order: Json, until: Callable[[int], None] | None = None) -> tuple[int, str]:
        """The child's exit status (-9: killed) and what its work said. until: gets its process id, and may kill it."""
        self._write(json.dumps(order))
        child = int(self._read())
        if until is not None:
            until(child)
        self._write("")
        found = json.loads(self._read())
        return found["status"], found["said"]

    def _write(self, text: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()

    def _read(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().strip()


@contextmanager
def worker_of(script: str) -> Iterator[Worker]:
    """The process of a script beside this file."""
    command = [sys.executable, Path(__file__).parent / script]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as started:
        found = Worker(started)
        assert found._read() == "ready"
        yield found
        assert started.stdin
        started.stdin.close()
