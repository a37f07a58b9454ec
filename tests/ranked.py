"""Trainings of several processes without torch, killed at moments that nobody chose; what was found, as JSON.

ranked.py killed FOLDER ROUNDS SEED    each round one process of some is killed, and some number of them goes on
ranked.py flagged FOLDER               one process is told that its node may go
ranked.py ended FOLDER                 all processes are told to end
ranked.py away FOLDER                  all processes are told to end while the folder is away
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from forked import job

from finops import checkpoint
from finops.checkpoint.cadence import Cadence
from finops.checkpoint.loop import Checkpointer
from finops.checkpoint.notices.watch import Watch
from finops.checkpoint.retention import Keep
from finops.checkpoint.stores.folder import Folder
from finops.checkpoint.together.crew import Alone, Together
from finops.checkpoint.together.ranks import Pace

Work = Callable[[int, int], None]
FAST = Pace(idle=0.01, quick=0.002)


def note(file: Path, **told: Any) -> None:
    """A line that is there once this returns, whatever is killed then."""
    fd = os.open(file, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o666)
    os.write(fd, json.dumps(told).encode() + b"\n")
    os.close(fd)


def attempt(folder: Path, notes: Path, number: int, by_hand: bool) -> Work:
    """Steps without end. by_hand: saves are made at fixed steps and waited for, not where it is time to."""

    def work(rank: int, world: int) -> None:
        warnings.simplefilter("ignore")
        store = Folder(folder)
        # By age: what an attempt that was killed was about to publish may come when the next one has begun.
        newest = next(([name.attempt, name.step] for name in store.names() if name.world == 1), None)
        state: dict[str, Any] = {"own": {"rank": rank, "step": 0, "bytes": b""}}
        crew = Together(store, rank, world, FAST) if world > 1 else Alone(store)
        cadence = Cadence(share=1.0, least=0.03, most=0.03) if not by_hand else Cadence(least=3600.0, most=3600.0)
        ck = Checkpointer(state, store, "j", Keep(), cadence, crew=crew)
        restored = ck.restore()
        ck._claim()
        own = {**state["own"], "bytes": len(state["own"]["bytes"])}
        told = {
            "newest": newest,
            "of": ck._came_from,
            "passed_over": ck.stats().passed_over,
            "attempt": ck.stats().attempt,
        }
        note(notes, round=number, rank=rank, world=world, restored=restored, own=own, **told)
        for _ in ck.run(range(10**6)):
            step = ck.place.step + 1
            state["own"].update(rank=rank, step=step, bytes=bytes([rank]) * step)
            ck.step()
            if by_hand and step % 10 == 0:
                ck.save(wait=True)
                note(notes, round=number, durable=step)
            time.sleep(0.002)

    return work


def durable_once(notes: Path, number: int) -> Callable[[], bool]:
    """However slow the machine is, something is there to be lost."""
    told = f'{{"round": {number}, "durable"'.encode()
    return lambda: notes.exists() and told in notes.read_bytes()


def killed(root: Path, rounds: int, seed: int) -> None:
    drawn = random.Random(seed)
    for number in range(rounds):
        world = drawn.choice((1, 2, 2, 3, 3, 4))
        by_hand = drawn.random() < 0.5
        work = attempt(root / "set", root / "notes", number, by_hand)
        begins = durable_once(root / "notes", number) if by_hand else lambda: True
        job(world, work, drawn.randrange(world), drawn.uniform(0.0 if by_hand else 0.1, 1.6), begins)
    sys.stdout.write((root / "notes").read_text())


def told(folder: Path, what: signal.Signals, whom: Callable[[int], bool]) -> Work:
    """As people write it: no more arguments than alone. At the tenth step the signal comes."""

    def work(rank: int, world: int) -> None:
        warnings.simplefilter("ignore")
        state: dict[str, Any] = {"own": {"rank": rank, "step": 0}}
        ck = checkpoint.open(state, folder, job="j", every=3600)
        for _ in ck.run(range(10**6)):
            state["own"]["step"] = ck.place.step + 1
            ck.step()
            if ck.place.step == 10 and whom(rank):
                os.kill(os.getpid(), what)
            if ck.stats().saves:
                break
            time.sleep(0.01)
        ck.close()

    return work


def away(root: Path) -> Work:
    """All are told to end once all have taken a step and the folder is gone."""

    def work(rank: int, world: int) -> None:
        warnings.simplefilter("ignore")
        store, state = Folder(root), {"own": {"rank": rank}}
        crew, watch = Together(store, rank, world, FAST), Watch(hold=1.0)
        ck = Checkpointer(state, store, "j", Keep(), Cadence(least=3600.0, most=3600.0), watch=watch, crew=crew)
        for _ in ck.run(range(10**6)):
            ck.step()
            if ck.place.step == 1:
                root.with_name(f"{root.name}.{rank}").touch()
                while rank == 0 and not all(root.with_name(f"{root.name}.{one}").exists() for one in range(world)):
                    time.sleep(0.01)
                if rank == 0:
                    root.rename(root.with_name(f"{root.name}.away"))
                while root.exists():
                    time.sleep(0.01)
                os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(0.01)
        ck.close()

    return work


def main(how: str, root: Path, *more: str) -> None:
    if how == "killed":
        killed(root, int(more[0]), int(more[1]))
        return
    if how == "away":
        sys.stdout.write(json.dumps({"ends": job(3, away(root / "set"))}))
        return
    signals = {"flagged": (signal.SIGUSR1, lambda rank: rank == 1), "ended": (signal.SIGTERM, lambda rank: True)}
    ends = job(3, told(root, *signals[how]))
    names = [str(name) for name in Folder(root).names()]
    sys.stdout.write(json.dumps({"ends": ends, "names": names}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:])
