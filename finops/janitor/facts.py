"""Which facts a rule may ask of a type, and the one that the janitor adds: the environment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from finops.estate import Estate, Known, Resource, Unknown
from finops.estate.facts import definitions_for
from finops.estate.ids import key, scopes
from finops.estate.model import Fact
from finops.janitor.model import Rule

MANIFEST = "microsoft.containerregistry/registries/manifests"
# What finops.images measures of a manifest, and what it has from its registry.
OF_IMAGES = frozenset(
    {"ageDays", "costCenter", "dependents", "exclusiveBytes", "imageLocked", "lastPulledDays", "locked", "newestRank",
     "owner", "ownerExists", "pushedDays", "reached", "reachedBy", "tagged"}
)  # fmt: skip
ENVIRONMENT = "environment"


def known_for(resource_type: str) -> frozenset[str]:
    """The facts that resources of a type can have."""
    if resource_type == MANIFEST:
        return OF_IMAGES
    return frozenset({one.name for one in definitions_for(resource_type)} | {ENVIRONMENT})


def wanted(rules: Iterable[Rule]) -> frozenset[str]:
    """What `estate.read(facts=...)` must be asked for: facts, and types that are not listed unless asked for."""
    found = {"costLast30Days", "dependents", "lastRequest", "locked", "owner", "ownerExists", "pricePerHour"}
    for rule in rules:
        if rule.mode != "off" and rule.type != MANIFEST:
            found |= {rule.type, *rule.condition.facts} - {ENVIRONMENT}
    return frozenset(found)


def facts_of(resource: Resource, estate: Estate, asked: frozenset[str], tag: str) -> Mapping[str, Any]:
    """Its facts; with its environment by the tag `tag`, where a rule asks for it."""
    if ENVIRONMENT not in asked or ENVIRONMENT in resource.facts:
        return resource.facts
    return {**resource.facts, ENVIRONMENT: environment_of(resource, estate, tag)}


def environment_of(resource: Resource, estate: Estate, tag: str) -> Fact:
    """The environment tag of the resource, else of the nearest scope above that has one."""
    for scope in scopes(resource.id):
        holder = resource if scope == key(resource.id) else estate.resources.get(scope)
        if holder is None:
            return Unknown(f"the tags of {scope} were not read")
        tags = holder.body.get("tags")
        for name, value in tags.items() if isinstance(tags, dict) else ():
            if str(name).lower() == tag.lower() and isinstance(value, str) and value.strip():
                return Known(value.strip(), estate.as_of)
    return Unknown(f"neither it nor anything above it has the tag {tag}")
