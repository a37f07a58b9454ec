"""What Azure charges for keeping, moving and reading blobs, from its published prices: by region and redundancy."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal

from finops import prices
from finops.errors import DataError
from finops.prices import Item, Price, UnknownPrice
from finops.tiering.model import (
    ARCHIVING,
    EARLY_DAYS,
    EARLY_MONTH_DAYS,
    GB,
    TIERS,
    MoveCost,
    Rates,
    ReadCost,
    Step,
    TierRates,
    UnknownRates,
    spread,
)

# Accounts of kind StorageV2 are billed by the first product; where it lacks a meter in a region, the second one has it
# at the same price (the Hot LRS meters, notably).
PRODUCTS: dict[bool, tuple[str, ...]] = {
    False: ("General Block Blob v2", "Blob Storage"),
    True: ("General Block Blob v2 Hierarchical Namespace", "Azure Data Lake Storage Gen2 Hierarchical Namespace"),
}

# In Cool, Cold and Archive a smaller blob is billed as one of this size: in accounts made from the first day on, from
# the second one on in all. Operations and retrieval are not touched by it. (Azure's announcement of April 2026)
# https://learn.microsoft.com/azure/storage/blobs/access-tiers-overview#minimum-billable-object-size-on-cooler-tiers
SMALLEST_BILLED = 128 * 1024
SMALLEST_IN_NEW_ACCOUNTS = datetime(2026, 7, 1, tzinfo=UTC)
SMALLEST_EVERYWHERE = datetime(2027, 7, 1, tzinfo=UTC)

# The endpoint of hierarchical accounts counts one read for every so many bytes.
# https://learn.microsoft.com/azure/storage/blobs/blob-storage-estimate-costs#sample-prices
READ_BLOCK = 4 * 1024 * 1024

# What smart tier takes a month for watching 10,000 blobs, where the list of a region names no meter for it.
# https://learn.microsoft.com/azure/storage/blobs/access-tiers-smart (2025-11-03, in force since 2026-01-01)
SMART_10K_USD = Decimal("0.04")
FEATURES = "Blob Features"

_OPERATIONS = Decimal(10_000)

# How Azure's meters end: "Cool GRS Write Operations", "Cool Data Retrieval", "GRS Index Tags". Some name the redundancy
# of another SKU (RA-GRS writes are billed as "GRS"), so only the SKU tells it. Unit of measure; whether 0 is a price.
_METERS: dict[str, tuple[str, str, bool]] = {
    "stored": ("Data Stored", "gb/month", False),
    "write_10k": ("Write Operations", "", False),
    "read_10k": ("Read Operations", "", False),
    "other_10k": ("(?:All )?Other Operations", "", False),
    "retrieval_gb": ("Data Retrieval", "gb", False),
    "write_gb": ("Data Write", "gb", True),
    "early_gb": ("Early Delete", "gb", False),
    "high_read_10k": ("Priority Read Operations", "", False),
    "high_retrieval_gb": ("Priority Data Retrieval", "gb", False),
    "tags_10k_month": ("Index Tags", "month", False),
}


def filter_for(region: str) -> str:
    """The API filter that selects every item of blob storage in a region (values are case-sensitive)."""
    named = " or ".join(f"productName eq '{name}'" for name in (*PRODUCTS[False], *PRODUCTS[True], FEATURES))
    place = plain_region(region).replace("'", "''")
    return f"serviceName eq 'Storage' and priceType eq 'Consumption' and armRegionName eq '{place}' and ({named})"


def plain_region(region: str) -> str:
    """A region as the price list spells it: "East US 2" is "eastus2"."""
    return region.replace(" ", "").lower()


def plain_redundancy(redundancy: str) -> str:
    """LRS, ZRS, GRS, RAGRS, GZRS or RAGZRS, from "RA-GRS", "Standard_RAGRS" and the like."""
    return redundancy.rpartition("_")[2].replace("-", "").upper()


def smallest_billed(created: datetime | None, at: datetime) -> int:
    """As how many bytes a smaller blob is billed outside Hot at the time `at`; created None: as in a new account."""
    made = created or at
    return SMALLEST_BILLED if at >= SMALLEST_EVERYWHERE or made >= SMALLEST_IN_NEW_ACCOUNTS else 0


def rates(
    items: Iterable[Item],
    region: str,
    redundancy: str,
    hns: bool,
    at: datetime,
    currency: str = "USD",
    created: datetime | None = None,
    until: datetime | None = None,
) -> Rates | UnknownRates:
    """The rates in force at `at`, or why there are none. A tier whose price is not known whole is left out and named.

    created: when the account was made. until: how far ahead is planned; what small blobs are billed as by then holds.
    """
    place, kept = plain_region(region), plain_redundancy(redundancy)
    of_region = [item for item in items if item.get("armRegionName") == place and item.get("type") == "Consumption"]
    blobs = [item for item in of_region if item.get("productName") in PRODUCTS[hns]]
    asked = f"blob storage in {place}{' with a hierarchical namespace' if hns else ''}"
    if not blobs:
        return UnknownRates(f"no price is published for {asked}{'' if currency == 'USD' else f' in {currency}'}")
    paid = [item for item in blobs if item.get("currencyCode") == currency]
    if not paid:
        return UnknownRates(f"no price in {currency} among those given for {asked}")
    smallest = smallest_billed(created, max(at, until or at))
    found: dict[str, TierRates] = {}
    missing: list[str] = []
    for tier in TIERS:
        if tier == "Archive" and kept not in ARCHIVING:
            continue
        sku = f"{tier} {re.sub('^RA', 'RA-', kept)}"
        of_sku = [item for item in paid if item.get("skuName") == sku]
        read = _tier(tier, of_sku, PRODUCTS[hns], f"{sku} in {place}", at, smallest, missing)
        if read:
            found[tier] = read
    if not found:
        return UnknownRates("; ".join(missing))
    smart = _smart([item for item in of_region if item.get("currencyCode") == currency], at, currency)
    return Rates(place, kept, hns, currency, found, at, tuple(missing), smart)


def move_cost(
    rates: Rates,
    before: str,
    after: str,
    bytes: int,  # noqa: A002
    days_in_tier: float | Decimal | None,
    blobs: int = 1,
    billed: int | None = None,
) -> MoveCost:
    """What moving `blobs` blobs of `bytes` in all by Set Blob Tier costs once.

    To a cooler tier it is a write of the target, to a warmer one a read of the source with its retrieval
    (https://learn.microsoft.com/azure/storage/blobs/access-tiers-overview#changing-a-blobs-access-tier).
    days_in_tier: None where the tier is inferred from the account's default, which has no minimum.
    billed: what the blobs are billed as, where they are of several sizes and some smaller than the smallest.
    """
    if before == after:
        return MoveCost(Decimal(0), Decimal(0), Decimal(0))
    source, target = tier_rates(rates, before), tier_rates(rates, after)
    size, number = Decimal(bytes) / GB, Decimal(blobs) / _OPERATIONS
    early = Decimal(0)
    if days_in_tier is not None:
        early = early_cost(rates, before, billed_bytes(source, bytes, blobs, billed), days_in_tier)
    if TIERS.index(after) > TIERS.index(before):
        return MoveCost(number * target.write_10k, size * target.write_gb, early)
    return MoveCost(number * source.read_10k, size * source.retrieval_gb, early)


def early_cost(rates: Rates, tier: str, billed: int, days_in_tier: float | Decimal) -> Decimal:
    """What leaving a tier after so many days costs: storing the blobs for the rest of its minimum."""
    source = tier_rates(rates, tier)
    rest = source.early_days - max(Decimal(str(days_in_tier)), Decimal(0))
    return Decimal(billed) / GB * source.early_rate * rest / EARLY_MONTH_DAYS if rest > 0 else Decimal(0)


def keep_cost(
    rates: Rates,
    tier: str,
    bytes: int,  # noqa: A002
    days: float | Decimal | None = None,
    blobs: int = 1,
    billed: int | None = None,
    above_gb: Decimal = Decimal(0),
) -> Decimal:
    """What keeping blobs in a tier for `days` days costs, None: a month; above_gb: what the tier holds besides them."""
    kept = tier_rates(rates, tier)
    start = above_gb
    end = above_gb + Decimal(billed_bytes(kept, bytes, blobs, billed)) / GB
    month = Decimal(0)
    for step, upper in zip(kept.stored, [*(each.from_gb for each in kept.stored[1:]), end], strict=True):
        month += max(min(upper, end) - max(step.from_gb, start), Decimal(0)) * step.amount
    return month if days is None else spread(month, Decimal(str(days)))


def tags_cost(rates: Rates, tier: str, tags: int) -> Decimal | None:
    """What keeping index tags costs a month; None where no price is published."""
    price = tier_rates(rates, tier).tags_10k_month
    return None if price is None else Decimal(tags) / _OPERATIONS * price


def read_back(rates: Rates, tier: str, bytes: int, blobs: int, high: bool = False) -> ReadCost:  # noqa: A002
    """What reading blobs once costs; from Archive: rehydrating them, at high priority where that is asked for.

    In an account with a hierarchical namespace an online read counts once for every 4 MiB, as its own endpoint does.
    """
    source = tier_rates(rates, tier)
    reads, retrieval = source.read_10k, source.retrieval_gb
    if high and tier == "Archive":
        if source.high_read_10k is None or source.high_retrieval_gb is None:
            raise DataError(
                f"No price of rehydration at high priority is published in {rates.region} ({rates.redundancy}).",
                "Reckon with standard priority.",
            )
        reads, retrieval = source.high_read_10k, source.high_retrieval_gb
    number = max(blobs, math.ceil(bytes / READ_BLOCK)) if rates.hns and tier != "Archive" else blobs
    return ReadCost(Decimal(number) / _OPERATIONS * reads, Decimal(bytes) / GB * retrieval)


def tier_rates(rates: Rates, tier: str) -> TierRates:
    """The rates of one tier; a tier without a price is an error, never free."""
    if tier not in rates.tiers:
        known = ", ".join(rates.tiers)
        raise DataError(
            f"No price of the tier {tier} is known in {rates.region} ({rates.redundancy}).",
            f"Known are {known}. {' '.join(rates.missing)}".strip(),
        )
    return rates.tiers[tier]


def billed_bytes(of: TierRates, bytes: int, blobs: int, billed: int | None = None) -> int:  # noqa: A002
    """What blobs of `bytes` in all are billed as in a tier, if they are of one size."""
    return max(bytes, blobs * of.min_bytes) if billed is None else billed


def _tier(
    tier: str, items: list[Item], products: Sequence[str], sku: str, at: datetime, smallest: int, missing: list[str]
) -> TierRates | None:
    """One tier's rates; what has no price goes to `missing`."""
    steps = _steps(_named(items, tier, "stored", products, at), sku, at)
    if isinstance(steps, UnknownPrice):
        missing.append(f"{tier} is left out: {steps.reason}.")
        return None
    needed = ["write_10k", "read_10k"] + ([] if tier == "Hot" else ["retrieval_gb"])
    wanted = ["other_10k", "write_gb", "tags_10k_month"] + ([] if tier == "Hot" else ["early_gb"])
    if tier == "Archive":
        wanted += ["high_read_10k", "high_retrieval_gb"]
    found: dict[str, Decimal] = {}
    for kind in [*needed, *wanted]:
        read = _amount(_named(items, tier, kind, products, at), kind, sku, at)
        if isinstance(read, Decimal):
            found[kind] = read
        elif kind in needed:
            missing.append(f"{tier} is left out: {read.reason}.")
            return None
        elif kind.startswith("high_"):
            missing.append(f"Rehydration at high priority: {read.reason}.")
    early, small = EARLY_DAYS[tier], 0 if tier == "Hot" else smallest
    return TierRates(tier=tier, stored=steps, early_days=early, min_bytes=small, **found)


def _smart(items: Iterable[Item], at: datetime, currency: str) -> Decimal | None:
    """What watching 10,000 blobs costs a month: by the list, or else as Microsoft's page says in dollars."""
    named = [item for item in items if re.search(r"\bSmart\b.*Monitor", str(item.get("meterName")), re.I)]
    price = prices.in_force(named, "smart tier", at)
    if isinstance(price, Price) and price.amount:
        return price.amount / prices.units(price.unit)[0] * _OPERATIONS
    return SMART_10K_USD if currency == "USD" else None


def _named(items: Iterable[Item], tier: str, kind: str, products: Sequence[str], at: datetime) -> list[Item]:
    """The items of one meter that are in force, of the first product that has any."""
    ending = re.compile(rf"(?:{tier} )?(?:(?:RA-)?(?:LRS|ZRS|GRS|GZRS) )?{_METERS[kind][0]}")
    named = [item for item in items if ending.fullmatch(str(item.get("meterName"))) and prices.covers(item, at)]
    for product in products:
        if of_product := [item for item in named if item.get("productName") == product]:
            return of_product
    return []


def _steps(items: list[Item], sku: str, at: datetime) -> tuple[Step, ...] | UnknownPrice:
    """What a GB-month costs from which amount on; all steps of one meter, the first one from 0."""
    first = _price(items, "stored", sku, at)
    if isinstance(first, UnknownPrice):
        return first
    same = [item for item in items if item.get("meterId") == first.meter_id]
    found = []
    for minimum in sorted({Decimal(str(item.get("tierMinimumUnits", 0))) for item in same}):
        price = _price(same, "stored", sku, at, minimum)
        amount = _plain(price, "stored", sku)
        if isinstance(amount, UnknownPrice):
            return amount
        found.append(Step(minimum, amount))
    return tuple(found)


def _amount(items: list[Item], kind: str, sku: str, at: datetime) -> Decimal | UnknownPrice:
    return _plain(_price(items, kind, sku, at), kind, sku)


def _price(items: list[Item], kind: str, sku: str, at: datetime, step: Decimal = Decimal(0)) -> Price | UnknownPrice:
    words, _, zero_is_a_price = _METERS[kind]
    asked = f"{words.replace('(?:All )?', '')} of {sku}"
    return prices.in_force(items, asked, at, zero_is_a_price=zero_is_a_price, tier=step)


def _plain(price: Price | UnknownPrice, kind: str, sku: str) -> Decimal | UnknownPrice:
    """The amount for one GB, or for 10,000 operations or tags, whatever number it is published for."""
    if isinstance(price, UnknownPrice):
        return price
    number, unit = prices.units(price.unit)
    if unit.lower().replace("gib", "gb") != _METERS[kind][1] or number <= 0:
        return UnknownPrice(f"the price of {price.meter} ({sku}) is for '{price.unit}', which is not what it was")
    return price.amount / number * (_OPERATIONS if "10k" in kind else 1)
