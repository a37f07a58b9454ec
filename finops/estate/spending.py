"""What each resource cost over the last 30 days, its children included, and whether we can know."""

from __future__ import annotations

from dataclasses import dataclass, field
from dataclasses import replace as changed
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol

from finops.estate.ids import key, scopes

DAYS = 30
# Cost data arrives in 8 to 24 hours (costs/understand-cost-mgt-data, 2026-06).
LATE = timedelta(hours=24)


class Charges(Protocol):
    """What we need of finops.charges.Charges, which stands on our floor and is not imported."""

    @property
    def currencies(self) -> list[str]: ...
    @property
    def span(self) -> Any: ...
    @property
    def complete_until(self) -> datetime | None: ...
    def by(self, keys: list[str], basis: str, period: Any) -> Any: ...


@dataclass(frozen=True)
class Spending:
    """EffectiveCost of DAYS days by ARM id in lower case, each with everything below it, in one currency.

    AML compute is billed under Virtual Machines: going by id finds it, going by service does not. By whose id differs:
    the compute's own, or that of its workspace (FinOps Foundation's FOCUS sample of 2024: VM, disk, load balancer and
    address of a compute instance, all on the workspace). `direct` holds every id that has a charge itself, so that a
    compute without one is not taken for free while its workspace is billed for it.
    """

    costs: dict[str, Decimal] = field(default_factory=dict)
    direct: frozenset[str] = frozenset()
    subscriptions: frozenset[str] = frozenset()
    until: datetime | None = None
    currency: str = ""
    unusable: str = ""  # why nothing can be said


def spending(charges: Charges, now: datetime) -> Spending:
    """Read the newest 30 days whose charges are complete out of `charges`."""
    currencies = list(charges.currencies)
    if not currencies:
        return Spending(unusable="there are no charges")
    if len(currencies) > 1:
        return Spending(unusable=f"charges are in {' and '.join(currencies)}, which cannot be added")
    span = charges.span
    until = min(charges.complete_until or span.end, now - LATE).replace(hour=0, minute=0, second=0, microsecond=0)
    start = until - timedelta(days=DAYS)
    if span.start > start:
        return Spending(unusable=f"charges begin on {span.start:%Y-%m-%d}, later than the {DAYS} days asked for")
    if now - until > timedelta(days=DAYS):
        return Spending(unusable=f"charges end on {until:%Y-%m-%d}, more than {DAYS} days ago")
    period = changed(span, start=start, end=until)
    costs: dict[str, Decimal] = {}
    direct: set[str] = set()
    for row in charges.by(["ResourceId"], "effective", period).to_dict("records"):
        direct.add(key(str(row["ResourceId"] or "")))
        for scope in scopes(str(row["ResourceId"] or "")):
            costs[scope] = costs.get(scope, Decimal(0)) + row["Cost"]
    covered = charges.by(["SubAccountId"], "effective", period).to_dict("records")
    return Spending(
        costs=costs,
        direct=frozenset(direct),
        subscriptions=frozenset(_subscription(str(row["SubAccountId"] or "")) for row in covered),
        until=until,
        currency=currencies[0],
    )


def _subscription(sub_account: str) -> str:
    # FOCUS leaves the shape to the provider: Azure writes "/subscriptions/GUID", other exports the GUID alone.
    return key(sub_account).rpartition("/")[2]
