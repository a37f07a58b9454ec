"""Tensors that were saved in pieces, in the pieces that this process has now: by torch's distributed checkpoint.

Its planner says which parts of which pieces overlap what is wanted. What is read, and that it is what was written, is
ours.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch.distributed.checkpoint.default_planner import DefaultLoadPlanner
from torch.distributed.checkpoint.metadata import (
    ChunkStorageMetadata,
    Metadata,
    MetadataIndex,
    TensorProperties,
    TensorStorageMetadata,
)
from torch.distributed.checkpoint.planner import LoadPlan, LoadPlanner
from torch.distributed.tensor import DTensor, Replicate, Shard
from torch.distributed.tensor import empty as empty_sharded

from finops.checkpoint.faults import Damaged
from finops.checkpoint.format import Source, read_chunk
from finops.checkpoint.names import Name
from finops.checkpoint.stores import Store
from finops.checkpoint.together.distributed import leaves
from finops.checkpoint.together.sets import footer_of
from finops.checkpoint.tree import rebuild


def values(
    store: Store,
    parts: Sequence[tuple[Name, str]],
    mine: int,
    own: Mapping[str, Any],
    targets: Mapping[str, Any],
) -> dict[str, Any]:
    """Each leaf of `own`, which part `mine` holds, put together from all: sharded as in `targets`, or whole.

    The memory is new. Raises Damaged, Newer or StoreFault.
    """
    with contextlib.ExitStack() as held:
        opened = [held.enter_context(_opened(store, *one)) for one in parts]
        made = {name: _empty(name, leaf["$leaf"], targets) for name, leaf in own.items()}
        pieces = _Pieces(opened, mine, own)
        # torch's own `load` plans in turns with all processes, each of which knows all that there is to know here.
        planner = DefaultLoadPlanner(flatten_state_dict=False, flatten_sharded_tensors=False)
        planner.set_up_planner(made, Metadata(pieces.told), is_coordinator=True)
        pieces.read(planner.create_local_plan(), planner)
    return made


def cut(tensor: torch.Tensor, like: DTensor) -> DTensor:
    """This process's piece of a tensor that is whole, sharded as `like` is, on its device."""
    made = torch.empty_like(like.detach(), dtype=tensor.dtype)
    for chunk in made.__create_chunk_list__():
        piece = tensor
        for dim, (offset, size) in enumerate(zip(chunk.offsets, chunk.sizes, strict=True)):
            piece = piece.narrow(dim, offset, size)
        made.to_local().copy_(piece)
    return made


def _empty(name: str, told: Mapping[str, Any], targets: Mapping[str, Any]) -> torch.Tensor:
    """What is to be filled. targets: see together.distributed: the tensor itself, or its parameter."""
    dtype, shape = getattr(torch, told["dtype"]), torch.Size(told["shape"])
    target = targets.get(name, targets.get(name.rpartition("/")[0]))
    if not isinstance(target, DTensor):
        return torch.empty(shape, dtype=dtype)
    if target.shape == shape:
        return torch.empty_like(target.detach(), dtype=dtype)
    mesh, shards = target.device_mesh, told.get("shards", [])
    dims = shards if len(shards) == mesh.ndim else [None] * mesh.ndim
    placements = [Replicate() if dim is None else Shard(dim) for dim in dims]
    return empty_sharded(shape, dtype=dtype, device_mesh=mesh, placements=placements)


class _Part:
    """One part, of which single tensors are read; every byte that is used was held against its checksum."""

    def __init__(self, source: Source, footer: Any) -> None:
        self._source, self._footer = source, footer
        self._last: tuple[int, memoryview] = (-1, memoryview(b""))
        told = json.loads(bytes(self._bytes(*footer.tree)))
        self._spans = told["buffers"]
        self.leaves = dict(leaves(told["nodes"]))

    def tensor(self, name: str) -> torch.Tensor:
        node = self.leaves[name]["local"]
        found: torch.Tensor = rebuild({"": node}, lambda index: self._bytes(*self._spans[index]))[""]
        return found

    def _bytes(self, start: int, length: int) -> memoryview:
        made = memoryview(bytearray(length))
        size = self._footer.chunk
        for index in range(start // size, -(-(start + length) // size)):
            begin, end = self._footer.span(index)
            lo, hi = max(start, begin), min(start + length, end)
            if (lo, hi) == (begin, end):
                read_chunk(self._source, self._footer, index, made[lo - start : hi - start])
            else:
                made[lo - start : hi - start] = self._chunk(index)[lo - begin : hi - begin]
        return made

    def _chunk(self, index: int) -> memoryview:
        if self._last[0] != index:
            begin, end = self._footer.span(index)
            held = memoryview(bytearray(end - begin))
            read_chunk(self._source, self._footer, index, held)
            self._last = index, held
        return self._last[1]


@contextlib.contextmanager
def _opened(store: Store, name: Name, was: str) -> Iterator[_Part]:
    footer = footer_of(store, name, was)
    with store.open(name) as source:
        yield _Part(source, footer)


class _Pieces:
    """Where the pieces of each tensor are, as torch wants to be told."""

    def __init__(self, parts: Sequence[_Part], mine: int, own: Mapping[str, Any]) -> None:
        self._parts, self._mine, self._own = parts, mine, own
        self._at: dict[MetadataIndex, int] = {}
        self.told: dict[str, Any] = {}
        for name, leaf in own.items():
            told, chunks = leaf["$leaf"], []
            for number, part in enumerate(parts):
                piece = part.leaves.get(name)
                if piece is None or "local" not in piece:
                    continue
                offsets, sizes = (torch.Size(piece["$leaf"][key]) for key in ("offsets", "sizes"))
                chunks.append(ChunkStorageMetadata(offsets, sizes))
                self._at[MetadataIndex(name, offsets)] = number
            if sum(chunk.sizes.numel() for chunk in chunks) != torch.Size(told["shape"]).numel():
                raise Damaged(f"{name} is not whole: its pieces do not add up.", "The checkpoint before it is used.")
            properties = TensorProperties(dtype=getattr(torch, told["dtype"]))
            self.told[name] = TensorStorageMetadata(properties, torch.Size(told["shape"]), chunks)

    def read(self, plan: LoadPlan, planner: LoadPlanner) -> None:
        for item in sorted(plan.items, key=lambda item: self._at[item.storage_index]):
            name, number = item.storage_index.fqn, self._at[item.storage_index]
            tensor = self._own[name]["local"] if number == self._mine else self._parts[number].tensor(name)
            for dim, (offset, length) in enumerate(zip(item.storage_offsets, item.lengths, strict=True)):
                tensor = tensor.narrow(dim, offset, length)
            planner.resolve_tensor(item).detach().copy_(tensor)
