"""What ran in some days: node-hours and idle ones of clusters, requests of deployments, completed jobs; by Monitor."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

from finops.charges import Period
from finops.estate import Estate
from finops.estate.evidence import COVERAGE, Evidence, Points, Series, between
from finops.estate.facts.instances import is_instance
from finops.estate.facts.jobs import sent_at
from finops.estate.facts.nodes import is_cluster
from finops.estate.ids import key, type_of
from finops.estate.model import text
from finops.estate.queries import COMPUTE, DEPLOYMENT, JOB, WORKSPACE
from finops.report.known import NodeHours, Predictions, Work

# The reported week ends at most nine days before it is sent; Monitor keeps 93 days.
DAYS = 30
TOTAL = Series(WORKSPACE, "Total Nodes", days=DAYS, dimension="ClusterName")
IDLE = Series(WORKSPACE, "Idle Nodes", days=DAYS, dimension="ClusterName")
REQUESTS = Series(DEPLOYMENT, "RequestsPerMinute", days=DAYS)
SERIES = (TOTAL, IDLE, REQUESTS)
HOUR = timedelta(hours=1)
# As Monitor keeps averages, six decimals are more than it has.
FINEST = Decimal("0.000001")


def work_of(evidence: Evidence, estate: Estate, period: Period) -> Work:
    """What ran in `period`, of what still exists: Monitor tells nothing of what was deleted."""
    computes = [one.body for one in estate.of_type(COMPUTE)]
    clusters = [body for body in computes if is_cluster(body)]
    jobs, why = _completed(evidence, period)
    deployments = tuple(_predictions(evidence, period))
    return Work(
        nodes=tuple(_node_hours(evidence, body["id"], period) for body in clusters),
        predictions=deployments,
        jobs_completed=jobs,
        instances=frozenset(key(body["id"]) for body in computes if is_instance(body)),
        why_no_nodes="" if clusters else "there is no cluster",
        why_no_jobs=why,
        why_no_predictions="" if deployments else "there is no online deployment",
    )


def _node_hours(evidence: Evidence, cluster: str, period: Period) -> NodeHours:
    workspace, _, name = cluster.rpartition("/computes/")
    start, _ = TOTAL.window(evidence.as_of)
    if period.start < start:
        return NodeHours(cluster, None, None, f"Monitor was read for the last {DAYS} days only")
    if not evidence.lines(workspace, TOTAL):
        return NodeHours(cluster, None, None, str(evidence.missing("metrics", workspace)))
    # A line that is not there: the cluster never had a node, as far as Monitor knows.
    if not evidence.has_line(workspace, TOTAL, name):
        return NodeHours(cluster, Decimal(0), Decimal(0))
    total = between(evidence.measured(workspace, TOTAL, name), period.start, period.end)
    idle = between(evidence.measured(workspace, IDLE, name), period.start, period.end)
    hours = int((period.end - period.start) / HOUR)
    for points in (total, idle):
        if len(points) < hours * COVERAGE:
            return NodeHours(
                cluster, None, None, f"Monitor has {len(points)} of the {hours} hours of a cluster's nodes"
            )
    return NodeHours(cluster, _added(total), _added(idle))


def _predictions(evidence: Evidence, period: Period) -> Iterator[Predictions]:
    """Requests of each deployment. Averages over an hour, of requests a minute, are added up by 60 minutes each."""
    start, _ = REQUESTS.window(evidence.as_of)
    for name, body in sorted(evidence.bodies.items()):
        if type_of(name) != DEPLOYMENT:
            continue
        endpoint, _, deployment = body["id"].rpartition("/deployments/")
        said = f"{endpoint.rpartition('/')[2]}/{deployment}"
        if period.start < start:
            yield Predictions(body["id"], said, None, f"Monitor was read for the last {DAYS} days only")
        elif not evidence.lines(name, REQUESTS):
            yield Predictions(body["id"], said, None, "Monitor told no request counts of it")
        else:
            points = between(evidence.measured(name, REQUESTS), period.start, period.end)
            yield Predictions(body["id"], said, _added(points) * 60)


def _completed(evidence: Evidence, period: Period) -> tuple[int | None, str]:
    """Jobs that were sent in `period` and have completed; None where a workspace's jobs were not read."""
    workspaces = {name for name in evidence.bodies if type_of(name) == WORKSPACE}
    unread = workspaces - evidence.jobs_read
    if unread:
        return None, f"the jobs of {len(unread)} of {len(workspaces)} workspaces could not be read"
    reach = [since for name in workspaces if (since := evidence.jobs_since.get(name))]
    if any(since > period.start for since in reach):
        return None, f"jobs were read back to {max(reach):%Y-%m-%d} only"
    count = 0
    for name, body in evidence.bodies.items():
        if "/jobs/" in name and type_of(name) == JOB and text(body, "properties.status").lower() == "completed":
            sent: datetime | None = sent_at(body)
            count += sent is not None and period.start <= sent < period.end
    return count, ""


def _added(points: Points) -> Decimal:
    return sum((Decimal(str(value)) for _, value in points), Decimal(0)).quantize(FINEST)
