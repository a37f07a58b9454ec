"""What databases say, turned into one clear error with what to do about it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from finops.errors import FinopsError

# SQLite's primary result codes, https://sqlite.org/rescode.html
FIXES = {
    sqlite3.SQLITE_BUSY: (
        "is locked by another process",
        "Find who holds it (`fuser FILE`); a second daemon or a backup that does not end are the usual ones.",
    ),
    sqlite3.SQLITE_LOCKED: ("is locked by another process", "Find who holds it (`fuser FILE`)."),
    sqlite3.SQLITE_READONLY: ("cannot be written", "Give the user that runs finops write access to it and its folder."),
    sqlite3.SQLITE_PERM: ("may not be opened", "Give the user that runs finops access to it and its folder."),
    sqlite3.SQLITE_CANTOPEN: ("cannot be opened", "Check that its folder exists and may be written."),
    sqlite3.SQLITE_FULL: ("has no room left", "Free space on its disk. Nothing that was remembered is lost."),
    sqlite3.SQLITE_IOERR: ("met a fault of its disk", "Check space and the disk (`df`, `dmesg`), then run it again."),
    sqlite3.SQLITE_CORRUPT: ("is damaged", "Put it aside and restore a backup; see `docs/state.md`."),
    sqlite3.SQLITE_NOTADB: ("is no SQLite database", "Check the path; nothing was changed."),
}


@contextmanager
def explained(where: str) -> Iterator[None]:
    """Turn a fault of the database at `where` into a FinopsError."""
    try:
        yield
    except SQLAlchemyError as fault:
        raise error_of(where, fault) from fault
    except sqlite3.Error as fault:
        raise error_of(where, fault) from fault


def error_of(where: str, fault: Exception) -> FinopsError:
    cause: BaseException = fault
    if isinstance(fault, DBAPIError) and fault.orig is not None:
        cause = fault.orig
    said = " ".join(str(cause).split())[:300]
    if isinstance(cause, sqlite3.Error):
        code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
        what, fix = FIXES.get(code, ("refused what was asked", "This is a bug, or the database was changed by hand."))
        return FinopsError(f"The state database {where} {what} ({said}).", fix)
    state = getattr(cause, "sqlstate", None) or ""
    return FinopsError(f"The state database {where} {_what(state)} ({said}).", _fix(state))


def _what(sqlstate: str) -> str:
    """In words, the class of a PostgreSQL error, https://www.postgresql.org/docs/15/errcodes-appendix.html."""
    return {
        "55P03": "is locked by another process",
        "57014": "took too long",
        "53100": "has no room left",
        "25006": "cannot be written",
        "42501": "may not be changed",
        "28P01": "refused the password",
        "3D000": "does not exist",
        "XX001": "is damaged",
        "XX002": "is damaged",
    }.get(sqlstate, "cannot be reached" if sqlstate[:2] in {"", "08", "57"} else "refused what was asked")


def _fix(sqlstate: str) -> str:
    return {
        "55P03": "Look in pg_stat_activity for who holds it.",
        "53100": "Free space on its disk.",
        "25006": "It is a standby, or read-only: name the primary in the URL.",
        "42501": "Grant the user CREATE on the schema and all rights on its tables.",
        "28P01": "Check user and password in the URL.",
        "3D000": "Create it: `createdb`.",
    }.get(sqlstate, "Check the server and the URL, then run it again.")
