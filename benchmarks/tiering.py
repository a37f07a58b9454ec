"""The cheapest tier of 100 million blobs beside a bare DuckDB pass over the same columns, each in its own process.

    python benchmarks/blob_rows.py /tmp/blobs        # once: 100 million blobs, 3 GB, two minutes
    python benchmarks/tiering.py /tmp/blobs [--rounds 1] [--only finops,scan]

`finops` reads the inventory, learns how each area is read, and chooses a tier for every blob: two passes over the
files. The scan touches every value of the columns that this needs, once. The bar: under 90 s, under 2 GiB.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

NOW = datetime(2026, 11, 2, tzinfo=UTC)
GIB = 1 << 30
COLUMNS = (
    "strlen(Name)", '"Content-Length"', 'epoch_us("Creation-Time")', 'epoch_us("Last-Modified")',
    'epoch_us("LastAccessTime")', 'epoch_us("AccessTierChangeTime")', 'strlen("AccessTier")', 'strlen("BlobType")',
    'strlen("LeaseState")', 'strlen("VersionId")', 'CAST("AccessTierInferred" AS INTEGER)',
    'CAST("IsCurrentVersion" AS INTEGER)',
)  # fmt: skip

# For 10,000 operations and a GB: stored, write, read, retrieval; days; LRS, sample prices of Microsoft's pages.
# https://learn.microsoft.com/azure/storage/blobs/blob-storage-estimate-costs#sample-prices
PRICES = {
    "Hot": ("0.0208", "0.055", "0.0044", "0", 0),
    "Cool": ("0.0115", "0.10", "0.01", "0.01", 30),
    "Cold": ("0.0045", "0.18", "0.10", "0.03", 90),
    "Archive": ("0.002", "0.11", "5.50", "0.022", 180),
}


def by_finops(folder: str) -> dict[str, Any]:
    from finops.tiering import TIERS, Account, Rates, Step, TierRates
    from finops.tiering.access import learn
    from finops.tiering.inventory import read_inventory
    from finops.tiering.optimum import optimum

    tiers = {}
    for tier, (stored, write, read, retrieval, days) in PRICES.items():
        amounts = Decimal(write), Decimal(read), Decimal("0.0044"), Decimal(retrieval)
        steps = (Step(Decimal(0), Decimal(stored)),)
        tiers[tier] = TierRates(tier, steps, *amounts, early_days=days, min_bytes=128 * 1024 if days else 0)
    rates = Rates("westus", "LRS", False, "USD", tiers, NOW)
    account = Account("/bench", "bench", "bench", "westus", "LRS", "StorageV2", False, "Hot", True, tiers=TIERS)
    with tempfile.TemporaryDirectory() as spool, read_inventory([Path(folder)], "bench", NOW, Path(spool)) as inventory:
        read = time.perf_counter()
        access = learn(inventory)
        learnt = time.perf_counter()
        found = optimum(inventory, rates, access, account)
        return {
            "learning": learnt - read,
            "choosing": time.perf_counter() - learnt,
            "blobs": inventory.blobs,
            "areas": len(access.habits),
            "moved": sum(move.blobs for move in found.moves),
            "stay": str(found.stay),
            "least": str(found.least),
        }


def by_scan(folder: str) -> dict[str, Any]:
    import duckdb

    with duckdb.connect() as engine:
        engine.execute("SET enable_progress_bar = false")
        engine.execute(
            f"SELECT count(*), {', '.join(f'sum({each})' for each in COLUMNS)} "
            f"FROM read_parquet('{folder}/**/*.parquet')"
        ).fetchall()
    return {}


WAYS = {"finops": by_finops, "scan": by_scan}


def child(way: str, folder: str) -> None:
    import duckdb  # not in the times

    assert duckdb
    start, cpu = time.perf_counter(), time.process_time()
    answer = WAYS[way](folder)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    told = {"wall": time.perf_counter() - start, "cpu": time.process_time() - cpu, "peak": peak, "answer": answer}
    print(json.dumps(told))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", help="Where blob_rows.py wrote its files.")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--only", default="finops,scan", help="Which to run, with commas between.")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        child(given.child, given.folder)
        return 0
    best: dict[str, dict[str, Any]] = {}
    for _ in range(given.rounds):
        for way in given.only.split(","):
            done = subprocess.run(
                [sys.executable, __file__, given.folder, "--child", way], check=True, capture_output=True, text=True
            )
            told = json.loads(done.stdout)
            kept = best.setdefault(way, told)
            kept.update({name: min(kept[name], told[name]) for name in ("wall", "cpu")})
            kept["peak"] = max(kept["peak"], told["peak"])
    print(f"{'':8} {'wall s':>8} {'cpu s':>8} {'peak GiB':>9}")
    for way, told in best.items():
        print(f"{way:8} {told['wall']:8.1f} {told['cpu']:8.1f} {told['peak'] / GIB:9.2f}")
    ours = best.get("finops")
    if not ours:
        return 0
    answer = ours["answer"]
    print(
        f"{answer['blobs']:,} blobs, {answer['areas']:,} areas; learning {answer['learning']:.1f} s, "
        f"choosing {answer['choosing']:.1f} s; {answer['moved']:,} blobs to move; a year costs {answer['least']} "
        f"instead of {answer['stay']}"
    )
    return int(ours["wall"] >= 90 or ours["peak"] >= 2 * GIB)


if __name__ == "__main__":
    sys.exit(main())
