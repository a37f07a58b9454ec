"""Whether a resource is locked against deletion or change."""

from __future__ import annotations

from finops.estate.evidence import Evidence
from finops.estate.facts import fact
from finops.estate.model import Json


@fact("locked")
def locked(body: Json, evidence: Evidence) -> bool:
    """Whether a management lock stands on it, or on a scope above it."""
    return bool(evidence.locks_over(body["id"]))
