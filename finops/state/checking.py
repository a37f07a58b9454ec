"""Whether the state is well: read only, one line for each thing that was looked at, and what mends it."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Literal

from sqlalchemy import URL, Connection, inspect, select, text

from finops.errors import FinopsError

from . import audit as trail
from . import looking
from .engine import shown, url_of
from .faults import explained
from .migrate import HEAD, VERSIONS, known, version
from .records import moment_of
from .shape import last_number, numbered, tables_of

Result = Literal["ok", "note", "fault", "unknown"]
RESTORE = "Put it aside and restore a backup: `finops state restore`."
MIB = 1024 * 1024
LEAST_ROOM = 64 * MIB  # below this no backup, and soon no intent, can be written
LONG_LOG = 64 * MIB  # SQLite empties its log at 4 MiB unless somebody reads for long
OLD_INTENT = timedelta(hours=2)
AHEAD = timedelta(seconds=60)
BUSY_SECONDS = 10.0
# Moments that must not be after now.
MOMENTS = (("audit", "at"), ("intents", "opened_at"), ("runs", "began_at"), ("attempts", "began_at"))


@dataclass(frozen=True)
class Check:
    """note: worth knowing. fault: to be mended. unknown: it could not be looked at."""

    name: str
    result: Result
    said: str
    fix: str = ""


def check(where: str, now: datetime, key: bytes | None = None) -> list[Check]:
    """Everything that can be seen of the state at `where` without changing it."""
    url = url_of(where)
    found: list[Check] = []
    if url.get_backend_name() == "sqlite":
        path = Path(str(url.database))
        found += [*_permissions(path), _room(path)]
    try:
        with looking.as_it_is(url, BUSY_SECONDS) as db, explained(shown(url)):
            found += _within(db, url, now, key)
    except FinopsError as fault:
        found.append(Check("integrity", "fault", fault.what, fault.fix))
    return found


def _within(db: Connection, url: URL, now: datetime, key: bytes | None) -> Iterator[Check]:
    yield _integrity(db, shown(url))
    has = version(db)
    if has is None:
        yield Check("schema", "fault", "It holds no state of finops.", "Check state.url.")
        return
    try:
        known(shown(url), has)
    except FinopsError as newer:
        yield Check("schema", "fault", newer.what, newer.fix)
        return
    looks: list[Callable[[], Iterator[Check]]] = [
        lambda: _schema(db, has),
        lambda: _trail(db, key),
        lambda: _books(db),
        lambda: _numbers(db, has),
        lambda: _unsettled(db, now),
        lambda: _clock(db, has, now),
        lambda: _pages(db, url),
    ]
    for look in looks:
        yield from look()


def _integrity(db: Connection, where: str) -> Check:
    if db.dialect.name != "sqlite":
        sums = str(db.execute(text("SHOW data_checksums")).scalar_one())
        said = f"PostgreSQL looks after its pages; its checksums are {sums}."
        return Check("integrity", "ok" if sums == "on" else "note", said, "" if sums == "on" else "See `pg_checksums`.")
    try:
        looking.whole(db, where)
    except FinopsError as fault:
        return Check("integrity", "fault", fault.what, RESTORE)
    return Check("integrity", "ok", "The file holds together, and every row refers to rows that are there.")


def _schema(db: Connection, has: str) -> Iterator[Check]:
    there = {name: {one["name"] for one in inspect(db).get_columns(name)} for name in inspect(db).get_table_names()}
    ours = {table.name: {column.name for column in table.columns} for table in tables_of(has)}
    lacking = sorted(name for name, columns in ours.items() if not columns <= there.get(name, set()))
    more = sorted(set(there) - set(ours) - {VERSIONS})
    if lacking:
        yield Check("schema", "fault", f"Schema {has}, but {', '.join(lacking)} lack columns, or are missing.", RESTORE)
    elif has != HEAD:
        yield Check("schema", "note", f"Schema {has}; the next command brings it to {HEAD}.", "Back it up before.")
    elif more:
        yield Check("schema", "note", f"Schema {has}; there are other tables, too: {', '.join(more[:5])}.")
    else:
        yield Check("schema", "ok", f"Schema {has}, the newest.")


def _trail(db: Connection, key: bytes | None) -> Iterator[Check]:
    found = trail.verify(db, key)
    if found.unread:
        fix = "Give the key as the secret state.audit_key."
        yield Check("audit trail", "unknown", "It is sealed with a key that was not given.", fix)
    elif found.fault:
        yield Check("audit trail", "fault", found.fault, "Change nothing in Azure until you know why; see audit.md.")
    else:
        yield Check("audit trail", "ok", f"{found.entries:,} entries, none changed or left out. Head: {found.head}")


def _books(db: Connection) -> Iterator[Check]:
    """What the trail says of each act, against the act: what was changed by hand in the one is not in the other."""
    wrong = []
    asked = text(
        "SELECT i.number, i.action, i.outcome, a.what,"
        " (a.resource_id = i.resource_id AND a.evidence = i.evidence) AS same"
        " FROM intents i LEFT JOIN audit a ON a.intent = i.number ORDER BY i.number"
    )
    rows = db.execute(asked.execution_options(yield_per=500))
    for number, entries in groupby(rows, key=lambda row: row.number):
        said = list(entries)
        act = said[0]
        opened = [one for one in said if one.what == f"will {act.action}"]
        closed = {one.what for one in said if one.what is not None and not one.what.startswith("will ")}
        known_end = not closed if act.outcome is None else act.outcome in closed
        if len(opened) != 1 or not opened[0].same or not known_end:
            wrong.append(number)
    if wrong:
        numbers = ", ".join(str(one) for one in wrong[:10])
        yield Check("acts", "fault", f"The audit trail says otherwise of {len(wrong)} acts: {numbers}.",
                    "The database was changed by hand: compare it with a backup.")  # fmt: skip
    else:
        yield Check("acts", "ok", "What the audit trail says of each act is what stands in the database.")


def _numbers(db: Connection, has: str) -> Iterator[Check]:
    """A number that was given must not be given again: records refer to each other by it."""
    behind = []
    for table in tables_of(has):
        if numbered(table):
            newest = db.execute(select(table.c.number).order_by(table.c.number.desc()).limit(1)).scalar() or 0
            if last_number(db, table) < newest:
                behind.append(table.name)
    if behind:
        yield Check("numbers", "fault", f"Numbers of {', '.join(behind)} would be given twice.", RESTORE)


def _unsettled(db: Connection, now: datetime) -> Iterator[Check]:
    opened = db.execute(text("SELECT opened_at FROM intents WHERE outcome IS NULL ORDER BY number")).scalars().all()
    if not opened:
        yield Check("open acts", "ok", "What came of every act is known.")
        return
    oldest = now - moment_of(opened[0])
    said = f"What came of {len(opened)} {'act is' if len(opened) == 1 else 'acts are'} not known, the oldest begun "
    said += f"{oldest.total_seconds() / 3600:.1f} hours ago; its workspace is closed to others until then."
    fix = "The next run reads it in Azure; if it stays open, see why: `finops janitor apply`, `finops guard run`."
    yield Check("open acts", "note" if oldest < OLD_INTENT else "fault", said, fix)


def _clock(db: Connection, has: str, now: datetime) -> Iterator[Check]:
    tables = {table.name for table in tables_of(has)}
    newest, of = None, ""
    for table, column in MOMENTS:
        if table in tables:
            found = db.execute(text(f"SELECT max({column}) FROM {table}")).scalar()  # noqa: S608 - our own names
            if found and (newest is None or moment_of(found) > newest):
                newest, of = moment_of(found), table
    if newest and newest > now + AHEAD:
        said = f"The newest row of {of} is of {newest:%Y-%m-%d %H:%M:%S}, and now it is {now:%Y-%m-%d %H:%M:%S} UTC."
        yield Check("clock", "fault", said, "Set this machine's clock (NTP) before anything is changed.")
        return
    if db.dialect.name == "postgresql":
        server: datetime = db.execute(text("SELECT clock_timestamp()")).scalar_one()
        apart = abs((server - now).total_seconds())
        if apart > AHEAD.total_seconds():
            yield Check(
                "clock", "fault", f"The server's clock is {apart:,.0f} s from this machine's.", "Set both (NTP)."
            )
            return
    of_when = f", the newest of {newest:%Y-%m-%d %H:%M} UTC" if newest else ""
    yield Check("clock", "ok", f"Nothing in it is of later than now{of_when}.")


def _pages(db: Connection, url: URL) -> Iterator[Check]:
    if db.dialect.name != "sqlite":
        size = int(db.execute(text("SELECT pg_database_size(current_database())")).scalar_one())
        yield Check("size", "ok", f"{size / MIB:,.1f} MiB, all tables of the database together.")
        return
    pages, free, each = (
        int(db.exec_driver_sql(f"PRAGMA {name}").scalar_one()) for name in ("page_count", "freelist_count", "page_size")
    )
    size, empty = pages * each, free * each
    many = empty > 16 * MIB and free > pages / 2
    yield Check("size", "note" if many else "ok", f"{size / MIB:,.1f} MiB, {empty / MIB:,.1f} MiB of it free.",
                "`finops state tidy --yes` gives it back." if many else "")  # fmt: skip
    log = Path(f"{url.database}-wal")
    long = log.stat().st_size if log.exists() else 0
    if long > LONG_LOG:
        yield Check("log", "note", f"The write-ahead log is {long / MIB:,.1f} MiB long: somebody reads for very long.",
                    f"`fuser {url.database}` names who has it open.")  # fmt: skip
    else:
        yield Check("log", "ok", f"The write-ahead log is {long / MIB:,.1f} MiB long.")


def _room(path: Path) -> Check:
    try:
        free = shutil.disk_usage(path.parent).free
        size = path.stat().st_size
    except OSError as fault:
        return Check("disk", "unknown", f"{path.parent} cannot be looked at ({fault.strerror}).")
    said = f"{free / MIB:,.0f} MiB are free beside it."
    if free < LEAST_ROOM:
        return Check("disk", "fault", said, "Free space now: what cannot be written down is not done.")
    if free < 2 * size:
        return Check("disk", "note", said, f"A backup here needs {size / MIB:,.0f} MiB, an upgrade as much again.")
    return Check("disk", "ok", said)


def _permissions(path: Path) -> Iterator[Check]:
    files = [file for end in ("", "-wal", "-shm") if (file := Path(f"{path}{end}")).exists()]
    if not files:
        return
    wide = [file.name for file in files if stat.S_IMODE(file.stat().st_mode) & 0o077]
    others = [file.name for file in files if file.stat().st_uid != files[0].stat().st_uid]
    open_folder = path.parent.stat().st_mode & stat.S_IWOTH and not path.parent.stat().st_mode & stat.S_ISVTX
    if wide:
        fix = f"chmod 600 {' '.join(str(path.with_name(name)) for name in wide)}"
        yield Check("permissions", "fault", f"Others than its owner can open {', '.join(wide)}.", fix)
    elif others:
        yield Check("permissions", "fault", f"{', '.join(others)} belong to another user than the database.",
                    "Run every finops as one user, and give it these files.")  # fmt: skip
    elif open_folder:
        yield Check("permissions", "fault", f"Everybody may write {path.parent}.", f"chmod o-w {path.parent}")
    elif not os.access(path, os.R_OK | os.W_OK) or not os.access(path.parent, os.W_OK):
        yield Check("permissions", "note", "This user cannot write it.", "Run it as the user that the daemon runs as.")
    else:
        yield Check("permissions", "ok", "Only its owner can open it.")
