"""Blob inventories as Azure writes them, from a few words: rows, a file or two, the manifest, its checksum."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

AS_OF = datetime(2026, 11, 1, 2, 0, tzinfo=UTC)
NOW = datetime(2026, 11, 2, 6, 0, tzinfo=UTC)
ACCOUNT = "training"
TIMES = ("Creation-Time", "Last-Modified", "LastAccessTime", "AccessTierChangeTime", "ImmutabilityPolicyUntilDate")
FIELDS = (
    "Name", "Creation-Time", "Last-Modified", "Content-Length", "BlobType", "AccessTier", "AccessTierInferred",
    "AccessTierChangeTime", "LastAccessTime", "LeaseState", "Snapshot", "VersionId", "IsCurrentVersion", "Tags",
    "LegalHold", "ImmutabilityPolicyUntilDate", "ArchiveStatus", "Deleted", "hdi_isfolder",
)  # fmt: skip


def ago(days: float) -> datetime:
    return AS_OF - timedelta(days=days)


def blob(name: str, size: int = 2**30, written: float = 400, used: float | None = None, **more: Any) -> dict[str, Any]:
    """A hot block blob of `size` bytes, written and last used so many days ago (never read: used is None)."""
    return {
        "Name": name,
        "Creation-Time": ago(written),
        "Last-Modified": ago(written),
        "Content-Length": size,
        "BlobType": "BlockBlob",
        "AccessTier": "Hot",
        "AccessTierInferred": True,
        "LastAccessTime": ago(written if used is None else used),
    } | more


def write_inventory(
    folder: Path,
    rows: Iterable[Mapping[str, Any]],
    *,
    account: str = ACCOUNT,
    format: str = "csv",  # noqa: A002
    fields: Sequence[str] = FIELDS,
    at: datetime = AS_OF,
    files: int = 1,
    told: Mapping[str, Any] | None = None,
) -> Path:
    """The folder of one run. told: what its manifest says instead."""
    place = folder / f"{at:%Y/%m/%d/%H-%M-%S}" / "all"
    place.mkdir(parents=True)
    kept = list(rows)
    listed = []
    for number in range(files):
        part = place / f"all_1000000_{number}.{format}"
        some = kept[number::files]
        part.write_bytes(_csv(some, fields) if format == "csv" else _parquet(some, fields))
        listed.append({"blob": part.relative_to(folder).as_posix(), "size": part.stat().st_size})
    sizes = [row["Content-Length"] for row in kept if isinstance(row.get("Content-Length"), int)]
    manifest = {
        "destinationContainer": "inventory",
        "endpoint": f"https://{account}.blob.core.windows.net",
        "files": listed,
        "inventoryCompletionTime": f"{at + timedelta(minutes=20):%Y-%m-%dT%H:%M:%SZ}",
        "inventoryStartTime": f"{at:%Y-%m-%dT%H:%M:%SZ}",
        "ruleDefinition": {"filters": {"blobTypes": ["blockBlob"]}, "format": format, "objectType": "blob"},
        "ruleName": "all",
        "status": "Succeeded",
        "summary": {"objectCount": len(kept), "totalObjectSize": sum(sizes)},
        "version": "1.0",
    } | dict(told or {})
    seal(place, manifest)
    return place


def seal(place: Path, manifest: Mapping[str, Any]) -> None:
    written = json.dumps(manifest, indent=2).encode()
    (place / "all-manifest.json").write_bytes(written)
    (place / "all-manifest.checksum").write_text(hashlib.md5(written, usedforsecurity=False).hexdigest(), "ascii")


def _csv(rows: Sequence[Mapping[str, Any]], fields: Sequence[str]) -> bytes:
    text = io.StringIO(newline="")
    table = csv.writer(text, lineterminator="\n")
    table.writerow(fields)
    table.writerows([_text(row.get(name)) for name in fields] for row in rows)
    return text.getvalue().encode()


def _text(value: object) -> object:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%dT%H:%M:%SZ}"
    return str(value).lower() if isinstance(value, bool) else "" if value is None else value


def _parquet(rows: Sequence[Mapping[str, Any]], fields: Sequence[str]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = dict.fromkeys(TIMES, pa.timestamp("ms", tz="UTC")) | {
        "Content-Length": pa.int64(), "AccessTierInferred": pa.bool_(), "IsCurrentVersion": pa.bool_(),
        "LegalHold": pa.bool_(), "Deleted": pa.bool_(),
    }  # fmt: skip
    columns = {name: pa.array([row.get(name) for row in rows], kinds.get(name, pa.string())) for name in fields}
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), sink)
    return bytes(sink.getvalue())
