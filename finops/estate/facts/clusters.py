"""What a compute cluster held without need."""

from __future__ import annotations

from finops.estate.evidence import Evidence, NotKnown, Series
from finops.estate.facts import fact
from finops.estate.facts.age import created_at
from finops.estate.facts.nodes import is_cluster
from finops.estate.model import Json, Known
from finops.estate.queries import COMPUTE, WORKSPACE

IDLE_NODES = Series(WORKSPACE, "Idle Nodes", aggregation="minimum", days=7, dimension="ClusterName")


@fact("idleNodesLast7Days", of=COMPUTE, series=[IDLE_NODES], on_request=True)
def idle_nodes_last_7_days(body: Json, evidence: Evidence) -> Known:
    """The fewest idle nodes that the cluster had at any time of the last 7 days: so many idled throughout."""
    if not is_cluster(body):
        raise NotKnown("only compute clusters have nodes")
    start, end = IDLE_NODES.window(evidence.as_of)
    created = created_at(body)
    if created is None or created > start:
        raise NotKnown(f"it is younger than the {IDLE_NODES.days} days measured, or Azure does not say how old it is")
    workspace, _, name = body["id"].rpartition("/computes/")
    if evidence.lines(workspace, IDLE_NODES) and not evidence.has_line(workspace, IDLE_NODES, name):
        raise NotKnown("Monitor has no node counts of it")
    return Known(int(min(value for _, value in evidence.points(workspace, IDLE_NODES, name))), end)
