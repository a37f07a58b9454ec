"""The fields of a blob inventory as columns with one meaning, whatever the file's format, order and types.

https://learn.microsoft.com/azure/storage/blobs/blob-inventory#custom-schema-fields-supported-for-blob-inventory
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from finops.errors import DataError

if TYPE_CHECKING:
    import duckdb

# Ours -> Azure's. Where a field is not there, every blob has NULL.
TEXTS = {
    "tier": "AccessTier",
    "type": "BlobType",
    "snapshot": "Snapshot",
    "version": "VersionId",
    "lease": "LeaseState",
    "rehydrating": "ArchiveStatus",
    "tags": "Tags",
}
TIMES = {
    "created": "Creation-Time",
    "modified": "Last-Modified",
    "accessed": "LastAccessTime",
    "tier_changed": "AccessTierChangeTime",
    "until": "ImmutabilityPolicyUntilDate",
}
TRUTHS = {
    "inferred": "AccessTierInferred",
    "current": "IsCurrentVersion",
    "hold": "LegalHold",
    "deleted": "Deleted",
    "folder": "hdi_isfolder",
}
FIELDS = ("Name", "Content-Length", *TEXTS.values(), *TIMES.values(), *TRUTHS.values())
NEEDED = ("Name", "Content-Length", "Last-Modified", "AccessTier")

# A tier that somebody chose, by bringing a blob out of Archive or to Hot, is left to them for so many days.
RESTS_DAYS = 30

_DAY = 86_400_000_000

# Why a blob is not considered. What no rule of ours acts on is told by the first that holds: block blobs alone have
# tiers; versions and snapshots have rules of their own.
# https://learn.microsoft.com/azure/storage/blobs/access-tiers-overview
BEYOND = (
    ("place", "without a container in its name", "instr(path, '/') < 2"),
    ("deleted", "deleted, and kept until its retention ends", "deleted"),
    ("folder", "a folder", "folder"),
    ("type", "a page or append blob, which has no tiers", "type <> 'BlockBlob'"),
    ("snapshot", "a snapshot", "snapshot IS NOT NULL AND snapshot <> ''"),
    ("version", "a version that is not the current one", "version IS NOT NULL AND current IS DISTINCT FROM true"),
)

# Azure's engine would act on these, whatever stands in the way of it: somebody works with a blob or waits for it, or
# chose its tier. Of these all that hold are told, and no rule may take such a blob along.
# No rule of ours brings a blob to Hot, and a write sets a tier as it is written.
IN_THE_WAY = (
    ("hold", "under a legal hold", "hold"),
    ("lease", "leased", "lower(lease) IN ('leased', 'breaking')"),
    ("rehydrating", "on its way out of Archive", "rehydrating IS NOT NULL AND rehydrating <> ''"),
    (
        "chosen",
        f"set to Hot by somebody in the last {RESTS_DAYS} days",
        "tier = 'Hot' AND inferred IS DISTINCT FROM true "
        f"AND tier_changed_us > greatest(modified_us + {_DAY}, $now - {RESTS_DAYS} * {_DAY})",
    ),
    ("smart", "in smart tier, which a tier of its own would take it out of for good", "tier = 'Smart'"),
    ("tier", "of an unknown tier", "tier IS NULL OR tier NOT IN ('Hot', 'Cool', 'Cold', 'Archive', 'Smart')"),
)

# A bit for each, so that a blob's number tells them all.
REASONS = (*BEYOND, *IN_THE_WAY, ("empty", "empty", "bytes = 0"))
BITS = {name: 1 << number for number, (name, *_) in enumerate(REASONS)}
KEPT = sum(BITS[name] for name, *_ in IN_THE_WAY)
UNTOUCHED = sum(BITS[name] for name, *_ in BEYOND)

# Between an area's beginning of paths and a tag, and after that: of no tag, and not where a folder's name ends.
# https://learn.microsoft.com/azure/storage/blobs/storage-manage-find-blobs#setting-blob-index-tags
MARK = "\x1f"

# Days since the last use where one age ends and the next begins: where rules are cut, and finer below.
AGES = (0, 1, 3, 7, 14, 21, 30, 45, 60, 75, 90, 120, 150, 180, 240, 300, 365, 450, 540, 730, 1095, 1825, 3650)


def source(engine: duckdb.DuckDBPyConnection, files: Sequence[Path], spool: Path) -> str:
    """What to select the files' rows from. CSV is written to Parquet in `spool` first, strictly."""
    import duckdb

    text = [file for file in files if file.suffix.lower() == ".csv"]
    if text and len(text) < len(files):
        raise DataError("The inventory is partly CSV and partly Parquet.", "Give the files of one run.")
    try:
        if not text:
            return f"read_parquet({_listed(files)})"
        copy = spool / "inventory.parquet"
        read = (
            f"read_csv({_listed(files)}, header = true, all_varchar = true, delim = ',', quote = '\"', escape = '\"', "
            "strict_mode = true, null_padding = false, ignore_errors = false, union_by_name = true, "
            "max_line_size = 8388608, auto_detect = true, sample_size = 20480)"
        )
        engine.execute(f"COPY (SELECT * FROM {read}) TO {_quoted(copy)} (FORMAT parquet, COMPRESSION zstd)")
    except duckdb.Error as fault:
        raise broken(files, fault) from fault
    return f"read_parquet({_quoted(copy)})"


def columns(engine: duckdb.DuckDBPyConnection, rows: str, files: Sequence[Path]) -> dict[str, str]:
    """Name in lower case -> type. Raises DataError where the files cannot be read, or needed fields are missing."""
    import duckdb

    try:
        found = {str(name).lower(): str(kind) for name, kind, *_ in engine.execute(f"DESCRIBE FROM {rows}").fetchall()}
    except duckdb.Error as fault:
        raise broken(files, fault) from fault
    if missing := [name for name in NEEDED if name.lower() not in found]:
        raise DataError(
            f"The inventory has no {' and no '.join(missing)}.",
            "Add what is missing to schemaFields of the inventory rule, and wait for its next run.",
        )
    return found


def view(rows: str, found: Mapping[str, str], block_only: bool) -> str:
    """SELECT with one column for each thing that we know of a blob."""
    texts = {ours: _text(azures, found) for ours, azures in TEXTS.items()}
    if block_only and texts["type"] == "NULL":
        texts["type"] = "'BlockBlob'"
    parts = [
        '"Name" AS path',
        "split_part(\"Name\", '/', 1) AS container",
        'substr("Name", instr("Name", \'/\') + 1) AS name',
        f"{_number('Content-Length')} AS bytes",
        *(f"{sql} AS {ours}" for ours, sql in texts.items()),
        *(f"{_micros(azures, found)} AS {ours}_us" for ours, azures in TIMES.items()),
        *(f"{_truth(azures, found)} AS {ours}" for ours, azures in TRUTHS.items()),
    ]
    return f"SELECT {', '.join(parts)} FROM {rows}"


def broken(files: Sequence[Path], fault: Exception) -> DataError:
    said = " ".join(str(fault).split("\n")[0].split())
    return DataError(
        f"The inventory in {files[0].parent} cannot be read: {said}",
        "Copy its files again; one may be cut off or not be an inventory.",
    )


def reason_sql(now: int) -> str:
    """The bits of the reasons that hold at a moment (in microseconds), 0 where a blob is considered."""
    first = " ".join(f"WHEN {sql} THEN {BITS[name]}" for name, _, sql in BEYOND)
    others = REASONS[len(BEYOND) :]
    every = " + ".join(
        f"CASE WHEN {sql.replace('$now', str(now))} THEN {BITS[name]} ELSE 0 END" for name, _, sql in others
    )
    return f"CASE {first} ELSE {every} END"


def said(because: int) -> str:
    """Why, in words."""
    return " and ".join(words for name, words, _ in REASONS if because & BITS[name])


def said_sql() -> str:
    """The same of the column `because`, NULL where a blob is considered."""
    told = ", ".join(f"CASE WHEN (because & {BITS[name]}) <> 0 THEN '{words}' END" for name, words, _ in REASONS)
    return f"nullif(concat_ws(' and ', {told}), '')"


def area_sql(folders: int) -> str:
    """The container and its first folders, with a slash at the end."""
    return f"regexp_extract(path, '^[^/]*/(?:[^/]*/){{0,{int(folders)}}}')"


def parted(area: str) -> tuple[str, str]:
    """An area's beginning of paths, and the tag (name=value) of its blobs, "" where that does not tell them apart."""
    if not area.endswith(MARK):
        return area, ""
    path, _, tag = area[: -len(MARK)].rpartition(MARK)
    return path, tag


def age_sql(days: str) -> str:
    """The number of the age in AGES that `days` falls into, in a few comparisons."""

    def halves(low: int, high: int) -> str:
        if high - low == 1:
            return str(low)
        middle = (low + high) // 2
        return f"CASE WHEN {days} < {AGES[middle]} THEN {halves(low, middle)} ELSE {halves(middle, high)} END"

    return halves(0, len(AGES))


def _text(azures: str, found: Mapping[str, str]) -> str:
    return f"nullif(\"{azures}\", '')" if azures.lower() in found else "NULL"


def _number(azures: str) -> str:
    return f'CAST("{azures}" AS BIGINT)'


def _truth(azures: str, found: Mapping[str, str]) -> str:
    kind = found.get(azures.lower())
    if kind is None:
        return "NULL"
    return f'"{azures}"' if kind == "BOOLEAN" else f"CAST(nullif(CAST(\"{azures}\" AS VARCHAR), '') AS BOOLEAN)"


def _micros(azures: str, found: Mapping[str, str]) -> str:
    """Microseconds since 1970. Parquet holds milliseconds, as numbers or timestamps; CSV holds ISO 8601."""
    kind = found.get(azures.lower())
    if kind is None:
        return "CAST(NULL AS BIGINT)"
    if kind.startswith("TIMESTAMP"):
        return f'epoch_us("{azures}")'
    if kind in ("BIGINT", "UBIGINT"):
        return f'"{azures}" * 1000'
    return f"epoch_us(CAST(nullif(\"{azures}\", '') AS TIMESTAMPTZ))"


def _listed(files: Sequence[Path]) -> str:
    return "[" + ", ".join(_quoted(file) for file in files) + "]"


def _quoted(file: Path) -> str:
    return "'" + str(file).replace("'", "''") + "'"
