"""Blobs for one storage account of an invented estate: what a team that trains models keeps for years."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from finops.simulator.clock import moment_of
from finops.simulator.generate.draft import Draft
from finops.simulator.simulation import write
from finops.simulator.storage.crowds import Crowd
from finops.simulator.storage.planting import written
from finops.simulator.store import Json

# Of 100 blobs so many of each habit, with their mean size in MB.
_CROWDS = (
    (30, Crowd("training", "datasets", "imagenet/", 0, 400.0, oldest=900)),
    (25, Crowd("checkpoints", "runs", "outputs/", 0, 900.0, oldest=600, per_folder=20)),
    (25, Crowd("logs", "runs", "logs/", 0, 2.0, oldest=400)),
    (5, Crowd("reports", "finance", "monthly/", 0, 50.0, oldest=1000, per_folder=10)),
    (15, Crowd("archive", "raw", "frames/", 0, 2400.0, youngest=200, oldest=1200)),
)


def fill(draft: Draft, folder: Path, account: str, blobs: int) -> None:
    """Write about so many blobs of `account` (an id) into the estate's folder, and that last access is noted."""
    policy = {"enable": True, "name": "AccessTimeTracking", "trackingGranularityInDays": 1, "blobType": ["blockBlob"]}
    service: Json = {
        "id": f"{account}/blobServices/default",
        "name": "default",
        "type": "Microsoft.Storage/storageAccounts/blobServices",
        "properties": {"lastAccessTimeTrackingPolicy": policy},
    }
    write(folder / "arm" / "blob-services.jsonl", [service])
    crowds = [replace(crowd, blobs=max(blobs * share // 100, 1)) for share, crowd in _CROWDS]
    written(folder, account.rpartition("/")[2], crowds, moment_of(draft.as_of) - timedelta(days=1400))
