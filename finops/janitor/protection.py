"""What keeps a resource from every rule: a keep tag, an exemption, a lock, or that a lock cannot be ruled out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from finops.estate import Estate, Known, Resource
from finops.estate.ids import scopes
from finops.exemptions import TAG, Exemption, Exemptions
from finops.janitor.model import Kept, Rule

# Names of tags in letters and digits alone: Keep, do-not-delete, DoNotDelete; and values that deny them.
PLAIN = {"keep", "donotdelete"}
DENIED = {"", "false", "no", "0", "none", "null"}
SAY = f"The tag {TAG} = 2026-12-31;why would end by itself."


def protected(rule: Rule, resource: Resource, estate: Estate, keeps: Exemptions, now: datetime) -> Kept | None:
    """Why it is left alone although the rule holds; None where nothing protects it."""
    keep = keeps.keeping(resource.id, rule.name, now)
    if keep is not None:
        return Kept(rule.name, resource.id, told(keep), unknown=False)
    plain = next((tag for scope in scopes(resource.id) for tag in plain_keeps(estate.resources.get(scope))), "")
    if plain:
        return Kept(rule.name, resource.id, f"Kept by the tag {plain}. {SAY}", unknown=False)
    for scope in scopes(resource.id):
        holder = estate.resources.get(scope)
        fact = holder.facts.get("locked") if holder else None
        if isinstance(fact, Known):
            why = "A management lock stands on it, or on a scope above it." if fact.value else ""
            return Kept(rule.name, resource.id, why, unknown=False) if why else _below(rule, resource, estate)
        if fact is not None:
            return Kept(rule.name, resource.id, f"Whether it is locked is not known: {fact.reason}.", unknown=True)
    return Kept(rule.name, resource.id, "Whether it is locked is not known: locks were not read.", unknown=True)


def plain_keeps(holder: Resource | None) -> Iterator[str]:
    """Tags by which people ask that something stays, in words of their own; they have no end that we could read."""
    tags = holder.body.get("tags") if holder else None
    for name, value in tags.items() if isinstance(tags, dict) else ():
        if "".join(filter(str.isalnum, str(name).lower())) in PLAIN and str(value).strip().lower() not in DENIED:
            yield f"{name} = {value}"


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
