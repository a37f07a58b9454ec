"""Who is asked about a resource."""

from __future__ import annotations

from collections.abc import Iterable

from finops.estate.ids import scopes
from finops.estate.model import Estate, Json, Known, Resource


def owner_of(resource: Resource, estate: Estate) -> str:
    """The address that its Owner tag names; else that of who made it, while that person is there; else of the nearest
    Owner tag above it; "" where nobody is known."""
    made_by, exists = resource.facts.get("owner"), resource.facts.get("ownerExists")
    maker = str(made_by.value) if isinstance(made_by, Known) else ""
    left = maker if isinstance(exists, Known) and exists.value is False else ""
    above = (estate.resources[scope].body for scope in scopes(resource.id)[1:] if scope in estate.resources)
    return asked(resource.body, "" if left else maker, above, left)


def asked(body: Json, maker: str, above: Iterable[Json] = (), left: str = "") -> str:
    """The same of a body as Azure returns it. above: what holds it, nearest first; left: who is not there any more."""
    named = (value for holder in above for value in [_tagged(holder)] if value and value.lower() != left.lower())
    own = _tagged(body)
    return (own if own.lower() != left.lower() else "") or maker or next(named, "")


def _tagged(body: Json) -> str:
    tags = body.get("tags")
    for name, value in tags.items() if isinstance(tags, dict) else ():
        if str(name).lower() == "owner" and isinstance(value, str) and "@" in value:
            return value.strip()
    return ""
