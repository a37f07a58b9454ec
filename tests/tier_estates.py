"""A served estate whose storage account has reported on its blobs, the report fetched as people would fetch it."""

from __future__ import annotations

from pathlib import Path

from azure.storage.blob import ContainerClient
from fake_azure import StillTime
from storing import ACCOUNT, NAME

from finops.cloud import connect
from finops.config.model import AzureSettings
from finops.simulator.serve import Served

VERSION = "2023-05-01"
FIELDS = (
    "Name", "Creation-Time", "Last-Modified", "Content-Length", "BlobType", "AccessTier", "AccessTierInferred",
    "AccessTierChangeTime", "LeaseState", "Snapshot", "Tags", "LegalHold", "ArchiveStatus",
)  # fmt: skip


def reported(served: Served, folder: Path, tracked: bool = True, format: str = "Parquet") -> Path:  # noqa: A002
    """The folder with the newest inventory of `storing.ACCOUNT`, a day and a half after it was asked for."""
    definition = {
        "filters": {"blobTypes": ["blockBlob", "appendBlob", "pageBlob"], "includeSnapshots": True},
        "format": format,
        "schedule": "Daily",
        "objectType": "Blob",
        "schemaFields": [*FIELDS, *(["LastAccessTime"] if tracked else [])],
    }
    rule = {"enabled": True, "name": "nightly", "destination": "inventory", "definition": definition}
    body = {"properties": {"policy": {"enabled": True, "type": "Inventory", "rules": [rule]}}}
    with connect(AzureSettings(endpoint=served.url), time=StillTime().time) as azure:
        azure.put(f"{ACCOUNT}/blobServices/default/containers/inventory", VERSION, {"properties": {}})
        azure.put(f"{ACCOUNT}/inventoryPolicies/default", VERSION, body)
    served.world.clock.advance(hours=36)
    with ContainerClient(f"{served.url}/{NAME}", "inventory", retry_total=0) as container:
        for blob in container.list_blobs():
            place = folder / blob.name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(container.download_blob(blob.name).readall())
    return folder
