"""When a resource last changed, and how long we have known it."""

from __future__ import annotations

from finops.estate.evidence import Evidence, NotKnown, moment_of
from finops.estate.facts import fact
from finops.estate.ids import key, subscription_of
from finops.estate.model import Json, text

# systemData is ARM's own; computes keep a time of their own.
CHANGED = ("systemData.lastModifiedAt", "properties.modifiedOn")
# Operations that end in it change what they are made on.
CHANGING = ("/write", "/delete", "/action")


@fact("lastChangedDays")
def last_changed_days(body: Json, evidence: Evidence) -> int:
    """Whole days since somebody last changed it, by its body, and by the activity log where that was read."""
    moments = [moment_of(body, path) for path in CHANGED]
    if subscription_of(body["id"]) in evidence.activity:
        moments += [
            moment_of(event, "eventTimestamp")
            for event in evidence.events_of(body["id"])
            if text(event, "operationName.value").lower().endswith(CHANGING)
        ]
    told = [moment for moment in moments if moment]
    if not told:
        raise NotKnown("Azure does not say when it was last changed")
    if max(told) > evidence.as_of:
        raise NotKnown(f"it was changed at {max(told):%Y-%m-%dT%H:%MZ}, after this reading began")
    return (evidence.as_of - max(told)).days


@fact("knownDays")
def known_days(body: Json, evidence: Evidence) -> int:
    """Whole days since we first saw it, by our own memory; 0 where this is the first time."""
    if evidence.first_seen is None:
        raise NotKnown("our own memory was not asked")
    first = evidence.first_seen.get(key(body["id"]))
    return max(0, (evidence.as_of - first).days) if first else 0
