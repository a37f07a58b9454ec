"""Ctrl-C at one line of our choice: nothing is replaced, the running thread is interrupted as it calls it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import pytest


@contextmanager
def interrupted_at(function: str, module: str) -> Iterator[None]:
    """Press Ctrl-C when `function` of `module` is called, and expect that the work ends by it."""

    def pressed(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code.co_name == function and frame.f_globals.get("__name__") == module:
            sys.setprofile(before)
            raise KeyboardInterrupt

    before = sys.getprofile()
    sys.setprofile(pressed)
    try:
        yield
    except KeyboardInterrupt:
        return
    finally:
        sys.setprofile(before)
    pytest.fail(f"{module}.{function} was not called, or Ctrl-C was caught")
