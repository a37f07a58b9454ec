"""The processes of one job, forked by one that has imported what they need: torch alone takes seconds."""

from __future__ import annotations

import os
import signal
import sys
import time
import traceback
from collections.abc import Callable

from finops.checkpoint import writer

LIMIT = 120.0  # seconds
# At the lowest priority a small save takes 2.2 s instead of 0.5 where two others want the same core, as tests beside
# do, and LIMIT is for what hangs. Tests of one process keep that priority.
writer.NICER = 0


def job(
    world: int,
    work: Callable[[int, int], None],
    kill: int | None = None,
    after: float = 0.0,
    begins: Callable[[], bool] = lambda: True,
) -> list[int]:
    """How each process ended, as os.waitstatus_to_exitcode tells. kill: who is killed `after` seconds from `begins` on.

    As torchrun does, the others are ended where one fails; and all of them after LIMIT, of which stderr tells.
    """
    running = {_forked(rank, world, work): rank for rank in range(world)}
    ended, until = dict[int, int](), time.monotonic() + LIMIT
    begun: float | None = None
    while running:
        if begun is None and begins():
            begun = time.monotonic()
        if kill is not None and begun is not None and time.monotonic() - begun > after:
            for pid in [pid for pid, rank in running.items() if rank == kill]:
                os.kill(pid, signal.SIGKILL)
            kill = None
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid in running:
            ended[running.pop(pid)] = os.waitstatus_to_exitcode(status)
            if status or time.monotonic() > until:
                for other in running:
                    os.kill(other, signal.SIGKILL)
        elif not pid:
            time.sleep(0.005)
            if time.monotonic() > until:
                for other in running:
                    os.kill(other, signal.SIGKILL)
    if time.monotonic() > until:
        sys.stderr.write(f"ended {LIMIT:.0f} s after the start, by SIGKILL where they still ran: {ended}\n")
    return [ended[rank] for rank in range(world)]


def _forked(rank: int, world: int, work: Callable[[int, int], None]) -> int:
    sys.stdout.flush()
    sys.stderr.flush()
    if pid := os.fork():
        return pid
    os.environ.update(RANK=str(rank), WORLD_SIZE=str(world))
    code = 1
    try:
        work(rank, world)
        code = 0
    except SystemExit as end:
        code = int(end.code or 0)
    finally:
        if code == 1:
            traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
