"""Whose turn it is to change Azure, and what may be written down in it."""

# ruff: noqa: F401, F811 - fixtures are imported, and asked for by their names
from __future__ import annotations

import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from databases import ENDED, database, intent, postgresql, server

from finops.errors import FinopsError
from finops.state import Busy, State

NOW = datetime(2026, 11, 22, 6, tzinfo=UTC)


def test_it_is_one_processs_turn_and_the_other_is_told_whose(database: str):
    with State.open(database) as one, State.open(database) as two, one.turn():
        with pytest.raises(Busy, match=r"process \d+ on|PostgreSQL session \d+") as raised, two.turn():
            pass

        assert "Nothing was changed" in raised.value.fix


def test_a_database_has_one_turn_by_whatever_path_it_is_reached(tmp_path: Path):
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "elsewhere" / "state.db"
    link.symlink_to(tmp_path / "state.db")

    with State.open(tmp_path / "state.db") as one, one.turn(), State.open(link) as two, pytest.raises(Busy), two.turn():
        pass


KILLED = """
import os, sys
from finops.state import State
with State.open(sys.argv[1]) as state, state.turn():
    os.kill(os.getpid(), 9)
"""


def test_a_turn_comes_back_after_kill_minus_9(database: str):
    done = subprocess.run([sys.executable, "-c", KILLED, database], capture_output=True, text=True)
    assert done.returncode == -9, done.stderr

    with State.open(database) as state:
        for _ in range(600):  # PostgreSQL notices a moment later
            try:
                with state.turn():
                    return
            except Busy:
                time.sleep(0.1)
    pytest.fail("the turn did not come back")


def test_an_intent_needs_the_turn(database: str):
    with State.open(database) as state, pytest.raises(FinopsError, match="in one's turn only"):
        intent(state, NOW)


def test_a_workspace_has_one_open_intent(database: str):
    with State.open(database) as state, state.turn():
        intent(state, NOW)
        intent(state, NOW, "/other")
        with pytest.raises(FinopsError):
            intent(state, NOW)

        assert len(state.pending_intents()) == 2


def test_an_outcome_is_recorded_once(database: str):
    with State.open(database) as state, state.turn():
        number = intent(state, NOW)
        state.close_intent(number, "done", "It is gone.", NOW, "me", {})
        with pytest.raises(FinopsError, match="is not open"):
            state.close_intent(number, "failed", "No.", NOW, "me", {})

        assert [entry["what"] for entry in state.audit_entries()] == ["will delete", "done"]


def test_a_turn_ends_with_the_session_that_held_it(postgresql: str):
    import psycopg

    with State.open(postgresql) as state, psycopg.connect(postgresql, autocommit=True) as db, state.turn():
        db.execute(ENDED)
        with pytest.raises(FinopsError):  # the connection is found to be dead,
            intent(state, NOW)
        with pytest.raises(FinopsError, match="right to change Azure"):  # and the new one is not the one with the turn
            intent(state, NOW)

        assert state.pending_intents() == []
