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

# The reported week ends at most nine days before it is sent.
WEEK_DAYS = 17
KEPT_DAYS = 93  # by Monitor
HOUR = timedelta(hours=1)
# As Monitor keeps averages, six decimals are more than it has.
FINEST = Decimal("0.000001")


def series_of(days: int) -> tuple[Series, Series, Series]:
    """The metrics that tell it, so many days back: nodes and idle ones of clusters, requests of deployments."""
    return (
        Series(WORKSPACE, "Total Nodes", days=days, dimension="ClusterName"),
        Series(WORKSPACE, "Idle Nodes", days=days, dimension="ClusterName"),
        Series(DEPLOYMENT, "RequestsPerMinute", days=days),
    )


def days_back(period: Period, now: datetime) -> int:
    """So many days must be read for `period`, as far as Monitor keeps them."""
    return max(1, min((now - period.start).days + 2, KEPT_DAYS))


def work_of(evidence: Evidence, estate: Estate, period: Period, days: int) -> Work:
    """What ran in `period`, of what still exists: Monitor tells nothing of the rest. days: so far back it was read."""
    total, idle, requests = series_of(days)
    computes = [one.body for one in estate.of_type(COMPUTE)]
    clusters = [body for body in computes if is_cluster(body)]
    jobs, why = _completed(evidence, period)
    deployments = tuple(_predictions(evidence, period, requests))
    return Work(
        nodes=tuple(_node_hours(evidence, body["id"], period, total, idle) for body in clusters),
        predictions=deployments,
        jobs_completed=jobs,
        instances=frozenset(key(body["id"]) for body in computes if is_instance(body)),
        why_no_nodes="" if clusters else "there is no cluster",
        why_no_jobs=why,
        why_no_predictions="" if deployments else "there is no online deployment",
    )


def _node_hours(evidence: Evidence, cluster: str, period: Period, all_of: Series, idle_of: Series) -> NodeHours:
    workspace, _, name = cluster.rpartition("/computes/")
    start, _ = all_of.window(evidence.as_of)
    if period.start < start:
        return NodeHours(cluster, None, None, f"Monitor was read for the last {all_of.days} days only")
    if not evidence.lines(workspace, all_of):
        return NodeHours(cluster, None, None, str(evidence.missing("metrics", workspace)))
    # A line that is not there: the cluster never had a node, as far as Monitor knows.
    if not evidence.has_line(workspace, all_of, name):
        return NodeHours(cluster, Decimal(0), Decimal(0))
    total = between(evidence.measured(workspace, all_of, name), period.start, period.end)
    idle = between(evidence.measured(workspace, idle_of, name), period.start, period.end)
    hours = int((period.end - period.start) / HOUR)
    for points in (total, idle):
        if len(points) < hours * COVERAGE:
            return NodeHours(
                cluster, None, None, f"Monitor has {len(points)} of the {hours} hours of a cluster's nodes"
            )
    return NodeHours(cluster, _added(total), _added(idle))


def _predictions(evidence: Evidence, period: Period, requests: Series) -> Iterator[Predictions]:
    """Requests of each deployment. Averages over an hour, of requests a minute, are added up by 60 minutes each."""
    start, _ = requests.window(evidence.as_of)
    for name, body in sorted(evidence.bodies.items()):
        if type_of(name) != DEPLOYMENT:
            continue
        endpoint, _, deployment = body["id"].rpartition("/deployments/")
        said = f"{endpoint.rpartition('/')[2]}/{deployment}"
        if period.start < start:
            yield Predictions(body["id"], said, None, f"Monitor was read for the last {requests.days} days only")
        elif not evidence.lines(name, requests):
            yield Predictions(body["id"], said, None, "Monitor told no request counts of it")
        else:
            points = between(evidence.measured(name, requests), period.start, period.end)
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
