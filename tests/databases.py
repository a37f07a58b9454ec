"""The two databases that state is kept in, as fixtures: import `database`, and a test runs on both."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from postgres import programs, running

from finops.state import State

ENDED = (  # every session but the one that says so
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    if programs() is None:
        pytest.skip("no PostgreSQL here (apt-get install postgresql)")
    with running() as url:
        yield url


@pytest.fixture
def postgresql(server: str) -> str:
    """The URL of an empty database."""
    import psycopg

    name = f"t{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as db:
        db.execute(f"CREATE DATABASE {name}")
    return server.replace("/postgres?", f"/{name}?")


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A path, then a URL: the test runs on both."""
    if request.param == "sqlite":
        return str(tmp_path / "state.db")
    return str(request.getfixturevalue("postgresql"))


def intent(state: State, moment: datetime, workspace: str = "/w") -> int:
    """The number of an open intent."""
    return state.open_intent(
        moment, generation="g", evidence={}, afterwards=None, run="r", resource_id="/x", workspace=workspace,
        api_version="1", action="delete", rule="r", why="w", who="me", decision="d", saving="",
    )  # fmt: skip
