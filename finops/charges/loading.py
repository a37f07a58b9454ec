"""Files become Charges: found, converted on arrival, overlaps settled, ready to be asked."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time as clock
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from stat import S_ISDIR
from typing import TYPE_CHECKING

from finops.charges import completeness, find, overlap, pair
from finops.charges import engine as engines
from finops.charges.arrive import arrive
from finops.charges.book import Charges, Known
from finops.charges.coverage import Days, Gap
from finops.charges.find import Found, Run
from finops.charges.overlap import Loaded
from finops.charges.part import Part
from finops.charges.store import Entry
from finops.errors import DataError

if TYPE_CHECKING:
    import duckdb

# Azure publishes a day's charges within 8 to 24 hours (Microsoft, understand-cost-mgt-data).
LATE_HOURS = 24

_SCRATCH = "finops-charges-"
_ABANDONED_SECONDS = 86_400


def load(
    paths: Sequence[str | Path],
    store: Path | None = None,
    *,
    memory: str = engines.MEMORY,
    threads: int | None = None,
    late_hours: int = LATE_HOURS,
    now: datetime | None = None,
    subscriptions: Sequence[str] = (),
) -> Charges:
    """The charges in `paths`: FOCUS 1.0 to 1.2 or Azure cost exports, as files, folders, globs, .gz, CSV or Parquet.

    store: where CSV is kept as Parquet, so that it is read once; a temporary folder when None.
    now: when the files were written at the latest. The last `late_hours` before it are not complete, whatever is there.
    subscriptions: of a store, the ids whose charges count; all where there are none.
    memory, threads: what DuckDB may use; keep memory at 2GB or more.
    Raises DataError where a path holds no charges, or only broken ones.
    """
    found = find.runs(paths, subscriptions)
    if not found.runs:
        raise find.nothing(paths, found)
    _sweep()
    with contextlib.ExitStack() as unless_loaded:
        scratch = Path(tempfile.mkdtemp(prefix=_SCRATCH))
        unless_loaded.callback(_remove, scratch)
        database = engines.connect(scratch, memory, threads)
        unless_loaded.callback(database.close)
        known = _read(database, found, store or scratch, scratch, late_hours, now)
        unless_loaded.pop_all()
    return Charges(database, known, scratch)


def _read(
    database: duckdb.DuckDBPyConnection,
    found: Found,
    store: Path,
    scratch: Path,
    late_hours: int,
    now: datetime | None,
) -> Known:
    notes = list(found.notes)
    gaps = [
        Gap(run.export, f"the export run in {run.file.parent}", f"not complete: {run.fault}") for run in found.waiting
    ]
    gaps += [Gap(one.scope, f"charges of {one.month}", one.reason) for one in found.missing]
    runs: list[Loaded] = []
    faults: list[DataError] = []
    for run in found.runs:
        try:
            runs.append(_loaded(database, run, store, notes))
        except DataError as fault:
            if run.is_named:
                raise
            faults.append(fault)
            gaps.append(Gap(run.name, "file", fault.what.removeprefix(f"{run.files[0]} ")))
    if not runs:
        raise faults[0]
    rival = overlap.rivals(runs)
    if rival:
        said, unclear = overlap.settle(database, runs, rival)
        notes += said
        gaps += unclear
    rows, bases = pair.together(database, runs, overlap.counted(database, runs, rival), scratch, notes)
    database.execute(f"CREATE OR REPLACE VIEW charges AS {' UNION ALL '.join(rows)}")
    notes += [
        f"{part.rounded:,} {'amount' if part.rounded == 1 else 'amounts'} in {part.source} "
        f"{'has' if part.rounded == 1 else 'have'} more than 18 decimals and {'was' if part.rounded == 1 else 'were'} "
        "rounded at the 18th."
        for run in runs
        for part in run.parts
        if part.rounded
    ]
    if any(run.run.until for run in runs):
        notes.append(
            "Asked from Cost Management by the tag CostCenter as spelled: what is tagged in another spelling, such as "
            "Cost-Center, counts as (untagged) here, and as its cost centre in an export."
        )
        notes.append(
            "Asked from Cost Management by subscription: what was bought for the whole tenant, such as shared "
            "reservations, stands on no subscription and is not in here. An export of the billing account has it."
        )
    parts = tuple(part for run in runs for part in run.parts)
    told = not any(run.run.until for run in runs)
    until = completeness.until(database, runs, found.entries, late_hours, now, notes)
    return Known(
        parts,
        tuple(notes),
        tuple(gaps),
        bases,
        until,
        now,
        _asked(found.entries),
        told,
        None if told else ("CostCenter",),
    )


def _loaded(database: duckdb.DuckDBPyConnection, run: Run, store: Path, notes: list[str]) -> Loaded:
    """`run` with its files read; an older run of the same export where rows are missing from this one."""
    for candidate in (run, *run.older):
        parts = tuple(arrive(database, file, store, candidate.kind) for file in candidate.files)
        count = sum(part.rows + len(part.rejected) for part in parts)
        if candidate.rows is None or candidate.rows == count:
            return Loaded(candidate, parts)
        notes.append(
            f"The export run in {candidate.name} is not used: it has {count:,} {'row' if count == 1 else 'rows'}, "
            f"its manifest says {candidate.rows:,}."
        )
    raise DataError(notes[-1], "Copy the run again, or wait for the next one.")


def _asked(entries: Sequence[Entry]) -> Days:
    """The days that were asked of each subscription."""
    found: dict[str, set[date]] = {}
    for entry in entries:
        days = found.setdefault(entry.scope, set())
        for first, last in entry.asked:
            days.update(first + timedelta(days=n) for n in range((last - first).days + 1))
    return {scope: frozenset(days) for scope, days in found.items()}


def _sweep() -> None:
    """Remove what runs that were killed left in the temporary folder: no run takes a day."""
    now = clock.time()
    for folder in Path(tempfile.gettempdir()).glob(f"{_SCRATCH}*"):
        with contextlib.suppress(OSError):
            stat = folder.lstat()
            is_ours = S_ISDIR(stat.st_mode) and stat.st_uid == os.getuid()
            if is_ours and now - stat.st_mtime > _ABANDONED_SECONDS:
                _remove(folder)


def _remove(folder: Path) -> None:
    import shutil

    shutil.rmtree(folder, ignore_errors=True)


__all__ = ["Part", "load"]
