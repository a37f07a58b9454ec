"""What moving single blobs back costs, told before it is done."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from finops.errors import DataError
from finops.tiering.model import TIERS, Rates
from finops.tiering.rates import filter_for, move_cost, rates
from finops.tiering.singles import Single

if TYPE_CHECKING:
    from finops.cloud import Azure
    from finops.tiering.model import Account


def way_back(azure: Azure, account: Account, wanted: Sequence[Single], now: datetime, currency: str = "USD") -> str:
    """What moving these costs at the most, in one or two sentences: as if each had come into its tier today."""
    told = rates(
        azure.retail_prices(filter_for(account.region), currency), account.region, account.redundancy, account.hns, now,
        currency,
        created=account.created,
    )  # fmt: skip
    if not isinstance(told, Rates):
        return f"What that costs is not known: {told.reason}."
    try:
        whole, early = _cost(told, wanted)
    except DataError as fault:
        return f"What that costs is not known: {fault.what}"
    said = f"It costs {whole:,.2f} {told.currency} at most, {early:,.2f} of it for leaving tiers early."
    if any(one.before == TIERS[-1] for one in wanted):
        said += " What is in Archive takes up to 15 hours."
    return said


def _cost(told: Rates, wanted: Sequence[Single]) -> tuple[Decimal, Decimal]:
    groups: dict[tuple[str, str], list[Single]] = {}
    for one in wanted:
        groups.setdefault((one.before, one.after), []).append(one)
    costs = [
        move_cost(told, before, after, sum(one.bytes for one in some), 0, len(some))
        for (before, after), some in groups.items()
    ]
    return sum((each.total for each in costs), Decimal(0)), sum((each.early for each in costs), Decimal(0))
