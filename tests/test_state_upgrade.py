"""A database that any released version wrote is brought to this one: every row as it was, the audit trail whole."""

# ruff: noqa: F401, F811 - fixtures are imported, and asked for by their names
from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from databases import database, postgresql, server

from finops.state import State
from finops.state.backup import back_up
from finops.state.engine import url_of
from finops.state.migrate import HEAD, VERSIONS
from finops.state.restoring import restore

SCHEMAS = Path(__file__).parent / "schemas"
RELEASED = sorted({file.name.partition(".")[0] for file in SCHEMAS.glob("*.sql")})
NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
Rows = dict[str, list[dict[str, object]]]


def written(schema: str, where: str) -> str:
    """The database as the code of `schema` left it."""
    if "://" in where:
        import psycopg

        text = (SCHEMAS / f"{schema}.postgresql.sql").read_text("utf-8")
        with psycopg.connect(where, autocommit=True) as server_:
            server_.execute(text.encode())
        return where
    db = sqlite3.connect(where)
    db.executescript((SCHEMAS / f"{schema}.sqlite.sql").read_text("utf-8"))
    db.close()
    return where


def rows(where: str) -> Rows:
    """Every row of every table that is there."""
    url = url_of(where)
    engine = sa.create_engine(url)
    found = sa.MetaData()
    with engine.connect() as db:
        found.reflect(db)
        held = {
            table.name: sorted((dict(row._mapping) for row in db.execute(sa.select(table))), key=str)
            for table in found.sorted_tables
            if table.name != VERSIONS
        }
    engine.dispose()
    return held


def kept(before: Rows, after: Rows) -> Rows:
    """Of `after`, the tables, columns and, of the trail, entries that `before` has."""
    found = {}
    for name, held in before.items():
        columns = held[0].keys()
        found[name] = [{column: row[column] for column in columns} for row in after[name]]
        if name == "audit":
            numbers = {row["number"] for row in held}
            found[name] = [row for row in found[name] if row["number"] in numbers]
    return found


def test_every_schema_before_this_one_has_its_databases():
    released = [f"{number:04}" for number in range(1, int(HEAD))]

    assert [schema for schema in released if schema not in RELEASED] == []


@pytest.mark.parametrize("schema", RELEASED)
def test_every_table_of_an_old_database_has_rows(schema: str, database: str):
    found = rows(written(schema, database))

    assert {name: len(held) > 0 for name, held in found.items()} == dict.fromkeys(found, True)


@pytest.mark.parametrize("schema", RELEASED)
def test_an_upgrade_keeps_every_row(schema: str, database: str):
    before = rows(written(schema, database))

    State.open(database).close()

    after = rows(database)
    assert kept(before, after) == before
    assert {name: after[name] for name in after if name not in before and after[name]} == {}


@pytest.mark.parametrize("schema", RELEASED)
def test_an_upgraded_state_goes_on(schema: str, database: str):
    written(schema, database)

    with State.open(database) as state:
        assert state.verify_audit().fault is None
        assert [one.action for one in state.pending_intents()] == ["tag"]
        assert state.kept("guard/owed/")["guard/owed/c1"]["body"]["tags"] == {"Team": "Grüße"}
        state.audit("me", "went on", "", "", {}, NOW)
        assert state.verify_audit().entries == len(state.audit_entries())


@pytest.mark.parametrize("schema", RELEASED)
@pytest.mark.parametrize("form", ["portable", "own"])
def test_a_backup_of_an_old_database_is_made_without_touching_it_and_restored_upgraded(
    schema: str, form: str, database: str, tmp_path: Path
):
    before = rows(written(schema, database))
    own = "pg_dump" if "://" in database else "sqlite"

    made = back_up(database, tmp_path / "backup", NOW, form="portable" if form == "portable" else own)  # type: ignore[arg-type]

    assert rows(database) == before
    assert made.content.schema == schema
    to = str(tmp_path / "restored.db")
    if own != "pg_dump" or form == "portable":
        restore(to, made.path, NOW, "me")
        after = rows(to)
        leases = {row["name"]: row["fence"] for row in before.pop("leases", [])}
        assert kept(before, after) == before
        # Whoever held one when it was made holds none of the restored state: see test_state_restore.py.
        assert {row["name"]: row["owner"] for row in after["leases"]} == dict.fromkeys(leases, "")
        assert all(row["fence"] > leases[row["name"]] for row in after["leases"])
        with State.open(to) as state:
            assert state.verify_audit().fault is None
