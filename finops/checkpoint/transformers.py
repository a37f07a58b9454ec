"""Hugging Face Transformers: a callback of its Trainer that saves beside the training.

    trainer = Trainer(model, args, ...)
    saving = Saving(trainer)                               # arguments as of finops.checkpoint.open
    trainer.train(resume_from_checkpoint=saving.resume())

The Trainer goes on from folders only. So `resume` reads the newest whole checkpoint, and leaves a folder as the Trainer
writes them for as long as it is being read. For one process; not for DeepSpeed, FSDP or adapters of PEFT.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from transformers import TrainerCallback
from transformers.trainer_callback import ExportableState

from finops import checkpoint
from finops.errors import UsageError

if TYPE_CHECKING:
    from finops.checkpoint.loop import Checkpointer


class Saving(TrainerCallback):  # type: ignore[misc]
    """Saves model, optimizer, scheduler, random numbers and progress when it is time to, and on a notice."""

    def __init__(self, trainer: Any, folder: str | os.PathLike[str] | None = None, **options: Any) -> None:
        _refuse(trainer)
        self._trainer = trainer
        self._figures: dict[str, float] = {}
        self._folder: str | None = None
        self._asked = False
        self._told = {
            "model": _Held(lambda: trainer.accelerator.unwrap_model(trainer.model).state_dict()),
            "optimizer": _Held(lambda: _state_of(trainer.optimizer)),
            "scheduler": _Held(lambda: _state_of(trainer.lr_scheduler)),
            "progress": _Held(lambda: _progress(trainer)),
        }
        self._checkpointer = checkpoint.open(self._told, folder, **options)
        trainer.add_callback(self)

    def resume(self) -> str | None:
        """For `resume_from_checkpoint`: a folder with the newest whole checkpoint, None where there is none."""
        self._asked = True
        if self._checkpointer.restore() is None:
            return None
        self._folder = tempfile.mkdtemp(prefix="finops-checkpoint-")
        _unpack(Path(self._folder), {name: held.given for name, held in self._told.items()})
        for held in self._told.values():
            held.given = None
        return self._folder

    @property
    def checkpointer(self) -> Checkpointer:
        """For `stats`, and to `save` by hand."""
        return self._checkpointer

    # The Trainer's events

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if not self._asked and self._checkpointer.latest() is not None:
            raise UsageError(
                "There are checkpoints of this job, and the training was not told to go on from them.",
                "Say: trainer.train(resume_from_checkpoint=saving.resume()). To begin anew, name another folder.",
            )

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
        self._figures |= {name: one for name, one in (logs or {}).items() if isinstance(one, int | float)}

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._forget()  # the random numbers are read from it after the first batch was
        self._checkpointer.step(**self._figures)

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._forget()
        self._checkpointer.save()  # a job that is started again knows that it was done
        self._checkpointer.close()

    def _forget(self) -> None:
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None


class _Held:
    """Something that the Trainer makes late: saved from where it is by then, restored by the Trainer."""

    def __init__(self, take: Any) -> None:
        self.state_dict = take
        self.given: Any = None

    def load_state_dict(self, told: Any) -> None:
        self.given = told


def _state_of(thing: Any) -> dict[str, Any]:
    """Empty where the Trainer has not made it yet."""
    return {} if thing is None else dict(thing.state_dict())


def _refuse(trainer: Any) -> None:
    if trainer.args.world_size > 1 or trainer.is_deepspeed_enabled or trainer.is_fsdp_enabled:
        raise UsageError(
            "Saving knows trainings of one process, without DeepSpeed and FSDP.",
            "Use a loop of your own with finops.checkpoint.open: docs/checkpoint.md, several processes.",
        )
    if hasattr(trainer.accelerator.unwrap_model(trainer.model), "peft_config"):
        raise UsageError("The model has adapters of PEFT.", "Use the Trainer's own checkpoints for it.")


def _progress(trainer: Any) -> dict[str, Any]:
    """What trainer_state.json holds, with what callbacks such as EarlyStoppingCallback count."""
    told = asdict(trainer.state)
    for one in [*trainer.callback_handler.callbacks, trainer.control]:
        if isinstance(one, ExportableState):
            told["stateful_callbacks"][type(one).__name__] = one.state()
    return {"json": json.dumps(told)}


def _unpack(folder: Path, told: dict[str, Any]) -> None:
    """As Trainer._save_checkpoint would have left it (transformers 4.46 to 5)."""
    import numpy

    numbers = {
        "python": random.getstate(),
        "numpy": numpy.random.get_state(),
        "cpu": torch.random.get_rng_state(),
    }
    if torch.cuda.is_available():
        numbers["cuda"] = torch.cuda.random.get_rng_state()
    torch.save(dict(told["model"]), folder / "pytorch_model.bin")
    torch.save(told["optimizer"], folder / "optimizer.pt")
    torch.save(told["scheduler"], folder / "scheduler.pt")
    torch.save(numbers, folder / "rng_state.pth")
    (folder / "trainer_state.json").write_text(told["progress"]["json"], "utf-8")
