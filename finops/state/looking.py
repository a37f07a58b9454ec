"""Look at a state database as it is, whatever its schema: nothing is migrated, nothing is written."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import URL, Connection, create_engine, func, select, text
from sqlalchemy.pool import NullPool

from finops.errors import DataError, FinopsError

from . import audit as trail
from .engine import APPLICATION_ID, engine_of, reading, shown
from .faults import explained
from .migrate import known, version
from .shape import last_number, numbered, tables_of

MAGIC = b"SQLite format 3\0"  # https://sqlite.org/fileformat.html#magic_header_string


@dataclass(frozen=True)
class Content:
    """What a database holds: its schema, the rows of each table, and the trail as far as it is whole.

    last: the last number that was given in each table that has numbers
    """

    schema: str
    rows: dict[str, int]
    last: dict[str, int]
    trail: trail.Verified
    open_intents: int


@contextmanager
def as_it_is(url: URL, busy_seconds: float) -> Iterator[Connection]:
    """One consistent view of the database at `url`; it must be there, and be one of ours."""
    where = shown(url)
    if url.get_backend_name() == "sqlite":
        with of_file(Path(str(url.database)), busy_seconds=busy_seconds) as db:
            yield db
        return
    engine = engine_of(url, busy_seconds)
    try:
        with reading(engine, where) as db:
            yield db
    finally:
        engine.dispose()


@contextmanager
def of_file(path: Path, *, busy_seconds: float = 30.0, alone: bool = False) -> Iterator[Connection]:
    """One consistent view of a SQLite file. alone: nobody else has it, and nothing may be written beside it."""
    with explained(str(path)):
        engine = create_engine("sqlite://", creator=lambda: opened(path, busy_seconds, alone), poolclass=NullPool)
        with engine.connect() as db:
            db.exec_driver_sql("BEGIN")
            try:
                yield db
            except UnicodeDecodeError as fault:
                raise DataError(f"{path} is damaged ({fault}).", "Restore a backup; see `docs/state.md`.") from fault


def opened(path: Path, busy_seconds: float = 30.0, alone: bool = False) -> sqlite3.Connection:
    """A connection that only reads. It leaves a file that is none of ours as it is."""
    if not path.is_file():
        raise FinopsError(f"There is no state database at {path}.", "Check the path, or state.url.")
    mode = "mode=ro&immutable=1" if alone else "mode=ro"
    db = sqlite3.connect(
        f"file:{quote(str(path.absolute()))}?{mode}",
        uri=True,
        timeout=busy_seconds,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        db.execute("PRAGMA trusted_schema = OFF")
        owner = db.execute("PRAGMA application_id").fetchone()[0]
    except sqlite3.Error:
        db.close()
        raise
    if owner != APPLICATION_ID:
        db.close()
        raise FinopsError(f"{path} is no state database of finops.", "Name the right file. Nothing was changed.")
    return db


def content_of(db: Connection, where: str, key: bytes | None) -> Content:
    """What a database holds, every row of it counted. Raises where this version does not know its schema."""
    schema = version(db)
    if schema is None:
        return Content("", {}, {}, trail.Verified(0, f"0:{trail.NOTHING}", None), 0)
    known(where, schema)
    rows, last = {}, {}
    for table in tables_of(schema):
        rows[table.name] = int(db.execute(select(func.count()).select_from(table)).scalar_one())
        if numbered(table):
            last[table.name] = last_number(db, table)
    unsettled = int(db.execute(text("SELECT count(*) FROM intents WHERE outcome IS NULL")).scalar_one())
    return Content(schema, rows, last, trail.verify(db, key), unsettled)


def whole(db: Connection, where: str) -> None:
    """Raise where a SQLite database does not hold together. PostgreSQL checks its own pages."""
    if db.dialect.name != "sqlite":
        return
    said = [str(row[0]) for row in db.execute(text("PRAGMA integrity_check(5)"))]
    if said != ["ok"]:
        raise DataError(f"{where} is damaged ({'; '.join(said)[:300]}).", "Restore a backup; see `docs/state.md`.")
    loose = db.execute(text("PRAGMA foreign_key_check")).first()
    if loose:
        raise DataError(
            f"{where} is damaged: row {loose[1]} of {loose[0]} refers to a row of {loose[2]} that is not there.",
            "Restore a backup; see `docs/state.md`.",
        )
