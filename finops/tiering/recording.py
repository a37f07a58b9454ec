"""Recorded months of access: what a series of an account's inventories tells of each blob, read by read.

Each inventory tells when a blob was read last, so of daily ones no day with a read is missed; of rarer ones only the
last read before each is told, and a record shows fewer reads than there were.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from finops.errors import DataError
from finops.tiering import manifest
from finops.tiering.inventory import LAST_ACCESS, Inventory, read_inventory
from finops.tiering.rehearsal import Read, Recorded

SHORTEST = 28
# Blobs that a record is kept of in memory, the largest of the first inventory.
MOST = 300_000
_ANY_AGE = timedelta(days=36_500)


@dataclass(frozen=True)
class Record:
    """first: the folder of the oldest run. start, end: of the oldest and the newest. runs: how many, apart by `apart`
    days at most. gone: blobs that were deleted or written anew meanwhile; more: small ones too many to be kept.
    Neither is in `blobs`."""

    first: Path
    start: datetime
    end: datetime
    runs: int
    apart: int
    blobs: tuple[Recorded, ...]
    reads: tuple[Read, ...]
    gone: int
    more: int
    faults: tuple[str, ...]

    @property
    def days(self) -> int:
        return (self.end - self.start).days


@dataclass
class _Known:
    """A blob as it was seen first, and when it was read last. at: the number of the run that listed it last."""

    recorded: Recorded
    modified: datetime
    accessed: datetime
    at: int


def record(paths: Sequence[Path], account: str, now: datetime, spool: Path) -> Record:
    """What the inventories in `paths` tell. Raises DataError where they are too few, or do not note reads."""
    runs, faults = _runs(paths, account, now)
    if len(runs) < 2 or (runs[-1][0] - runs[0][0]).days < SHORTEST:
        span = (runs[-1][0] - runs[0][0]).days if runs else 0
        why = f" ({'; '.join(faults)})" if faults else ""
        raise DataError(
            f"There are {len(runs)} whole inventories of {account}, over {span} days{why}.",
            f"Give a series over {SHORTEST} days or more: keep what the inventory rule writes.",
        )
    start, end = runs[0][0], runs[-1][0]
    days = (end - start).days
    known: dict[str, _Known] = {}
    reads: set[tuple[str, int]] = set()
    gone: set[str] = set()
    more = 0
    for number, (at, folder) in enumerate(runs):
        with read_inventory([folder], account, at, spool, stale=_ANY_AGE) as inventory:
            if inventory.basis != LAST_ACCESS:
                raise DataError(
                    f"The inventory of {at:%d %B %Y} does not tell when blobs were read.",
                    "Turn last access tracking on, and add LastAccessTime to the rule's fields.",
                )
            for path, size, tier, served, created, modified, accessed in _rows(inventory):
                before = known.get(path)
                if before is None:
                    if number and created <= runs[number - 1][0]:
                        continue  # It was left aside when it was seen before, or is no blob that may be moved.
                    if len(known) >= MOST:
                        more += 1
                        continue
                    there = number == 0
                    age = (start - (max(accessed, modified) if there else created)) / timedelta(days=1)
                    written = (start - (modified if there else created)) / timedelta(days=1)
                    first = Recorded(path, size, age, written, tier, served if there else None)
                    known[path] = before = _Known(first, modified, modified if number else accessed, number)
                before.at = number
                if modified != before.modified:
                    gone.add(path)
                elif accessed > before.accessed and accessed - modified > timedelta(days=1):
                    before.accessed = accessed
                    day = (accessed - start).days
                    if 0 <= day < days:
                        reads.add((path, day))
    gone |= {path for path, each in known.items() if each.at < len(runs) - 1}
    apart = max((later[0] - earlier[0]).days for earlier, later in itertools.pairwise(runs))
    kept = {path: each.recorded for path, each in known.items() if path not in gone and each.recorded.written > -days}
    return Record(
        runs[0][1], start, end, len(runs), apart, tuple(kept.values()),
        tuple(Read(path, day) for path, day in sorted(reads) if path in kept), len(gone), more, faults,
    )  # fmt: skip


def _runs(paths: Sequence[Path], account: str, now: datetime) -> tuple[list[tuple[datetime, Path]], tuple[str, ...]]:
    """When each whole run was, oldest first, and its folder; what is wrong with the others."""
    found: dict[datetime, Path] = {}
    faults = []
    for folder in sorted({file.parent for path in paths for file in path.rglob("*-manifest.json")}):
        try:
            run = manifest.find([folder], account, now, _ANY_AGE)
        except DataError as fault:
            faults.append(fault.what)
            continue
        if run.as_of is not None:
            found[run.as_of] = folder
    return sorted(found.items()), tuple(faults)


def _rows(inventory: Inventory) -> Iterator[tuple[Any, ...]]:
    """Blobs that may be moved, the largest first."""
    cursor = inventory.connection.execute(
        "SELECT container || '/' || name, bytes, tier, served, coalesce(created, modified), modified, "
        "coalesce(accessed, modified) FROM blobs WHERE reason IS NULL ORDER BY bytes DESC, container, name"
    )
    while rows := cursor.fetchmany(10_000):
        for *told, created, modified, accessed in rows:
            yield (*told, *(moment.replace(tzinfo=UTC) for moment in (created, modified, accessed)))
