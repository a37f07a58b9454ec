"""Cost data as small files, for the tests of charges: `focus(path, charge(...), ...)`."""

from __future__ import annotations

import csv
import gzip
import json
import os
import time
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from finops import charges
from finops.charges import Charges

SUB = "/subscriptions/11111111-2222-3333-4444-555555555555"
VM = f"{SUB}/resourceGroups/ml-rg/providers/Microsoft.Compute/virtualMachines/gpu-1"


def charge(day: str, cost: str, **more: Any) -> dict[str, Any]:
    """One FOCUS charge of one day; `cost` is billed and effective alike."""
    start = date.fromisoformat(day)
    return {
        "BilledCost": cost,
        "EffectiveCost": cost,
        "BillingCurrency": "USD",
        "ChargePeriodStart": f"{start}T00:00:00Z",
        "ChargePeriodEnd": f"{start + timedelta(days=1)}T00:00:00Z",
        "ResourceId": VM,
        "ServiceName": "Virtual Machines",
        "SubAccountId": SUB,
        "ProviderName": "Microsoft",
        "Tags": "",
        **more,
    }


def focus(file: Path, *rows: dict[str, Any], encoding: str = "utf-8", delimiter: str = ",") -> Path:
    """A FOCUS CSV of `rows`; a name that ends in .gz is packed.

    Written a century from now, as far as its time tells: the last days before a file was written count as incomplete,
    and a test whose charges reach the day on which it runs would see fewer of them than on any other day.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    names = list(dict.fromkeys(name for row in rows or [charge("2024-09-01", "1")] for name in row))
    opener: Any = gzip.open if file.suffix == ".gz" else open
    with opener(file, "wt", encoding=encoding, newline="") as out:
        writer = csv.DictWriter(out, names, delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
    written = time.time() + 100 * 365 * 24 * 3600
    os.utime(file, (written, written))
    return file


def text(file: Path, *lines: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(lines) + "\n", "utf-8")
    return file


def parquet(file: Path, select: str) -> Path:
    """A Parquet file of what the SQL `select` says."""
    import duckdb

    with duckdb.connect() as engine:
        engine.execute(f"COPY ({select}) TO '{file}' (FORMAT parquet)")
    return file


def run(folder: Path, *rows: dict[str, Any], at: str, start: str = "2024-09-01", **change: Any) -> Path:
    """An export run as Azure writes it: part_0_0001.csv and manifest.json. change: top-level keys of the manifest."""
    part = focus(folder / "part_0_0001.csv", *rows)
    blob = {"blobName": f"dir/daily/x/{part.name}", "byteCount": part.stat().st_size, "dataRowCount": len(rows)}
    manifest = {
        "manifestVersion": "2024-04-01",
        "byteCount": blob["byteCount"],
        "blobCount": 1,
        "dataRowCount": len(rows),
        "exportConfig": {
            "exportName": "daily",
            "resourceId": f"{SUB}/providers/Microsoft.CostManagement/exports/daily",
            "dataVersion": "1.0",
            "type": "FocusCost",
        },
        "runInfo": {"submittedTime": at, "runId": folder.name, "startDate": f"{start}T00:00:00"},
        "blobs": [blob],
        **change,
    }
    (folder / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    return folder


def total(*paths: Path | str, basis: str = "effective", currency: str | None = None) -> Decimal:
    with charges.load(paths) as book:
        return book.total(basis, currency=currency)


def spend(book: Charges, key: str = "CostCenter", **asked: Any) -> dict[str, str]:
    """Cost by `key` as text: {"ml": "2.50"}."""
    frame = book.by([key], **asked)
    return {str(name): str(cost) for name, cost in zip(frame.iloc[:, 0], frame["Cost"], strict=True)}
