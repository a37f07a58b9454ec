"""The copies that a snapshot is made of: whole, by several threads, and over when they are said to be."""

from __future__ import annotations

import ctypes
import os
import threading
import time

import pytest

from finops.checkpoint.copying import PIECE, Copying


def buffer(nbytes: int) -> tuple[int, ctypes.Array[ctypes.c_char]]:
    held = (ctypes.c_char * nbytes)()
    return ctypes.addressof(held), held


@pytest.mark.parametrize("nbytes", [0, 1, PIECE - 1, PIECE, PIECE + 1, 5 * PIECE + 7])
def test_every_byte_comes_over(nbytes: int):
    start, was = buffer(nbytes + 1)
    to, held = buffer(nbytes + 1)
    was.raw = os.urandom(nbytes) + b"."
    copying = Copying()

    copying.add(to, start, nbytes)
    copying.carry_out(beside=lambda: None)

    assert held.raw == was.raw[:nbytes] + b"\0"


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one core")
def test_other_threads_copy_while_this_one_is_busy():
    start, was = buffer(8 * PIECE)
    to, held = buffer(8 * PIECE)
    was.raw = os.urandom(8 * PIECE)
    copying, end = Copying(), time.monotonic() + 60
    copying.add(to, start, 8 * PIECE)

    def busy() -> None:
        while held.raw != was.raw:
            assert time.monotonic() < end
            time.sleep(0.01)

    copying.carry_out(beside=busy)


def test_nothing_is_copied_any_more_once_it_was_broken_off():
    start, was = buffer(64 * PIECE)
    to, held = buffer(64 * PIECE)
    copying = Copying()
    copying.add(to, start, 64 * PIECE)

    def broken() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        copying.carry_out(beside=broken)
    ctypes.memset(to, 1, 64 * PIECE)
    time.sleep(0.2)

    assert held.raw == b"\1" * (64 * PIECE)
    assert was.raw[:1] == b"\0"


def test_where_no_thread_can_be_started_this_one_copies_all():
    start, was = buffer(8 * PIECE)
    to, held = buffer(8 * PIECE)
    was.raw = os.urandom(8 * PIECE)
    copying, usual = Copying(), threading.stack_size(1 << 46)  # more than there are addresses
    copying.add(to, start, 8 * PIECE)

    try:
        copying.carry_out(beside=lambda: None)
    finally:
        threading.stack_size(usual)

    assert held.raw == was.raw
