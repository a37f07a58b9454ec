"""Ask what may hang, such as a database: once at a time, no longer than one is patient, the answer kept a moment."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

from finops.errors import FinopsError

Answer = TypeVar("Answer")


class Asking(Generic[Answer]):
    """`work`, in a thread of its own. However many ask, and however long it takes, there is one such thread."""

    def __init__(
        self, what: str, work: Callable[[], Answer], keep: float, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """what: who is asked, for people. keep: seconds for which an answer is given again."""
        self._what, self._work, self._keep, self._monotonic = what, work, keep, monotonic
        self._lock = threading.Lock()
        self._future: Future[Answer] | None = None
        self._until = 0.0

    async def answer(self, patience: float) -> Answer:
        """The answer; FinopsError where there is none within so many seconds, or it is a fault."""
        future = self._asked()
        try:
            return await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(future)), patience)
        except TimeoutError as late:
            raise FinopsError(f"{self._what} did not answer within {patience:g} s.", "It is asked again.") from late

    def _asked(self) -> Future[Answer]:
        with self._lock:
            future = self._future
            if future is None or (future.done() and self._monotonic() >= self._until):
                future = self._future = Future()
                threading.Thread(target=self._fill, args=(future,), name=f"asks {self._what}", daemon=True).start()
            return future

    def _fill(self, future: Future[Answer]) -> None:
        try:
            answer = self._work()
            self._until = self._monotonic() + self._keep
            future.set_result(answer)
        except FinopsError as fault:
            future.set_exception(fault)
        finally:
            if not future.done():  # a bug of ours: the thread's end says so in the log
                future.set_exception(FinopsError(f"{self._what} could not be asked.", "The log says why."))
