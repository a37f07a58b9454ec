"""Whether a compute cluster runs on spot nodes."""

from __future__ import annotations

from finops.estate.evidence import Evidence, NotKnown
from finops.estate.facts import fact
from finops.estate.facts.nodes import is_cluster
from finops.estate.model import Json, text
from finops.estate.queries import COMPUTE

# AML's word is LowPriority; the CLI writes low_priority, people write spot.
SPOT = {"lowpriority", "spot"}
DEDICATED = {"dedicated", "regular"}


@fact("spot", of=COMPUTE)
def spot(body: Json, evidence: Evidence) -> bool:
    """Whether its nodes are spot nodes, which Azure may take back."""
    if not is_cluster(body):
        raise NotKnown("only compute clusters can have spot nodes")
    written = text(body, "properties.properties.vmPriority")
    priority = "".join(char for char in written.lower() if char.isalpha())
    if priority not in SPOT | DEDICATED:
        raise NotKnown(f"vmPriority is {written!r}" if written else "Azure does not say its vmPriority")
    return priority in SPOT
