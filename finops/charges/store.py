"""The store of charges that we asked Azure for: immutable Parquet files, and an index that names those that count.

    finops-charges.json      the index, replaced in one step: a reader sees the charges before an ingest, or after it
    ingested/<subscription>-<month>-<when>.parquet
    arrived/                 Parquet made from CSV files, by path, size and time of the file

A reader keeps the files that its index named: what an ingest replaces is removed by the one after it.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from finops.errors import DataError

INDEX = "finops-charges.json"
# 2 keeps the days that were asked for. Without them a hole between two ingests looks like days without charges.
FORMAT = 2

Days = tuple[tuple[date, date], ...]
"""Stretches of days, first and last."""


@dataclass(frozen=True)
class Entry:
    """Charges of one subscription and month. at: when they were asked for; until: complete before that time.

    asked: the days that were asked for when Azure could tell all of their charges.
    """

    scope: str
    month: str
    file: str
    at: datetime
    until: datetime
    asked: Days


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
    cloud: str = ""
    """The Azure that the charges are of: a real one and a local stand-in never share a store."""


def scope_of(subscription: str) -> str:
    """The scope of a subscription, by its id or its ARM id."""
    return "/subscriptions/" + subscription.strip().lower().removeprefix("/subscriptions/")


def read(store: Path) -> Index:
    """The index of `store`; an empty one where nothing was ever ingested."""
    file = store / INDEX
    try:
        told = json.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        return Index()
    except (OSError, ValueError) as fault:
        raise DataError(f"{file} cannot be read ({fault}).", "Remove it, and ingest again.") from fault
    version = told.get("format") if isinstance(told, dict) else None
    if version != FORMAT:
        raise DataError(
            f"{file} is of format {version}; this version reads {FORMAT}, which keeps the days that were asked for.",
            f"Ingest into a new store, or remove {INDEX} and ingest again.",
        )
    try:
        return Index(
            tuple(Entry(**_typed(one)) for one in told["entries"]),
            tuple(Missing(**_typed(one)) for one in told["missing"]),
            tuple(told["before"]),
            told["cloud"],
        )
    except (KeyError, TypeError, ValueError, AttributeError) as fault:
        raise DataError(f"{file} is damaged ({fault!r}).", f"Remove {INDEX} and ingest again.") from fault


def _typed(one: Mapping[str, Any]) -> dict[str, Any]:
    told = dict(one)
    for name in {"at", "until"} & told.keys():
        told[name] = datetime.fromisoformat(told[name])
    if "asked" in told:
        told["asked"] = tuple((date.fromisoformat(first), date.fromisoformat(last)) for first, last in told["asked"])
    return told


def joined(one: Days, other: Days) -> Days:
    """Both, with stretches that touch as one."""
    found: list[tuple[date, date]] = []
    for first, last in sorted((*one, *other)):
        if found and first <= found[-1][1] + timedelta(days=1):
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return tuple(found)


def write(store: Path, index: Index) -> None:
    """Make `index` the one that counts, and remove the files that neither it nor the one before names."""
    old = tuple(entry.file for entry in read(store).entries)
    told = {**asdict(replace(index, before=old)), "format": FORMAT}
    temporary = store / f".{INDEX}.{os.getpid()}.tmp"
    try:
        with temporary.open("w", encoding="utf-8") as out:
            json.dump(told, out, default=_iso, indent=1)
            out.flush()
            os.fsync(out.fileno())
        os.replace(temporary, store / INDEX)
    finally:
        temporary.unlink(missing_ok=True)
    named = {*old, *(entry.file for entry in index.entries)}
    for file in (store / "ingested").glob("*"):
        if f"ingested/{file.name}" not in named:
            file.unlink(missing_ok=True)


def _iso(moment: date) -> str:
    return moment.isoformat()


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
