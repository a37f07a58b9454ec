"""Who is asked about a resource."""

from __future__ import annotations

from finops.estate.ids import scopes
from finops.estate.model import Estate, Known, Resource


def owner_of(resource: Resource, estate: Estate) -> str:
    """The address of who made it, while that person is there; else the nearest Owner tag; "" where nobody is known."""
    made_by, exists = resource.facts.get("owner"), resource.facts.get("ownerExists")
    gone = isinstance(exists, Known) and exists.value is False
    if isinstance(made_by, Known) and not gone:
        return str(made_by.value)
    for scope in scopes(resource.id):
        holder = estate.resources.get(scope)
        tags = holder.body.get("tags") if holder else None
        for name, value in tags.items() if isinstance(tags, dict) else ():
            if str(name).lower() == "owner" and isinstance(value, str) and "@" in value:
                left = gone and isinstance(made_by, Known) and value.strip().lower() == str(made_by.value).lower()
                if not left:
                    return value.strip()
    return ""
