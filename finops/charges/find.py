"""Which files belong together: paths, globs and folders become runs, each a set of files that one export wrote."""

from __future__ import annotations

import glob
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from finops.charges import manifest, store
from finops.charges.header import GIVE
from finops.errors import DataError

ENDINGS = (".csv", ".csv.gz", ".parquet", ".tsv", ".tsv.gz", ".txt.gz")

# part_0_0001.csv, 000001.csv, part-00000-<uuid>-c000.snappy.parquet, export-00002.snappy.parquet, data_0.parquet
_PART = re.compile(r"(^|[._-])(part|data|chunk|shard)[._-]?\d+([._-]\d+)?|^\d{4,6}$|-\d{5}$", re.IGNORECASE)


@dataclass(frozen=True)
class Run:
    """Files that hold different rows of one delivery, so they add up. Two runs over the same days do not.

    kind: "focus", "actual" or "amortized" where a manifest says so, else "" (the files tell).
    scope: the ARM scope that was exported, lower case; "" where nobody says. rows: how many the manifest promises.
    """

    name: str
    files: tuple[Path, ...]
    when: datetime
    kind: str = ""
    scope: str = ""
    export: str = ""
    rows: int | None = None
    until: datetime | None = None
    is_named: bool = False
    """Somebody asked for this very file; others were found in a folder, and may turn out to be something else."""
    older: tuple[Run, ...] = ()
    """Complete runs that this one replaces, newest first: they stand in when its rows turn out to be short."""


@dataclass(frozen=True)
class Found:
    runs: tuple[Run, ...]
    waiting: tuple[manifest.Manifest, ...]
    """Export runs that are not complete; an older run stands in for them, or nothing does."""
    skipped: tuple[Path, ...]
    """Export runs that are no charges: price sheets, reservation lists."""
    missing: tuple[store.Missing, ...] = ()
    """What an ingest into a store could not get."""


def runs(paths: Sequence[str | Path]) -> Found:
    """The runs behind `paths`: files, folders (with all below) and globs. A path that leads nowhere is a DataError."""
    if not paths:
        raise DataError("No cost data was named.", "Name files or folders, or set charges.sources.")
    manifests: dict[Path, manifest.Manifest] = {}
    loose: dict[Path, None] = {}
    kept: list[Run] = []
    missing: list[store.Missing] = []
    for path in _expanded(paths):
        if (path / store.INDEX).is_file():
            index = store.read(path)
            kept += [_ingested(path, entry) for entry in index.entries if entry.file]
            missing += index.missing
        elif path.is_dir():
            _look_into(path, manifests, loose)
        elif path.name.lower() in {"manifest.json", "_manifest.json"}:
            manifests[path.resolve()] = manifest.read(path)
        else:
            loose[path.resolve()] = None
    named = {Path(path).expanduser().resolve() for path in paths}
    used, waiting = manifest.newest(list(manifests.values()))
    listed = {part.resolve() for run in manifests.values() for part in run.parts}
    return Found(
        (*kept, *_exported(used), *_grouped((file for file in loose if file not in listed or file in named), named)),
        tuple(waiting),
        tuple(chain[0].file.parent for chain in used if chain[0].kind == "other"),
        tuple(missing),
    )


def _expanded(paths: Sequence[str | Path]) -> Iterator[Path]:
    for given in paths:
        path = Path(given).expanduser()
        if path.exists():
            yield path
        elif glob.has_magic(str(path)):
            matches = sorted(glob.glob(str(path), recursive=True))
            if not matches:
                raise DataError(
                    f"Nothing matches {given}.", "Check the pattern; quote it so that the shell leaves it alone."
                )
            yield from map(Path, matches)
        else:
            raise DataError(f"{given} does not exist.", "Check the path.")


def _look_into(folder: Path, manifests: dict[Path, manifest.Manifest], loose: dict[Path, None]) -> None:
    try:
        entries = sorted(folder.iterdir())
    except OSError as fault:
        raise DataError(f"The folder {folder} cannot be read ({fault.strerror}).", "Check its permissions.") from fault
    named = [entry for entry in entries if entry.name.lower() in {"manifest.json", "_manifest.json"}]
    if named:
        manifests[named[0].resolve()] = manifest.read(named[0])
    for entry in entries:
        if entry.name.startswith((".", "_")):
            continue
        if entry.is_dir():
            _look_into(entry, manifests, loose)
        elif not named and entry.name.lower().endswith(ENDINGS):
            loose[entry.resolve()] = None


def _exported(used: Iterable[list[manifest.Manifest]]) -> Iterator[Run]:
    for chain in used:
        if chain[0].kind != "other":
            newest, *older = [
                Run(str(run.file.parent), run.parts, run.submitted, run.kind, run.scope, run.export, run.rows)
                for run in chain
            ]
            yield replace(newest, older=tuple(older))


def _ingested(folder: Path, entry: store.Entry) -> Run:
    """Charges that were asked from Azure; each subscription is a source of its own, so that a late one shows."""
    return Run(
        f"Cost Management, {entry.scope}, {entry.month}",
        (folder / entry.file,),
        entry.at,
        "focus",
        entry.scope,
        f"query:{entry.scope}",
        until=entry.until,
    )


def _grouped(files: Iterable[Path], named: set[Path]) -> Iterator[Run]:
    """Files in one folder whose names differ only in a part number are one run; any other file is a run of its own."""
    together: dict[tuple[Path, str], list[Path]] = {}
    for file in files:
        stem = re.sub(r"(\.snappy|\.gz|\.csv|\.tsv|\.parquet|\.txt)+$", "", file.name, flags=re.IGNORECASE)
        key = _PART.sub("#", stem, count=1) if _PART.search(stem) else file.name
        together.setdefault((file.parent, re.sub(r"#.*", "#", key)), []).append(file)
    for parts in together.values():
        try:
            when = max(part.stat().st_mtime for part in parts)
        except OSError as fault:
            raise DataError(
                f"{parts[0]} cannot be read ({fault.strerror}).", "Check the path and its permissions."
            ) from fault
        name = str(parts[0]) if len(parts) == 1 else f"{parts[0].parent} ({len(parts)} parts)"
        yield Run(name, tuple(parts), datetime.fromtimestamp(when, UTC), is_named=any(part in named for part in parts))


def nothing(paths: Sequence[str | Path], found: Found) -> DataError:
    """Why `paths` led to no charges."""
    if found.waiting:
        run = found.waiting[0]
        return DataError(
            f"The export in {run.file.parent} is not complete: {run.fault}.", "Wait for the run to finish."
        )
    if found.skipped:
        return DataError(f"{found.skipped[0]} holds no charges (a price sheet or a list of reservations).", GIVE)
    return DataError(f"There is no cost data in {', '.join(map(str, paths))}.", GIVE)
