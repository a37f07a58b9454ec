"""A training that is killed and started again until it is done, by SIGKILL at moments that nobody chose.

    small_training.py train FOLDER TALE END WORKERS FORM    one attempt, in a process of its own
    small_training.py kill FOLDER RUNS FRESH SEED           whole campaign; the findings as JSON on its output

The campaign imports torch once and forks: 400 attempts would else spend most of their time importing.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy
import torch

from finops import checkpoint
from finops.checkpoint import rng

SAMPLES, BATCH, EPOCHS, EVERY = 203, 8, 8, 0.02
PR_SET_CHILD_SUBREAPER = 36


class Noisy(torch.utils.data.Dataset):
    """Samples that are augmented at random as they are read, as pictures are."""

    def __init__(self) -> None:
        drawn = torch.Generator().manual_seed(3)
        self.inputs = torch.randn(SAMPLES, 16, generator=drawn)
        self.wanted = self.inputs @ torch.randn(16, 4, generator=drawn)

    def __len__(self) -> int:
        return SAMPLES

    def __getitem__(self, index: int) -> tuple[int, torch.Tensor, torch.Tensor]:
        noise = 0.1 * torch.randn(16) + 0.1 * random.random() + 0.1 * numpy.random.rand()
        return index, self.inputs[index] + noise, self.wanted[index]


def train(folder: Path, tale: Path, end: Path, workers: int, form: str, every: float = EVERY) -> None:
    """To the end, from wherever the last attempt left off. tale: a line a step. end: what is left of it all."""
    torch.set_num_threads(1)
    torch.manual_seed(11)
    random.seed(12)
    numpy.random.seed(13)
    model = torch.nn.Sequential(
        torch.nn.Linear(16, 32),
        torch.nn.ReLU(),
        torch.nn.Dropout(0.3),
        torch.nn.BatchNorm1d(32),
        torch.nn.Linear(32, 4),
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 210)
    seen = {"digest": ""}
    state = {"model": model, "optimizer": optimizer, "scheduler": scheduler, "seen": seen}
    loader = torch.utils.data.DataLoader(Noisy(), BATCH, shuffle=True, num_workers=workers)
    lines = os.open(tale, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def backward(inputs: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
        loss = torch.nn.functional.mse_loss(model(inputs), wanted)
        loss.backward()
        return loss

    def tell(indices: list[int], loss: float) -> None:
        line = f"{ck.place.epoch}.{ck.place.step} {indices} {loss.hex()}\n"
        seen["digest"] = hashlib.sha256((seen["digest"] + line).encode()).hexdigest()
        os.write(lines, line.encode())
        time.sleep(0.001)

    ck = checkpoint.open(state, folder, job="small", every=every)
    if form == "flat":
        for indices, inputs, wanted in ck.run(loader, epochs=EPOCHS):
            optimizer.zero_grad()
            loss = backward(inputs, wanted)
            optimizer.step()
            scheduler.step()
            tell(indices.tolist(), loss.item())
            ck.step(loss=loss)
    else:  # two batches a step, and work at the end of each epoch that draws random numbers, too
        others = torch.utils.data.DataLoader(Noisy(), BATCH, shuffle=True)
        for _ in ck.epochs(EPOCHS):
            gathered: list[int] = []
            for indices, inputs, wanted in ck.run(loader):
                gathered += indices.tolist()
                loss = backward(inputs, wanted)
                if len(gathered) > BATCH:
                    optimizer.step()
                    optimizer.zero_grad()
                    tell(gathered, loss.item())
                    gathered = []
                    ck.step(loss=loss)
            scheduler.step()
            for indices, inputs, wanted in others:
                tell(indices.tolist(), ((model(inputs) - wanted) ** 2).sum().item())
    ck.close()
    left = {name: thing.state_dict() if name != "seen" else thing for name, thing in state.items()}
    end.write_text(json.dumps({"sha256": digest_of([left, rng.capture(), ck.place.as_json()]), "seen": seen["digest"]}))


def digest_of(thing: Any) -> str:
    """Of every bit of it."""
    if isinstance(thing, torch.Tensor):
        text = f"{thing.dtype} {tuple(thing.shape)} {thing.contiguous().numpy().tobytes().hex()}"
    elif isinstance(thing, dict):
        text = "{" + " ".join(f"{key!r}:{digest_of(one)}" for key, one in thing.items()) + "}"
    elif isinstance(thing, list | tuple):
        text = "[" + " ".join(map(digest_of, thing)) + "]"
    elif isinstance(thing, float):
        text = thing.hex()
    else:
        text = repr(thing)
    return hashlib.sha256(text.encode()).hexdigest()


# The campaign


def campaign(folder: Path, runs: int, fresh: int, seed: int) -> dict[str, Any]:
    """`runs` trainings, each killed until it is done, beside two that nobody killed; `fresh` ones by new processes."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)  # writers and loaders of the dead are reaped here
    torch.optim.AdamW([torch.zeros(1)])  # the first one imports torch's compiler: once, here, for all that are forked
    torch.optim.lr_scheduler.CosineAnnealingLR(torch.optim.SGD([torch.zeros(1)]), 1)
    assert len(os.listdir("/proc/self/task")) == 1, "a process with threads cannot be forked"
    chance = random.Random(seed)
    kinds = [(0, "flat"), (0, "epochs"), (0, "flat"), (0, "epochs"), (2, "flat"), (2, "epochs")]
    calm = {
        (workers, form): _undisturbed(folder / f"calm-{workers}-{form}", workers, form) for workers, form in {*kinds}
    }
    found = []
    for number in range(runs):
        kind = kinds[number % len(kinds)]
        own = folder / f"run-{number}"
        kills = _until_done(own, *kind, chance, is_fresh=number < fresh)
        end, tale = _told(own)
        found.append(
            {
                "kills": kills,
                "kind": kind,
                "same end": end == calm[kind][0],
                "other lines": sorted(set(tale) - set(calm[kind][1]))[:3],
                "missing lines": sorted(set(calm[kind][1]) - set(tale))[:3],
                "again": len(tale) - len(set(tale)),
            }
        )
    _reap()
    return {"runs": found, "unsaved is the same": _unsaved(folder / "unsaved") == calm[kinds[0]]}


def _reap(patience: float = 30.0) -> None:
    """Wait for what the dead left; torch's loading processes may wait for each other for ever (3 of 100 runs)."""
    until = time.monotonic() + patience
    while True:
        try:
            gone, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not gone:
            if time.monotonic() > until:
                for child in Path(f"/proc/self/task/{os.getpid()}/children").read_text("ascii").split():
                    os.kill(int(child), signal.SIGKILL)
            time.sleep(0.05)


def _undisturbed(own: Path, workers: int, form: str, every: float = EVERY) -> tuple[str, list[str]]:
    own.mkdir()
    assert os.waitstatus_to_exitcode(os.waitpid(_attempt(own, workers, form, every), 0)[1]) == 0
    return _told(own)


def _unsaved(own: Path) -> tuple[str, list[str]]:
    """The same where nothing is ever saved: to save changes nothing."""
    return _undisturbed(own, 0, "flat", every=1e9)


def _until_done(own: Path, workers: int, form: str, chance: random.Random, is_fresh: bool) -> int:
    """How often it was killed: one to five times, at any moment from before its first line to after its last."""
    own.mkdir()
    kills, wanted = 0, 1 if is_fresh else chance.randint(1, 5)
    while True:
        child = _fresh_attempt(own, workers, form) if is_fresh else _attempt(own, workers, form)
        begins = is_fresh or chance.random() < 0.8  # the others may die before they have
        code = _ended(child, own, chance.uniform(0.0, 1.0) if kills < wanted else None, begins)
        if code == 0:
            return kills
        assert code == -signal.SIGKILL, f"an attempt ended with {code}"
        kills += 1


def _ended(child: int, own: Path, after: float | None, begins: bool) -> int:
    """How `child` ended, which is killed `after` some seconds, counted from when it has begun where it `begins`."""
    begun = None if begins else time.monotonic()
    claims = len(list(own.glob("checkpoints/*.begun")))
    while True:
        gone, status = os.waitpid(child, os.WNOHANG)
        if gone:
            return os.waitstatus_to_exitcode(status)
        if begun is None and len(list(own.glob("checkpoints/*.begun"))) > claims:
            begun = time.monotonic()
        if after is not None and begun is not None and time.monotonic() - begun > after:
            os.kill(child, signal.SIGKILL)
            return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        time.sleep(0.002)


def _attempt(own: Path, workers: int, form: str, every: float = EVERY) -> int:
    if child := os.fork():
        return child
    code = 1
    try:
        train(own / "checkpoints", own / "tale", own / "end", workers, form, every)
        code = 0
    finally:
        sys.stderr.flush()
        os._exit(code)


def _fresh_attempt(own: Path, workers: int, form: str) -> int:
    words = ["train", str(own / "checkpoints"), str(own / "tale"), str(own / "end"), str(workers), form]
    return subprocess.Popen([sys.executable, __file__, *words]).pid


def _told(own: Path) -> tuple[str, list[str]]:
    return (own / "end").read_text(), (own / "tale").read_text().splitlines()


if __name__ == "__main__":
    doing, place, *more = sys.argv[1:]
    if doing == "train":
        train(Path(place), Path(more[0]), Path(more[1]), int(more[2]), more[3])
    else:
        sys.stdout.write(json.dumps(campaign(Path(place), *map(int, more))))
