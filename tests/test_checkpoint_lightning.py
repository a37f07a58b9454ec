"""Lightning's Trainer with our callback: evicted anywhere it ends as if nothing had been, and its files are checked."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
lightning = pytest.importorskip("lightning.pytorch")

from finops.checkpoint.faults import Damaged  # noqa: E402
from finops.checkpoint.lightning import CheckpointIO, Saving  # noqa: E402
from finops.errors import UsageError  # noqa: E402

pytestmark = [pytest.mark.torch, pytest.mark.filterwarnings("ignore")]  # Lightning warns of much
BATCHES, EPOCHS = 5, 3


class Samples(torch.utils.data.Dataset):  # type: ignore[misc]
    """Each is drawn at random as it is read, as augmented pictures are."""

    def __len__(self) -> int:
        return BATCHES * 4 - 1

    def __getitem__(self, index: int) -> tuple[int, Any]:
        return index, torch.full((8,), float(index)) + torch.randn(8)


class Model(lightning.LightningModule):  # type: ignore[misc]
    def __init__(self, tale: list[Any]) -> None:
        super().__init__()
        self.layers = torch.nn.Sequential(torch.nn.Linear(8, 8), torch.nn.Dropout(0.5), torch.nn.Linear(8, 1))
        self.tale = tale

    def training_step(self, batch: Any, number: int) -> Any:
        indices, inputs = batch
        loss = self.layers(inputs / 20).square().mean()
        self.tale.append((indices.tolist(), loss.item().hex()))
        self.log("loss", loss)
        return loss

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.AdamW(self.parameters(), lr=0.01)
        return [optimizer], [torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.5)]


class Evicted(BaseException):
    pass


class Evicting(lightning.Callback):  # type: ignore[misc]
    """Saves at step `at`, and ends the training a step later, or at the end of the epoch, without a word."""

    def __init__(self, saving: Saving, at: int) -> None:
        self.saving, self.at = saving, at

    def on_train_batch_end(self, trainer: Any, *_: Any) -> None:
        if trainer.global_step == self.at and self.saving.checkpointer.stats().saves == 0:
            self.saving.checkpointer.save(wait=True)
        if trainer.global_step > self.at:
            raise Evicted

    def on_train_epoch_end(self, trainer: Any, *_: Any) -> None:
        if trainer.global_step == self.at:
            raise Evicted


def fit(folder: Path, evicted_at: int | None = None, gather: int = 1) -> tuple[list[Any], str]:
    """An attempt; its tale, and all bits of model and optimizer."""
    torch.set_num_threads(1)
    lightning.seed_everything(7)
    tale: list[Any] = []
    model, saving = Model(tale), Saving(folder, job="fit", every=3600, watch=False)
    callbacks = [saving] if evicted_at is None else [saving, Evicting(saving, evicted_at)]
    trainer = trainer_of(folder, callbacks, saving, max_epochs=EPOCHS, accumulate_grad_batches=gather)
    try:
        trainer.fit(model, saving.reads(loader()), ckpt_path=saving.resume())
    except Evicted:
        saving.checkpointer.close()
    return tale, repr([model.state_dict(), trainer.optimizers[0].state_dict(), trainer.global_step, torch.rand(3)])


def loader() -> Any:
    return torch.utils.data.DataLoader(Samples(), 4, shuffle=True)


def trainer_of(folder: Path, callbacks: list[Any], saving: Saving, **more: Any) -> Any:
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}
    return lightning.Trainer(
        default_root_dir=folder,
        callbacks=callbacks,
        plugins=[saving.io],
        enable_checkpointing=False,
        **quiet,
        **more,
    )


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Any], str]:
    return fit(tmp_path_factory.mktemp("calm"))


# In the middle of an epoch, on its last batch, on the first of one, on the very last.
@pytest.mark.parametrize("at", [2, 5, 6, 14, 15])
def test_an_evicted_fit_ends_as_one_that_nobody_disturbed(
    tmp_path: Path, undisturbed: tuple[list[Any], str], at: int
) -> None:
    calm, left = undisturbed

    before, _ = fit(tmp_path / "evicted", evicted_at=at)
    after, ended = fit(tmp_path / "evicted")

    assert before[:at] + after == calm
    assert ended == left


def test_no_gradient_is_lost_where_they_are_gathered_over_batches(tmp_path: Path) -> None:
    calm, left = fit(tmp_path / "calm", gather=2)

    fit(tmp_path / "evicted", evicted_at=4, gather=2)
    after, ended = fit(tmp_path / "evicted", gather=2)

    assert calm[-len(after) :] == after
    assert ended == left


def test_the_damaged_newest_is_passed_over_for_the_one_before(
    tmp_path: Path, undisturbed: tuple[list[Any], str]
) -> None:
    calm, left = undisturbed
    fit(tmp_path / "evicted", evicted_at=3)
    fit(tmp_path / "evicted", evicted_at=8)
    newest = max((tmp_path / "evicted").glob("*.ckpt"))
    newest.write_bytes(newest.read_bytes()[:-1])

    after, ended = fit(tmp_path / "evicted")

    assert after == calm[3:]
    assert ended == left


def test_a_fit_that_was_not_told_to_go_on_overwrites_nothing(tmp_path: Path) -> None:
    fit(tmp_path, evicted_at=2)
    saving = Saving(tmp_path, job="fit", watch=False)
    trainer = trainer_of(tmp_path, [saving], saving, max_epochs=1)

    with pytest.raises(UsageError, match=r"ckpt_path=saving.resume\(\)"):
        trainer.fit(Model([]), loader())


def test_a_trainer_without_our_io_is_told_what_to_say(tmp_path: Path) -> None:
    saving = Saving(tmp_path, watch=False)
    trainer = lightning.Trainer(callbacks=[saving], logger=False, accelerator="cpu", enable_checkpointing=False)

    with pytest.raises(UsageError, match=r"plugins=\[saving.io\]"):
        trainer.fit(Model([]), loader())


def test_hyperparameters_of_any_kind_are_no_obstacle(tmp_path: Path) -> None:
    saving, model = Saving(tmp_path, job="fit", watch=False), Model([])
    model.save_hyperparameters({"schedule": object()})

    trainer_of(tmp_path, [saving], saving, max_epochs=1).fit(model, saving.reads(loader()), ckpt_path=saving.resume())

    assert saving.checkpointer.latest() is not None


# Files of Lightning's own


def test_what_model_checkpoint_writes_is_gone_on_from_and_loaded_by_everybody(tmp_path: Path) -> None:
    keeps = lightning.callbacks.ModelCheckpoint(tmp_path, save_last=True)
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}
    trainer = lightning.Trainer(max_epochs=1, callbacks=[keeps], plugins=[CheckpointIO()], **quiet)
    model = Model([])

    trainer.fit(model, loader())
    again = Model.load_from_checkpoint(tmp_path / "last.ckpt", tale=[])
    further = lightning.Trainer(max_epochs=2, enable_checkpointing=False, plugins=[CheckpointIO()], **quiet)
    further.fit(again, loader(), ckpt_path=str(tmp_path / "last.ckpt"))

    assert trainer.global_step == BATCHES
    assert further.global_step == 2 * BATCHES
    assert not list(tmp_path.glob("*.part"))


def test_every_byte_of_such_a_file_is_what_was_saved_or_an_error(tmp_path: Path) -> None:
    file, io = tmp_path / "some.ckpt", CheckpointIO()
    was = {"state_dict": {"weight": torch.arange(3.0)}, "epoch": 7}
    io.save_checkpoint(was, file)
    whole, found, silent = file.read_bytes(), 0, []

    for at in range(2, len(whole)):
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :])
        try:
            loaded = io.load_checkpoint(file, weights_only=True)
        except (Damaged, RuntimeError):  # torch's own, of its archive's bookkeeping
            found += 1
        else:
            silent += [at] if repr(loaded) != repr(was) else []

    assert silent == []
    assert found > 600  # the others are padding


def test_a_file_that_was_cut_is_damaged(tmp_path: Path) -> None:
    file = tmp_path / "some.ckpt"
    CheckpointIO().save_checkpoint({"weight": torch.ones(3)}, file)
    file.write_bytes(file.read_bytes()[:-1])

    with pytest.raises(Damaged, match=r"some\.ckpt is damaged"):
        CheckpointIO().load_checkpoint(file)


def test_a_file_that_cannot_be_written_leaves_the_one_before(tmp_path: Path) -> None:
    file = tmp_path / "some.ckpt"
    CheckpointIO().save_checkpoint({"epoch": 1}, file)

    with pytest.raises((AttributeError, pickle.PicklingError)):
        CheckpointIO().save_checkpoint({"epoch": 2, "loss": lambda: 0}, file)

    assert CheckpointIO().load_checkpoint(file) == {"epoch": 1}
    assert [each.name for each in tmp_path.iterdir()] == ["some.ckpt"]
