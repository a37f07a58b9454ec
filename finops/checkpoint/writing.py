"""One checkpoint out of memory into a store, with its checksums; and one out of a store, only if they fit."""

from __future__ import annotations

import ctypes
import json
import mmap
import weakref
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from finops.checkpoint.copying import Copying
from finops.checkpoint.faults import Foreign, Newer
from finops.checkpoint.format import (
    ALIGN,
    BLOCK,
    CHUNK,
    Footer,
    Source,
    checked,
    closing,
    fresh,
    padded,
    preamble,
    read_chunk,
    read_footer,
    room,
)
from finops.checkpoint.names import Name
from finops.checkpoint.stores import Store
from finops.checkpoint.sums import crc32
from finops.checkpoint.tree import Buffer, Json, rebuild

LARGE = 1 << 20  # smaller tensors are copied, so that a counter of steps does not hold the memory of all that was read
READERS = 4  # more do not make a disk faster, one leaves half of it unused


@dataclass(frozen=True)
class Layout:
    """Where the buffers and the tree go. body: bytes up to the footer."""

    offsets: tuple[int, ...]
    tree: tuple[int, int]
    text: bytes
    body: int


def lay_out(nodes: Json, buffers: Collection[Buffer]) -> Layout:
    offsets, end = [], BLOCK
    for buffer in buffers:
        offsets.append(end)
        end = padded(end + buffer.nbytes, ALIGN)
    lengths = [buffer.nbytes for buffer in buffers]
    text = json.dumps({"nodes": nodes, "buffers": [*zip(offsets, lengths, strict=True)]}, allow_nan=False).encode()
    return Layout(tuple(offsets), (end, len(text)), text, padded(end + len(text)))


def fill(memory: memoryview, address: int, layout: Layout, buffers: Collection[Buffer]) -> None:
    """The snapshot: everything of it copied to `memory`, which lies at `address` and holds at least layout.body."""
    copying, others = Copying(), list[tuple[Buffer, int]]()
    memory[:BLOCK] = preamble()
    end = BLOCK
    for buffer, offset in zip(buffers, layout.offsets, strict=True):
        if buffer.lies is None:
            others.append((buffer, address + offset))
        else:
            copying.add(address + offset, buffer.lies, buffer.nbytes)
        memory[end:offset] = bytes(offset - end)  # what an earlier snapshot left there
        end = offset + buffer.nbytes

    def copy_others() -> None:
        """In this thread, as what lies on a GPU is computed on its stream."""
        for buffer, to in others:
            buffer.copy(to)

    copying.carry_out(beside=copy_others)
    start, length = layout.tree
    memory[end:start] = bytes(start - end)
    memory[start : start + length] = layout.text
    memory[start + length : layout.body] = bytes(layout.body - start - length)


def put(
    store: Store,
    name: Name,
    memory: memoryview,
    tree: tuple[int, int],
    meta: Mapping[str, Any],
    chunk: int = CHUNK,
) -> int:
    """Publish `memory`, the whole body, under `name`; how many bytes that took."""
    sums = []
    with store.sink(name, room(len(memory), meta, chunk)) as sink:
        for start in range(0, len(memory), chunk):
            piece = memory[start : start + chunk]
            sums.append(crc32(piece))
            sink.write(piece)
        end = closing(len(memory), sums, tree, meta, chunk)
        sink.write(memoryview(end))
        sink.publish()
    return len(memory) + len(end)


@dataclass(frozen=True)
class Loaded:
    """A checkpoint that is whole. meta: as it was saved; nothing is unpickled before `state` is asked for."""

    name: Name
    meta: Mapping[str, Any]
    told: Json
    held: mmap.mmap
    pickle: Collection[str]

    @cached_property
    def state(self) -> dict[str, Any]:
        """As `flatten` took it. Raises Foreign or Newer where that cannot be had here."""
        try:
            return rebuild(self.told["nodes"], cache(self._buffer), self.pickle)
        except (Foreign, Newer) as fault:
            raise type(fault)(f"{self.name} cannot be restored: {fault.what}", fault.fix) from None

    def _buffer(self, number: int) -> memoryview:
        start, nbytes = self.told["buffers"][number]
        if nbytes < LARGE:
            return memoryview(bytearray(self.held[start : start + nbytes]))
        part = (ctypes.c_char * nbytes).from_buffer(self.held, start)
        weakref.finalize(part, _drop, self.held, start, start + nbytes).atexit = False
        return memoryview(part).cast("B")


def get(store: Store, name: Name, pickle: Collection[str] = ()) -> Loaded:
    """The checkpoint `name`, of which every byte was held against its checksum.

    Raises Damaged, Newer or StoreFault; MemoryError where there is too little for it.
    """
    with store.open(name) as source:
        footer = read_footer(source)
        held = fresh(footer.body)
        _read_all(source, footer, memoryview(held))
    start, length = footer.tree
    return Loaded(name, footer.meta, json.loads(held[start : start + length]), held, pickle)


def verify(store: Store, name: Name) -> Footer:
    """Read all of `name` and hold it against its checksums. Raises as `get` does."""
    with store.open(name) as source:
        return checked(source)


def _drop(held: mmap.mmap, start: int, stop: int) -> None:
    """Give back the pages of a tensor that nobody uses any more: models copy theirs, optimizers go on using them."""
    first, last = padded(start, mmap.PAGESIZE), stop // mmap.PAGESIZE * mmap.PAGESIZE
    if first < last and hasattr(mmap, "MADV_DONTNEED"):
        held.madvise(mmap.MADV_DONTNEED, first, last - first)


def _read_all(source: Source, footer: Footer, held: memoryview) -> None:
    """Chunks by several threads: reading and checksums both let the others run."""
    from concurrent.futures import ThreadPoolExecutor

    def read(index: int) -> None:
        start, stop = footer.span(index)
        read_chunk(source, footer, index, held[start:stop])

    if len(footer.sums) == 1:
        read(0)
        return
    with ThreadPoolExecutor(READERS) as pool:
        for _ in pool.map(read, range(len(footer.sums))):  # the first fault is raised, and the rest is not begun
            pass
