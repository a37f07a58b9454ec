"""What blob storage costs in a simulated estate: one meter for each tier, redundancy and kind of use.

USD, about what eastus cost in 2026; the simulator's own figures, which the price list that it serves repeats.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from finops.simulator.meters import BLOB_MONTH, MONTH, Meter

TIERS = ("Hot", "Cool", "Cold", "Archive")
HOT, COOL, COLD, ARCHIVE = range(4)
GB = 2**30
# A blob that leaves its tier before is charged for the rest, a month's price spread over 30 days
# (azure-docs, access-tiers-overview.md).
EARLY_DAYS = (0, 30, 90, 180)
EARLY_MONTH = 30
# Archive keeps no copy in a zone (azure-docs, access-tiers-overview.md, "Archive access tier").
REDUNDANCIES = ("LRS", "ZRS", "GRS", "RAGRS", "GZRS", "RAGZRS")
ARCHIVING = ("LRS", "GRS", "RAGRS")
# What keeping a GB and doing something cost elsewhere, in relation to LRS.
_KEEPING = {"LRS": "1", "ZRS": "1.25", "GRS": "2.2", "RAGRS": "2.5", "GZRS": "2.3", "RAGZRS": "2.6"}
_DOING = {"LRS": "1", "ZRS": "1.25", "GRS": "2", "RAGRS": "2", "GZRS": "2.2", "RAGZRS": "2.2"}
_PRODUCTS = ("General Block Blob v2", "General Block Blob v2 Hierarchical Namespace")

# For 10,000 operations, a GB read, a GB stored a month too short; by tier.
_MONTH = tuple(BLOB_MONTH[tier.lower(), "lrs"] for tier in TIERS)
_OPERATIONS = {
    "Write Operations": ("0.055", "0.10", "0.18", "0.11"),
    "Read Operations": ("0.0044", "0.01", "0.10", "5.50"),
    "All Other Operations": ("0.0044", "0.0044", "0.0052", "0.0044"),
}
_RETRIEVAL = ("0", "0.01", "0.03", "0.022")
_PRIORITY_READ, _PRIORITY_RETRIEVAL = "65.00", "0.13"
_TAGS, _INVENTORY = "0.039", "0.0028"

STORED, WRITE, READ, OTHER = "Data Stored", "Write Operations", "Read Operations", "All Other Operations"
RETRIEVAL, EARLY = "Data Retrieval", "Early Delete"
PRIORITY_READ, PRIORITY_RETRIEVAL = "Priority Read Operations", "Priority Data Retrieval"
TAGS, INVENTORY = "Index Tags", "Blob Inventory"


def meter(kind: str, tier: int, redundancy: str, region: str, hns: bool = False) -> Meter:
    """One meter. Counted are: bytes and minutes of what is stored, tags and minutes, bytes and days of what left too
    early, bytes read, operations, blobs listed by an inventory."""
    shown = redundancy.replace("RA", "RA-")
    keeping, doing = Decimal(_KEEPING[redundancy]), Decimal(_DOING[redundancy])
    unit, per = "10K", 10_000
    if kind in _OPERATIONS:
        price = Decimal(_OPERATIONS[kind][tier]) * doing
    elif kind in {STORED, EARLY}:
        price = BLOB_MONTH.get((TIERS[tier].lower(), redundancy.lower()), _MONTH[tier] * keeping)
        unit, per = ("1 GB/Month", GB * MONTH) if kind == STORED else ("1 GB", GB * EARLY_MONTH)
    elif kind in {RETRIEVAL, PRIORITY_RETRIEVAL}:
        price = Decimal(_RETRIEVAL[tier] if kind == RETRIEVAL else _PRIORITY_RETRIEVAL)
        unit, per = "1 GB", GB
    elif kind == TAGS:
        price, unit, per = Decimal(_TAGS) * doing, "10K/Month", 10_000 * MONTH
    elif kind == INVENTORY:
        price, unit, per = Decimal(_INVENTORY) * doing, "1M", 1_000_000
    else:
        price = Decimal(_PRIORITY_READ) * doing
    # Retrieval and priority meters do not name the redundancy (Retail Prices, 2026-08-22).
    named = kind in {RETRIEVAL, PRIORITY_READ, PRIORITY_RETRIEVAL}
    name = f"{TIERS[tier]} {kind}" if named else f"{TIERS[tier]} {shown} {kind}"
    return Meter("Storage", _PRODUCTS[hns], name, unit, price, per, region, "Storage", f"{TIERS[tier]} {shown}")


def meters(region: str) -> Iterator[Meter]:
    """Every meter of block blobs in one region; `sku` is the price list's skuName, `subcategory` its productName."""
    for hns in (False, True):
        for redundancy in REDUNDANCIES:
            for tier in range(4):
                if tier == ARCHIVE and redundancy not in ARCHIVING:
                    continue
                for kind in (STORED, WRITE, READ, OTHER, *((RETRIEVAL, EARLY) if tier else ()), TAGS, INVENTORY):
                    if not (hns and kind == TAGS):
                        yield meter(kind, tier, redundancy, region, hns)
                if tier == ARCHIVE:
                    yield meter(PRIORITY_READ, tier, redundancy, region, hns)
                    yield meter(PRIORITY_RETRIEVAL, tier, redundancy, region, hns)
