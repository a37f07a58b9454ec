"""The policies of conditions.py as Cloud Custodian's value filters, on the same resources: for conditions.py --c7n.

    PYTHON benchmarks/conditions_c7n.py RESOURCES.jsonl policy|filters

PYTHON has c7n and c7n-azure. Prints JSON: what each policy matched and took, and the memory. `policy` asks the resource
manager of a policy, as `custodian run` does; `filters` asks the filters alone, one resource after another, which c7n
keeps for callers without a resource manager. No login: nothing is fetched.

Written as tersely as c7n allows, for its good: `empty` instead of two conditions, one regex instead of two globs.
Azure Policy ignores case in values and names of tags, hence `normalize` and `tag_key_transforms`; names of properties
c7n cannot compare so, and the resources spell them as Azure does.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from c7n.config import Config
from c7n.policy import Policy, PolicyCollection
from c7n.resources import load_resources
from c7n_azure.entry import initialize_azure

Json = dict[str, Any]
ML = "microsoft.machinelearningservices/workspaces"
COMPUTE = "properties.properties"


def value(key: str, op: str, wanted: Any, **more: Any) -> Json:
    return {"type": "value", "key": key, "op": op, "value": wanted, **more}


def alike(key: str, op: str, wanted: Any, **more: Any) -> Json:
    return value(key, op, wanted, value_type="normalize", **more)


def of(kind: str) -> Json:
    return alike("type", "eq", kind)


def tag(name: str, op: str, wanted: Any) -> Json:
    return alike(f"tag:{name}", op, wanted, tag_key_transforms=["lower"])


def tagged(name: str, presence: str) -> Json:
    return {"type": "value", "key": f"tag:{name}", "value": presence, "tag_key_transforms": ["lower"]}


POLICIES: dict[str, list[Json]] = {
    "dev clusters are spot": [
        of(f"{ML}/computes"), alike("properties.computeType", "eq", "amlcompute"),
        alike(f"{COMPUTE}.vmPriority", "ne", "lowpriority"), tag("environment", "in", ["dev", "test", "sandbox"]),
    ],
    "instances shut down when idle": [
        of(f"{ML}/computes"), alike("properties.computeType", "eq", "computeinstance"),
        {f"{COMPUTE}.idleTimeBeforeShutdown": "empty"},
    ],
    "clusters scale to zero": [
        of(f"{ML}/computes"), alike("properties.computeType", "eq", "amlcompute"),
        {"or": [value(f"{COMPUTE}.scaleSettings.minNodeCount", "gt", 0),
                alike(f"{COMPUTE}.scaleSettings.nodeIdleTimeBeforeScaleDown", "not-in", ["pt2m", "pt15m"])]},
    ],
    "groups have a CostCenter": [
        of("microsoft.resources/subscriptions/resourcegroups"), tagged("costcenter", "absent"),
    ],
    "resources have a CostCenter": [{"location": "present"}, tagged("costcenter", "absent")],
    "CostCenter is one of ours": [
        tagged("costcenter", "present"), {"not": [tag("costcenter", "regex", r"(cc-.*|cc####)$")]},
    ],
    "GPUs only where approved": [
        of(f"{ML}/computes"), alike(f"{COMPUTE}.vmSize", "glob", "standard_n*"),
        tag("costcenter", "not-in", ["cc-vision", "cc-llm"]),
    ],
    "dev endpoints are small": [
        of(f"{ML}/onlineendpoints/deployments"), tag("environment", "eq", "dev"),
        {"or": [value("sku.capacity", "gt", 1),
                {"not": [alike("properties.instanceType", "glob", "standard_d*")]}]},
    ],
    "storage is closed": [
        of("microsoft.storage/storageaccounts"),
        {"properties.networkAcls.ipRules[?!starts_with(value, '10.')]": "not-null"},
    ],
}  # fmt: skip
CANNOT = {
    "CostCenter is inherited": "a value filter sees the resource alone, not the tags of its group; "
    "and what modify would change is no filter's answer"
}


def policies() -> dict[str, Policy]:
    """Loaded and validated as `custodian run` does; every resource type has the same value filters."""
    initialize_azure()
    load_resources(("azure.armresource",))
    asked = [
        {"name": f"policy-{at}", "resource": "azure.armresource", "filters": filters}
        for at, filters in enumerate(POLICIES.values())
    ]
    loaded = list(PolicyCollection.from_data({"policies": asked}, Config.empty()))
    for each in loaded:
        each.validate()
    return dict(zip(POLICIES, loaded, strict=True))


def asked(policy: Policy, way: str) -> Callable[[list[Json]], list[Json]]:
    manager = policy.resource_manager
    if way == "policy":
        whole: Callable[[list[Json]], list[Json]] = manager.filter_resources
        return whole
    filters = manager.filter_registry.parse(policy.data["filters"], None)
    return lambda estate: [each for each in estate if all(one(each) for one in filters)]


def timed(estate: list[Json], ask: Callable[[list[Json]], list[Json]]) -> tuple[float, list[Json]]:
    start = time.process_time()
    matched = ask(estate)
    taken = time.process_time() - start
    for each in estate:  # c7n notes in the resource what matched; a policy that fetches its own starts without notes
        each.pop("c7n:MatchedFilters", None)
    return taken, matched


def megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    lines, way = sys.argv[1:]
    compiled = policies()
    memory = {"code": megabytes()}
    with Path(lines).open(encoding="utf-8") as written:
        estate = [json.loads(line) for line in written]
    memory["resources"] = megabytes()
    told = {name: timed(estate, asked(policy, way)) for name, policy in compiled.items()}
    memory["peak"] = megabytes()
    places = {id(each): at for at, each in enumerate(estate)}
    answer = {
        "seconds": {name: seconds for name, (seconds, _) in told.items()},
        "matched": {name: [places[id(each)] for each in matched] for name, (_, matched) in told.items()},
        "memory": memory,
        "cannot": CANNOT,
        "versions": [f"{package} {version(package)}" for package in ("c7n", "c7n-azure")],
    }
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
