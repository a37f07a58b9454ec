"""A backup of the state while others write to it: one moment of it, whole, on the disk, and read back."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from sqlalchemy import URL

from finops.errors import DataError, FinopsError, UsageError

from . import looking, pgdump, portable
from .aside import SUM, beside, note_sum, sum_of
from .engine import shown, url_of
from .faults import error_of
from .looking import Content
from .store import BUSY_SECONDS

Form = Literal["sqlite", "portable", "pg_dump"]
ENDINGS: dict[str, str] = {"sqlite": ".db", "portable": ".jsonl.gz", "pg_dump": ".pgdump"}
NAMED = "finops-state-"  # what backups in a folder begin with, before the moment they were taken
PAGES = 2048  # of 4 KiB a step: between two the process can be stopped
NO_KEY = "Give the key as the secret state.audit_key, and run it again."
AT_FAULT = "`finops audit verify` says more. To copy it all the same, as it is, say --as-it-is."


@dataclass(frozen=True)
class Backup:
    """A backup that was made and read back. `sum`: its SHA-256, which stands beside it."""

    path: Path
    form: Form
    of: str
    taken_at: datetime
    content: Content
    size: int
    sum: str


def back_up(
    where: str,
    to: Path,
    now: datetime,
    *,
    key: bytes | None = None,
    form: Form | None = None,
    replace: bool = False,
    as_it_is: bool = False,
    stopping: Callable[[], bool] = lambda: False,
) -> Backup:
    """Write a backup of the state at `where` to `to`, a file or a folder. Nothing is migrated, nobody has to wait.

    form: default sqlite for SQLite, portable for PostgreSQL. replace: over an older file of the name
    as_it_is: although its audit trail is not whole, or its key was not given
    """
    url = url_of(where)
    chosen = form or ("sqlite" if url.get_backend_name() == "sqlite" else "portable")
    if chosen == "sqlite" and url.get_backend_name() != "sqlite":
        raise UsageError("PostgreSQL is not backed up as a SQLite file.", "Say --form portable, or pg_dump.")
    if chosen == "pg_dump" and url.get_backend_name() == "sqlite":
        raise UsageError("SQLite is not backed up by pg_dump.", "Say --form sqlite, or portable.")
    path = to / f"{NAMED}{now:%Y%m%dT%H%M%SZ}{ENDINGS[chosen]}" if to.is_dir() else to
    beside_it = path.with_name(path.name + SUM)
    with beside(path, replace=replace) as part:
        write = {"sqlite": _sqlite, "portable": _portable, "pg_dump": _pg_dump}[chosen]
        content = write(url, part, now, key, stopping)
        _approve(content, shown(url), as_it_is)
        size, digest = part.stat().st_size, sum_of(part)
        beside_it.unlink(missing_ok=True)  # never a sum of another file, wherever this ends
    note_sum(path, digest)
    return Backup(path, chosen, shown(url), now, content, size, digest)


def _approve(content: Content, of: str, as_it_is: bool) -> None:
    fault = content.trail.fault
    if fault and not as_it_is:
        what = f"The audit trail of {of} is not whole, and no backup was made. {fault}"
        raise DataError(what, NO_KEY if content.trail.unread else AT_FAULT)


def _sqlite(url: URL, part: Path, now: datetime, key: bytes | None, stopping: Callable[[], bool]) -> Content:
    """By SQLite's own backup, within one reading transaction: writers go on, and what they write is not in it."""
    source = Path(str(url.database))
    with in_words(source, part), closing(looking.opened(source, BUSY_SECONDS)) as db:
        copy(db, part, stopping)
    with in_words(part, part), looking.of_file(part, alone=True) as copied:
        looking.whole(copied, f"The state database {source}")
        return looking.content_of(copied, f"The state database {source}", key)


def copy(db: sqlite3.Connection, part: Path, stopping: Callable[[], bool] = lambda: False) -> None:
    """Copy a database to the file `part`, without a write-ahead log beside it."""

    def go_on(status: int, left: int, pages: int) -> None:
        if stopping():
            raise FinopsError("The backup was stopped.", "Nothing was changed; run it again.")

    db.execute("BEGIN")
    db.execute("SELECT count(*) FROM sqlite_master").fetchone()  # from here on it is this moment that is read
    with closing(sqlite3.connect(part, isolation_level=None)) as target:
        # The file is thrown away if anything happens before it is whole and synced.
        target.execute("PRAGMA synchronous = OFF")
        target.execute("PRAGMA journal_mode = OFF")
        db.backup(target, pages=PAGES, progress=go_on, sleep=0.05)
        target.execute("PRAGMA journal_mode = DELETE")
    db.execute("ROLLBACK")


def _portable(url: URL, part: Path, now: datetime, key: bytes | None, stopping: Callable[[], bool]) -> Content:
    with in_words(part, part), looking.as_it_is(url, BUSY_SECONDS) as db:
        looking.whole(db, f"The state database {shown(url)}")
        content = looking.content_of(db, f"The state database {shown(url)}", key)
        _needs_a_schema(content, url)
        written = portable.write(part, portable.of_database(db, content.schema, now, content.trail.head), stopping)
    _same(written, content.rows, part)
    with portable.opened(part) as source:
        _same({name: sum(1 for _ in rows) for name, rows in portable.each(source)}, content.rows, part)
    return content


def _pg_dump(url: URL, part: Path, now: datetime, key: bytes | None, stopping: Callable[[], bool]) -> Content:
    """By pg_dump, of the very moment at which we look: it joins our snapshot."""
    with in_words(part, part), looking.as_it_is(url, BUSY_SECONDS) as db:
        content = looking.content_of(db, f"The state database {shown(url)}", key)
        _needs_a_schema(content, url)
        pgdump.dump(db, url, part, tables=sorted(content.rows))
    pgdump.verify(part, tables=sorted(content.rows))
    return content


def _needs_a_schema(content: Content, url: URL) -> None:
    if not content.schema:
        raise FinopsError(f"{shown(url)} holds no state of finops.", "Check state.url.")


def _same(found: dict[str, int], wanted: dict[str, int], part: Path) -> None:
    if found != wanted:
        raise DataError(f"{part} does not hold what was read.", "Run it again; report this if it happens twice.")


@contextmanager
def in_words(source: Path, part: Path) -> Iterator[None]:
    """Faults of SQLite and of the disk as clear errors."""
    try:
        yield
    except sqlite3.Error as fault:
        full = getattr(fault, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL  # nothing is written to the source
        raise error_of(str(part if full else source), fault) from fault
    except OSError as fault:
        raise FinopsError(
            f"{part} cannot be written ({fault.strerror or fault}).", "See that its disk has room, and may be written."
        ) from fault


def backups_in(folder: Path) -> list[Path]:
    """The backups that were made into a folder by their moment, oldest first."""
    return sorted(path for path in folder.glob(f"{NAMED}*") if any(path.name.endswith(end) for end in ENDINGS.values()))


def keep_newest(folder: Path, count: int) -> list[Path]:
    """Remove all but the newest `count` backups that were made into a folder; those that were removed."""
    removed = backups_in(folder)[: -count or None] if count > 0 else []
    for path in removed:
        path.unlink(missing_ok=True)
        path.with_name(path.name + SUM).unlink(missing_ok=True)
    return removed


__all__ = ["Backup", "Form", "back_up", "backups_in", "keep_newest"]
