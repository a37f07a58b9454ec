"""Many calls at the same time, on one pool, each with its own outcome."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import TypeVar

from finops.errors import AzureError

Item = TypeVar("Item")
Result = TypeVar("Result")

AHEAD = 8  # items under way for each worker, so that one slow item does not idle the others

_inside = threading.local()


def each(
    pool: Executor, size: int, items: Iterable[Item], work: Callable[[Item], Result], workers: int | None
) -> Iterator[tuple[Item, Result | AzureError]]:
    """Each item with its result or AzureError, in order. Any other exception is a bug and is raised.

    Called from within `work`, it goes one by one: waiting inside the pool for the pool could wait for ever.
    """
    if getattr(_inside, "pool", False):
        for item in items:
            yield item, _attempt(work, item)
        return
    if workers is not None and workers < size:
        with ThreadPoolExecutor(workers, thread_name_prefix="azure") as own:
            yield from _spread(own, workers, items, work)
    else:
        yield from _spread(pool, size, items, work)


def _spread(
    pool: Executor, size: int, items: Iterable[Item], work: Callable[[Item], Result]
) -> Iterator[tuple[Item, Result | AzureError]]:
    under_way: deque[tuple[Item, Future[Result | AzureError]]] = deque()
    try:
        for item in items:
            under_way.append((item, pool.submit(_in_pool, work, item)))
            if len(under_way) >= size * AHEAD:
                done, future = under_way.popleft()
                yield done, future.result()
        while under_way:
            done, future = under_way.popleft()
            yield done, future.result()
    finally:
        for _, future in under_way:
            future.cancel()


def _in_pool(work: Callable[[Item], Result], item: Item) -> Result | AzureError:
    _inside.pool = True
    return _attempt(work, item)


def _attempt(work: Callable[[Item], Result], item: Item) -> Result | AzureError:
    try:
        return work(item)
    except AzureError as fault:
        return fault
