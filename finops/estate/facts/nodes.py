"""What the nodes of a compute cluster are doing now."""

from __future__ import annotations

from collections import Counter

from finops.estate.evidence import Evidence, NotKnown
from finops.estate.facts import fact
from finops.estate.model import Json, at, text
from finops.estate.queries import COMPUTE


def node_list(body: Json, evidence: Evidence) -> list[Json]:
    """The nodes of a cluster as listNodes tells them; it is not called where the cluster says that it has none.

    The cluster's own nodeStateCounts are no substitute: they lag behind, and a refused list is no reason to believe
    them.
    """
    if at(body, "properties.properties.currentNodeCount") == 0 and body["id"].lower() not in evidence.nodes:
        return []
    return evidence.nodes_of(body["id"])


def is_cluster(body: Json) -> bool:
    """Whether a compute is an AmlCompute cluster, the only kind that has nodes."""
    return text(body, "properties.computeType").lower() == "amlcompute"


def node_states(body: Json, evidence: Evidence) -> Counter[str]:
    """How many nodes are in each state: idle, running, preparing, unusable, leaving, preempted."""
    if not is_cluster(body):
        raise NotKnown("only compute clusters have nodes")
    return Counter(text(node, "nodeState").lower() for node in node_list(body, evidence))


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
