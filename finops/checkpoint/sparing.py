"""A checkpoint written while the training waits, through a little memory, where there is none for a second copy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from finops.checkpoint.arena import Arena
from finops.checkpoint.format import BLOCK, CHUNK, closing, preamble, room
from finops.checkpoint.names import Name
from finops.checkpoint.stores import Sink, Store
from finops.checkpoint.sums import crc32
from finops.checkpoint.tree import Buffer
from finops.checkpoint.writing import Layout

LEAST = 4 << 20  # fewer bytes at a time make a disk slow


def put_sparingly(store: Store, name: Name, layout: Layout, buffers: list[Buffer], meta: Mapping[str, Any]) -> int:
    """Publish the state under `name`, byte for byte as `fill` and `put` do; how many bytes that took.

    Takes as much memory as the largest buffer. Raises MemoryError or OSError where that is not there either.
    """
    largest = max([buffer.nbytes for buffer in buffers] + [len(layout.text)])
    arena = Arena(max(largest + 2 * BLOCK, min(LEAST, layout.body + BLOCK)))
    try:
        with store.sink(name, room(layout.body, meta)) as sink:
            window = _Window(arena, sink)
            window.text(0, preamble())
            for buffer, offset in zip(buffers, layout.offsets, strict=True):
                buffer.copy(window.address(offset, buffer.nbytes))
            window.text(layout.tree[0], layout.text)
            window.close(layout.body)
            end = closing(layout.body, window.sums, layout.tree, meta, CHUNK)
            sink.write(memoryview(end))
            sink.publish()
        return layout.body + len(end)
    finally:
        arena.close()


class _Window:
    """A stretch of the body, in memory: what comes before it was written, what comes after it is to be filled."""

    def __init__(self, arena: Arena, sink: Sink) -> None:
        self._arena, self._sink = arena, sink
        self._start = self._end = 0
        self._sum = 0
        self.sums: list[int] = []

    def address(self, offset: int, nbytes: int) -> int:
        """Where the `nbytes` at `offset` of the body are to be copied to. Between it and the one before are zeros."""
        if offset + nbytes - self._start > self._arena.nbytes:
            self.flush()
        gap = memoryview(self._arena.memory)[self._end - self._start : offset - self._start]
        gap[:] = bytes(len(gap))
        self._end = offset + nbytes
        return self._arena.address + offset - self._start

    def text(self, offset: int, text: bytes) -> None:
        at = self.address(offset, len(text)) - self._arena.address
        memoryview(self._arena.memory)[at : at + len(text)] = text

    def flush(self) -> None:
        """Write the whole blocks of it; what is left of the last one goes to its beginning."""
        memory = memoryview(self._arena.memory)
        whole = (self._end - self._start) // BLOCK * BLOCK
        done = 0
        while done < whole:
            piece = memory[done : min(whole, done + CHUNK - (self._start + done) % CHUNK)]
            self._sum = crc32(piece, self._sum)
            self._sink.write(piece)
            done += len(piece)
            if (self._start + done) % CHUNK == 0:
                self.sums.append(self._sum)
                self._sum = 0
        rest = self._end - self._start - whole
        memory[:rest] = memory[whole : whole + rest]
        self._start += whole

    def close(self, body: int) -> None:
        self.address(body, 0)
        self.flush()
        if self._start % CHUNK:
            self.sums.append(self._sum)
