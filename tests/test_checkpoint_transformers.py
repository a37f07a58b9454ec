"""Hugging Face's Trainer with our callback: evicted anywhere it ends as if nothing had been."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
transformers = pytest.importorskip("transformers")
pytest.importorskip("accelerate")

from finops.checkpoint.transformers import Saving  # noqa: E402
from finops.errors import UsageError  # noqa: E402

pytestmark = [pytest.mark.torch, pytest.mark.filterwarnings("ignore")]  # transformers warns of much


class Model(torch.nn.Module):  # type: ignore[misc]
    def __init__(self, tale: list[Any]) -> None:
        super().__init__()
        self.layers = torch.nn.Sequential(torch.nn.Linear(8, 8), torch.nn.Dropout(0.5), torch.nn.Linear(8, 1))
        self.tale = tale

    def forward(self, inputs: Any, index: Any) -> dict[str, Any]:
        loss = self.layers(inputs).square().mean()
        self.tale.append((index.tolist(), loss.item().hex()))
        return {"loss": loss}


class Evicted(BaseException):
    pass


class Evicting(transformers.TrainerCallback):  # type: ignore[misc]
    """Saves at step `at`, and ends the training a step later, without a word."""

    def __init__(self, saving: Saving, at: int) -> None:
        self.saving, self.at = saving, at

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.global_step == self.at:
            self.saving.checkpointer.save(wait=True)
        if state.global_step > self.at:
            raise Evicted


class Patience(transformers.TrainerCallback, transformers.trainer_callback.ExportableState):  # type: ignore[misc]
    """Counts, and has its count kept as EarlyStoppingCallback has."""

    def __init__(self) -> None:
        self.steps = 0

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.steps += 1

    def state(self) -> dict[str, Any]:
        return {"args": {}, "attributes": {"steps": self.steps}}


def samples() -> list[dict[str, Any]]:
    drawn = torch.Generator().manual_seed(3)
    return [{"inputs": torch.randn(8, generator=drawn), "index": index} for index in range(22)]


def trainer_of(folder: Path, tale: list[Any], **more: Any) -> Any:
    transformers.set_seed(7)
    args = transformers.TrainingArguments(
        output_dir=str(folder / "trainer"),
        per_device_train_batch_size=4,
        num_train_epochs=3,
        learning_rate=0.01,
        use_cpu=True,
        report_to=[],
        disable_tqdm=True,
        save_strategy="no",
        logging_steps=2,
        remove_unused_columns=False,
        restore_callback_states_from_checkpoint=True,
        **more,
    )
    return transformers.Trainer(Model(tale), args, train_dataset=samples(), callbacks=[Patience()])


def train(folder: Path, evicted_at: int | None = None, **more: Any) -> tuple[list[Any], str]:
    """An attempt; its tale, and all bits of model and optimizer."""
    torch.set_num_threads(1)
    tale: list[Any] = []
    trainer = trainer_of(folder, tale, **more)
    saving = Saving(trainer, folder, job="train", every=3600, watch=False)
    if evicted_at is not None:
        trainer.add_callback(Evicting(saving, evicted_at))
    try:
        trainer.train(resume_from_checkpoint=saving.resume())
    except Evicted:
        saving.checkpointer.close()
    counted = next(one.steps for one in trainer.callback_handler.callbacks if isinstance(one, Patience))
    left = [trainer.model.state_dict(), trainer.optimizer.state_dict(), trainer.lr_scheduler.state_dict()]
    return tale, repr([left, torch.rand(3), counted, trainer.state.global_step])


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Any], str]:
    return train(tmp_path_factory.mktemp("calm"))


# In the middle of an epoch, on its last batch, on the very last.
@pytest.mark.parametrize("at", [2, 6, 18])
def test_an_evicted_training_ends_as_one_that_nobody_disturbed(
    tmp_path: Path, undisturbed: tuple[list[Any], str], at: int
) -> None:
    calm, left = undisturbed

    before, _ = train(tmp_path / "evicted", evicted_at=at)
    after, ended = train(tmp_path / "evicted")

    assert before[:at] + after == calm
    assert ended == left


def test_no_gradient_is_lost_where_they_are_gathered_over_batches(tmp_path: Path) -> None:
    calm, left = train(tmp_path / "calm", gradient_accumulation_steps=2)

    train(tmp_path / "evicted", evicted_at=4, gradient_accumulation_steps=2)
    after, ended = train(tmp_path / "evicted", gradient_accumulation_steps=2)

    assert calm[-len(after) :] == after
    assert ended == left


def test_the_damaged_newest_is_passed_over_for_the_one_before(
    tmp_path: Path, undisturbed: tuple[list[Any], str]
) -> None:
    calm, left = undisturbed
    train(tmp_path / "evicted", evicted_at=3)
    train(tmp_path / "evicted", evicted_at=8)
    newest = max((tmp_path / "evicted").glob("*.ckpt"))
    held = bytearray(newest.read_bytes())
    held[5000] ^= 1
    newest.write_bytes(held)

    after, ended = train(tmp_path / "evicted")

    assert after == calm[3:]
    assert ended == left


def test_the_folder_for_the_trainer_is_gone_afterwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    train(tmp_path / "job", evicted_at=2)

    train(tmp_path / "job")

    assert [each.name for each in tmp_path.iterdir() if each.is_dir()] == ["job"]


def test_a_training_that_was_not_told_to_go_on_overwrites_nothing(tmp_path: Path) -> None:
    train(tmp_path, evicted_at=2)
    trainer = trainer_of(tmp_path, [])
    Saving(trainer, tmp_path, job="train", watch=False)

    with pytest.raises(UsageError, match=r"resume_from_checkpoint=saving.resume\(\)"):
        trainer.train()
