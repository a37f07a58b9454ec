"""What a checkpoint costs the training, and how long it takes to come back, beside what people use instead.

    python benchmarks/checkpoint.py [--gb 1] [--pairs 6] [--only "finops,torch.save"] [--folder DIR] [--steps 6]
        [--quiet 0]

A model and its Adam state of so many GB trains on the processor. A pair is some steps with one checkpoint in front,
twice as many without, and some with one again (or the other way round), next to each other, so that a machine that
becomes slower or faster meanwhile is no part of the difference. Each round has a pair of every way, in an order that
changes.

stall: for how long the call that saves kept the training. lost: what the steps with it took longer, the stall included;
what goes on after them is not in it: `--steps 60` is a minute, in which all of ours is over. "nothing" saves nothing:
what it loses is how far the parts of a pair differ by themselves. waited: for how much longer its threads were ready
and had no core (the kernel's run delay): that does not wander with the speed of the machine. cpu: of all processes, for
one save and what follows from it (ours is read back, and an older one deleted). safe: until it would outlive the
machine, with no training beside; "-" where nobody asks the disk. restore: into a model that is there, with the file out
of the page cache.

others: cores that other processes used meanwhile. --quiet 0.3 waits before each part of a pair until that was less for
two seconds, 60 s at most. Compare ratios, not seconds. The bar: a stall of 110 ms/GB and a tenth of torch.save's, 0.2 s
of training lost for a GB, `import finops.checkpoint` in 50 ms.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp

from finops import checkpoint

TICKS = os.sysconf("SC_CLK_TCK")
BATCH = 32


class Training:
    """Linear layers of 4 MB whose weights and Adam moments are `gb` together."""

    def __init__(self, gb: float) -> None:
        layers, width = max(1, round(gb * 1e9 / (12 * 1024 * 1024))), 1024
        self.model = torch.nn.Sequential(*(torch.nn.Linear(width, width, bias=False) for _ in range(layers)))
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=1e-5)
        self._input = torch.randn(BATCH, width)
        self.step()
        self.nbytes = 3 * sum(one.numel() * 4 for one in self.model.parameters())

    def step(self) -> None:
        self.optimizer.zero_grad()
        self.model(self._input).square().mean().backward()
        self.optimizer.step()

    def state(self) -> dict[str, Any]:
        return {"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict()}

    def take(self, state: dict[str, Any]) -> None:
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])


class Nothing:
    """No checkpoint: how far the parts of a pair differ by themselves."""

    def __init__(self, training: Training, folder: Path) -> None:
        pass

    def save(self) -> None:
        pass

    def wait(self) -> bool:
        return False

    def restore(self) -> None:
        pass


class TorchSave:
    def __init__(self, training: Training, folder: Path) -> None:
        self.training, self.file = training, folder / "last.pt"

    def save(self) -> None:
        torch.save(self.training.state(), self.file)

    def wait(self) -> bool:
        """Return when what `save` began is over; whether it would outlive the machine."""
        return False

    def restore(self) -> None:
        self.training.take(torch.load(self.file, weights_only=True))


class TorchSaveSynced(TorchSave):
    def save(self) -> None:
        aside = self.file.with_suffix(".part")
        with aside.open("wb") as held:
            torch.save(self.training.state(), held)
            held.flush()
            os.fsync(held.fileno())
        aside.replace(self.file)
        _sync(self.file.parent)

    def wait(self) -> bool:
        return True


class Safetensors(TorchSaveSynced):
    """Tensors only: what else an optimizer holds would have to be kept beside."""

    def save(self) -> None:
        from safetensors.torch import save_file

        aside = self.file.with_suffix(".part")
        save_file(self._flat(), aside)
        _sync(aside)
        aside.replace(self.file)
        _sync(self.file.parent)

    def restore(self) -> None:
        from safetensors.torch import load_file

        found = load_file(self.file)
        with torch.no_grad():
            for name, tensor in self._flat().items():
                tensor.copy_(found[name])

    def _flat(self) -> dict[str, torch.Tensor]:
        flat = {f"model.{name}": tensor for name, tensor in self.training.model.state_dict().items()}
        for number, moments in self.training.optimizer.state_dict()["state"].items():
            flat |= {f"optimizer.{number}.{name}": tensor for name, tensor in moments.items()}
        return flat


class Dcp:
    def __init__(self, training: Training, folder: Path) -> None:
        self.training, self.folder, self.number = training, folder, 0

    @property
    def path(self) -> str:
        return str(self.folder / f"step-{self.number}")

    def _next(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        self.number += 1

    def save(self) -> None:
        self._next()
        dcp.save(self.training.state(), checkpoint_id=self.path)

    def wait(self) -> bool:
        return True

    def restore(self) -> None:
        state = self.training.state()
        dcp.load(state, checkpoint_id=self.path)
        self.training.take(state)


class DcpAsync(Dcp):
    future: Any = None

    def save(self) -> None:
        self._next()
        self.future = dcp.async_save(self.training.state(), checkpoint_id=self.path)

    def wait(self) -> bool:
        if self.future is not None:
            self.future.result()
        return True


class Finops:
    def __init__(self, training: Training, folder: Path) -> None:
        self.number = 0
        state = {"model": training.model, "optimizer": training.optimizer}
        self.held = checkpoint.open(state, folder, job="benchmark", keep=2, every=1e9, watch=False, alone=True)

    def save(self) -> None:
        self.number += 1
        self.held.save(step=self.number)

    def wait(self) -> bool:
        self.held.wait()
        return True

    def restore(self) -> None:
        assert self.held.restore() == self.number


WAYS: dict[str, Callable[[Training, Path], Any]] = {
    "nothing": Nothing,
    "torch.save": TorchSave,
    "torch.save+fsync": TorchSaveSynced,
    "safetensors+fsync": Safetensors,
    "dcp.save": Dcp,
    "dcp.async_save": DcpAsync,
    "finops": Finops,
}


@dataclass
class Found:
    """Seconds of each pair."""

    stalls: list[float] = field(default_factory=list)
    lost: list[float] = field(default_factory=list)
    waited: list[float] = field(default_factory=list)
    safe: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    restores: list[float] = field(default_factory=list)
    others: list[float] = field(default_factory=list)
    synced: bool = True


def part(training: Training, way: Any, found: Found | None, steps: int, quiet: float) -> tuple[float, float]:
    """Seconds of the steps, with a checkpoint in front where `found` is there to note it; how long threads waited."""
    _settled()
    _calm(quiet)
    gc.collect()
    load, delayed, begun = Load(), _delayed(), time.perf_counter()
    if found is not None:
        way.save()
        found.stalls.append(time.perf_counter() - begun)
    for _ in range(steps):
        training.step()
    seconds, waited = time.perf_counter() - begun, _delayed() - delayed
    if found is not None:
        way.wait()
        found.others.append(load.others())
    return seconds, waited


def pair(training: Training, way: Any, found: Found, steps: int, quiet: float, first: bool) -> None:
    """first: whether it begins and ends with the checkpoint, or without."""
    lost = waited = 0.0
    for with_it in (first, not first, not first, first):
        seconds, delayed = part(training, way, found if with_it else None, steps, quiet)
        lost += (seconds if with_it else -seconds) / 2
        waited += (delayed if with_it else -delayed) / 2
    found.lost.append(lost)
    found.waited.append(waited)


def restored(way: Any, folder: Path, found: Found, quiet: float) -> None:
    """Save once more, beside nothing, and take it back."""
    _settled()
    _calm(quiet)
    used, begun = _own(), time.perf_counter()
    way.save()
    found.synced = way.wait()
    found.safe.append(time.perf_counter() - begun)
    _settled()
    found.cpu.append((_own() - used) / TICKS)
    os.sync()
    for file in folder.rglob("*"):
        if file.is_file():
            with file.open("rb") as held:
                os.posix_fadvise(held.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    _calm(quiet)
    begun = time.perf_counter()
    way.restore()
    found.restores.append(time.perf_counter() - begun)


class Load:
    """What other processes use of the machine, from its making on."""

    def __init__(self) -> None:
        self._at, self._all, self._ours = time.monotonic(), _busy(), _own()

    def others(self) -> float:
        """Cores."""
        seconds = time.monotonic() - self._at
        return max((_busy() - self._all - (_own() - self._ours)) / TICKS / max(seconds, 1e-3), 0.0)


def _busy() -> int:
    user, nice, system, _, _, irq, soft, *_ = map(int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:])
    return user + nice + system + irq + soft


def _own() -> int:
    """Of this process and those that it started, ticks."""
    total, ours = 0, {os.getpid()}
    stats = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                told = (entry / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
            except OSError:
                continue
            stats[int(entry.name)] = (int(told[1]), int(told[11]) + int(told[12]))
    while more := {pid for pid, (parent, _) in stats.items() if parent in ours} - ours:
        ours |= more
    for pid in ours:
        total += stats.get(pid, (0, 0))[1]
    return total


def _delayed() -> float:
    """Seconds for which threads of this process were ready and had no core."""
    total = 0
    for thread in Path("/proc/self/task").iterdir():
        with contextlib.suppress(OSError):  # ended meanwhile
            total += int((thread / "schedstat").read_text().split()[1])
    return total / 1e9


def _settled() -> None:
    """Wait until what a save left to do beside the training is done."""
    while True:
        used = _own()
        time.sleep(0.5)
        if _own() - used <= 1:
            return


def _calm(quiet: float) -> None:
    until = time.monotonic() + 60
    while quiet and time.monotonic() < until:
        load = Load()
        time.sleep(2)
        if load.others() < quiet:
            return


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def importing() -> float:
    """Milliseconds that `import finops.checkpoint` takes beyond Python's own start; the least of 7 pairs."""

    def run(code: str) -> float:
        begun = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        return time.perf_counter() - begun

    bare, ours = zip(*((run("pass"), run("import finops.checkpoint")) for _ in range(7)), strict=True)
    return (min(ours) - min(bare)) * 1000


def report(results: dict[str, Found], gb: float) -> bool:
    base = results.get("torch.save")
    print(
        f"{'':19}{'stall ms/GB':>20}{'ratio':>7}{'lost s/GB':>23}{'waited s/GB':>13}{'cpu s/GB':>10}{'safe s/GB':>11}"
        f"{'restore s/GB':>14}{'others':>8}"
    )
    for name, one in results.items():
        stall, lost = statistics.median(one.stalls), statistics.median(one.lost)
        beside = f"{stall / statistics.median(base.stalls):7.3f}" if base else f"{'':7}"
        safe = f"{statistics.median(one.safe) / gb:11.2f}" if one.synced else f"{'-':>11}"
        print(
            f"{name:19}{stall / gb * 1000:11.1f} [{min(one.stalls) / gb * 1000:6.1f}]{beside}"
            f"{lost / gb:8.2f} [{min(one.lost) / gb:5.2f},{max(one.lost) / gb:5.2f}]"
            f"{statistics.median(one.waited) / gb:13.2f}{statistics.median(one.cpu) / gb:10.2f}{safe}"
            f"{statistics.median(one.restores) / gb:14.2f}{statistics.median(one.others):8.1f}"
        )
    milliseconds = importing()
    print(f"import finops.checkpoint: {milliseconds:.0f} ms")
    if base is None or "finops" not in results:
        return True
    ours = results["finops"]
    stall, lost = statistics.median(ours.stalls), statistics.median(ours.lost)
    ratio = stall / statistics.median(base.stalls)
    bars = {
        f"stall {stall / gb * 1000:.0f} ms/GB (110)": stall / gb <= 0.110,
        f"{ratio:.3f} of torch.save's (0.1)": ratio <= 0.1,
        f"lost {lost / gb:.2f} s/GB (0.2)": lost / gb <= 0.2,
        f"import {milliseconds:.0f} ms (50)": milliseconds < 50,
    }
    for said, met in bars.items():
        print(f"  {'met    ' if met else 'NOT MET'} {said}")
    return all(bars.values())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gb", type=float, default=1.0)
    parser.add_argument("--pairs", type=int, default=6)
    parser.add_argument("--only", default=",".join(WAYS), help="Ways, with commas between.")
    parser.add_argument("--steps", type=int, default=6, help="Of each part of a pair.")
    parser.add_argument("--folder", type=Path, help="On the disk to measure.  [default: the temporary folder]")
    parser.add_argument("--quiet", type=float, default=0.0, help="Wait until others use fewer cores than this.")
    given = parser.parse_args()
    warnings.simplefilter("ignore", FutureWarning)
    warnings.filterwarnings("ignore", module="torch")
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    training, chance = Training(given.gb), random.Random(1)
    gb = training.nbytes / 1e9
    print(
        f"{gb:.2f} GB in {3 * len(training.model)} tensors, {given.steps} steps, {given.pairs} pairs; "
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start, torch {torch.__version__}"
    )
    with tempfile.TemporaryDirectory(prefix="finops-bench-", dir=given.folder) as scratch:
        ways: dict[str, Any] = {}
        for name in given.only.split(","):
            folder = Path(scratch) / name
            folder.mkdir()
            ways[name] = WAYS[name](training, folder)
        results = {name: Found() for name in ways}
        for round_ in range(given.pairs + 1):
            order = list(ways)
            chance.shuffle(order)
            for name in order:
                warm = Found() if round_ == 0 else results[name]  # the first of each is not counted
                pair(training, ways[name], warm, given.steps, given.quiet, round_ % 2 == 0)
                restored(ways[name], Path(scratch) / name, warm, given.quiet)
                results[name].synced = warm.synced
        if "finops" in ways:
            ways["finops"].held.close()
        met = report(results, gb)
    dist.destroy_process_group()
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
