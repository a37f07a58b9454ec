"""The inventory of a small account, by listing its blobs: what the inventory rule of a large one would write."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finops.errors import AzureError, DataError
from finops.tiering.inventory import Inventory, read_inventory
from finops.tiering.schema import FIELDS

if TYPE_CHECKING:
    from finops.cloud import Blob, Storage

# A list gives 5,000 blobs a second at best, and Azure bills it as a write: 200 calls, less than a cent.
MOST_BLOBS = 1_000_000

_ROWS = 50_000
_ASKED = ("metadata", "snapshots", "versions", "deleted", "legalhold", "immutabilitypolicy")
# A hierarchical namespace has no versions, and refuses to be asked for them.
# https://learn.microsoft.com/azure/storage/blobs/storage-feature-support-in-storage-accounts
_ASKED_OF_FOLDERS = ("metadata", "snapshots")


def list_inventory(
    storage: Storage,
    now: datetime,
    spool: Path,
    memory: str = "1GiB",
    *,
    hns: bool = False,
    most: int = MOST_BLOBS,
    folders: int = 1,
) -> Inventory:
    """All blobs of an account as they are listed from `now` on, snapshots and versions included.

    Raises DataError where there are more than `most`. The list is no picture of one moment: what is written while it is
    read may or may not be in it. Its files lie in `spool` until the inventory is closed.
    """
    spool.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix="listing-", dir=spool))
    try:
        _write(storage, now, work / "run", hns, most)
        found = read_inventory([work / "run"], storage.name, now, work, memory, folders=folders)
    except (DataError, AzureError, OSError):
        shutil.rmtree(work, ignore_errors=True)
        raise
    return replace(found, work=work)


def _write(storage: Storage, now: datetime, folder: Path, hns: bool, most: int) -> None:
    """The blobs as Parquet with Azure's names, and a manifest that says how many there are, sealed last."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder.mkdir(parents=True)
    file = folder / "listing_0.parquet"
    blobs, count, size = _blobs(storage, hns), 0, 0
    with pq.ParquetWriter(file, _schema(pa), compression="zstd") as writer:
        while rows := list(islice(blobs, _ROWS)):
            count, size = count + len(rows), size + sum(blob.bytes for blob in rows)
            if count > most:
                raise DataError(
                    f"{storage.name} has more than {most:,} blobs, too many to list.",
                    "Give it a blob inventory rule, and wait for its first run (24 hours as a rule).",
                )
            writer.write_table(pa.Table.from_pylist([_row(blob) for blob in rows], schema=_schema(pa)))
    told = {
        "endpoint": f"https://{storage.name}.blob.local",
        "files": [{"blob": file.name, "size": file.stat().st_size}],
        "inventoryStartTime": now.astimezone(UTC).isoformat(),
        "ruleDefinition": {"objectType": "blob"},
        "status": "Succeeded",
        "summary": {"objectCount": count, "totalObjectSize": size},
    }
    written = json.dumps(told).encode()
    digest = base64.b64encode(hashlib.md5(written, usedforsecurity=False).digest())
    (folder / "listing-manifest.json").write_bytes(written)
    (folder / "listing-manifest.checksum").write_bytes(digest)


def _blobs(storage: Storage, hns: bool) -> Iterator[Blob]:
    for container in storage.containers():
        yield from storage.blobs(str(container["name"]), include=_ASKED_OF_FOLDERS if hns else _ASKED)


def _schema(pa: Any) -> Any:
    times, truths = pa.timestamp("us", "UTC"), pa.bool_()
    kinds = {
        "Content-Length": pa.int64(), "Creation-Time": times, "Last-Modified": times, "LastAccessTime": times,
        "AccessTierChangeTime": times, "ImmutabilityPolicyUntilDate": times, "AccessTierInferred": truths,
        "IsCurrentVersion": truths, "LegalHold": truths, "Deleted": truths, "hdi_isfolder": truths,
    }  # fmt: skip
    return pa.schema([(name, kinds.get(name, pa.string())) for name in FIELDS])


def _row(blob: Blob) -> dict[str, Any]:
    return {
        "Name": f"{blob.container}/{blob.name}",
        "Content-Length": blob.bytes,
        "AccessTier": blob.tier or None,
        "BlobType": blob.type,
        "Snapshot": blob.snapshot,
        "VersionId": blob.version,
        "LeaseState": blob.lease,
        "ArchiveStatus": blob.rehydrating,
        "Tags": None if blob.tags is None else json.dumps(dict(blob.tags)),
        "Creation-Time": blob.created,
        "Last-Modified": blob.modified,
        "LastAccessTime": blob.accessed,
        "AccessTierChangeTime": blob.tier_changed,
        "ImmutabilityPolicyUntilDate": blob.until,
        "AccessTierInferred": blob.inferred,
        "IsCurrentVersion": blob.current,
        "LegalHold": blob.hold,
        "Deleted": blob.deleted,
        "hdi_isfolder": blob.folder,
    }
