"""The audit trail: whoever edits it is found out."""

# ruff: noqa: F401, F811 - fixtures are imported, and asked for by their names
from __future__ import annotations

import random
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest
from databases import database, postgresql, server

from finops.state import State

NOW = datetime(2026, 11, 22, 6, tzinfo=UTC)
KEY = b"kept elsewhere"
COLUMNS = ["at", "who", "what", "resource_id", "why", "evidence", "previous", "hash", "number"]


def trail(database: str, entries: int, key: bytes | None = None) -> str:
    """The head of a new trail."""
    with State.open(database, audit_key=key) as state:
        for number in range(entries):
            state.audit("finops", "did", f"/subscriptions/{number}", "because", {"number": number}, NOW)
        return state.audit_head()


def verified(database: str, key: bytes | None = None, anchor: str | None = None) -> str | None:
    with State.open(database, audit_key=key) as state:
        return state.verify_audit(anchor).fault


def change(file: Path, *statements: str) -> None:
    db = sqlite3.connect(file)
    for statement in statements:
        db.execute(statement)
    db.commit()
    db.close()


def test_an_untouched_trail_is_whole(database: str):
    head = trail(database, 5, KEY)

    assert verified(database, KEY, head) is None


def test_an_empty_trail_is_whole(database: str):
    assert verified(database, None, trail(database, 0)) is None


def test_entries_say_who_did_what_to_what_and_why(database: str):
    trail(database, 2)
    with State.open(database) as state:
        (entry,) = state.audit_entries(after=1)

    assert (entry["who"], entry["what"], entry["resource_id"], entry["why"], entry["evidence"]) == (
        "finops", "did", "/subscriptions/1", "because", '{"number":1}',
    )  # fmt: skip


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        ("UPDATE audit SET why = 'else' WHERE number = 3", "Entry 3 was changed"),
        ("UPDATE audit SET evidence = '{}' WHERE number = 3", "Entry 3 was changed"),
        ("UPDATE audit SET resource_id = '/other' WHERE number = 1", "Entry 1 was changed"),
        ("DELETE FROM audit WHERE number = 3", "Entry 3 is missing"),
        ("DELETE FROM audit WHERE number = 1", "Entry 1 is missing"),
    ],
)
def test_an_edited_trail_is_not_whole(tmp_path: Path, edit: str, said: str):
    file = tmp_path / "state.db"
    trail(str(file), 5)

    change(file, edit)

    assert said in str(verified(str(file)))


def test_an_entry_that_was_sealed_anew_does_not_lead_to_the_next(tmp_path: Path):
    file, forged = tmp_path / "state.db", tmp_path / "forged.db"
    trail(str(file), 5)
    with State.open(forged) as state:
        for number in range(3):
            state.audit("finops", "did", f"/subscriptions/{number}", "because", {"number": number + number // 2}, NOW)
        last = state.audit_entries()[-1]

    change(file, f"UPDATE audit SET evidence = '{last['evidence']}', hash = '{last['hash']}' WHERE number = 3")

    assert verified(str(file)) == "Entry 4 does not follow the one before it."


def test_a_trail_that_was_cut_off_is_found_by_a_head_that_was_noted(tmp_path: Path):
    file = tmp_path / "state.db"
    head = trail(str(file), 5)

    change(file, "DELETE FROM audit WHERE number > 3")

    assert verified(str(file)) is None  # what is left is whole: hence the note
    assert "not on the trail" in str(verified(str(file), anchor=head))


def test_a_trail_that_was_written_anew_is_found_by_its_key(tmp_path: Path):
    file, forged = tmp_path / "state.db", tmp_path / "forged.db"
    head = trail(str(file), 3, KEY)
    trail(str(forged), 3, b"a guess")

    assert "Entry 1 was changed, or sealed with another key" in str(verified(str(forged), KEY))
    assert verified(str(file), KEY, head) is None


def test_a_sealed_trail_goes_on_sealed(tmp_path: Path):
    file = tmp_path / "state.db"
    trail(str(file), 2, KEY)
    trail(str(file), 1, None)

    assert "Entry 3 is not sealed" in str(verified(str(file), KEY))


def test_a_sealed_trail_cannot_be_verified_without_the_key(tmp_path: Path):
    file = tmp_path / "state.db"
    trail(str(file), 1, KEY)

    assert "none was given" in str(verified(str(file)))


def test_random_edits_are_all_found(tmp_path: Path):
    chance = random.Random(7)
    file, copy = tmp_path / "state.db", tmp_path / "copy.db"
    head = trail(str(file), 12, KEY)
    with sqlite3.connect(file) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    missed = []
    with State.open(copy, audit_key=KEY):
        pass
    source = sqlite3.connect(file)
    target = sqlite3.connect(copy, isolation_level=None)
    target.execute("PRAGMA synchronous = OFF")
    state = State.open(copy, audit_key=KEY)
    for _ in range(300):
        target.execute("DELETE FROM audit")
        rows = source.execute("SELECT * FROM audit ORDER BY number").fetchall()
        target.executemany(f"INSERT INTO audit VALUES ({','.join('?' * len(rows[0]))})", rows)
        edit = random_edit(chance)
        try:
            done = target.execute(edit).rowcount
        except sqlite3.IntegrityError:
            continue
        if done and state.verify_audit(head).fault is None:
            missed.append(edit)
    state.close()
    source.close()
    target.close()

    assert missed == []


def random_edit(chance: random.Random) -> str:
    number = chance.randint(1, 12)
    kind = chance.choice(["change", "delete", "cut", "swap", "insert"])
    if kind == "delete":
        return f"DELETE FROM audit WHERE number = {number}"
    if kind == "cut":
        return f"DELETE FROM audit WHERE number >= {number}"
    if kind == "swap":
        other = number % 12 + 1
        return f"UPDATE audit SET number = {number} + {other} + 1000 - number WHERE number IN ({number}, {other})"
    if kind == "insert":
        return (
            "INSERT INTO audit SELECT number + 1, at, who, what, resource_id, why, evidence, intent, keyed, hash,"
            f" 'x{chance.random()}' FROM audit WHERE number = 12"
        )
    column = chance.choice(COLUMNS)
    value = chance.choice(["x", "", "0", "1", "{}"])
    return f"UPDATE audit SET {column} = '{value}' WHERE number = {number} AND CAST({column} AS TEXT) <> '{value}'"
