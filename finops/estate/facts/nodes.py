"""What the nodes of a compute cluster are doing now."""

from __future__ import annotations

from collections import Counter

from finops.estate.evidence import Evidence, NotKnown
from finops.estate.facts import fact
from finops.estate.model import Json, at, text
from finops.estate.queries import COMPUTE

STATES = ("idle", "running", "preparing", "unusable", "leaving", "preempted")


def node_states(body: Json, evidence: Evidence) -> Counter[str]:
    """How many nodes are in each state: by listNodes where it was called, else by the cluster's own counts."""
    if text(body, "properties.computeType").lower() != "amlcompute":
        raise NotKnown("only compute clusters have nodes")
    if (listed := evidence.nodes.get(body["id"].lower())) is not None:
        return Counter(text(node, "nodeState").lower() for node in listed)
    counts = at(body, "properties.properties.nodeStateCounts")
    if isinstance(counts, dict) and all(isinstance(counts.get(f"{state}NodeCount"), int) for state in STATES):
        return Counter({state: counts[f"{state}NodeCount"] for state in STATES})
    if at(body, "properties.properties.currentNodeCount") == 0:
        return Counter()
    evidence.nodes_of(body["id"])
    raise NotKnown("Azure does not say how many nodes there are")


@fact("nodes", of=COMPUTE)
def nodes(body: Json, evidence: Evidence) -> int:
    """Nodes of the cluster now, in any state."""
    return node_states(body, evidence).total()


@fact("idleNodes", of=COMPUTE)
def idle_nodes(body: Json, evidence: Evidence) -> int:
    """Nodes that are paid for and run nothing."""
    return node_states(body, evidence)["idle"]


@fact("runningNodes", of=COMPUTE)
def running_nodes(body: Json, evidence: Evidence) -> int:
    """Nodes that run a job."""
    return node_states(body, evidence)["running"]


@fact("preparingNodes", of=COMPUTE)
def preparing_nodes(body: Json, evidence: Evidence) -> int:
    """Nodes that start, or pull an image."""
    return node_states(body, evidence)["preparing"]


@fact("unusableNodes", of=COMPUTE)
def unusable_nodes(body: Json, evidence: Evidence) -> int:
    """Nodes that Azure calls unusable."""
    return node_states(body, evidence)["unusable"]


@fact("leavingNodes", of=COMPUTE)
def leaving_nodes(body: Json, evidence: Evidence) -> int:
    """Nodes that are being released."""
    return node_states(body, evidence)["leaving"]


@fact("preemptedNodes", of=COMPUTE)
def preempted_nodes(body: Json, evidence: Evidence) -> int:
    """Spot nodes that Azure took back."""
    return node_states(body, evidence)["preempted"]
