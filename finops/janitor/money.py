"""What a finding costs and what acting saves a month. Never a guess: None where it is not known."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from finops.estate import Known
from finops.janitor.model import Rule


def cost_of(facts: Mapping[str, Any]) -> Decimal | None:
    """What it cost in the last 30 days."""
    fact = facts.get("costLast30Days")
    return fact.value if isinstance(fact, Known) and isinstance(fact.value, Decimal) else None


def saving_of(rule: Rule, facts: Mapping[str, Any], cost: Decimal | None) -> Decimal | None:
    """What acting saves a month, by the bill of the last 30 days; list prices are in USD and are not added to it."""
    if rule.action == "archive":
        return Decimal(0)  # a version costs nothing; what it costs is its image, which has a rule of its own
    if rule.action != "scaleToZero" or cost is None:
        return cost
    idle, nodes = _count(facts, "idleNodesLast7Days"), _count(facts, "nodes")
    if idle is None or not nodes:
        return None
    return (cost * min(idle, nodes) / nodes).quantize(Decimal("0.01"))


def _count(facts: Mapping[str, Any], name: str) -> int | None:
    fact = facts.get(name)
    return fact.value if isinstance(fact, Known) and isinstance(fact.value, int) else None
