"""Blob inventory reports of a storage account, as Azure Blob Inventory writes them: CSV, manifest, checksum."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from datetime import timedelta
from pathlib import Path

from finops.simulator.clock import moment_of
from finops.simulator.draws import draw, key_of
from finops.simulator.generate.draft import Draft

# Field names of Azure Blob Inventory (learn.microsoft.com, blob-inventory).
FIELDS = ["Name", "Creation-Time", "Last-Modified", "Content-Length", "BlobType", "AccessTier", "AccessTierInferred",
          "AccessTierChangeTime", "LastAccessTime", "Snapshot", "VersionId", "IsCurrentVersion", "Deleted"]  # fmt: skip
FOLDERS = [
    ("azureml-blobstore/LocalUpload/dataset-{a:03d}/part-{n:05d}.parquet", 180, 0.6),
    ("azureml/ExperimentRun/dcid.run-{a:04d}/outputs/checkpoint-{n:04d}.pt", 900, 0.15),
    ("azureml/ExperimentRun/dcid.run-{a:04d}/logs/std_log_{n}.txt", 1, 0.1),
    ("archive/raw/2025/{a:02d}/frame-{n:06d}.tar", 2400, 0.02),
]
MEGABYTE = 1_048_576


def report(draft: Draft, account: str, folder: Path, count: int) -> None:
    """Write last night's report about `account` (a name) with `count` blobs into `folder`."""
    run = moment_of(draft.as_of).replace(hour=2, minute=0)
    place = folder / account / f"{run:%Y/%m/%d/%H-%M-%S}" / "all-blobs"
    place.mkdir(parents=True, exist_ok=True)
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(FIELDS)
    size = 0
    for number in range(count):
        row, length = _blob(draft, key_of(draft.key, account), number)
        table.writerow(row)
        size += length
    content = text.getvalue().encode()
    part = place / f"all-blobs_{1_000_000}_0.csv"
    part.write_bytes(content)
    manifest = {
        "destinationContainer": "inventory",
        "endpoint": f"https://{account}.blob.core.windows.net",
        "files": [{"blob": str(part.relative_to(folder / account).as_posix()), "size": len(content)}],
        "inventoryCompletionTime": f"{run + timedelta(minutes=21):%Y-%m-%dT%H:%M:%SZ}",
        "inventoryStartTime": f"{run:%Y-%m-%dT%H:%M:%SZ}",
        "ruleDefinition": {"filters": {"blobTypes": ["blockBlob"]}, "format": "csv", "objectType": "blob",
                           "schedule": "daily", "schemaFields": FIELDS},
        "ruleName": "all-blobs",
        "status": "Succeeded",
        "summary": {"objectCount": count, "totalObjectSize": size},
        "version": "1.0",
    }  # fmt: skip
    written = json.dumps(manifest, indent=2).encode()
    (place / "all-blobs-manifest.json").write_bytes(written)
    (place / "all-blobs-manifest.checksum").write_text(hashlib.md5(written, usedforsecurity=False).hexdigest(), "ascii")


def _blob(draft: Draft, key: int, number: int) -> tuple[list[object], int]:
    """One row and its blob's bytes: most are never read again, some are read every week."""
    name, megabytes, warm = FOLDERS[int(draw(key, number, 1) * len(FOLDERS))]
    age = int(draw(key, number, 2) * 500 * 1440) + 600
    read = int(draw(key, number, 3) * (7 * 1440 if draw(key, number, 4) < warm else age))
    length = int((0.2 + 1.6 * draw(key, number, 5)) * megabytes * MEGABYTE)
    created, used = moment_of(draft.as_of - age), moment_of(draft.as_of - min(read, age))
    tier = "Cool" if "archive" in name and age > 300 * 1440 else "Hot"
    stamp = "%Y-%m-%dT%H:%M:%SZ"
    changed = f"{created + timedelta(days=40):{stamp}}" if tier == "Cool" else ""
    row = [name.format(a=number % 89, n=number), f"{created:{stamp}}", f"{created:{stamp}}", length, "BlockBlob", tier,
           "true" if tier == "Hot" else "", changed, f"{used:{stamp}}", "", "", "", ""]  # fmt: skip
    return row, length
