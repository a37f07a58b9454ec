"""CRC-32, by zlib-ng where the training has it: the same number, for a tenth of what zlib takes of the processor."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from functools import cache

Bytes = bytes | bytearray | memoryview


def crc32(piece: Bytes, before: int = 0) -> int:
    """Of `piece` behind what has the checksum `before`. Other threads run meanwhile."""
    return _fastest()(piece, before)


@cache
def _fastest() -> Callable[[Bytes, int], int]:
    """Found at the first checksum: to import it takes longer than all else that `import finops.checkpoint` does."""
    try:
        from zlib_ng import zlib_ng
    except ImportError:
        return zlib.crc32
    return zlib_ng.crc32
