"""A change that Azure turned away for its rate: before it is sent again, all that must hold is looked at anew."""

# ruff: noqa: F401, F811 - fixtures are imported, and asked for by their names
from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from acting import empty, results, run, state
from adversary import Cloud, compute, shrink

from finops.acts import Act
from finops.errors import NotSent
from finops.state import State


def turned_away(act: Act, meanwhile: Callable[[], None]) -> Act:
    """The act, whose first request Azure does not take; `meanwhile` happens until the second."""
    tries: list[Any] = []

    def request(azure: Any) -> Any:
        tries.append(azure)
        if len(tries) == 1:
            azure.ready(act.resource_id)
            meanwhile()
            raise NotSent("Too many requests.", "", code="NotSent", seconds=5)
        return act.request(azure)

    return replace(act, request=request)


def test_what_still_holds_is_done_at_the_second_try(state: State):
    cloud = Cloud()
    body = cloud.make("gpu")

    assert results(run(cloud, state, turned_away(shrink(cloud, body), lambda: None))) == ["done"]
    assert len(cloud.attempts) == 1


@pytest.mark.parametrize("what", ["kept", "locked", "busy", "made anew"])
def test_what_does_not_hold_any_more_is_not_sent_again(state: State, what: str):
    cloud = Cloud()
    body = cloud.make("gpu")
    happens: dict[str, Callable[[], object]] = {
        "kept": lambda: cloud.keep(compute("gpu")),
        "locked": lambda: cloud.lock(compute("gpu")),
        "busy": lambda: cloud.job("gpu"),
        "made anew": lambda: cloud.make("gpu"),
    }

    [outcome] = run(cloud, state, turned_away(shrink(cloud, body), lambda: happens[what]() and None))

    assert outcome.result in {"refused", "changed-since"}
    assert cloud.attempts == []
    assert state.pending_intents() == []
