"""Put aside what is in the place of a state that is to be restored; nobody may have it open."""

from __future__ import annotations

import fcntl
import itertools
import os
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, create_engine, func, inspect, select, text
from sqlalchemy.pool import StaticPool

from finops.errors import FinopsError, UsageError

from . import looking
from . import lost as losing
from .aside import NO_LINKS
from .engine import APPLICATION_ID
from .looking import Content
from .lost import Lost
from .migrate import VERSIONS
from .tables import metadata

MOMENTS = 3.0  # seconds that we wait for others to let go of a database
DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_IOERR}
# Where SQLite locks, in a file of any length: https://sqlite.org/src/doc/trunk/src/os.h, PENDING_BYTE
LOCKS, LOCKED = 0x40000000, 512
LOGS = ("-wal", "-shm", "-journal")


@dataclass(frozen=True)
class There:
    """What is in the place: its trail's head, "" where that cannot be read."""

    head: str


def connected(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=MOMENTS, isolation_level=None, check_same_thread=False)


# -- SQLite ---------------------------------------------------------------------------------------------------------


def content_there(target: Path, name: str | None) -> There | None:
    """What a restore would put aside, None where there is nothing. Refused where `name` does not say which file."""
    if not os.path.lexists(target) or (target.is_file() and target.stat().st_size == 0):
        return None
    head = ""
    try:
        with looking.of_file(target, busy_seconds=MOMENTS) as db:
            content = looking.content_of(db, str(target), None)
            head = content.trail.head
            if not any(content.rows.values()):
                return There("")
    except FinopsError as fault:
        if not _is_damaged(target) and "finops knows up to" not in fault.what:
            raise
    if name != target.name:
        raise UsageError(
            f"{target} is not empty. Nothing was changed.",
            f"To put what it holds aside and restore over it, say --force-with-name {target.name}.",
        )
    return There(head)


def _is_damaged(target: Path) -> bool:
    """Whether SQLite cannot read the file: it is ours by its name only, and that has to be said with --force."""
    try:
        db = sqlite3.connect(f"file:{target}?mode=ro", uri=True, timeout=MOMENTS)
        try:
            db.execute("SELECT count(*) FROM sqlite_master").fetchone()
            return bool(db.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID)
        finally:
            db.close()
    except sqlite3.Error as fault:
        return getattr(fault, "sqlite_errorcode", 0) & 0xFF in DAMAGED


def aside(target: Path, held: ExitStack, now: datetime, restored: Content) -> tuple[str, Lost | None]:
    """Give what is there a second name, and hold it so that nobody can open it until `held` ends; what it knows more.

    To leave WAL mode SQLite needs the database for itself: https://sqlite.org/wal.html, section 2. After that there
    is no log beside it, which could be taken for one of the new file.
    """
    found: Lost | None = None
    db = connected(target)
    held.callback(db.close)
    try:
        db.execute("PRAGMA locking_mode = EXCLUSIVE")  # what is locked from here on is not let go between two steps
        mode = db.execute("PRAGMA journal_mode = DELETE").fetchone()[0]
        if mode != "delete":
            raise in_use(str(target))
        found = _lost(db, restored)
        db.execute("BEGIN EXCLUSIVE")
    except sqlite3.Error as fault:
        code = getattr(fault, "sqlite_errorcode", 0) & 0xFF
        if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            raise in_use(str(target)) from fault
        if code not in DAMAGED:
            raise
        db.close()
        _hold(target, held)
    place = _free(target, now)
    for end in LOGS:  # of a damaged file only: a log that stayed would be played into the new one
        with suppress(FileNotFoundError):
            os.rename(f"{target}{end}", f"{place}{end}")
    try:
        os.link(target, place)
    except OSError as fault:
        if fault.errno not in NO_LINKS:
            raise
        shutil.copy2(target, place)
    return str(place), found


def _lost(db: sqlite3.Connection, restored: Content) -> Lost | None:
    engine = create_engine("sqlite://", creator=lambda: db, poolclass=StaticPool)
    with engine.connect() as connection:
        return losing.since(connection, restored)


def _hold(target: Path, held: ExitStack) -> None:
    """Lock a file that SQLite cannot read, where SQLite would; refused where somebody has it open."""
    file = os.open(target, os.O_RDWR | os.O_CLOEXEC)
    held.callback(os.close, file)
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, LOCKED, LOCKS)
    except OSError as fault:
        raise in_use(str(target)) from fault


def _free(target: Path, now: datetime) -> Path:
    place = target.with_name(f"{target.name}.before-{now:%Y%m%dT%H%M%SZ}")
    count = 1
    while os.path.lexists(place):
        count += 1
        place = target.with_name(f"{target.name}.before-{now:%Y%m%dT%H%M%SZ}-{count}")
    return place


# -- PostgreSQL -----------------------------------------------------------------------------------------------------


def alone(db: Connection, where: str, ours: Sequence[int]) -> None:
    """Raise where another session of finops is there."""
    asked = text(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'finops'"
        " AND pid <> pg_backend_pid()"
    )
    others = sorted(set(db.execute(asked).scalars()) - set(ours))
    if others:
        raise in_use(where, f" (PostgreSQL {'session' if len(others) == 1 else 'sessions'} {str(others)[1:-1]})")


def make_room(db: Connection, name: str | None, now: datetime, keep: bool = True) -> tuple[str, str]:
    """Where our tables are now, "" where they held nothing, and the head of their trail. Within the transaction."""
    there = [table for table in inspect(db).get_table_names() if table == VERSIONS or table in metadata.tables]
    if not there:
        return "", ""
    ours = [metadata.tables[one] for one in there if one != VERSIONS]
    if VERSIONS not in there:
        raise FinopsError(f"{db.engine.url.database} holds tables of something else.", "Name a database of its own.")
    full = any(db.execute(select(func.count()).select_from(table)).scalar_one() for table in ours)
    if not full:
        for one in [*(table.name for table in reversed(metadata.sorted_tables) if table.name in there), VERSIONS]:
            db.execute(text(f'DROP TABLE "{one}"'))
        return "", ""
    database = str(db.engine.url.database)
    if not keep:
        raise UsageError(f"{database} is not empty. Nothing was changed.", "pg_restore needs an empty one: `createdb`.")
    if name != database:
        raise UsageError(
            f"The database {database} is not empty. Nothing was changed.",
            f"To put what it holds aside and restore over it, say --force-with-name {database}.",
        )
    schema = _free_schema(db, now)
    newest = db.execute(text("SELECT number, hash FROM audit ORDER BY number DESC LIMIT 1")).first()
    db.execute(text(f'CREATE SCHEMA "{schema}"'))
    for one in there:
        db.execute(text(f'ALTER TABLE "{one}" SET SCHEMA "{schema}"'))
    return schema, f"{newest.number}:{newest.hash}" if newest else ""


def _free_schema(db: Connection, now: datetime) -> str:
    there = set(inspect(db).get_schema_names())
    names = (f"finops_before_{now:%Y%m%dt%H%M%Sz}{f'_{count}' if count > 1 else ''}" for count in itertools.count(1))
    return next(name for name in names if name not in there)


def lost_in(db: Connection, schema: str, restored: Content) -> Lost | None:
    return losing.since(db, restored, schema)


def in_use(where: str, who: str = "") -> FinopsError:
    return FinopsError(
        f"{where} is in use by another process{who}. Nothing was changed.",
        "Stop the daemon, the approvals page and every other finops first, and run it again.",
    )
