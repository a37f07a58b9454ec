"""Connections: SQLite in WAL with every commit on the disk, or PostgreSQL; one writing transaction at a time."""

from __future__ import annotations

import errno
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import ConnectionPoolEntry

from finops.errors import ConfigError, FinopsError, MissingExtra

from .faults import explained

APPLICATION_ID = 0x46494E4F  # "FINO", in the header of the file: https://sqlite.org/pragma.html#pragma_application_id
WRITERS = 0x66696E6F707301  # PostgreSQL's advisory locks: who writes now,
ACTORS = 0x66696E6F707302  # who may change Azure now, and
POSTMEN = 0x66696E6F707303  # who may send mail now
TELLERS = 0x66696E6F707304  # who may decide now which alerts are due
# Where the network is cut, nobody says so: either side would wait for hours, and a replica that is out of reach would
# keep the turn that its session holds. Both give the other one up after half a minute of silence.
# https://www.postgresql.org/docs/15/libpq-connect.html#LIBPQ-KEEPALIVES and .../runtime-config-connection.html
IDLE_SECONDS, INTERVAL_SECONDS, PROBES = 10, 5, 3
SILENCE_MS = 25_000
SQLITE_OLDEST = (3, 35, 0)  # RETURNING
PAGES_KIB = 512  # of the file that a connection holds, a quarter of SQLite's own choice: the kernel holds them too
_MAKING = threading.Lock()  # so that nobody connects to a file between its making and our closing of it


def url_of(where: str | Path) -> URL:
    """A URL, or the path of a SQLite file, as SQLAlchemy's URL."""
    text_ = str(where)
    if "://" not in text_:
        return URL.create("sqlite+pysqlite", database=str(Path(text_).expanduser().absolute()))
    try:
        url = make_url(text_)
    except ArgumentError as fault:
        raise ConfigError(
            "The state URL cannot be read.", "Write a path, or postgresql://user@host/database."
        ) from fault
    kind = url.get_backend_name()
    if kind == "sqlite":
        if not url.database or url.database == ":memory:" or url.query:
            raise ConfigError(
                f"{text_} is no file: what must outlive a crash is not kept in memory.",
                "Write a path, or sqlite:///file.",
            )
        return URL.create("sqlite+pysqlite", database=str(Path(url.database).absolute()))
    if kind in {"postgresql", "postgres"}:
        return url.set(drivername="postgresql+psycopg")
    raise ConfigError(
        f"{url.render_as_string(hide_password=True)} is neither SQLite nor PostgreSQL.",
        "Write a path, or postgresql://user@host/database.",
    )


def shown(url: URL) -> str:
    """`url` for people, without its password."""
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    return url.set(drivername="postgresql", query={}).render_as_string(hide_password=True)


def engine_of(url: URL, busy_seconds: float, make: bool = True) -> Engine:
    """make: a file that is not there is made; else that is a fault."""
    if url.get_backend_name() == "sqlite":
        return _sqlite(url, busy_seconds, make)
    return _postgresql(url, busy_seconds)


def _sqlite(url: URL, busy_seconds: float, make: bool) -> Engine:
    if sqlite3.sqlite_version_info < SQLITE_OLDEST:
        raise FinopsError(f"SQLite {sqlite3.sqlite_version} is too old.", "3.35 or newer is needed.")
    if make:
        _make_private(Path(str(url.database)))
    else:
        _inode(str(url.database))
    # isolation_level None: sqlite3 begins nothing by itself, so that DDL is part of our transactions too.
    engine = create_engine(url, connect_args={"timeout": busy_seconds, "isolation_level": None})

    @event.listens_for(engine, "do_connect")
    def look(dialect: object, record: ConnectionPoolEntry, *given: object) -> None:
        record.info["inode"] = _inode(str(url.database))

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, record: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()
        _refuse_foreign(cursor, str(url.database))
        if not cursor.execute("PRAGMA page_count").fetchone()[0]:
            cursor.execute("PRAGMA auto_vacuum = INCREMENTAL")  # of a new file only: space is given back, see keeping
        _into_wal(cursor, busy_seconds)
        _still_there(str(url.database), record.info["inode"])
        cursor.execute(f"PRAGMA cache_size = -{PAGES_KIB}")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute("PRAGMA trusted_schema = OFF")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        reads = connection.get_execution_options().get("reads", False)
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")

    return engine


def _refuse_foreign(cursor: Any, path: str) -> None:
    """Leave a SQLite file of another program as it is, before even its journal mode is changed."""
    owner = cursor.execute("PRAGMA application_id").fetchone()[0]
    if owner != APPLICATION_ID and cursor.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone():
        raise FinopsError(f"{path} is a SQLite database of another program.", "Name another file. Nothing was changed.")


def _inode(path: str) -> int:
    """Of the file at `path`, which was there: SQLite would make an empty one, and everything would be forgotten."""
    try:
        return os.stat(path).st_ino
    except FileNotFoundError as fault:
        raise FinopsError(f"{path} is not there any more.", "See who removed it, and restore a backup.") from fault


def _still_there(path: str, inode: int) -> None:
    """From here on we hold the lock that keeps a restore away; raise where one came between, and this is the old file.

    In WAL mode a connection holds it for as long as it is open: https://sqlite.org/wal.html, section 2.
    """
    if _inode(path) != inode:
        raise FinopsError(f"{path} was replaced at this very moment.", "A backup was restored; run it again.")


def _make_private(path: Path) -> None:
    """Create the file readable by its owner only: it holds names and what was decided about them.

    One that is there is not opened: to close a descriptor drops every lock that this process has on the file, those of
    SQLite too. Whoever closes it next takes itself for the last, and removes the log that is still being written.
    https://sqlite.org/howtocorrupt.html, section 2.2
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _MAKING, suppress(FileExistsError):
            os.close(os.open(os.path.realpath(path), os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))
            return
        if (refused := _refused(path)) is not None:
            raise OSError(refused, os.strerror(refused))
    except OSError as fault:
        raise FinopsError(
            f"The state database {path} cannot be opened for writing ({fault.strerror}).",
            "Give the user that runs finops write access to it and its folder, or name another path.",
        ) from fault


def _refused(path: Path) -> int | None:
    """Why a file that is there cannot be written, as an errno."""
    if path.is_dir():
        return errno.EISDIR
    if os.access(path, os.R_OK | os.W_OK):
        return None
    return errno.EROFS if os.statvfs(path).f_flag & os.ST_RDONLY else errno.EACCES


def _into_wal(cursor: Any, busy_seconds: float) -> None:
    """Switch to WAL. SQLite does not wait here when another process opens the file at the same moment, so we do."""
    deadline = time.monotonic() + busy_seconds
    while True:
        try:
            mode = cursor.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        except sqlite3.OperationalError as fault:
            if fault.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
            continue
        if mode != "wal":
            raise FinopsError(
                f"The state database stays in journal mode '{mode}'.",
                "WAL needs a file on a local disk; put it there, or use PostgreSQL.",
            )
        return


def _postgresql(url: URL, busy_seconds: float) -> Engine:
    wait = int(busy_seconds * 1000)
    options = (
        f"-c synchronous_commit=on -c lock_timeout={wait} -c statement_timeout={wait + 30_000} -c timezone=UTC"
        f" -c tcp_keepalives_idle={IDLE_SECONDS} -c tcp_keepalives_interval={INTERVAL_SECONDS}"
        f" -c tcp_keepalives_count={PROBES} -c tcp_user_timeout={SILENCE_MS}"
    )
    silence = {
        "keepalives": 1, "keepalives_idle": IDLE_SECONDS, "keepalives_interval": INTERVAL_SECONDS,
        "keepalives_count": PROBES, "tcp_user_timeout": SILENCE_MS,
    }  # fmt: skip
    try:
        return create_engine(
            url,
            pool_pre_ping=True,
            connect_args={"options": options, "connect_timeout": 10, "application_name": "finops", **silence},
        )
    except ModuleNotFoundError as fault:
        raise MissingExtra("State in PostgreSQL", "postgresql") from fault


@contextmanager
def reading(engine: Engine, where: str) -> Iterator[Connection]:
    """One consistent view; what is written meanwhile is not in it."""
    level = {} if engine.dialect.name == "sqlite" else {"isolation_level": "REPEATABLE READ"}
    with explained(where), engine.connect().execution_options(reads=True, **level) as db, db.begin():
        yield db


@contextmanager
def writing(engine: Engine, where: str, connection: Connection | None = None) -> Iterator[Connection]:
    """A transaction that no other writer runs beside; on the disk when the block is left, or nothing of it."""
    with explained(where):
        if connection is not None:
            with connection.begin():
                alone(connection)
                yield connection
            return
        with engine.begin() as db:
            alone(db)
            yield db


def alone(db: Connection) -> None:
    """Wait until no other writer is at work, until the end of the transaction. SQLite did so at BEGIN IMMEDIATE."""
    if db.dialect.name == "postgresql":
        db.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": WRITERS})
