"""The store of charges that we asked Azure for: immutable Parquet files, and an index that names those that count.

    finops-charges.json      the index, replaced in one step: a reader sees the charges before an ingest, or after it
    ingested/<subscription>-<month>-<when>.parquet
    arrived/                 Parquet made from CSV files, by path, size and time of the file

A reader keeps the files that its index named: they are removed two ingests later.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from finops.errors import DataError

INDEX = "finops-charges.json"
FORMAT = 1


@dataclass(frozen=True)
class Entry:
    """Charges of one subscription and month. at: when they were asked for; until: complete before that time."""

    scope: str
    month: str
    file: str
    at: datetime
    until: datetime


@dataclass(frozen=True)
class Missing:
    """What the newest ingest could not get."""

    scope: str
    month: str
    reason: str
    at: datetime


@dataclass(frozen=True)
class Index:
    entries: tuple[Entry, ...] = ()
    missing: tuple[Missing, ...] = ()
    before: tuple[str, ...] = ()
    """Files that the index before this one named: somebody may still be reading them."""


def read(store: Path) -> Index:
    """The index of `store`; an empty one where nothing was ever ingested."""
    file = store / INDEX
    try:
        told = json.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        return Index()
    except (OSError, ValueError) as fault:
        raise DataError(f"{file} cannot be read ({fault}).", "Remove it, and ingest again.") from fault
    if not isinstance(told, dict) or told.get("format") != FORMAT:
        raise DataError(
            f"{file} is not of format {FORMAT}.", "It was written by another version: ingest into a new store."
        )
    return Index(
        tuple(Entry(**_timed(one)) for one in told["entries"]),
        tuple(Missing(**_timed(one)) for one in told["missing"]),
        tuple(told["before"]),
    )


def _timed(one: Mapping[str, Any]) -> dict[str, Any]:
    return {name: datetime.fromisoformat(cell) if name in {"at", "until"} else cell for name, cell in one.items()}


def write(store: Path, index: Index) -> None:
    """Make `index` the one that counts, and remove the files that neither it nor the one before names."""
    old = tuple(entry.file for entry in read(store).entries)
    told = {**asdict(replace(index, before=old)), "format": FORMAT}
    temporary = store / f".{INDEX}.{os.getpid()}.tmp"
    try:
        with temporary.open("w", encoding="utf-8") as out:
            json.dump(told, out, default=datetime.isoformat, indent=1)
            out.flush()
            os.fsync(out.fileno())
        os.replace(temporary, store / INDEX)
    finally:
        temporary.unlink(missing_ok=True)
    named = {*old, *(entry.file for entry in index.entries)}
    for file in (store / "ingested").glob("*"):
        if f"ingested/{file.name}" not in named:
            file.unlink(missing_ok=True)


@contextlib.contextmanager
def writing(store: Path) -> Iterator[None]:
    """Only one ingest writes at a time; a second one is refused, not queued."""
    import fcntl

    try:
        (store / "ingested").mkdir(parents=True, exist_ok=True)
        lock = (store / ".writing").open("w")
    except OSError as fault:
        raise DataError(
            f"{store} cannot be written ({fault.strerror}).", "Set charges.store to a folder of yours."
        ) from fault
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as fault:
            raise DataError(f"Another ingest is writing to {store}.", "Wait for it to end.") from fault
        yield
