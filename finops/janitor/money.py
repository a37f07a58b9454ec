"""What a finding costs and what acting saves a month. Never a guess: None where it is not known."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from finops.estate import Known
from finops.janitor.model import Rule

HOURS_A_MONTH = Decimal(730)  # as Azure's price pages count


def cost_of(facts: Mapping[str, Any]) -> Decimal | None:
    """What it cost in the last 30 days."""
    fact = facts.get("costLast30Days")
    return fact.value if isinstance(fact, Known) and isinstance(fact.value, Decimal) else None


def saving_of(rule: Rule, facts: Mapping[str, Any], cost: Decimal | None) -> Decimal | None:
    """What acting saves a month: the bill of the last 30 days for what goes, today's price for what is stopped."""
    if rule.action == "archive":
        return Decimal(0)  # a version costs nothing; what it costs is its image, which has a rule of its own
    hourly = _price(facts)
    if rule.action == "stop" and hourly is not None:
        return _cents(hourly * HOURS_A_MONTH)
    if rule.action == "scaleToZero":
        idle = facts.get("idleNodesLast7Days")
        if hourly is None or not (isinstance(idle, Known) and isinstance(idle.value, int)):
            return None
        return _cents(hourly * idle.value * HOURS_A_MONTH)
    return cost


def _price(facts: Mapping[str, Any]) -> Decimal | None:
    fact = facts.get("pricePerHour")
    return fact.value if isinstance(fact, Known) and isinstance(fact.value, Decimal) else None


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.01"))
