"""The demo's charges: a daily FOCUS export of each subscription, as a customer sets it up, read from its files."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from finops.cloud import Azure
    from finops.config.model import Settings

API = "2025-03-01"
NAME = "finops-focus"
MONTHS = 3  # before this one, exported once: "a run covers three months at most" (docs/charges.md)
CONTAINER = "exports"
ACCOUNT = "contosocosts"


def export(azure: Azure, settings: Settings, folder: Path, now: datetime, step: Callable[[str], None]) -> Settings:
    """Have the charges of every subscription exported daily; the settings by which they are read from then on.

    folder: the estate's, below which the simulator keeps what a customer mounts or copies from the storage account.
    """
    step("Setting up a daily export of the charges")
    subscriptions = [str(one["subscriptionId"]) for one in azure.subscriptions()]
    this = now.replace(day=1)
    first = this
    for _ in range(MONTHS):
        first = (first - timedelta(days=1)).replace(day=1)
    before = {"from": f"{first:%Y-%m-%d}T00:00:00Z", "to": f"{this - timedelta(days=1):%Y-%m-%d}T00:00:00Z"}
    for one in subscriptions:
        path = f"/subscriptions/{one}/providers/Microsoft.CostManagement/exports/{NAME}"
        azure.put(path, API, {"properties": _daily(subscriptions[0], one, now)})
        azure.post(f"{path}/run", API, {"timePeriod": before})
        azure.post(f"{path}/run", API, {})
    sources = [str(folder / "storage" / ACCOUNT / CONTAINER)]
    return settings.model_copy(update={"charges": settings.charges.model_copy(update={"sources": sources})})


def _daily(holder: str, subscription: str, now: datetime) -> dict[str, object]:
    """What Azure is asked for: the month so far, every day, in the place of the day before's."""
    account = f"/subscriptions/{holder}/resourceGroups/finops/providers/Microsoft.Storage/storageAccounts/{ACCOUNT}"
    return {
        "format": "Parquet",
        "dataOverwriteBehavior": "OverwritePreviousReport",
        "deliveryInfo": {
            "destination": {"resourceId": account, "container": CONTAINER, "rootFolderPath": subscription}
        },
        "definition": {"type": "FocusCost", "timeframe": "MonthToDate", "dataSet": {"granularity": "Daily"}},
        "schedule": {
            "status": "Active",
            "recurrence": "Daily",
            "recurrencePeriod": {"from": f"{now:%Y-%m-%dT%H:%M:%SZ}", "to": "2050-01-01T00:00:00Z"},
        },
    }
