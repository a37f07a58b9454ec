"""Files become Charges: found, converted on arrival, overlaps settled, ready to be asked."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from finops.charges import engine as engines
from finops.charges import find, overlap, pair
from finops.charges.arrive import arrive
from finops.charges.book import Charges, Gap, Known
from finops.charges.find import Found, Run
from finops.charges.overlap import Loaded
from finops.charges.part import Part
from finops.errors import DataError

if TYPE_CHECKING:
    import duckdb

# Azure publishes a day's charges within 8 to 24 hours (Microsoft, understand-cost-mgt-data).
LATE_HOURS = 24


def load(
    paths: Sequence[str | Path],
    store: Path | None = None,
    *,
    memory: str = engines.MEMORY,
    threads: int | None = None,
    late_hours: int = LATE_HOURS,
) -> Charges:
    """The charges in `paths`: FOCUS 1.0 to 1.2 or Azure cost exports, as files, folders, globs, .gz, CSV or Parquet.

    store: where CSV is kept as Parquet, so that it is read once; a temporary folder when None.
    memory, threads: what DuckDB may use; keep memory at 2GB or more.
    Raises DataError where a path holds no charges, or only broken ones.
    """
    found = find.runs(paths)
    if not found.runs:
        raise find.nothing(paths, found)
    scratch = Path(tempfile.mkdtemp(prefix="finops-charges-"))
    database = engines.connect(scratch, memory, threads)
    try:
        known = _read(database, found, store or scratch, scratch, late_hours)
    except BaseException:
        database.close()
        _remove(scratch)
        raise
    return Charges(database, known, scratch)


def _read(database: duckdb.DuckDBPyConnection, found: Found, store: Path, scratch: Path, late_hours: int) -> Known:
    notes: list[str] = []
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
        notes += overlap.settle(database, runs, rival)
    rows, bases = pair.together(database, runs, overlap.counted(database, runs, rival), scratch, notes)
    database.execute(f"CREATE OR REPLACE VIEW charges AS {' UNION ALL '.join(rows)}")
    notes += [
        f"{part.rounded:,} amounts in {part.source} have more than 18 decimals and were rounded at the 18th."
        for run in runs
        for part in run.parts
        if part.rounded
    ]
    parts = tuple(part for run in runs for part in run.parts)
    return Known(parts, tuple(notes), tuple(gaps), bases, _complete_until(runs, late_hours))


def _loaded(database: duckdb.DuckDBPyConnection, run: Run, store: Path, notes: list[str]) -> Loaded:
    """`run` with its files read; an older run of the same export where rows are missing from this one."""
    for candidate in (run, *run.older):
        parts = tuple(arrive(database, file, store, candidate.kind) for file in candidate.files)
        count = sum(part.rows + len(part.rejected) for part in parts)
        if candidate.rows is None or candidate.rows == count:
            return Loaded(candidate, parts)
        notes.append(
            f"The export run in {candidate.name} is not used: it has {count:,} rows, "
            f"its manifest says {candidate.rows:,}."
        )
    raise DataError(notes[-1], "Copy the run again, or wait for the next one.")


def _complete_until(runs: Sequence[Loaded], late_hours: int) -> datetime | None:
    """The earliest of the times up to which each export is complete: what a whole picture has.

    A file alone is taken as complete up to its last day. An export run is not complete for the hours before it was
    submitted in which Azure had not published charges yet.
    """
    until: dict[str, datetime] = {}
    for run in runs:
        day = run.last.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        if run.run.until:
            day = run.run.until
        elif run.run.export:
            published = (run.run.when - timedelta(hours=late_hours)).astimezone(UTC)
            day = min(day, published.replace(hour=0, minute=0, second=0, microsecond=0))
        until[run.run.export] = max(day, until.get(run.run.export, day))
    return min(until.values(), default=None)


def _remove(folder: Path) -> None:
    import shutil

    shutil.rmtree(folder, ignore_errors=True)


__all__ = ["Part", "load"]
