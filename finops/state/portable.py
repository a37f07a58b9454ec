"""All rows of a state database as lines of JSON, from which either database is filled again: see docs/state.md.

The last line has the SHA-256 of all before it: what was cut off, or changed, is not taken for a backup.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy import Connection, LargeBinary, Table, insert, select

from finops import __version__
from finops.errors import DataError

from .aside import explained
from .records import moment_of, written
from .shape import give_after, last_number, numbered, tables_of

FORM, VERSION = "finops-state", 1
BATCH = 500  # rows that are read, and written, at a time
MOST = 50_000_000  # characters of rows that are written at a time: letters are large
LONGEST = 256 * 1024 * 1024  # bytes of a line: one row, its largest a mail with its attachments
OLDER = "Take an older backup. Nothing was changed."
Row = list[Any]


@dataclass
class Source:
    """Rows on their way. `tables`: each with its rows, and the last number that was given in it; to be read once."""

    schema: str
    taken_at: datetime
    head: str
    tables: Iterator[tuple[Table, Iterator[Row], Callable[[], int]]]


def of_database(db: Connection, schema: str, now: datetime, head: str) -> Source:
    """The rows of a database, in the transaction of `db`: one moment of it."""

    def tables() -> Iterator[tuple[Table, Iterator[Row], Callable[[], int]]]:
        for table in tables_of(schema):
            last = last_number(db, table) if numbered(table) else 0
            yield table, _rows(db, table), lambda last=last: last  # type: ignore[misc]

    return Source(schema, now, head, tables())


def _rows(db: Connection, table: Table) -> Iterator[Row]:
    query = select(table).order_by(*table.primary_key.columns).execution_options(yield_per=BATCH)
    with db.execute(query) as rows:
        for row in rows:
            yield list(row)


def each(source: Source) -> Iterator[tuple[str, Iterator[Row]]]:
    for table, rows, _ in source.tables:
        yield table.name, rows


# -- to a file ------------------------------------------------------------------------------------------------------


def write(part: Path, source: Source, stopping: Callable[[], bool] = lambda: False) -> dict[str, int]:
    """Write `source` to a file; how many rows of each table."""
    counts: dict[str, int] = {}
    seen = hashlib.sha256()
    with explained(part), open(part, "wb") as raw, gzip.GzipFile("", "wb", 6, raw, mtime=0) as file:

        def line(value: Any) -> None:
            text = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
            seen.update(text)
            file.write(text)

        first = {"form": FORM, "version": VERSION, "schema": source.schema, "taken_at": written(source.taken_at)}
        line({**first, "finops": __version__, "audit": source.head})
        for table, rows, last in source.tables:
            blobs = _binary(table)
            line({"table": table.name, "columns": [column.name for column in table.columns]})
            count = 0
            for row in rows:
                line(_plain(row, blobs))
                count += 1
                if count % BATCH == 0 and stopping():
                    raise DataError("The backup was stopped.", "Nothing was changed; run it again.")
            line({"rows": count, "last": last()})
            counts[table.name] = count
        line({"end": seen.hexdigest(), "rows": sum(counts.values())})
    return counts


def _binary(table: Table) -> tuple[int, ...]:
    return tuple(at for at, column in enumerate(table.columns) if isinstance(column.type, LargeBinary))


def _plain(row: Row, blobs: tuple[int, ...]) -> Row:
    for at in blobs:
        row[at] = base64.b64encode(row[at]).decode()
    return row


# -- from a file ----------------------------------------------------------------------------------------------------


@contextmanager
def opened(path: Path) -> Iterator[Source]:
    """What a file holds. Whoever has read all tables of it knows that it is whole, and nobody before that."""
    try:
        with open(path, "rb") as raw, gzip.GzipFile("", "rb", fileobj=raw) as file:
            lines = _Lines(file, path)
            first = lines.next()
            if first.get("form") != FORM:
                raise DataError(f"{path} is no backup of finops.", "Name the right file.")
            if first.get("version") != VERSION:
                raise DataError(f"{path} is a backup in form {first.get('version')}, which is newer than this version.",
                                "Install the version that wrote it, or a newer one.")  # fmt: skip
            yield Source(
                str(first["schema"]), moment_of(first["taken_at"]), str(first["audit"]), _tables(lines, first["schema"])
            )
    except (EOFError, zlib.error, gzip.BadGzipFile, ValueError, KeyError, TypeError) as fault:
        raise DataError(f"{path} is damaged ({fault}).", OLDER) from fault


class _Lines:
    """The lines of a file, each read once, and the sum of those before."""

    def __init__(self, file: BinaryIO | gzip.GzipFile, path: Path) -> None:
        self._file = file
        self._path = path
        self._seen = hashlib.sha256()
        self.before = ""  # the sum of all lines before the last one read

    def next(self) -> Any:
        text = self._file.readline(LONGEST)
        if not text.endswith(b"\n"):
            raise DataError(f"{self._path} ends too early.", OLDER)
        self.before = self._seen.hexdigest()
        self._seen.update(text)
        return json.loads(text)

    def ended(self) -> bool:
        return not self._file.read(1)


def _tables(lines: _Lines, schema: str) -> Iterator[tuple[Table, Iterator[Row], Callable[[], int]]]:
    total = 0
    for table in tables_of(schema):
        said = lines.next()
        if said != {"table": table.name, "columns": [column.name for column in table.columns]}:
            raise DataError(f"The backup has other tables than schema {schema}: {str(said)[:100]}.", OLDER)
        ended: dict[str, int] = {}
        yield table, _read(lines, _binary(table), ended), lambda ended=ended: ended["last"]  # type: ignore[misc]
        total += ended["rows"]
    last = lines.next()
    if last != {"end": lines.before, "rows": total} or not lines.ended():
        raise DataError("The backup is not as it was written: its sum differs.", OLDER)


def _read(lines: _Lines, blobs: tuple[int, ...], ended: dict[str, int]) -> Iterator[Row]:
    count = 0
    while isinstance(row := lines.next(), list):
        count += 1
        for at in blobs:
            row[at] = base64.b64decode(row[at], validate=True)
        yield row
    if row.get("rows") != count:
        raise DataError("Rows are missing in the backup.", OLDER)
    ended |= row


# -- into a database ------------------------------------------------------------------------------------------------


def fill(db: Connection, source: Source) -> dict[str, int]:
    """Write all rows into a database whose tables are there, of the same schema, and empty; how many of each."""
    counts = {}
    for table, rows, last in source.tables:
        counts[table.name] = _filled(db, table, rows)
        if numbered(table):
            give_after(db, table, last())
    return counts


def _filled(db: Connection, table: Table, rows: Iterator[Row]) -> int:
    names = [column.name for column in table.columns]
    count, batch, size = 0, [], 0
    statement = insert(table)
    for row in rows:
        batch.append(dict(zip(names, row, strict=True)))
        count += 1
        size += sum(len(value) for value in row if isinstance(value, str | bytes))
        if len(batch) == BATCH or size > MOST:
            db.execute(statement, batch)
            batch, size = [], 0
    if batch:
        db.execute(statement, batch)
    return count
