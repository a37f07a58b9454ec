"""What keeps a resource from every rule: a keep tag, an exemption, a lock, or that a lock cannot be ruled out.

Of what a deletion takes along, each of these counts as well, and so does what people said of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from finops.estate import Estate, Known, Resource, Unknown
from finops.estate.ids import scopes
from finops.exemptions import RULES, TAG, Exemption, Exemptions
from finops.janitor.model import Kept, Rule

# Names of tags in letters and digits alone: Keep, do-not-delete, DoNotDelete; and values that deny them.
PLAIN = {"keep", "donotdelete"}
DENIED = {"", "false", "no", "0", "none", "null"}
SAY = f"The tag {TAG} = 2026-12-31;why would end by itself."


def protected(
    rule: Rule,
    resource: Resource,
    estate: Estate,
    keeps: Exemptions,
    now: datetime,
    with_it: Iterable[Resource] = (),
    words: Exemptions | None = None,
) -> Kept | None:
    """Why it is left alone although the rule holds; None where nothing protects it.

    with_it: what goes with it
    words: what people said of findings of their own on what goes with it
    """
    keep = keeps.keeping(resource.id, rule.name, now)
    if keep is not None:
        return Kept(rule.name, resource.id, told(keep), unknown=False)
    plain = next((tag for scope in scopes(resource.id) for tag in plain_keeps(_tags(estate.resources.get(scope)))), "")
    if plain:
        return Kept(rule.name, resource.id, f"Kept by the tag {plain}. {SAY}", unknown=False)
    for child in with_it:
        why = _kept_below(resource, child, estate, keeps, words, now)
        if why:
            return Kept(rule.name, resource.id, f"{child.id} would be deleted with it. {why}", unknown=False)
    for scope in scopes(resource.id):
        holder = estate.resources.get(scope)
        fact = holder.facts.get("locked") if holder else None
        if isinstance(fact, Known):
            why = "A management lock stands on it, or on a scope above it." if fact.value else ""
            return Kept(rule.name, resource.id, why, unknown=False) if why else _below(rule, resource, estate)
        if fact is not None:
            return Kept(rule.name, resource.id, f"Whether it is locked is not known: {fact.reason}.", unknown=True)
    return Kept(rule.name, resource.id, "Whether it is locked is not known: locks were not read.", unknown=True)


def plain_keeps(tags: object) -> Iterator[str]:
    """Tags by which people ask that something stays, in words of their own; they have no end that we could read."""
    for name, value in tags.items() if isinstance(tags, Mapping) else ():
        if "".join(filter(str.isalnum, str(name).lower())) in PLAIN and str(value).strip().lower() not in DENIED:
            yield f"{name} = {value}"


def _tags(holder: Resource | None) -> object:
    return holder.body.get("tags") if holder else None


def told(keep: Exemption) -> str:
    until = f" until {keep.until}" if keep.until else ""
    by = f", says {keep.owner}" if keep.owner else ""
    return f"Kept{until} by {keep.source}: {keep.reason or 'no reason was given'}{by}."


def _kept_below(
    resource: Resource, child: Resource, estate: Estate, keeps: Exemptions, words: Exemptions | None, now: datetime
) -> str:
    """Why what goes with it has to stay, and so itself; "" for nothing."""
    above = scopes(resource.id)
    for scope in scopes(child.id):
        if scope in above:
            break
        # One that is exempt from a rule of its own is as much in the way as one that is exempt from all of them.
        keep = keeps.any_at(scope, now, but_for=RULES) or (words.any_at(scope, now) if words else None)
        if keep is not None:
            return told(keep)
        plain = next(plain_keeps(_tags(estate.resources.get(scope))), "")
        if plain:
            return f"Kept by the tag {plain}. {SAY}"
    return ""


def _below(rule: Rule, resource: Resource, estate: Estate) -> Kept | None:
    """A lock on what goes with it stops a deletion as well."""
    if rule.action != "delete":
        return None
    for child in estate.children(resource.id):
        fact = child.facts.get("locked")
        if isinstance(fact, Known) and fact.value:
            return Kept(rule.name, resource.id, f"A management lock stands on {child.id}.", unknown=False)
        if isinstance(fact, Unknown):
            said = f"Whether {child.id} is locked is not known: {fact.reason}."
            return Kept(rule.name, resource.id, said, unknown=True)
    return None
