"""PyTorch Lightning: a callback that saves beside the training, and Lightning's own files whole or not there.

    saving = Saving()                                      # arguments as of finops.checkpoint.open
    trainer = Trainer(callbacks=[saving], plugins=[saving.io])
    trainer.fit(model, saving.reads(loader), ckpt_path=saving.resume())

For one process: several need a state that each saves its part of, see docs/checkpoint.md.
"""

from __future__ import annotations

import os
import struct
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from finops import checkpoint
from finops.checkpoint import rng
from finops.checkpoint.data.feed import feed_of
from finops.checkpoint.faults import Damaged
from finops.errors import UsageError

if TYPE_CHECKING:
    from finops.checkpoint.loop import Checkpointer
# Both names of the same framework: the one that the training uses is there already.
if TYPE_CHECKING or "pytorch_lightning" not in sys.modules or "lightning.pytorch" in sys.modules:
    from lightning.pytorch import Callback
    from lightning.pytorch.plugins import TorchCheckpointIO
else:
    from pytorch_lightning import Callback
    from pytorch_lightning.plugins import TorchCheckpointIO

ENTRY = "fit"


class CheckpointIO(TorchCheckpointIO):  # type: ignore[misc]
    """What Lightning saves and loads by a path, such as ModelCheckpoint's files, which everybody reads who did before.

    A file takes its name once it is whole on the disk, and is held against the checksums of torch.save, which torch
    writes and never looks at. Paths with a scheme, such as s3://, are Lightning's own affair.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        if "://" in os.fspath(path) or storage_options is not None:
            super().save_checkpoint(checkpoint, path, storage_options)
            return
        final = Path(path)
        final.parent.mkdir(parents=True, exist_ok=True)
        aside = final.with_name(f"{final.name}.part")
        try:
            torch.save(checkpoint, aside)
            _sync(aside, os.O_RDWR)
            aside.replace(final)
        finally:
            aside.unlink(missing_ok=True)
        _sync(final.parent, os.O_RDONLY)

    def load_checkpoint(self, path: Any, *positional: Any, **named: Any) -> dict[str, Any]:
        """Raises Damaged where it is not what was saved."""
        if "://" not in os.fspath(path):
            _hold_against_sums(Path(path))
        loaded: dict[str, Any] = super().load_checkpoint(path, *positional, **named)
        return loaded


def _sync(path: Path, flags: int) -> None:
    fd = os.open(path, flags)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _hold_against_sums(path: Path) -> None:
    """A file of torch.save is a zip archive, with the CRC-32 of each tensor. Those from before torch 1.6 are not."""
    with path.open("rb") as file:
        if file.read(2) != b"PK":
            return
    wrong: object
    try:
        with zipfile.ZipFile(path) as archive:
            wrong = archive.testzip()
    # What zipfile raises for a header that was changed: another method, flags, lengths, names.
    except (zipfile.BadZipFile, RuntimeError, ValueError, EOFError, struct.error, zlib.error, OSError) as fault:
        wrong = fault
    if wrong is not None:
        raise Damaged(f"{path} is damaged: {wrong}.", "Go on from another file of the same training.")


class Saving(Callback):  # type: ignore[misc]
    """Saves the whole state of a fit when it is time to, and on a notice; see the top of this file.

    io: has to be among the trainer's plugins.
    """

    def __init__(self, folder: str | os.PathLike[str] | None = None, seed: int = 0, **options: Any) -> None:
        self._fit = _Fit()
        self._checkpointer = checkpoint.open({ENTRY: self._fit}, folder, seed=seed, **options)
        self._seed = seed
        self._reads: list[Reads] = []
        self._asked = False
        self._random: dict[str, Any] | None = None
        self._stepped = 0
        self.io = _HandsOver(self._fit)

    def reads(self, loader: Any) -> Reads:
        """`loader`, to be gone on with in mid-epoch: its samples in an order that can be entered anywhere."""
        reads = Reads(loader, self._seed, self._take_random)
        self._reads.append(reads)
        return reads

    def resume(self) -> str | None:
        """For `ckpt_path`: that the newest whole checkpoint is to be restored; None where there is none."""
        self._asked = True
        step = self._checkpointer.restore()
        if step is None:
            return None
        self._random, self._stepped = rng.capture(), step
        self._fit.path = f"finops-checkpoint-of-step-{step}"
        return self._fit.path

    @property
    def checkpointer(self) -> Checkpointer:
        """For `stats`, and to `save` by hand."""
        return self._checkpointer

    # Lightning's hooks

    def setup(self, trainer: Any, pl_module: Any, stage: str) -> None:
        if stage != "fit":
            return
        if trainer.world_size > 1:
            raise UsageError(
                f"This fit has {trainer.world_size} processes; Saving knows one.",
                "Use a loop of your own with finops.checkpoint.open: docs/checkpoint.md, several processes.",
            )
        if trainer.strategy.checkpoint_io is not self.io:
            raise UsageError("The trainer does not use saving.io.", "Say: Trainer(plugins=[saving.io], ...)")
        if not self._asked and self._checkpointer.latest() is not None:
            raise UsageError(
                "There are checkpoints of this job, and the fit was not told to go on from them.",
                "Say: trainer.fit(..., ckpt_path=saving.resume()). To begin anew, name another folder.",
            )
        self._fit.trainer = trainer

    def on_train_batch_start(self, *_: Any) -> None:
        if (random := self._take_random()) is not None:
            rng.bring_back(random)

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, *_: Any) -> None:
        for reads in self._reads:
            reads.ended = trainer.is_last_batch
        if trainer.global_step == self._stepped:  # gradients are still being gathered, and are saved by nobody
            return
        self._stepped = trainer.global_step
        self._checkpointer.step(**_figures(trainer.callback_metrics, outputs))

    def on_train_end(self, *_: Any) -> None:
        self._checkpointer.save()  # a job that is started again knows that it was done
        self._checkpointer.wait()

    def teardown(self, trainer: Any, pl_module: Any, stage: str) -> None:
        if stage == "fit":
            self._checkpointer.close()

    def _take_random(self) -> dict[str, Any] | None:
        """Random numbers as they were, once: to set up a fit draws some, so that they are brought back right before
        they are used."""
        random, self._random = self._random, None
        return random


class Reads:
    """A loader that knows its place. Lightning keeps that in its own checkpoints, as it has state_dict."""

    def __init__(self, loader: Any, seed: int, take_random: Callable[[], dict[str, Any] | None]) -> None:
        self._feed, self._length, self._take_random = feed_of(loader, seed), len(loader), take_random
        self._epoch = self._samples = 0
        self._kept: Any = None
        self._goes_on = False
        self.ended = False

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Any]:
        if self._samples and not self._goes_on:
            self._epoch, self._samples, self._kept = self._epoch + 1, 0, None
        self._goes_on = False
        random = self._take_random()
        if random is not None:
            rng.bring_back(random)
        batches = self._feed.since(self._epoch, self._samples, self._kept)
        if random is not None and self._samples:  # to come there may have drawn some
            rng.bring_back(random)
        for batch, samples in batches:
            self._samples, self.ended = samples, False
            yield batch

    def state_dict(self) -> dict[str, Any]:
        if self.ended:
            return {"epoch": self._epoch + 1, "samples": 0, "kept": None}
        return {"epoch": self._epoch, "samples": self._samples, "kept": self._feed.kept() if self._samples else None}

    def load_state_dict(self, told: Mapping[str, Any]) -> None:
        self._epoch, self._samples, self._kept = told["epoch"], told["samples"], told["kept"]
        self._goes_on, self.ended = True, False


class _Fit:
    """The state of a fit, which Lightning puts together and takes apart.

    Without hyperparameters, which may be any object and which a fit that goes on has from its script.
    """

    def __init__(self) -> None:
        self.trainer: Any = None
        self.path: str | None = None
        self.held: dict[str, Any] = {}
        self.is_taking = False

    def state_dict(self) -> dict[str, Any]:
        if self.trainer is None:  # it is asked for before it is restored
            return {}
        self.is_taking = True
        try:
            self.trainer.save_checkpoint(ENTRY, weights_only=False)
            return self.held
        finally:
            self.is_taking, self.held = False, {}

    def load_state_dict(self, told: dict[str, Any]) -> None:
        self.held = told


class _HandsOver(CheckpointIO):
    def __init__(self, fit: _Fit) -> None:
        super().__init__()
        self._fit = fit

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        if self._fit.is_taking:
            self._fit.held = {key: one for key, one in checkpoint.items() if "hyper_parameters" not in key}
        else:
            super().save_checkpoint(checkpoint, path, storage_options)

    def load_checkpoint(self, path: Any, *positional: Any, **named: Any) -> dict[str, Any]:
        if path != self._fit.path:
            return super().load_checkpoint(path, *positional, **named)
        told, self._fit.held = self._fit.held, {}
        return told


def _figures(logged: Mapping[str, Any], outputs: Any) -> dict[str, Any]:
    """What `keep` may rank by: what was logged last, and the loss of this batch."""
    loss = outputs.get("loss") if isinstance(outputs, Mapping) else outputs
    return {**logged, **({} if loss is None else {"loss": loss})}
