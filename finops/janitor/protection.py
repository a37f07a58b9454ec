"""What keeps a resource from every rule: a keep tag, an exemption, a lock, or that a lock cannot be ruled out."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from finops.estate import Estate, Known, Resource
from finops.estate.ids import scopes
from finops.exemptions import Exemption, Exemptions
from finops.janitor.model import Kept, Rule


def protected(rule: Rule, resource: Resource, estate: Estate, keeps: Exemptions, now: datetime) -> Kept | None:
    """Why it is left alone although the rule holds; None where nothing protects it."""
    keep = keeps.keeping(resource.id, rule.name, now)
    if keep is not None:
        return Kept(rule.name, resource.id, told(keep), unknown=False)
    for scope in scopes(resource.id):
        holder = estate.resources.get(scope)
        fact = holder.facts.get("locked") if holder else None
        if isinstance(fact, Known):
            why = "A management lock stands on it, or on a scope above it." if fact.value else ""
            return Kept(rule.name, resource.id, why, unknown=False) if why else _below(rule, resource, estate)
        if fact is not None:
            return Kept(rule.name, resource.id, f"Whether it is locked is not known: {fact.reason}.", unknown=True)
    return Kept(rule.name, resource.id, "Whether it is locked is not known: locks were not read.", unknown=True)


def told(keep: Exemption) -> str:
    until = f" until {keep.until}" if keep.until else ""
    by = f", says {keep.owner}" if keep.owner else ""
    return f"Kept{until} by {keep.source}: {keep.reason or 'no reason was given'}{by}."


def _below(rule: Rule, resource: Resource, estate: Estate) -> Kept | None:
    """A lock on what goes with it stops a deletion as well."""
    if rule.action != "delete":
        return None
    locked: Iterable[Resource] = (
        child
        for child in estate.children(resource.id)
        if isinstance(fact := child.facts.get("locked"), Known) and fact.value
    )
    first = next(iter(locked), None)
    return Kept(rule.name, resource.id, f"A management lock stands on {first.id}.", unknown=False) if first else None
