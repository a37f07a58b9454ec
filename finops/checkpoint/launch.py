"""The writer's process as it is started beside a training."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Protocol

from finops.checkpoint.arena import Arena
from finops.checkpoint.stores import Store

# The package from where this one came, and nothing else from there: its folder may hold others that hide Python's own.
_BOOT = """
import importlib.util as u, sys
s = u.spec_from_file_location("finops", sys.argv[1] + "/__init__.py", submodule_search_locations=[sys.argv[1]])
sys.modules["finops"] = m = u.module_from_spec(s)
s.loader.exec_module(m)
from finops.checkpoint.scribe import begin
begin(sys.argv[2], *map(int, sys.argv[3:]))
"""
_PACKAGE = Path(__file__).parents[1]


class Started(Protocol):
    """As subprocess.Popen has them."""

    pid: int

    def poll(self) -> int | None: ...

    def wait(self) -> int: ...


def launch(store: Store, arena: Arena, told_by: socket.socket, nicer: int) -> Started:
    """A scribe that writes what is in `arena` to `store` when it is told so over its end of a pair of sockets.

    nicer: by how much than the training.
    """
    words = [str(_PACKAGE), store.spec, str(arena.fd), str(arena.nbytes), str(told_by.fileno()), str(nicer)]
    return subprocess.Popen(  # noqa: S603 - this interpreter, and words of our own
        [sys.executable or "python3", "-P", "-c", _BOOT, *words],
        stdin=subprocess.DEVNULL,
        pass_fds=[arena.fd, told_by.fileno()],
        # The Ctrl-C that stops the training lets it finish. A session of its own would, too, and would make it the
        # training's equal: Linux shares the processor out among sessions first (autogroup), and by niceness within one.
        process_group=0,
        # A secret that stood in an address goes by no command line, which everybody on the node can read.
        env={**os.environ, **getattr(store, "environment", {})},
    )
