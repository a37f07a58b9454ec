"""Which access tier each blob should be in, by what Azure charges for keeping, moving and reading it."""

from __future__ import annotations

from finops.tiering.model import (
    EARLY_DAYS,
    EARLY_MONTH_DAYS,
    GB,
    TIERS,
    Account,
    Aside,
    MoveCost,
    Protected,
    Rates,
    ReadCost,
    Step,
    TierRates,
    UnknownRates,
)

__all__ = [
    "EARLY_DAYS",
    "EARLY_MONTH_DAYS",
    "GB",
    "TIERS",
    "Account",
    "Aside",
    "MoveCost",
    "Protected",
    "Rates",
    "ReadCost",
    "Step",
    "TierRates",
    "UnknownRates",
]
