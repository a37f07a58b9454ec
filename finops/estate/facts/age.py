"""How old a resource is."""

from __future__ import annotations

from datetime import datetime

from finops.estate.evidence import Evidence, NotKnown, moment_of
from finops.estate.facts import fact
from finops.estate.model import Json

# systemData is ARM's own; the rest is where older providers put the time (workspaces, storage accounts, computes).
CREATED = ("systemData.createdAt", "properties.creationTime", "properties.createdOn", "properties.creationDate")


def created_at(body: Json) -> datetime | None:
    """When the resource was made, UTC; None where its body does not say."""
    return next((moment for path in CREATED if (moment := moment_of(body, path))), None)


@fact("ageDays")
def age_days(body: Json, evidence: Evidence) -> int:
    """Whole days since the resource was created."""
    created = created_at(body)
    if created is None:
        raise NotKnown("Azure does not say when it was created")
    if created > evidence.as_of:
        raise NotKnown(f"it was created at {created:%Y-%m-%dT%H:%MZ}, after this reading began")
    return (evidence.as_of - created).days
