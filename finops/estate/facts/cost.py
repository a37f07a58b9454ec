"""What a resource cost."""

from __future__ import annotations

from decimal import Decimal

from finops.estate.evidence import Evidence, NotKnown
from finops.estate.facts import fact
from finops.estate.ids import key, scopes, subscription_of, type_of
from finops.estate.model import Json, Known
from finops.estate.queries import COMPUTE, DEPLOYMENT, ENDPOINT, ML

# What runs on VMs that may stand on the bill of the workspace, or of the endpoint.
WITH_VMS = {COMPUTE, ENDPOINT, DEPLOYMENT}


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
    name = key(body["id"])
    if name not in spending.costs and type_of(name) in WITH_VMS:
        for scope in scopes(name)[1:]:
            if type_of(scope).startswith(ML) and scope in spending.direct:
                raise NotKnown(
                    f"its VMs may be billed with {scope.rpartition('/')[2]}, which has charges, and it has none"
                )
    return Known(spending.costs.get(name, Decimal(0)), spending.until)
