"""Evidence made by hand, for tests of single facts: bodies, points, and what was listed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from finops.estate import Evidence, Known, queries
from finops.estate.facts import facts_of

NOW = datetime(2026, 11, 22, 6, 30, tzinfo=UTC)
HOUR_END = NOW.replace(minute=0)
SUB = "/subscriptions/11111111-0000-0000-0000-000000000000"
WORKSPACE = f"{SUB}/resourceGroups/ml/providers/Microsoft.MachineLearningServices/workspaces/ws"
ENDPOINT = f"{WORKSPACE}/onlineEndpoints/churn"
BLUE = f"{ENDPOINT}/deployments/blue"
BATCH = f"{WORKSPACE}/batchEndpoints/score"
CLUSTER = f"{WORKSPACE}/computes/gpu"
INSTANCE = f"{WORKSPACE}/computes/ci"
VERSION = f"{WORKSPACE}/environments/sklearn/versions/3"
COMPONENT = f"{WORKSPACE}/components/train/versions/1"
SCHEDULE = f"{WORKSPACE}/schedules/nightly"
ANA = "00000000-aaaa-0000-0000-000000000001"

Json = dict[str, Any]


def made(resource_id: str, days_old: float = 200, **properties: Any) -> Json:
    return {
        "id": resource_id,
        "location": "westeurope",
        "systemData": {"createdAt": (NOW - timedelta(days=days_old)).isoformat()},
        "properties": properties,
    }


def endpoint(days_old: float = 200, **properties: Any) -> Json:
    return made(ENDPOINT, days_old, **{"traffic": {"blue": 100}, **properties})


def cluster(days_old: float = 200, **inner: Any) -> Json:
    return made(CLUSTER, days_old, computeType="AmlCompute", properties={"currentNodeCount": 0, **inner})


def instance(state: str = "Running", hours: float = 500, operation: str = "Start", **inner: Any) -> Json:
    last = {
        "operationName": operation,
        "operationTime": (NOW - timedelta(hours=hours)).isoformat(),
        "operationStatus": "Succeeded",
    }
    return made(INSTANCE, computeType="ComputeInstance", properties={"state": state, "lastOperation": last, **inner})


def job(name: str, days_ago: float, status: str = "Completed", **properties: Any) -> Json:
    return {**made(f"{WORKSPACE}/jobs/{name}", days_ago, status=status, **properties), "name": name}


def line(resource: str, metric: str, values: list[float | None], field: str = "average", dimensions: str = "{}") -> Any:
    points = [
        {"timeStamp": (HOUR_END - timedelta(hours=len(values) - hour)).isoformat(), field: value}
        for hour, value in enumerate(values)
    ]
    return {(resource.lower(), metric, dimensions): points}


def requests(*values: float | None, of: str = ENDPOINT) -> Any:
    return line(of, "RequestsPerMinute", list(values))


def load(*values: float | None) -> Any:
    return line(WORKSPACE, "CpuUtilizationPercentage", list(values), "maximum", '{"ComputeName": "ci"}')


def everything_listed(*but: str) -> Json:
    lists = {queries.SCHEDULES, queries.DEPLOYMENTS, queries.AUTOSCALE, queries.COMPUTES, queries.ENVIRONMENTS}
    lists |= {queries.COMPONENTS, queries.BATCH_JOBS, queries.GRAPH}
    return {what: frozenset([SUB.lower()]) for what in lists - set(but)}


def read(body: Json, *others: Json, **what: Any) -> Json:
    """Each fact's value, or the reason in brackets; all was listed, and jobs for ever, unless the test says else."""
    asked: Json = {
        "listed": everything_listed(),
        "jobs_read": frozenset([WORKSPACE.lower()]),
        "jobs_since": {WORKSPACE.lower(): datetime.min.replace(tzinfo=UTC)},
        **what,
    }
    around = ({"id": SUB, "tenantId": "home"}, {"id": WORKSPACE, "properties": {}}, *others, body)
    found = facts_of(body, Evidence(NOW, {one["id"].lower(): one for one in around}, **asked))
    return {name: fact.value if isinstance(fact, Known) else f"({fact.reason})" for name, fact in found.items()}
