"""The tables that each schema has, as its own migrations make them: to read and fill a database of any version."""

from __future__ import annotations

from functools import cache

from sqlalchemy import Connection, MetaData, Table, create_engine, text
from sqlalchemy.pool import StaticPool

from .migrate import HEAD, VERSIONS, upgraded


@cache
def tables_of(schema: str) -> tuple[Table, ...]:
    """The tables of a schema, each after those that it refers to. Made by its migrations in memory, and read there."""
    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"isolation_level": None})
    found = MetaData()
    try:
        with engine.connect() as db:
            upgraded(db, "in memory", schema)
            found.reflect(db)
    finally:
        engine.dispose()
    return tuple(table for table in found.sorted_tables if table.name != VERSIONS)


def numbered(table: Table) -> bool:
    """Whether the database gives the numbers of its rows, and never one twice."""
    column = table.columns.get("number")
    return column is not None and table.name != "audit"


def last_number(db: Connection, table: Table) -> int:
    """The last number that was given in a table: of a row that may be gone since."""
    if db.dialect.name == "postgresql":
        said = text("SELECT last_value, is_called FROM " + sequence_of(db, table))  # noqa: S608 - the server's own name
        last, called = db.execute(said).one()
        return int(last) if called else 0
    said = text("SELECT seq FROM sqlite_sequence WHERE name = :name")
    return int(db.execute(said, {"name": table.name}).scalar() or 0)


def give_after(db: Connection, table: Table, last: int) -> None:
    """Let the next number of a table come after `last`."""
    if db.dialect.name == "postgresql":
        if last:
            db.execute(text("SELECT setval(:name, :last)"), {"name": sequence_of(db, table), "last": last})
        return
    given = {"name": table.name, "last": last}
    if not db.execute(text("UPDATE sqlite_sequence SET seq = :last WHERE name = :name"), given).rowcount and last:
        db.execute(text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :last)"), given)


def sequence_of(db: Connection, table: Table) -> str:
    said = text("SELECT pg_get_serial_sequence(:name, 'number')")
    return str(db.execute(said, {"name": table.name}).scalar_one())


__all__ = ["HEAD", "give_after", "last_number", "numbered", "tables_of"]
