"""Whose a resource is."""

from __future__ import annotations

from finops.estate.evidence import Evidence, NotKnown
from finops.estate.facts import fact
from finops.estate.ids import type_of
from finops.estate.model import Json, text
from finops.estate.queries import BATCH_JOB, ML

WRITTEN = "/write"
NOT_PEOPLE = {"Application": "an application", "ManagedIdentity": "a managed identity", "Key": "a key"}


@fact("owner")
def owner(body: Json, evidence: Evidence) -> str:
    """The address of the person who created it, by systemData, else by the activity log."""
    creator = creator_of(body)
    if creator:
        return creator
    by = text(body, "systemData.createdByType")
    if by and by != "User":
        raise NotKnown(f"it was created by {NOT_PEOPLE.get(by, by)}, not a person")
    for event in evidence.events_of(body["id"]):
        written = text(event, "operationName.value").lower().endswith(WRITTEN)
        if written and is_person(text(event, "caller")):
            return text(event, "caller")
    raise NotKnown("the activity log of the last 90 days names nobody who wrote it")


def creator_of(body: Json) -> str:
    """The person in systemData, "" where it names none."""
    creator = text(body, "systemData.createdBy")
    by = text(body, "systemData.createdByType") or "User"
    return creator if by == "User" and is_person(creator) else ""


def unsigned(resource_id: str, body: Json) -> bool:
    """Whether a Machine Learning resource does not say who or what made it, so that the activity log is asked."""
    ours = type_of(resource_id).startswith(ML) and type_of(resource_id) != BATCH_JOB
    return ours and not creator_of(body) and not text(body, "systemData.createdByType")


def is_person(caller: str) -> bool:
    """Whether a caller is a person: people sign in by address, applications and identities by GUID."""
    return "@" in caller
