"""What exists: resources with their facts, read from Azure or from a recording, each fact known or unknown."""

from __future__ import annotations

from finops.estate.capture import capture
from finops.estate.evidence import Evidence, NotKnown
from finops.estate.folder import Stamp, check, stamp
from finops.estate.model import Estate, Fact, Gap, Known, Resource, Unknown
from finops.estate.read import gather, read, with_facts
from finops.estate.replay import faults

__all__ = [
    "Estate",
    "Evidence",
    "Fact",
    "Gap",
    "Known",
    "NotKnown",
    "Resource",
    "Stamp",
    "Unknown",
    "capture",
    "check",
    "faults",
    "gather",
    "read",
    "stamp",
    "with_facts",
]
