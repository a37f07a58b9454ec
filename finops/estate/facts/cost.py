"""What a resource cost."""

from __future__ import annotations

from decimal import Decimal

from finops.estate.evidence import Evidence, NotKnown
from finops.estate.facts import fact
from finops.estate.ids import key, subscription_of
from finops.estate.model import Json, Known


@fact("costLast30Days")
def cost_last_30_days(body: Json, evidence: Evidence) -> Known:
    """EffectiveCost of the newest 30 days whose charges are complete, everything below it included."""
    spending = evidence.spending
    if spending is None:
        raise NotKnown("charges were not given")
    if spending.until is None or spending.unusable:
        raise NotKnown(spending.unusable)
    if subscription_of(body["id"]) not in spending.subscriptions:
        raise NotKnown("the charges hold nothing of its subscription")
    return Known(spending.costs.get(key(body["id"]), Decimal(0)), spending.until)
