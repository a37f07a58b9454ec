"""Who pays for a resource, by its tags."""

from __future__ import annotations

from finops.estate.evidence import Evidence, NotKnown
from finops.estate.facts import fact
from finops.estate.ids import scopes
from finops.estate.model import Json, at

UNTAGGED = "(untagged)"
SPELLINGS = {"costcenter", "costcentre"}


@fact("costCenter")
def cost_center(body: Json, evidence: Evidence) -> str:
    """The CostCenter tag in any spelling, its own or that of the nearest scope above, else "(untagged)"."""
    for scope in scopes(body["id"]):
        if value := tagged(body if scope == body["id"].lower() else evidence.body(scope)):
            return value
    return UNTAGGED


def tagged(body: Json) -> str:
    """The CostCenter of one body: the exact name in any letter case wins over spellings such as cost-centre."""
    tags = at(body, "tags")
    found = {
        name: value.strip()
        for name, value in (tags.items() if isinstance(tags, dict) else ())
        if isinstance(value, str) and value.strip() and _plain(name) in SPELLINGS
    }
    exact = {value for name, value in found.items() if name.lower() == "costcenter"}
    values = exact or set(found.values())
    if len(values) > 1:
        raise NotKnown(f"its tags name several: {', '.join(f'{name}={found[name]}' for name in sorted(found))}")
    return next(iter(values), "")


def _plain(name: str) -> str:
    return "".join(char for char in name.lower() if char.isalnum())
