"""What exists: resources with their facts, read from Azure or from a recording, each fact known or unknown."""

from __future__ import annotations

from finops.estate.capture import capture
from finops.estate.collecting import with_facts
from finops.estate.evidence import Evidence, NotKnown
from finops.estate.facts import everything
from finops.estate.folder import Stamp, check, stamp
from finops.estate.look import look
from finops.estate.model import Estate, Fact, Gap, Known, Resource, Unknown, Usage
from finops.estate.read import gather, read
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
    "Usage",
    "capture",
    "check",
    "everything",
    "faults",
    "gather",
    "look",
    "read",
    "stamp",
    "with_facts",
]
