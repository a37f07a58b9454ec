"""One checksum, whoever computes it: a checkpoint that was written with zlib-ng is read without it, and the reverse."""

from __future__ import annotations

import sys
import zlib
from importlib import reload

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zlib_ng import zlib_ng

from finops.checkpoint import sums


@given(st.binary(max_size=5000), st.integers(0, 2**32 - 1), st.integers(0, 64))
def test_zlib_ng_says_what_zlib_says(piece: bytes, before: int, start: int):
    assert sums.crc32(memoryview(piece)[start:], before) == zlib.crc32(memoryview(piece)[start:], before)


def test_of_a_whole_chunk_too():
    chunk = bytes(range(256)) * (1 << 16)

    assert sums.crc32(chunk) == zlib.crc32(chunk)
    assert sums._fastest() is zlib_ng.crc32


def test_without_it_zlib_computes(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "zlib_ng", None)  # as where it is not installed

    assert reload(sums)._fastest() is zlib.crc32
