"""What makes a finding one that two people must approve."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from finops.estate import Estate, Known, Resource
from finops.estate.facts import definitions_for
from finops.estate.model import text
from finops.janitor.actions import COMPUTE, INSTANCE
from finops.janitor.facts import environment_of
from finops.janitor.model import Json, Rule

PRODUCTION = ("prod", "production", "prd", "live")


def risks(
    rule: Rule,
    resource: Resource,
    estate: Estate,
    tag: str,
    facts: Mapping[str, Any],
    cost: Decimal | None,
    most: Decimal,
) -> Iterator[str]:
    """Each reason in words; none: the risk is low. `most`: from which cost of 30 days it is high."""
    if rule.risk == "high":
        yield "the rule says so"
    dependents = facts.get("dependents")
    if isinstance(dependents, Known) and dependents.value:
        yield f"{len(dependents.value)} thing{'s' if len(dependents.value) > 1 else ''} refer to it"
    elif not isinstance(dependents, Known) and has_dependents(resource):
        yield "what refers to it is not known"
    if is_production(resource, estate, tag):
        yield f"its {tag} is production"
    if cost is not None and cost >= most:
        yield f"it costs {cost:,.2f} in 30 days, at least {most:,}"
    if rule.action == "delete" and resource.type == COMPUTE and kind_of(resource.body) == INSTANCE:
        yield "the disk of a compute instance cannot be brought back"


def has_dependents(resource: Resource) -> bool:
    """Whether things that we could list may refer to it: of a manifest that is what `reached` says."""
    return any(one.name == "dependents" for one in definitions_for(resource.type))


def is_production(resource: Resource, estate: Estate, tag: str) -> bool:
    """By the tag on it or on the nearest scope above; what has none is not taken for production."""
    environment = environment_of(resource, estate, tag)
    return isinstance(environment, Known) and str(environment.value).lower() in PRODUCTION


def kind_of(body: Json) -> str:
    return text(body, "properties.computeType").lower()
