"""The cheapest tier of every blob, by what keeping, moving and reading it costs until a horizon."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

    from finops.tiering.access import Access
    from finops.tiering.inventory import Inventory
    from finops.tiering.model import Account, Aside, Protected, Rates

HORIZON_DAYS = 365

# Archive only where at most one blob in ten is expected to be read before the horizon: it is hours away.
ARCHIVE_READ = 0.1


@dataclass(frozen=True)
class Move:
    """Blobs that should go from one tier to another; money in the currency of the rates.

    month: what keeping them costs less, a month. once: what moving them costs. reads: what reading them is expected to
    cost more until the horizon. net: what all this saves until the horizon. worst: what reading all of them back once
    costs more than it would have, rehydration and early deletion included.
    """

    before: str
    after: str
    blobs: int
    bytes: int
    month: Decimal
    once: Decimal
    reads: Decimal
    net: Decimal
    worst: Decimal


@dataclass(frozen=True)
class Optimum:
    """What per-blob tiering would save. moves: the most saving first.

    cells: the name of a table in `connection`, for whoever makes rules of it. One row for each area x tier x age x size
    x the tier that is cheapest, so that costs add up whatever is chosen:
        area, tier, after, age_from, age_to (days, age_to excluded), size_from (bytes, a power of 2, 0 below 1 KiB),
        blobs, bytes, reads (expected until the horizon, of all of them), untouched (the mean chance of no read),
        cost_hot, cost_cool, cost_cold, cost_archive   until the horizon if all are put there now (those that are there
                                                       stay), moving and expected reads included; NULL: not allowed
        month_hot, ...                                 of that, capacity a month
        once_hot, ...                                  of that, what moving them costs
        worst_hot, ...                                 reading all of them back once
    stay: what doing nothing costs until the horizon. least: what the optimum costs.
    """

    connection: duckdb.DuckDBPyConnection
    currency: str
    horizon_days: int
    basis: str
    confidence: float
    moves: tuple[Move, ...]
    stay: Decimal
    least: Decimal
    aside: tuple[Aside, ...]
    cells: str = "cells"

    @property
    def saving(self) -> Decimal:
        """Until the horizon."""
        return self.stay - self.least
