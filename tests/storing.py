"""A tiny estate with one storage account full of blobs, its prices, and Microsoft's clients for its blobs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from estates import PROD, TENANT, group, group_id, subscription

from finops.simulator.generate.bodies import storage_account
from finops.simulator.generate.retail import blob_items
from finops.simulator.simulation import write
from finops.simulator.storage.crowds import Crowd
from finops.simulator.storage.planting import written

AS_OF = datetime(2026, 11, 22, 6, tzinfo=UTC)
GROUP, NAME = "rg-data", "datalake"
ACCOUNT = f"{group_id(PROD, GROUP)}/providers/Microsoft.Storage/storageAccounts/{NAME}"

Json = dict[str, Any]

# One of each habit, as an account of a machine learning team has them.
EVERY_HABIT = (
    Crowd("training", "data", "imagenet/", 300, 400.0, oldest=900),
    Crowd("checkpoints", "runs", "outputs/", 300, 900.0, oldest=600, per_folder=20),
    Crowd("logs", "runs", "logs/", 300, 2.0, oldest=400),
    Crowd("reports", "finance", "monthly/", 60, 50.0, oldest=1000, per_folder=10),
    Crowd("archive", "raw", "frames/", 200, 2400.0, youngest=200, oldest=1200),
    Crowd("serving", "features", "tables/", 100, 120.0, oldest=300),
)


def storage_estate(
    folder: Path,
    told: Sequence[Crowd | Json] = EVERY_HABIT,
    *,
    sku: str = "Standard_LRS",
    tracked: bool = True,
    as_of: datetime = AS_OF,
    properties: Json | None = None,
    kind: str = "StorageV2",
    more: Iterable[Json] = (),
) -> Path:
    """An estate folder with the account `ACCOUNT` that holds `told`: crowds, and blobs one by one."""
    minute = int((as_of - timedelta(days=1500)).timestamp() // 60)
    account = storage_account(group_id(PROD, GROUP), NAME, "eastus", sku, minute, {"CostCenter": "vision"})
    account = {**account, "kind": kind, "properties": {**account["properties"], **(properties or {})}}
    folder.mkdir(parents=True, exist_ok=True)
    stamp = {"format": 1, "name": "storage", "asOf": as_of.isoformat(), "tenantId": TENANT, "billingCurrency": "USD"}
    (folder / "estate.json").write_text(json.dumps(stamp), "utf-8")
    write(folder / "arm" / "all.jsonl", [subscription(PROD, "Production"), group(PROD, GROUP), account, *more])
    write(folder / "prices.jsonl", blob_items("eastus"))
    if tracked:
        since = as_of - timedelta(days=1400)
        policy = {
            "enable": True,
            "name": "AccessTimeTracking",
            "trackingGranularityInDays": 1,
            "blobType": ["blockBlob"],
        }
        service: Json = {
            "id": f"{ACCOUNT}/blobServices/default",
            "name": "default",
            "type": "Microsoft.Storage/storageAccounts/blobServices",
            "sku": account["sku"],
            "properties": {"lastAccessTimeTrackingPolicy": policy},
        }
        write(folder / "arm" / "service.jsonl", [service])
        written(folder, NAME, told, since)
    else:
        written(folder, NAME, told)
    return folder


def lifecycle(*rules: Json) -> Json:
    """The body of a management policy."""
    return {"properties": {"policy": {"rules": list(rules)}}}


def rule(name: str, prefixes: Sequence[str] = (), types: Sequence[str] = ("blockBlob",), **base: Any) -> Json:
    """A lifecycle rule for current blobs, such as rule("old", tierToCool={"daysAfterModificationGreaterThan": 30})."""
    filters: Json = {"blobTypes": list(types), **({"prefixMatch": list(prefixes)} if prefixes else {})}
    return {
        "enabled": True,
        "name": name,
        "type": "Lifecycle",
        "definition": {"filters": filters, "actions": {"baseBlob": base}},
    }
