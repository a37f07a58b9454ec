"""Trainings that do nothing but save, killed at random moments; a program, as a test's own process has threads.

    python dying_checkpoints.py FOLDER KILLS SEED forked|started

Each attempt restores what it finds, saves, and says what it knows to be durable, until it or its writer or both are
killed. `forked`: the writer is forked, as a new Python takes longer than all the rest. `started`: as it is in earnest.
Prints what was found, as JSON; ends with 1 where a restored state is older than what was known to be durable, or is
none that was saved.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import random
import select
import signal
import socket
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from made_checkpoints import laid_out, newest

from finops.checkpoint import scribe
from finops.checkpoint.arena import Arena
from finops.checkpoint.launch import Started, launch
from finops.checkpoint.names import Name
from finops.checkpoint.retention import Keep
from finops.checkpoint.stores import Store
from finops.checkpoint.stores.folder import Folder
from finops.checkpoint.writer import Writer

SIZES = (5_000, 5_000, 5_000, 300_000, 3_000_000)
ATTEMPTS_A_FOLDER = 25
LONGEST = {"forked": 0.02, "started": 0.3}  # seconds until the kill: a few saves, of which it lands in one
PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h: writers whose training was killed become this process's children


class Forked:
    """A writer without a new Python."""

    def __init__(self, store: Store, arena: Arena, told_by: socket.socket) -> None:
        self._code: int | None = None
        self.pid = os.fork()
        if not self.pid:
            with contextlib.suppress(BaseException):
                mine = {arena.fd, told_by.fileno()}
                for entry in os.listdir("/proc/self/fd"):  # as exec does
                    if int(entry) > 2 and int(entry) not in mine:
                        with contextlib.suppress(OSError):
                            os.close(int(entry))
                scribe.main(store.spec, arena.fd, arena.nbytes, told_by)
            os._exit(0)

    def poll(self) -> int | None:
        if self._code is None:
            with contextlib.suppress(ChildProcessError):
                pid, status = os.waitpid(self.pid, os.WNOHANG)
                self._code = status if pid else None
        return self._code

    def wait(self) -> int:
        while self.poll() is None:
            time.sleep(0.001)
        return self._code or 0


def training(folder: Path, how: str, nbytes: int, say: int, patient: bool) -> None:
    """An attempt, until it is killed."""
    store = Folder(folder)
    attempt = store.claim()
    found = newest(store)
    step = found.step if found else 0

    def started(store: Store, arena: Arena, told_by: socket.socket, nicer: int) -> Started:
        process = Forked(store, arena, told_by) if how == "forked" else launch(store, arena, told_by, nicer)
        os.write(say, f"writer {process.pid}\n".encode())
        return process

    writer = Writer(store, started)
    while True:
        step += 1
        name = Name(attempt, step)
        layout, buffers = laid_out(name, nbytes)
        while not patient and not writer.ready_for(layout.body):
            time.sleep(0.0005)
        os.write(say, f"begins {step} {attempt}\n".encode())
        writer.hand_over(name, layout, buffers, {"job": "dying"}, Keep(2))
        if step % 8 == 0:  # the end of the node is announced, or called off
            writer.hurry(step % 16 == 0)
        outcome = writer.wait()
        assert outcome is not None
        assert outcome.name == name
        if outcome.fault is None:
            os.write(say, f"durable {step} {attempt}\n".encode())
        else:
            os.write(say, b"failed\n")


def kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def reap(pid: int) -> None:
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, 0)


def attempt_killed(folder: Path, how: str, chance: random.Random, told: Counter[str], known: list[Name]) -> None:
    """One attempt and its end. known: what it knew to be durable. Counts the kills."""
    listen, say = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(listen)
        try:
            training(folder, how, chance.choice(SIZES), say, patient=chance.random() < 0.5)
        except BaseException as fault:  # noqa: BLE001 - a forked process must not go on with this one's work
            os.write(say, f"broke {fault!r}\n".encode())
        os._exit(1)
    os.close(say)
    heard, writers, victims = b"", list[int](), ["training", "writer", "both", "writer first"]
    victim, after = chance.choice(victims), chance.choice([b"begins", b"durable"])
    until: float | None = None
    kills = 0
    while True:
        left = 5.0 if until is None else until - time.monotonic()
        if left > 0 and select.select([listen], [], [], left)[0]:
            piece = os.read(listen, 65536)
            heard += piece
            if not piece:
                break
            writers = [int(line.split()[1]) for line in heard.split(b"\n")[:-1] if line.startswith(b"writer")]
            if until is None and after in heard:
                until = time.monotonic() + chance.random() * LONGEST[how]
            continue
        if victim in {"writer", "writer first", "both"} and writers:
            kill(writers[-1])
            kills += 1
        if victim == "writer first":  # the training goes on with another, for a while
            victim, until = "training", time.monotonic() + chance.random() * LONGEST[how]
            continue
        if victim == "writer" and kills < 2:
            until = time.monotonic() + chance.random() * LONGEST[how]
            continue
        kill(pid)
        kills += 1
        break
    reap(pid)
    while piece := os.read(listen, 65536):  # what it said before; and until its last writer is gone, or lives on
        heard += piece
    os.close(listen)
    if chance.random() < 0.5:  # else it is still at work when the next attempt begins
        for one in writers:
            kill(one)
            reap(one)
    told["kills"] += kills
    for line in heard.decode().splitlines():
        word, *rest = line.split(" ", 1)
        told[word] += 1
        if word == "broke":
            raise AssertionError(f"a training broke: {rest}")
        if word == "durable":
            known.append(Name(*map(int, reversed(rest[0].split()))))


def main(place: Path, kills: int, seed: int, how: str) -> dict[str, Any]:
    chance, told, round_ = random.Random(seed), Counter[str](), 0
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    while told["kills"] < kills:
        folder = place / f"{round_:05}"
        round_ += 1
        known = list[Name]()
        for _ in range(ATTEMPTS_A_FOLDER):
            attempt_killed(folder, how, chance, told, known)
            found = newest(Folder(folder))
            assert found is not None or not known, f"nothing is found in {folder}, and {known[-1]} was durable"
            assert found is None or not known or found >= known[-1], f"{found} is found, and {known[-1]} was durable"
            told["ahead"] += found is not None and (not known or found > known[-1])
            with contextlib.suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
        for entry in folder.iterdir():
            entry.unlink(missing_ok=True)  # the last attempt's writer may still be at work
    return dict(told)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])))
