"""A DataLoader over a dataset with a length: its samples in an order that can be entered anywhere.

The caller's DataLoader reads, with its workers, its collate_fn and all; only the order of the samples is ours. What
workers draw of random numbers depends on the batch alone, as they read ahead of what a checkpoint knows of.
"""

from __future__ import annotations

import copy
import random
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from itertools import chain, islice
from typing import Any, NamedTuple

from finops.checkpoint import rng
from finops.checkpoint.data.order import Order
from finops.checkpoint.data.shares import steps
from finops.checkpoint.data.streams import entered

AT_ONCE = 1024  # positions whose samples are looked up together
DRAWN = 64  # batches that a sampler is asked for together: it may have no end, and each time takes 0.1 ms


class Loader:
    """See finops.checkpoint.data.feed.Feed."""

    def __init__(self, loader: Any, seed: int, rank: int, world: int) -> None:
        self._loader, self._seed = loader, seed
        self._rank, self._world = _seat(loader.sampler) or (rank, world)
        self._plan = _Plan()
        self._mirror = _mirror(loader, self._plan)
        self._is_counted = _gives_what_it_likes(loader)
        self.length: int | None = _length(loader) if _is_known(loader) and not self._is_counted else None

    def since(self, epoch: int, samples: int, kept: Any = None) -> Iterator[tuple[Any, int]]:
        own = f"{self._seed}/{epoch}"
        known, passed = _is_known(self._loader), 0 if self._is_counted else samples
        batches = self._by_position(epoch, passed) if known else self._by_sampler(own, epoch, passed)
        self._plan.batches, self._plan.own, self._plan.ends = batches, own, deque()
        self._plan.order = None
        if known:
            length = _length(self._loader)
            self._plan.order = Order(length, self._seed, epoch) if _is_shuffled(self._loader) else range(length)
        self._mirror.generator.manual_seed(_number(own))
        if self._is_counted:
            return entered(iter(self._mirror), samples, self._loader)
        ends = self._plan.ends
        return ((batch, ends.popleft()) for batch in iter(self._mirror))

    def kept(self) -> None:
        return None

    def _by_position(self, epoch: int, samples: int) -> list[tuple[int, Any]]:
        loader = self._loader
        shared = steps(_length(loader), samples, loader.batch_size, self._world, loader.drop_last)
        return [(step.stop, step[self._rank :: self._world]) for step in shared]

    def _by_sampler(self, own: str, epoch: int, samples: int) -> Iterator[tuple[int, Any]]:
        """Of an order that only the caller's sampler knows: drawn from its beginning, under random numbers of the
        epoch's."""
        sampler = self._loader.sampler if self._loader.batch_sampler is None else self._loader.batch_sampler
        for one in _chain(sampler):
            if hasattr(one, "set_epoch"):
                one.set_epoch(epoch)
            if hasattr(getattr(one, "generator", None), "manual_seed"):
                one.generator.manual_seed(_number(own))
        return _after(samples, _drawn(sampler, own), self._loader.batch_sampler is not None)


def _after(samples: int, batches: Iterator[Any], are_several: bool) -> Iterator[tuple[int, Any]]:
    end = 0
    for batch in batches:
        end += len(batch) if are_several else 1
        if end > samples:
            yield end, batch


def _drawn(sampler: Any, own: str) -> Iterator[Any]:
    """What `sampler` gives, which draws none of the training's random numbers."""
    theirs: dict[str, Any] | None = None
    given: Iterator[Any] | None = None
    some = [None]
    while some:
        before = rng.capture()
        try:
            if theirs is None:
                _sow(own)
            else:
                rng.bring_back(theirs)
            given = iter(sampler) if given is None else given
            some = list(islice(given, DRAWN))
            theirs = rng.capture()
        finally:
            rng.bring_back(before)
        yield from some


class _Plan:
    """The indices of each batch, as a DataLoader's sampler. ends: of those that were asked for, in their order."""

    def __init__(self) -> None:
        self.order: Order | range | None = None  # None: the batches are of indices, not of positions
        self.batches: Iterable[tuple[int, Any]] = []
        self.ends = deque[int]()
        self.own = ""
        self.is_sown = False

    def __len__(self) -> int:
        if isinstance(self.batches, list):
            return len(self.batches)
        raise TypeError("how many batches a sampler gives is known when it has given them")

    def __iter__(self) -> Iterator[Any]:
        return _told(_looked_up(self.order, self.batches), self.own, self.ends, self.is_sown)


def _told(batches: Iterator[tuple[int, Any]], own: str, ends: deque[int], is_sown: bool) -> Iterator[Any]:
    """Not of the plan itself: workers in a circle with it would be let go of late."""
    for end, indices in batches:
        ends.append(end)
        yield _Sown(f"{own}/{end}", indices) if is_sown else indices


def _looked_up(order: Order | range | None, batches: Iterable[tuple[int, Any]]) -> Iterator[tuple[int, Any]]:
    if order is None:
        yield from batches
        return
    left = iter(batches)
    while some := list(islice(left, 1)):
        some += islice(left, max(1, AT_ONCE // len(some[0][1])) - 1)
        if isinstance(order, Order):
            found = iter(order.several(list(chain.from_iterable(batch for _, batch in some))))
            some = [(end, [next(found) for _ in batch]) for end, batch in some]
        yield from ((end, list(batch)) for end, batch in some)


class _Sown(NamedTuple):
    """What a worker reads next, and what it sows its random numbers of before."""

    key: str
    indices: Any


class _Sowing:
    """The caller's dataset, in a worker."""

    def __init__(self, dataset: Any) -> None:
        self.__dict__["_dataset"] = dataset

    def __len__(self) -> int:
        return len(self._dataset)

    def __getitem__(self, sown: _Sown) -> Any:
        _sow(sown.key)
        return self._dataset[sown.indices]

    def __getitems__(self, sown: _Sown) -> Any:
        _sow(sown.key)
        if callable(several := getattr(self._dataset, "__getitems__", None)):
            return several(sown.indices)
        return [self._dataset[index] for index in sown.indices]

    def __getattr__(self, name: str) -> Any:  # worker_init_fn may ask and set
        return getattr(self._dataset, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._dataset, name, value)

    def __reduce__(self) -> tuple[Any, ...]:
        return _Sowing, (self._dataset,)


def _mirror(loader: Any, plan: _Plan) -> Any:
    """The caller's loader, whatever its class, reading what `plan` says."""
    import torch

    mirror = copy.copy(loader)
    own: dict[str, Any] = {"generator": torch.Generator(), "_iterator": None}  # the training's own is not drawn from
    if loader.num_workers:
        own["dataset"] = _Sowing(loader.dataset)
        plan.is_sown = True
    own["sampler" if loader.batch_sampler is None else "batch_sampler"] = plan
    mirror.__dict__.update(own)  # it lets nobody set these, as its workers would not hear of it: it has none yet
    return mirror


def _sow(key: str) -> None:
    import torch

    number = _number(key)
    random.seed(number)
    torch.default_generator.manual_seed(number)
    if "numpy.random" in sys.modules:
        sys.modules["numpy"].random.seed(number % (1 << 32))


def _number(key: str) -> int:
    return int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), "little") >> 1


def _chain(sampler: Any) -> Iterator[Any]:
    """A sampler, and those that it draws from."""
    while sampler is not None:
        yield sampler
        sampler = getattr(sampler, "sampler", None)


def _is_known(loader: Any) -> bool:
    """Whether the order is one that torch itself makes of a length and of shuffle, in batches of one size."""
    from torch.utils.data import BatchSampler, RandomSampler, SequentialSampler
    from torch.utils.data.distributed import DistributedSampler

    sampler = loader.sampler
    if type(loader.batch_sampler) is not BatchSampler or loader.batch_size is None:
        return False
    if type(sampler) is RandomSampler:
        return not sampler.replacement and sampler.num_samples == len(sampler.data_source)
    return type(sampler) in (SequentialSampler, DistributedSampler)


def _gives_what_it_likes(loader: Any) -> bool:
    """Whether its class reads in a way of its own, which may leave batches out or make others of them."""
    return type(loader).__iter__.__module__.partition(".")[0] not in ("torch", "torchdata")


def _is_shuffled(loader: Any) -> bool:
    from torch.utils.data import SequentialSampler

    return not isinstance(loader.sampler, SequentialSampler) and getattr(loader.sampler, "shuffle", True)


def _length(loader: Any) -> int:
    sampler = loader.sampler
    return len(sampler.data_source if hasattr(sampler, "data_source") else sampler.dataset)


def _seat(sampler: Any) -> tuple[int, int] | None:
    """rank and world, where the caller has told them to a DistributedSampler."""
    from torch.utils.data.distributed import DistributedSampler

    return (sampler.rank, sampler.num_replicas) if isinstance(sampler, DistributedSampler) else None
