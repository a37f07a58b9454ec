"""Data without a length, from where a training left off: by its own account of where it is, or by reading it again."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from itertools import islice
from typing import Any

from finops.checkpoint import rng
from finops.checkpoint.faults import CannotSave, CheckpointWarning
from finops.checkpoint.tree import flatten


def keeper_of(data: Any) -> Any:
    """What of `data` tells its place by state_dict: itself, or the dataset of a DataLoader; None where nothing does."""
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(data, torch.utils.data.DataLoader) and not _is_stateful(data):
        one_by_one = isinstance(data.dataset, torch.utils.data.IterableDataset) and data.num_workers == 0
        return data.dataset if one_by_one and _is_stateful(data.dataset) else None  # workers' copies cannot be asked
    return data if _is_stateful(data) else None


def _is_stateful(data: Any) -> bool:
    return hasattr(data, "state_dict") and hasattr(data, "load_state_dict")


class Stream:
    """Of what can only be read from its beginning: what was read before is read again, and passed over.

    It is read under the random numbers with which the epoch began, so that data that shuffles itself then comes in the
    same order. What it draws later, between the training's own draws, it draws otherwise.
    """

    length: int | None = None

    def __init__(self, data: Any) -> None:
        self._data = data
        self._begun: dict[str, Any] | None = None

    def since(self, epoch: int, samples: int, kept: Any = None) -> Iterator[tuple[Any, int]]:
        if samples and kept is not None and kept.get("begun") is not None:
            rng.bring_back(kept["begun"])
        self._begun = rng.capture()
        stream = iter(self._data if hasattr(self._data, "__iter__") else self._data())
        return entered(stream, samples, self._data)

    def kept(self) -> Any:
        return {"begun": self._begun}


def entered(stream: Iterator[Any], samples: int, data: Any) -> Iterator[tuple[Any, int]]:
    """The batches of `stream` after so many, numbered. data: what it is called by."""
    if samples:
        warnings.warn(
            f"A {type(data).__name__} can only be read from its beginning: {samples} batches are read and "
            "passed over. Give a DataLoader over a dataset with a length, or a list, to go there at once.",
            CheckpointWarning,
            stacklevel=3,
        )
        passed = sum(1 for _ in islice(stream, samples))
        if passed < samples:
            warnings.warn(
                f"Only {passed} batches were there of {samples} that had been read: the data is another.",
                CheckpointWarning,
                stacklevel=3,
            )
    return ((batch, number) for number, batch in enumerate(stream, samples + 1))


class Stateful:
    """Of what tells where it is by state_dict: torchdata's StatefulDataLoader, datasets of Hugging Face, one's own."""

    length: int | None = None

    def __init__(self, data: Any, keeper: Any) -> None:
        self._keeper = keeper
        self._data = data
        self._counted = Stream(data)
        self._is_plain = True

    def since(self, epoch: int, samples: int, kept: Any = None) -> Iterator[tuple[Any, int]]:
        if kept is None or "state" not in kept:
            return self._counted.since(epoch, samples, kept)
        self._keeper.load_state_dict(kept["state"])
        return ((batch, number) for number, batch in enumerate(self._data, samples + 1))

    def kept(self) -> Any:
        if self._is_plain:
            told = {"state": self._keeper.state_dict()}
            try:
                flatten({"its place": told})
            except CannotSave as fault:
                self._is_plain = False
                warnings.warn(f"The place in the data is counted instead: {fault}", CheckpointWarning, stacklevel=2)
            else:
                return told
        return self._counted.kept()
