"""Which files belong together: paths, globs and folders become runs, each a set of files that one export wrote."""

from __future__ import annotations

import glob
import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from finops.charges import manifest, store
from finops.charges.header import GIVE
from finops.errors import DataError

ENDINGS = (".csv", ".csv.gz", ".parquet", ".tsv", ".tsv.gz", ".txt.gz")

# Names that Azure and engines give to parts of one delivery, and people to nothing: part_0_0001, part-00000-<id>,
# data_0, 000001, export-00001. No date is among them, and no "(1)" of a second download.
_PART = re.compile(
    r"part_(?P<a>\d{1,4}_\d{4})|part-(?P<b>\d{1,5})(?P<id>-.+)?|data_(?P<c>\d{1,3})|(?P<d>000\d{3})|(?P<name>.*\D)-(?P<e>0\d{4})",
    re.IGNORECASE,
)
_DATE = re.compile(r"(?<!\d)((?:19|20|21)\d\d)-?(0[1-9]|1[0-2])-?(0[1-9]|[12]\d|3[01])(?!\d)")


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
    notes: tuple[str, ...] = ()
    entries: tuple[store.Entry, ...] = ()
    """What was asked from Azure, months without charges too."""


def runs(paths: Sequence[str | Path], subscriptions: Sequence[str] = ()) -> Found:
    """The runs behind `paths`: files, folders (with all below) and globs. A path that leads nowhere is a DataError.

    subscriptions: of a store, only these; all where there are none.
    """
    if not paths:
        raise DataError("No cost data was named.", "Name files or folders, or set charges.sources.")
    manifests: dict[Path, manifest.Manifest] = {}
    loose: dict[Path, None] = {}
    kept: list[Run] = []
    missing: list[store.Missing] = []
    entries: list[store.Entry] = []
    notes: list[str] = []
    for path in _expanded(paths):
        if (path / store.INDEX).is_file():
            index = store.read(path)
            wanted = {store.scope_of(one) for one in subscriptions}
            entries += [one for one in index.entries if not wanted or one.scope in wanted]
            kept += [_ingested(path, entry) for entry in entries if entry.file]
            missing += [one for one in index.missing if not wanted or one.scope in wanted]
            if others := {one.scope for one in index.entries if one.file and wanted and one.scope not in wanted}:
                notes.append(f"{path} also has charges of {_said(others)}, not asked for now and left out.")
        elif path.is_dir():
            _look_into(path, manifests, loose)
        elif path.name.lower() in {"manifest.json", "_manifest.json"}:
            manifests[path.resolve()] = manifest.read(path)
        else:
            loose[path.resolve()] = None
    named = {Path(path).expanduser().resolve() for path in paths}
    used, waiting = manifest.newest(list(manifests.values()))
    listed = {part.resolve() for run in manifests.values() for part in run.parts}
    plain = _without_copies([file for file in loose if file not in listed or file in named], notes)
    return Found(
        (*kept, *_exported(used), *_grouped(plain, named)),
        tuple(waiting),
        tuple(chain[0].file.parent for chain in used if chain[0].kind == "other"),
        tuple(missing),
        tuple(notes),
        tuple(entries),
    )


def _said(scopes: set[str]) -> str:
    return min(scopes) if len(scopes) == 1 else f"{len(scopes)} other subscriptions"


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
    together: dict[tuple[object, ...], list[tuple[str, str, Path]]] = {}
    for file in files:
        stem, ending = _split(file)
        part = _PART.fullmatch(stem)
        if not part:
            together[file.parent, file.name] = [("", "", file)]
            continue
        told = part.groupdict()
        number = next(told[name] for name in "abcde" if told[name])
        delivery = told["id"] or ""
        shape = re.sub(r"\d+", "#", stem.removesuffix(delivery))
        together.setdefault((file.parent, ending, shape, told["name"]), []).append((number, delivery, file))
    for numbered in together.values():
        # A number that comes twice: several deliveries lie in one folder, each with its id.
        is_one = len({number for number, _, _ in numbered}) == len(numbered)
        deliveries: dict[str, list[Path]] = {}
        for _, delivery, file in numbered:
            deliveries.setdefault("" if is_one else delivery, []).append(file)
        yield from (_plain(parts, named) for parts in deliveries.values())


def _plain(parts: list[Path], named: set[Path]) -> Run:
    when = max(part.stat().st_mtime for part in parts)
    name = str(parts[0]) if len(parts) == 1 else f"{parts[0].parent} ({len(parts)} parts)"
    return Run(name, tuple(parts), datetime.fromtimestamp(when, UTC), is_named=any(part in named for part in parts))


def _split(file: Path) -> tuple[str, str]:
    """The name of `file` without and with its ending: ("part_0", ".csv.gz")."""
    ending = re.search(r"(\.snappy|\.gz|\.csv|\.tsv|\.parquet|\.txt|\.zstd)*$", file.name, re.IGNORECASE)
    cut = ending.start() if ending else len(file.name)
    return file.name[:cut], file.name[cut:].lower()


def named_day(run: Run) -> str:
    """The day that the name of a plain file carries (the last of several), as YYYYMMDD; "" where it has none."""
    if run.export:
        return ""
    return max(("".join(found) for found in _DATE.findall(_split(run.files[0])[0])), default="")


def _without_copies(files: Sequence[Path], notes: list[str]) -> list[Path]:
    """`files` without those that hold the same bytes as another: charges name their days, so nothing is lost."""
    alike: dict[int, list[Path]] = {}
    try:
        for file in files:
            alike.setdefault(file.stat().st_size, []).append(file)
        first: dict[tuple[int, bytes], Path] = {}
        dropped = set()
        for size, group in alike.items():
            for file in sorted(group, key=lambda one: (not _PART.fullmatch(_split(one)[0]), str(one))):
                if len(group) == 1:
                    break
                with file.open("rb") as content:
                    key = (size, hashlib.file_digest(content, "sha256").digest())
                if key in first:
                    dropped.add(file)
                    notes.append(f"{file} is a copy of {first[key]} and counts once.")
                first.setdefault(key, file)
    except OSError as fault:
        raise DataError(
            f"{fault.filename} cannot be read ({fault.strerror}).", "Check the path and its permissions."
        ) from fault
    return [file for file in files if file not in dropped]


def nothing(paths: Sequence[str | Path], found: Found) -> DataError:
    """Why `paths` led to no charges."""
    if found.missing:
        told = dict.fromkeys(f"{one.scope}, {one.month}: {one.reason}" for one in found.missing)
        return DataError(
            f"The store has no charges, because the last ingest could not get them. {' '.join(list(told)[:5])}",
            "Mend that, and ingest again.",
        )
    if found.entries or found.notes:
        return DataError(
            "The store has no charges of these subscriptions.", "Check azure.subscriptions, or ingest them."
        )
    if found.waiting:
        run = found.waiting[0]
        return DataError(
            f"The export in {run.file.parent} is not complete: {run.fault}.", "Wait for the run to finish."
        )
    if found.skipped:
        return DataError(f"{found.skipped[0]} holds no charges (a price sheet or a list of reservations).", GIVE)
    return DataError(f"There is no cost data in {', '.join(map(str, paths))}.", GIVE)
