"""Whose turn it is to change Azure, or to send mail: one process at a time for each, for as long as it lives.

Held by the operating system (flock) or by the PostgreSQL session, so that kill -9 ends it and no clock is involved.
"""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from finops.errors import FinopsError

from .engine import ACTORS, POSTMEN, TELLERS
from .faults import explained


@dataclass(frozen=True)
class Duty:
    """What only one process does at a time: the name of its lock, on a file or on the server, and what to say."""

    file: str
    key: int
    doing: str
    meanwhile: str


ACTING = Duty("turn", ACTORS, "Another run is changing Azure now", "Nothing was changed.")
POSTING = Duty("post", POSTMEN, "Another process is sending mail now", "It sends what waits here, too.")
TELLING = Duty("alerts", TELLERS, "Another process is looking after the alerts now", "It tells what is due here, too.")


@dataclass(frozen=True)
class Session:
    """A connection to PostgreSQL, and the server's process that it was when it got the turn."""

    db: Connection
    process: int


class Busy(FinopsError):
    """Another process is at it now."""


@contextmanager
def of_file(database: Path, duty: Duty = ACTING) -> Iterator[None]:
    """The turn of a SQLite database: a lock on a file of its own beside it.

    Not on the database itself: to close a second descriptor of it would drop the locks that SQLite holds.
    Links are followed: a database has one turn, by whatever path it is reached.
    """
    database = database.resolve()
    path = database.with_name(f"{database.name}-{duty.file}")
    try:
        file = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as fault:
        raise FinopsError(
            f"{path} cannot be opened ({fault.strerror}).", "Give the user that runs finops write access to its folder."
        ) from fault
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as fault:
            holder = os.pread(file, 200, 0).decode("utf-8", "replace").strip() or "another process"
            raise busy(holder, duty) from fault
        os.ftruncate(file, 0)
        os.pwrite(file, f"process {os.getpid()} on {socket.gethostname()}\n".encode(), 0)
        yield
    finally:
        os.close(file)


@contextmanager
def of_session(engine: Engine, where: str, duty: Duty = ACTING) -> Iterator[Session]:
    """The turn of a PostgreSQL database: an advisory lock of a session, which comes back.

    Intents are written through that very session: if it is lost, so is the turn, and no intent can be opened.
    """
    with explained(where):
        db = engine.connect()
    try:
        with explained(where):
            took = db.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": duty.key}).scalar_one()
            holder = None if took else _holder(db, duty)
            session = Session(db, session_of(db))
            db.commit()
        if not took:
            raise busy(holder or "another session", duty)
        yield session
    finally:
        if not db.invalidated:
            with suppress(SQLAlchemyError):  # given back at once: the server notices some time later that we are gone
                db.rollback()
                db.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": duty.key})
                db.commit()
        if not db.invalidated:
            db.invalidate()  # closed for good, not given back to the pool with the lock on it
        db.close()


def session_of(db: Connection) -> int:
    """The server's process behind a connection. SQLAlchemy connects anew by itself; the lock does not come along."""
    return int(db.execute(text("SELECT pg_backend_pid()")).scalar_one())


def still_ours(session: Session) -> None:
    """Raise if the session that held the turn is gone, and this is another one."""
    if session_of(session.db) != session.process:
        raise FinopsError(
            "The connection to PostgreSQL was lost, and the right to change Azure with it.",
            "Nothing more is changed in this run; the next one finds out what became of this one.",
        )


def _holder(db: Connection, duty: Duty) -> str | None:
    row = db.execute(
        text(
            "SELECT a.pid, a.client_addr, a.backend_start FROM pg_locks l JOIN pg_stat_activity a USING (pid)"
            " WHERE l.locktype = 'advisory' AND l.granted AND l.classid = :high AND l.objid = :low AND l.objsubid = 1"
        ),
        {"high": duty.key >> 32, "low": duty.key & 0xFFFFFFFF},
    ).first()
    return (
        f"PostgreSQL session {row.pid} from {row.client_addr or 'this host'} since {row.backend_start}" if row else None
    )


def busy(holder: str, duty: Duty = ACTING) -> Busy:
    return Busy(f"{duty.doing}: {holder}.", f"Wait for its end, or end it. {duty.meanwhile}")
