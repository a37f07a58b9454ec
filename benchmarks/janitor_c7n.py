"""The waste rules as Cloud Custodian's filters, on the same resources: for janitor.py --c7n.

    PYTHON benchmarks/janitor_c7n.py RESOURCES.jsonl NOW

PYTHON has c7n and c7n-azure. Prints JSON: what each policy found, what cannot be asked and why, and the seconds of one
core. The metric filter gets what Monitor measured through its own cache (c7n:metrics), so nothing is fetched; days
without data are null, as Azure's client has them. Both of its answers to missing data are shown: exclude (its default)
and to_zero. Everything locked is left out, and everything with the tag finops:keep or Keep.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

from c7n.config import Config
from c7n.policy import PolicyCollection
from c7n.resources import load_resources
from c7n_azure.entry import initialize_azure

Json = dict[str, Any]
ML = "microsoft.machinelearningservices/workspaces"
DAYS = 14


def value(key: str, op: str, wanted: Any, **more: Any) -> Json:
    return {"type": "value", "key": key, "op": op, "value": wanted, **more}


def alike(key: str, wanted: str) -> Json:
    return value(key, "eq", wanted, value_type="normalize")


def silent(no_data: str) -> list[Json]:
    metric = {
        "type": "metric", "metric": "RequestsPerMinute", "aggregation": "average", "op": "le", "threshold": 0,
        "timeframe": 24 * DAYS, "interval": "P1D", "no_data_action": no_data,
    }  # fmt: skip
    return [alike("type", f"{ML}/onlineendpoints"), alike("properties.provisioningState", "succeeded"), metric]


POLICIES: dict[str, list[Json]] = {
    "endpoint-without-requests (exclude)": silent("exclude"),
    "endpoint-without-requests (to_zero)": silent("to_zero"),
    "endpoint-failed": [
        alike("type", f"{ML}/onlineendpoints"), alike("properties.provisioningState", "failed"),
        value("systemData.lastModifiedAt", "ge", 7, value_type="age"),
    ],
    "dev-endpoint-past-end-date": [
        alike("type", f"{ML}/onlineendpoints"),
        value("tags.Environment", "in", ["dev", "development", "test", "sandbox"], value_type="normalize"),
        value("tags.EndDate", "le", 0, value_type="expiration"),
    ],
    "instance-stopped-long": [
        alike("type", f"{ML}/computes"), alike("properties.computeType", "computeinstance"),
        alike("properties.properties.state", "stopped"),
        value("properties.properties.lastOperation.operationTime", "ge", 60, value_type="age"),
    ],
    "cluster-idle-nodes": [
        alike("type", f"{ML}/computes"), alike("properties.computeType", "amlcompute"),
        value("properties.properties.nodeStateCounts.idleNodeCount", "gt", 0),
        value("properties.properties.nodeStateCounts.runningNodeCount", "eq", 0),
    ],
    "cluster-untagged": [
        alike("type", f"{ML}/computes"), alike("properties.computeType", "amlcompute"),
        {"type": "value", "key": "tag:costcenter", "value": "absent", "tag_key_transforms": ["lower"]},
        value("properties.properties.nodeStateCounts.runningNodeCount", "eq", 0),
    ],
}  # fmt: skip
KEPT = [
    {"type": "value", "key": f"tag:{name}", "value": "absent", "tag_key_transforms": ["lower"]}
    for name in ("finops:keep", "keep")
]
CANNOT = {
    "endpoint-without-deployments": "a filter does not see what is below a resource",
    "deployment-without-requests": "the traffic is on the endpoint above it",
    "batch-endpoint-never-invoked": "jobs of an endpoint are no filter",
    "instance-idle": "jobs and the load by ComputeName are no filter",
    "instance-owner-left": "the directory is no filter",
    "cluster-unused": "jobs of a cluster are no filter",
    "environment-version-unused": "there is no such resource type",
    "schedule-feeds-nothing": "there is no such resource type",
    "image-stale": "there are registries, but no manifests",
    "image-untagged": "there are registries, but no manifests",
}


def main(file: Path, now: datetime) -> None:
    estate = [json.loads(line) for line in file.open(encoding="utf-8")]
    ahead = datetime.now(now.tzinfo) - now  # c7n's ages are those of the real clock: the estate's times move with it
    window = [str((now - timedelta(days=back)).date()) for back in range(DAYS, 0, -1)]
    for one in estate:
        moved(one, ahead)
        usage = one.pop("x-usage")
        measured = [usage.get(day) for day in window] if usage else None
        one["measured"] = measured
    initialize_azure()
    load_resources(("azure.armresource",))
    asked = [
        {"name": f"policy-{at}", "resource": "azure.armresource", "filters": [*filters, *KEPT]}
        for at, filters in enumerate(POLICIES.values())
    ]
    found: dict[str, list[str]] = {}
    seconds = 0.0
    loaded = PolicyCollection.from_data({"policies": asked}, Config.empty())
    for name, policy in zip(POLICIES, loaded, strict=True):
        policy.validate()
        filters = policy.resource_manager.filter_registry.parse(policy.data["filters"], policy.resource_manager)
        began = time.process_time()
        found[name] = [each["id"] for each in estate if all(_asked(one, each, name) for one in filters)]
        seconds += time.process_time() - began
    print(json.dumps({"version": version("c7n"), "policies": found, "cannot": CANNOT, "seconds": seconds}))


def _asked(one: Any, each: Json, name: str) -> bool:
    """One filter of one resource; for a metric, what get_metric_data makes of the answer that Monitor gave."""
    if one.type != "metric":
        return bool(one(each))
    measured = each["measured"]
    if name.endswith("(to_zero)"):
        measured = [0 if point is None else point for point in measured or [0]]
    if measured is None:
        return False
    each["c7n:metrics"] = {one._get_metrics_cache_key(): {"measurement": measured}}
    return bool(one.passes_op_filter(each))


def moved(body: Any, by: timedelta) -> None:
    """Times and end dates of the estate, as many days from the real now as they are from its own."""
    for name, each in body.items() if isinstance(body, dict) else ():
        if isinstance(each, dict):
            moved(each, by)
        elif isinstance(each, str) and name in ("lastModifiedAt", "operationTime", "EndDate"):
            try:
                moment = datetime.fromisoformat(each)
            except ValueError:
                continue
            body[name] = (moment + by).isoformat()


if __name__ == "__main__":
    main(Path(sys.argv[1]), datetime.fromisoformat(sys.argv[2]))
