"""Trainings on several processes, by gloo: what became of each is printed as JSON. Run by test_checkpoint_distributed.

python tests/ranked_torch.py FOLDER
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
import torch._dynamo  # DistributedDataParallel imports it: here once, before processes are forked
import torch.distributed as dist
import torch.distributed.checkpoint
from forked import job
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FullyShardedDataParallel, fully_shard
from torch.distributed.tensor import DTensor
from torch.nn.parallel import DistributedDataParallel

from finops import checkpoint
from finops.checkpoint.cadence import Cadence
from finops.checkpoint.loop import Checkpointer
from finops.checkpoint.names import Name
from finops.checkpoint.retention import Keep
from finops.checkpoint.stores.folder import Folder
from finops.checkpoint.together.crew import Alone, Together
from finops.checkpoint.together.distributed import part_of
from finops.checkpoint.together.ranks import Pace

torch.set_num_threads(1)
Json = dict[str, Any]
SAMPLES, EPOCHS, WIDE = 52, 3, 401
ROOT = Path(sys.argv[1])
FAST = Pace(idle=0.02, quick=0.005)


class Samples(torch.utils.data.Dataset[Any]):
    def __len__(self) -> int:
        return SAMPLES

    def __getitem__(self, at: int) -> Any:
        return torch.full((16,), at / SAMPLES), at


def network() -> torch.nn.Module:
    torch.manual_seed(5)
    return torch.nn.Sequential(
        torch.nn.Linear(16, WIDE), torch.nn.BatchNorm1d(WIDE), torch.nn.Dropout(0.2), torch.nn.Linear(WIDE, 16)
    )


@contextmanager
def group(rank: int, world: int) -> Iterator[None]:
    with (ROOT / "groups").open("a+") as held:
        held.seek(0)
        number = held.read()
    dist.init_process_group("gloo", init_method=f"file://{ROOT}/group{len(number)}", rank=rank, world_size=world)
    try:
        yield
    finally:
        dist.destroy_process_group()


def opened(state: Json, folder: Path, rank: int, world: int, every: float) -> Checkpointer:
    """As checkpoint.open, which has no setting for how often processes look."""
    store = Folder(folder)
    crew = Together(store, rank, world, FAST) if world > 1 else Alone(store)
    return Checkpointer(state, store, "ranked", Keep(), Cadence(share=1.0, least=every, most=every), crew=crew)


def wrapped(kind: str) -> tuple[Any, Any]:
    """A model and its optimizer: "ddp", "fsdp", "hsdp" (two copies, each sharded), or "plain"."""
    model = network()
    if kind == "hsdp":
        fully_shard(
            model, mesh=init_device_mesh("cpu", (2, dist.get_world_size() // 2), mesh_dim_names=("copy", "shard"))
        )
    if kind == "fsdp":
        fully_shard(model[0])
        fully_shard(model)
    elif kind == "ddp":
        model = DistributedDataParallel(model)
    return model, torch.optim.AdamW(model.parameters(), lr=0.01)


NONE = Name(0, 0)


def has_saved(ck: Checkpointer, within: float) -> bool:
    """Whether there is a save since the last restore, or comes within so many seconds."""
    until = time.monotonic() + within
    while not (saved := (ck.latest() or NONE).step > (ck.stats().restored or 0)) and time.monotonic() < until:
        time.sleep(0.01)
    return saved


def train(
    kind: str, folder: str, every: float, steps: int = 10**9, pause: float = 0.0, dies: tuple[int, float] | None = None
) -> Callable[[int, int], None]:
    """steps: after which all end. dies: which process is killed, how many seconds after it saw a new save.

    That one takes its steps slowly until it saw one, so that the training does not end before.
    """

    def work(rank: int, world: int) -> None:
        warnings.simplefilter("ignore")
        with group(rank, world):
            model, optimizer = wrapped(kind)
            torch.manual_seed(100 + rank)
            log: list[Any] = []
            state = {"model": model, "optimizer": optimizer, "log": log}
            loader = torch.utils.data.DataLoader(Samples(), batch_size=3, shuffle=True)
            with opened(state, ROOT / folder, rank, world, every) as ck:
                ck.restore()
                dying = dies is None or dies[0] != rank
                for rows, names in ck.run(loader, epochs=EPOCHS):
                    loss = (model(rows) - rows).square().mean()
                    optimizer.zero_grad()
                    loss.backward()
                    optimizer.step()
                    log.append([ck.place.epoch, names.tolist(), loss.item().hex()])
                    ck.step(loss=loss)
                    time.sleep(pause)
                    if dies and not dying and has_saved(ck, 2.0):
                        dying = True
                        threading.Timer(dies[1], os.kill, [os.getpid(), signal.SIGKILL]).start()
                    if ck.place.step == steps:
                        ck.save(wait=True)
                        break
                told(f"{folder}.{kind}", rank, model, optimizer, log, ck)

    return work


def look(kind: str, folder: str) -> Callable[[int, int], None]:
    """Restore, and tell what is there then."""

    def work(rank: int, world: int) -> None:
        warnings.simplefilter("ignore")
        with group(rank, world):
            model, optimizer = wrapped(kind)
            log: list[Any] = []
            with opened({"model": model, "optimizer": optimizer, "log": log}, ROOT / folder, rank, world, 3600) as ck:
                ck.restore()
                told(f"{folder}.{kind}.on{world}", rank, model, optimizer, log, ck)

    return work


def refused(rank: int, world: int) -> None:
    with group(rank, world):
        model = FullyShardedDataParallel(network(), device_id=torch.device("cpu"))
        with pytest.raises(checkpoint.CannotSave, match="fully_shard"):
            part_of({"model": model}, 0, 2)


def told(name: str, rank: int, model: Any, optimizer: Any, log: list[Any], ck: Checkpointer) -> None:
    inner = model.module if isinstance(model, DistributedDataParallel) else model
    held = {"model": inner.state_dict(), "optimizer": optimizer.state_dict()["state"]}
    kinds = {type(one).__name__ for one in inner.parameters()}
    line = {
        "rank": rank,
        "model": digest({key: one for key, one in held["model"].items() if "running" not in key}),
        "buffers": digest({key: one for key, one in held["model"].items() if "running" in key}),
        "optimizer": digest(held["optimizer"]),
        "log": log,
        "kinds": sorted(kinds),
        "restored": ck.stats().restored,
        "saves": ck.stats().saves,
        "passed_over": ck.stats().passed_over,
    }
    (ROOT / f"{name}.{rank}.told").write_text(json.dumps(line))


def digest(thing: Any) -> str:
    """The same whether it is sharded or not."""
    found = hashlib.sha256()

    def add(one: Any, name: str) -> None:
        if isinstance(one, dict):
            for key in sorted(one, key=str):
                add(one[key], f"{name}/{key}")
        else:
            whole = one.full_tensor() if isinstance(one, DTensor) else one
            found.update(f"{name} {whole.dtype} {tuple(whole.shape)}".encode() + whole.numpy().tobytes())

    add(thing, "")
    return found.hexdigest()


def results(name: str, world: int) -> list[Json]:
    return [json.loads((ROOT / f"{name}.{rank}.told").read_text()) for rank in range(world)]


def ran(world: int, work: Callable[[int, int], None], **named: Any) -> list[int]:
    with (ROOT / "groups").open("a") as held:
        held.write("x")
    return job(world, work, **named)


def complete(world: int, work: Callable[[int, int], None]) -> None:
    ended = ran(world, work)
    assert ended == [0] * world, ended


def main() -> None:
    out: Json = {}
    for kind in ("ddp", "fsdp"):
        complete(2, train(kind, f"{kind}-whole", 3600))
        out[f"{kind} uninterrupted"] = results(f"{kind}-whole.{kind}", 2)
        killed = 0
        while killed < 5:
            dies = (killed % 2, random.uniform(0.0, 0.3))
            ended = ran(2, train(kind, f"{kind}-killed", 0.03, pause=0.02, dies=dies))
            if ended == [0, 0]:
                break
            assert ended[dies[0]] == -signal.SIGKILL, ended
            killed += 1
        else:
            complete(2, train(kind, f"{kind}-killed", 0.03))
        out[f"{kind} killed"] = results(f"{kind}-killed.{kind}", 2)
        out[f"{kind} kills"] = killed

        complete(2, train(kind, f"{kind}-seven", 3600, steps=7))
        out[f"{kind} seven"] = results(f"{kind}-seven.{kind}", 2)
        for other, world in (("ddp", 3), ("fsdp", 3), ("fsdp", 4), ("plain", 1), ("fsdp", 1)):
            complete(world, look(other, f"{kind}-seven"))
            out[f"{kind} seven as {other} on {world}"] = results(f"{kind}-seven.{other}.on{world}", world)
        complete(3, train(kind, f"{kind}-seven", 3600))
        out[f"{kind} grown"] = results(f"{kind}-seven.{kind}", 3)
        out[f"{kind} bytes"] = {one.name: one.stat().st_size for one in (ROOT / f"{kind}-seven").glob("*.ckpt")}
    complete(1, train("fsdp", "fsdp-alone", 3600, steps=4))
    out["fsdp alone"] = results("fsdp-alone.fsdp", 1)
    complete(2, look("fsdp", "fsdp-alone"))
    out["fsdp alone as fsdp on 2"] = results("fsdp-alone.fsdp.on2", 2)
    complete(1, refused)
    complete(4, train("hsdp", "hsdp-four", 3600, steps=4))
    out["hsdp four"] = results("hsdp-four.hsdp", 4)
    complete(3, look("fsdp", "hsdp-four"))
    out["hsdp four as fsdp on 3"] = results("hsdp-four.fsdp.on3", 3)
    out["hsdp bytes"] = {one.name: one.stat().st_size for one in (ROOT / "hsdp-four").glob("*.ckpt")}
    sys.stdout.write(json.dumps(out))


if __name__ == "__main__":
    main()
