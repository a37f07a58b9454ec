"""Many calls at the same time: each with its own outcome, within one budget."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from fake_azure import FakeAzure, connected, error, ok

from finops.cloud import Azure
from finops.cloud.budgets import Budgets, Limits, Window
from finops.errors import AzureError, NotFound, TemporaryError


@pytest.fixture
def fake() -> Iterator[FakeAzure]:
    with FakeAzure() as server:
        yield server


@pytest.fixture
def azure(fake: FakeAzure) -> Iterator[Azure]:
    with connected(fake, workers=8) as gateway:
        yield gateway


def test_one_refused_item_stops_no_other(fake: FakeAzure, azure: Azure):
    fake.on("GET", "/x/1", ok({"n": 1})).on("GET", "/x/3", ok({"n": 3})).on(
        "GET", "/x/2", error(403, "AuthorizationFailed")
    )

    outcomes = dict(azure.each([1, 2, 3, 4], lambda n: azure.get(f"/x/{n}", "1")))

    assert (outcomes[1], outcomes[3]) == ({"n": 1}, {"n": 3})
    assert isinstance(outcomes[2], AzureError)
    assert isinstance(outcomes[4], NotFound)


def test_outcomes_come_in_the_order_of_the_items(azure: Azure):
    def slow_first(n: int) -> int:
        time.sleep(0.05 if n == 0 else 0)
        return n * 10

    assert list(azure.each(range(40), slow_first)) == [(n, n * 10) for n in range(40)]


def test_a_bug_in_the_work_is_not_swallowed(azure: Azure):
    with pytest.raises(ZeroDivisionError):
        list(azure.each([1, 0, 2], lambda n: 1 / n))


def test_the_work_may_fan_out_itself_even_with_one_worker(fake: FakeAzure):
    with connected(fake, workers=1) as azure:

        def inner(n: int) -> list[object]:
            return [result for _, result in azure.each(range(3), lambda m: n * m)]

        assert dict(azure.each(range(4), inner))[3] == [0, 3, 6]


@pytest.mark.parametrize(("workers", "most"), [(2, 2), (None, 8), (99, 8)])
def test_no_more_work_goes_on_at_once_than_allowed(azure: Azure, workers: int | None, most: int):
    now, peak, lock = 0, 0, threading.Lock()

    def work(_: int) -> None:
        nonlocal now, peak
        with lock:
            now += 1
            peak = max(peak, now)
        time.sleep(0.005)
        with lock:
            now -= 1

    list(azure.each(range(40), work, workers))

    assert peak <= most


def test_a_reader_who_stops_early_stops_the_rest(azure: Azure):
    begun: list[int] = []
    stopped = threading.Event()

    def work(n: int) -> int:
        begun.append(n)
        if n:
            stopped.wait(60)
        return n

    outcomes = azure.each(range(10_000), work)
    next(outcomes)
    outcomes.close()  # type: ignore[attr-defined]
    stopped.set()

    list(azure.each(range(200), lambda n: n))  # what was lined up before these has had its turn
    assert len(begun) <= 1 + 8  # of the 64 that were lined up


def test_connections_are_shared_and_kept(fake: FakeAzure, azure: Azure):
    fake.on("GET", "/x", ok({}))

    list(azure.each(range(200), lambda _: azure.get("/x", "1")))

    assert len({asked.peer for asked in fake.asked}) <= 8


class Ticking:
    """A clock for threads: sleeping moves it on for everybody."""

    def __init__(self) -> None:
        self.at = 0.0
        self.lock = threading.Lock()

    def now(self) -> float:
        with self.lock:
            return self.at

    def sleep(self, seconds: float) -> None:
        with self.lock:
            self.at += seconds


def budgets(clock: Ticking, *windows: Window) -> Budgets:
    return Budgets({"s": Limits(whole=windows)}, clock.now, clock.sleep, lambda: datetime(2026, 1, 1, tzinfo=UTC))


def test_no_window_ever_holds_more_than_its_units_whatever_the_threads_do():
    clock = Ticking()
    budget = budgets(clock, Window(12, 10), Window(60, 60))
    granted: list[float] = []

    def take(_: int) -> None:
        budget.take("s")
        granted.append(clock.now())

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(take, range(150)))

    granted.sort()
    for start in granted:
        assert sum(1 for t in granted if start <= t < start + 10) <= 12 + 8  # a thread may note its time late
    assert granted[-1] - granted[0] >= 120


def test_a_queue_beyond_a_quarter_of_an_hour_is_an_error_that_says_when():
    clock = Ticking()
    budget = budgets(clock, Window(1, 3600))
    budget.take("s")

    with pytest.raises(TemporaryError, match="Try again after 2026-01-01 01:00:00 UTC"):
        budget.take("s")


def test_a_query_dearer_than_the_window_waits_for_an_empty_one_and_is_let_through():
    clock = Ticking()
    budget = budgets(clock, Window(12, 10))
    budget.take("s")

    budget.take("s", units=13)

    assert clock.at == 10.0


def test_a_service_without_limits_never_waits():
    clock = Ticking()
    budget = budgets(clock)

    for _ in range(1000):
        budget.take("other", "scope")

    assert clock.at == 0.0
