"""Acts carried out against the cloud of `adversary.py`: import `state` and `empty` as fixtures."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from adversary import NOW, Cloud

from finops.acts import Act, Caps, Outcome, perform
from finops.state import State

MANY = Caps(max_count=10, max_percent=100, per_owner=None, max_monthly_money=None, population=10)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state that remembers nothing: copied, it saves its migrations."""
    file = tmp_path_factory.mktemp("empty") / "state.db"
    State.open(file).close()
    return file


@pytest.fixture
def state(tmp_path: Path, empty: Path) -> Iterator[State]:
    shutil.copy(empty, tmp_path / "state.db")
    with State.open(tmp_path / "state.db") as opened:
        yield opened


def run(cloud: Cloud, state: State, *acts: Act, caps: Caps = MANY, **more: Any) -> list[Outcome]:
    more.setdefault("decision", "policy spot in mode enforce")
    return perform(acts, cloud, state, caps, NOW, **more)  # type: ignore[arg-type]


def results(outcomes: list[Outcome]) -> list[str]:
    return [outcome.result for outcome in outcomes]
