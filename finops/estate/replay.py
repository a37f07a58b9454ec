"""Make a simulator refuse what a recording lacks, so that half an estate never looks like a whole one."""

from __future__ import annotations

import re
from collections.abc import Iterable

from finops.estate import queries
from finops.estate.ids import key, subscription_of
from finops.estate.model import Gap, Json

# Where each kind of gap was asked for, below its scope.
PATHS = {
    queries.COMPUTES: "/computes",
    queries.NODES: "/listNodes",
    queries.JOBS: "/jobs",
    queries.LOCKS: "/providers/microsoft.authorization/locks",
    queries.METRICS: "/metrics:getbatch",
    queries.ACTIVITY: "/providers/microsoft.insights/eventtypes/management/values",
    queries.POLICY_STATES: "/providers/microsoft.policyinsights/policystates/latest/queryresults",
    queries.CHARGES: "/providers/microsoft.costmanagement/query",
}


# Statuses after which a client tries again.
RETRIED = {408, 429}


def faults(gaps: Iterable[Gap]) -> list[Json]:
    """Fault rules for finops.simulator that answer, where a recording has a gap, what was answered when it was made."""
    return [rule for gap in gaps for rule in _rules(gap)]


def _rules(gap: Gap) -> list[Json]:
    answer = {
        "fault": "status",
        # What was throttled or broken then would be tried again and again now: it is refused for good.
        "status": gap.status if 400 <= gap.status < 500 and gap.status not in RETRIED else 403,
        "code": gap.code or "NotRecorded",
        "message": gap.reason,
    }
    if gap.what == queries.PRICES:
        return [{**answer, "path": "^/api/retail/prices"}]
    if gap.what in PATHS:
        # A gap of "/" is one of every scope.
        scope = "^" + re.escape(key(gap.scope)) if key(gap.scope) else ""
        return [{**answer, "path": scope + re.escape(PATHS[gap.what]) + r"(\?|$)"}]
    subscription = re.escape(subscription_of(gap.scope))
    graph = {**answer, "path": "/providers/microsoft.resourcegraph/resources", "body": subscription}
    # A gap that we do not know could be anywhere below its scope.
    return [graph] if gap.what == queries.GRAPH else [graph, {**answer, "path": f"^/subscriptions/{subscription}/"}]
