"""Calls to Azure, added up over connections."""

from __future__ import annotations

from collections import Counter
from contextlib import nullcontext
from typing import Any

from finops.daemon.calls import Calls


class Connection:
    """As far as it is counted."""

    def __init__(self, calls: dict[tuple[str, int], int]) -> None:
        self.calls = Counter(calls)


def connecting(calls: dict[tuple[str, int], int]) -> Any:
    return nullcontext(Connection(calls))


def test_calls_of_connections_that_were_closed_count_on():
    calls = Calls()
    for _ in range(2):
        with calls.counted(connecting({("arm", 200): 3, ("arm", 204): 1, ("cost", 429): 2})):
            pass

    assert calls.by_status() == {("arm", "2xx"): 8, ("cost", "429"): 4}


def test_calls_of_an_open_connection_count_at_once_and_once():
    calls = Calls()
    with calls.counted(connecting({("arm", 200): 1})) as azure:
        azure.calls["arm", 0] += 1
        during = calls.by_status()

    assert during == calls.by_status() == {("arm", "2xx"): 1, ("arm", "none"): 1}


def test_a_connection_that_ended_in_a_fault_counts():
    calls = Calls()
    try:
        with calls.counted(connecting({("arm", 503): 1, ("arm", 429): 1, ("arm", 403): 1})):
            raise ValueError
    except ValueError:
        pass

    assert calls.by_status() == {("arm", "5xx"): 1, ("arm", "429"): 1, ("arm", "4xx"): 1}
    assert calls.throttled() == {"arm": 2}


def test_calls_of_another_process_count_as_it_tells_them_and_on_after_its_end():
    calls = Calls()
    with calls.elsewhere() as told:
        told([["arm", 200, 2]])
        told([["arm", 200, 5], ["cost", 429, 1]])
        during = calls.by_status()

    assert during == calls.by_status() == {("arm", "2xx"): 5, ("cost", "429"): 1}
