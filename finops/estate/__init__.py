"""What exists: resources with their facts, read from Azure or from a recording, each fact known or unknown."""

from __future__ import annotations

from finops.estate.evidence import Evidence, NotKnown
from finops.estate.model import Estate, Fact, Gap, Known, Resource, Unknown
from finops.estate.read import gather, read, with_facts

__all__ = [
    "Estate",
    "Evidence",
    "Fact",
    "Gap",
    "Known",
    "NotKnown",
    "Resource",
    "Unknown",
    "gather",
    "read",
    "with_facts",
]
