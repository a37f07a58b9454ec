"""The file of a checkpoint: every byte of it is covered by a checksum, so that it is whole or known not to be.

    0      preamble   MAGIC, version, zeros up to one BLOCK
    4096   buffers    each at a multiple of ALIGN
           tree       JSON: what the buffers are (finops.checkpoint.tree), and where
           zeros      up to a multiple of BLOCK; here the body ends
    body   footer     JSON: meta, where the tree is, the CRC-32 of each CHUNK of the body; zeros
           trailer    the last bytes of the file: END, version, body, length of the footer, size, CRC-32 from `body` on

All lengths are in bytes, all numbers little-endian. A checksum finds accidents, not attacks. The trailer comes last,
so a file that was cut anywhere, or of which a page never reached the disk, has none that fits. Every later version
keeps the preamble and the trailer, so that its files are told from damaged ones.
"""

from __future__ import annotations

import json
import mmap
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from finops.checkpoint.faults import Damaged, Newer
from finops.checkpoint.sums import crc32

VERSION = 1
MAGIC = b"aml-finops ckpt\n"
END = b"aml-finops end.\n"
BLOCK = 4096  # what O_DIRECT asks for on every disk that Azure has
ALIGN = 64  # a cache line, and more than any dtype asks for
CHUNK = 16 << 20

_PREAMBLE = struct.Struct("<16sI")
_TRAILER = struct.Struct("<16sIQQQI")


class Source(Protocol):
    """Something that a checkpoint is read from. `name` is for people."""

    name: str

    def size(self) -> int: ...

    def read(self, offset: int, into: memoryview) -> int:
        """Fill `into` from `offset` on; the number of bytes that were there."""
        ...

    def go_straight(self) -> None:
        """Read past what the machine keeps of it, where that can be: whole blocks, into memory that begins with a page.

        The disk is asked then, and what nobody reads again is not copied twice.
        """
        ...


@dataclass(frozen=True)
class Footer:
    """What the end of a file says of the rest. meta: job, attempt, step, ..., as it was saved."""

    body: int
    chunk: int
    sums: tuple[int, ...]
    tree: tuple[int, int]
    meta: Mapping[str, Any]

    def span(self, index: int) -> tuple[int, int]:
        """Where chunk `index` begins and ends."""
        return index * self.chunk, min((index + 1) * self.chunk, self.body)


def padded(length: int, to: int = BLOCK) -> int:
    return -(-length // to) * to


def preamble() -> bytes:
    return _PREAMBLE.pack(MAGIC, VERSION).ljust(BLOCK, b"\0")


def closing(
    body: int, sums: Sequence[int], tree: tuple[int, int], meta: Mapping[str, Any], chunk: int = CHUNK
) -> bytes:
    """Footer and trailer of a body of that many bytes: what is written last."""
    # Python's NaN and Infinity are let pass: a loss that is one is no reason to lose the checkpoint.
    text = json.dumps({"chunk": chunk, "crc32": list(sums), "tree": list(tree), "meta": meta}).encode()
    length = _closing_length(len(text))
    footer = text.ljust(length - _TRAILER.size, b"\0")
    open_end = _TRAILER.pack(END, VERSION, body, len(text), body + length, 0)[:-4]
    return footer + open_end + struct.pack("<I", crc32(footer + open_end))


def room(body: int, meta: Mapping[str, Any], chunk: int = CHUNK) -> int:
    """The most bytes that a checkpoint with a body of so many takes: its checksums are not known yet."""
    highest = [0xFFFFFFFF] * -(-body // chunk)
    return body + len(closing(body, highest, (body, body), meta, chunk))


def _closing_length(text: int) -> int:
    return padded(text + _TRAILER.size)


def read_footer(source: Source) -> Footer:
    """The footer of a file whose beginning and end are as they were written.

    Raises Damaged where they are not, Newer where a later version wrote them.
    """
    size = source.size()
    if size < 2 * BLOCK:
        raise _damaged(source, f"it has {size} bytes, fewer than any checkpoint")
    magic, _ = _PREAMBLE.unpack(exactly(source, 0, _PREAMBLE.size))
    if magic != MAGIC:
        raise _damaged(source, "it does not begin as a checkpoint does")
    end, version, body, length, said, crc = _TRAILER.unpack(exactly(source, size - _TRAILER.size, _TRAILER.size))
    if (end, said) != (END, size) or body < BLOCK or size - body != _closing_length(length):
        raise _damaged(source, f"its end is missing or does not belong to it ({size} bytes)")
    tail = exactly(source, body, size - body)
    if crc32(tail[:-4]) != crc:
        raise _damaged(source, "its footer is not what was written")
    if version > VERSION:
        raise Newer(
            f"{source.name} has format {version}, this version of aml-finops reads up to {VERSION}.",
            "Run: pip install --upgrade aml-finops. To begin anew, name another folder.",
        )
    told = json.loads(tail[:length])
    return Footer(body, told["chunk"], tuple(told["crc32"]), tuple(told["tree"]), told["meta"])


def exactly(source: Source, offset: int, length: int) -> bytes:
    held = bytearray(length)
    if source.read(offset, memoryview(held)) != length:
        raise _damaged(source, f"it ends before byte {offset + length}")
    return bytes(held)


def read_chunk(source: Source, footer: Footer, index: int, into: memoryview) -> None:
    """Read chunk `index` into memory of just its size, and hold it against its checksum."""
    start, stop = footer.span(index)
    if source.read(start, into) != stop - start or crc32(into) != footer.sums[index]:
        raise _damaged(source, f"bytes {start} to {stop} are not what was written")


def checked(source: Source) -> Footer:
    """The footer of a file that is, byte for byte, what its checksums say. Raises as `read_footer` does."""
    footer = read_footer(source)
    held = memoryview(fresh(min(footer.chunk, footer.body)))
    source.go_straight()
    for index in range(len(footer.sums)):
        start, stop = footer.span(index)
        read_chunk(source, footer, index, held[: stop - start])
    return footer


def fresh(nbytes: int) -> mmap.mmap:
    """Memory of its own, from the beginning of a page on.

    Raises MemoryError, as a store's OSError has another checkpoint looked for, which would not fit either.
    """
    try:
        return mmap.mmap(-1, nbytes)
    except OSError as fault:
        raise MemoryError(f"{nbytes / 1e9:.1f} GB for a checkpoint: {fault.strerror}") from fault


def _damaged(source: Source, how: str) -> Damaged:
    return Damaged(f"{source.name} is damaged: {how}.", "The checkpoint before it is used, where there is one.")
