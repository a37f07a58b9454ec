"""What a training reads: the same samples in the same order from any place on, each of them once in an epoch."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol

from finops.checkpoint.arrays import is_array
from finops.checkpoint.data.streams import Stateful, Stream, keeper_of


class Feed(Protocol):
    """length: samples of an epoch, None where that is not known."""

    length: int | None

    def since(self, epoch: int, samples: int, kept: Any = None) -> Iterator[tuple[Any, int]]:
        """Batches of `epoch` from that many samples on, each with the samples of the epoch that are read with it.

        kept: what `kept` told there, None where nothing did. What it draws of random numbers to come to its place, it
        draws when it is made, not while it is read.
        """
        ...

    def kept(self) -> Any:
        """What it needs beside these numbers to come back to where it is, plain; None where they say it all."""
        ...


def feed_of(data: Iterable[Any] | Callable[[], Iterable[Any]], seed: int, rank: int = 0, world: int = 1) -> Feed:
    """How `data` is read: a torch DataLoader by its samples, what has state_dict by that, a sequence by its items,
    anything else by counting. A function is called for each epoch, and what it returns is counted."""
    if _reads_by_index(data):  # also torchdata's: its own account loses the order of the epochs that follow
        from finops.checkpoint.data.loaders import Loader

        return Loader(data, seed, rank, world)
    if (keeper := keeper_of(data)) is not None:
        return Stateful(data, keeper)
    if isinstance(data, Sequence) or is_array(data) or (_has_length(data) and not hasattr(type(data), "__iter__")):
        return _Items(data, rank, world)
    return Stream(data)


def _reads_by_index(data: object) -> bool:
    if (torch := sys.modules.get("torch")) is None or not isinstance(data, torch.utils.data.DataLoader):
        return False
    return _has_length(data.dataset) and not isinstance(data.dataset, torch.utils.data.IterableDataset)


def _has_length(dataset: object) -> bool:
    return hasattr(dataset, "__len__") and hasattr(dataset, "__getitem__")


class _Items:
    def __init__(self, items: Any, rank: int, world: int) -> None:
        self._items, self._rank, self._world = items, rank, world
        self.length: int | None = len(items)

    def since(self, epoch: int, samples: int, kept: Any = None) -> Iterator[tuple[Any, int]]:
        whole = len(self._items) - (len(self._items) - samples) % self._world  # as many for each process
        for at in range(samples + self._rank, whole, self._world):
            yield self._items[at], at - self._rank + self._world

    def kept(self) -> None:
        return None
