"""Make a simulator refuse what a recording lacks, so that half an estate never looks like a whole one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from finops.estate import queries
from finops.estate.folder import stamp
from finops.estate.ids import key, subscription_of, type_of
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
    queries.SCHEDULES: "/schedules",
    queries.ENVIRONMENTS: "/environments",
    queries.COMPONENTS: "",
    queries.ROLES: "/providers/microsoft.authorization/roleassignments",
}
# Asked for on another host of Azure's, which a local server has below a prefix.
PREFIXED = {queries.BATCH_JOBS: ("/mferp/managementfrontend", "/jobs"), queries.USERS: ("/graph/v1.0", "")}

# Files that a recording has, empty or not, if it asked for what they hold; else it cannot tell that there is none.
GRAPH_PATH = "^/graph/"
FILES = {
    "arm/microsoft.machinelearningservices/workspaces/" + name: path
    for name, path in (
        ("schedules.jsonl", r"/workspaces/[^/]+/schedules(\?|$)"),
        ("environments.jsonl", r"/workspaces/[^/]+/environments(\?|$)"),
        ("environments/versions.jsonl", r"/environments/[^/]+/versions(\?|$)"),
        ("components/versions.jsonl", r"/components/[^/]+/versions/"),
        ("batchendpoints/jobs.jsonl", r"^/mferp/managementfrontend/"),
    )
} | {
    "arm/microsoft.authorization/roleassignments.jsonl": r"/providers/microsoft\.authorization/roleassignments(\?|$)",
    "directory.jsonl": GRAPH_PATH,
}
LONG_LISTS = r"/workspaces/[^/]+/jobs\?(.*&)?listviewtype=all"


# Data of registries lies below their login server, not below their id; finops.images reads it.
REGISTRIES = "Microsoft.ContainerRegistry/registries/manifests"

# Statuses after which a client tries again.
RETRIED = {408, 429}


def faults(gaps: Iterable[Gap], folder: Path | None = None) -> list[Json]:
    """Fault rules for finops.simulator that answer, where a recording has a gap, what was answered when it was made.

    folder: of the recording, so that lists that it never asked for are refused as well
    """
    return [rule for gap in gaps for rule in _rules(gap)] + (list(_not_asked(folder)) if folder else [])


def _not_asked(folder: Path) -> Iterator[Json]:
    # Writes stay possible; the directory is asked by POST.
    refused = {"fault": "status", "status": 403, "code": "NotRecorded", "method": "GET"}
    for name, path in FILES.items():
        if not (folder / name).exists():
            method = ".*" if path == GRAPH_PATH else "GET"
            said = f"The recording has no {name}: it was not asked for."
            yield {**refused, "method": method, "path": path, "message": said}
    found = stamp(folder)
    if found.source == "azure" and found.jobs_since is None:
        yield {**refused, "path": LONG_LISTS, "message": "The recording holds no jobs older than 30 days."}


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
    if gap.what in PREFIXED:
        before, after = PREFIXED[gap.what]
        return [{**answer, "path": "^" + re.escape(before + key(gap.scope) + after) + r"(\?|$)"}]
    if gap.what == REGISTRIES:
        registry, _, repository = gap.scope.lower().partition("/repositories/")
        server = rf"^/registry/{re.escape(registry.rpartition('/')[2])}[.-]"
        below = re.escape(repository.replace("~", "/")) + "/_?manifests" if repository else ""
        return [{**answer, "path": f"{server}.*/{below}" if below else server}]
    if gap.what in PATHS:
        # A gap of "/" is one of every scope.
        scope = "^" + re.escape(key(gap.scope)) if key(gap.scope) else ""
        below = PATHS[gap.what]
        if gap.what == queries.ENVIRONMENTS and type_of(gap.scope) == queries.ENVIRONMENT:
            below = "/versions"
        # A workspace that names too many components has a gap for all of them.
        ends = r"(/|\?|$)" if gap.what == queries.COMPONENTS else r"(\?|$)"
        return [{**answer, "path": scope + re.escape(below) + ends}]
    subscription = re.escape(subscription_of(gap.scope))
    graph = {**answer, "path": "/providers/microsoft.resourcegraph/resources", "body": subscription}
    # A gap that we do not know could be anywhere below its scope.
    return [graph] if gap.what == queries.GRAPH else [graph, {**answer, "path": f"^/subscriptions/{subscription}/"}]
