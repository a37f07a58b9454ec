"""How many policy evaluations a second one core makes, and in how much memory.

    python benchmarks/conditions.py [RESOURCES]

100,000 synthetic Azure Machine Learning resources (workspaces, clusters, instances, endpoints, deployments, storage
accounts, groups) against ten policies of the kinds that cost governance needs. The bar: a million evaluations in
under 10 s on one core.
"""

from __future__ import annotations

import random
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

from finops.conditions import compile_policy

SEED = 7
ML = "Microsoft.MachineLearningServices/workspaces"
GROUP = "/subscriptions/00000000-0000-0000-0000-{:012}/resourceGroups/rg-{}/providers"
SIZES = ["Standard_DS3_v2", "Standard_NC6s_v3", "Standard_ND96asr_v4", "Standard_F8s_v2", "STANDARD_NC24ADS_A100_V4"]


def of(kind: str) -> dict[str, Any]:
    return {"field": "type", "equals": kind}


def rule(effect: str, *conditions: dict[str, Any], details: Any = None, parameters: Any = None) -> dict[str, Any]:
    then = {"effect": effect} if details is None else {"effect": effect, "details": details}
    return {
        "mode": "All",
        "parameters": parameters or {},
        "policyRule": {"if": {"allOf": list(conditions)}, "then": then},
    }


POLICIES = {
    "dev clusters are spot": rule(
        "deny", of(f"{ML}/computes"), {"field": f"{ML}/computes/computeType", "equals": "AmlCompute"},
        {"field": f"{ML}/computes/vmPriority", "notEquals": "LowPriority"},
        {"field": "tags['Environment']", "in": ["dev", "test", "sandbox"]},
    ),
    "instances shut down when idle": rule(
        "audit", of(f"{ML}/computes"), {"field": f"{ML}/computes/computeType", "equals": "ComputeInstance"},
        {"anyOf": [{"field": f"{ML}/computes/idleTimeBeforeShutdown", "exists": False},
                   {"field": f"{ML}/computes/idleTimeBeforeShutdown", "equals": ""}]},
    ),
    "clusters scale to zero": rule(
        "audit", of(f"{ML}/computes"), {"field": f"{ML}/computes/computeType", "equals": "AmlCompute"},
        {"anyOf": [{"field": f"{ML}/computes/scaleSettings.minNodeCount", "greater": 0},
                   {"field": f"{ML}/computes/scaleSettings.nodeIdleTimeBeforeScaleDown", "notIn": ["PT2M", "PT15M"]}]},
    ),
    "groups have a CostCenter": rule(
        "deny", of("Microsoft.Resources/subscriptions/resourceGroups"),
        {"field": "[concat('tags[', parameters('tag'), ']')]", "exists": False},
        parameters={"tag": {"type": "String", "defaultValue": "CostCenter"}},
    ),
    "resources have a CostCenter": rule(
        "audit", {"field": "location", "exists": True}, {"field": "tags['CostCenter']", "exists": False},
    ),
    "CostCenter is one of ours": rule(
        "audit", {"field": "tags['CostCenter']", "exists": True},
        {"count": {"value": ["cc-*", "CC####"], "name": "pattern",
                   "where": {"field": "tags['CostCenter']", "like": "[current('pattern')]"}}, "equals": 0},
    ),
    "CostCenter is inherited": rule(
        "modify", {"field": "tags['CostCenter']", "exists": False},
        {"value": "[resourceGroup().tags['CostCenter']]", "notEquals": ""},
        details={"operations": [{"operation": "addOrReplace", "field": "tags['CostCenter']",
                                 "value": "[resourceGroup().tags['CostCenter']]"}]},
    ),
    "GPUs only where approved": rule(
        "deny", of(f"{ML}/computes"), {"field": f"{ML}/computes/vmSize", "like": "Standard_N*"},
        {"not": {"field": "tags.CostCenter", "in": "[parameters('approved')]"}},
        parameters={"approved": {"type": "Array", "defaultValue": ["cc-vision", "cc-llm"]}},
    ),
    "dev endpoints are small": rule(
        "audit", of(f"{ML}/onlineEndpoints/deployments"), {"field": "tags.Environment", "equals": "dev"},
        {"anyOf": [{"field": f"{ML}/onlineEndpoints/deployments/sku.capacity", "greater": 1},
                   {"field": f"{ML}/onlineEndpoints/deployments/instanceType", "notLike": "Standard_D*"}]},
    ),
    "storage is closed": rule(
        "audit", of("Microsoft.Storage/storageAccounts"),
        {"count": {"field": "Microsoft.Storage/storageAccounts/networkAcls.ipRules[*]",
                   "where": {"field": "Microsoft.Storage/storageAccounts/networkAcls.ipRules[*].value",
                             "notLike": "10.*"}}, "greater": 0},
    ),
}  # fmt: skip


def resources(count: int) -> Iterator[dict[str, Any]]:
    """Bodies as Azure Resource Manager returns them: 40 % computes, 20 % deployments, the rest in smaller parts."""
    draw = random.Random(SEED)
    for at in range(count):
        kind = draw.choices(
            ["cluster", "instance", "deployment", "workspace", "storage", "group"], [25, 15, 20, 15, 20, 5]
        )
        tags = {"Environment": draw.choice(["dev", "prod", "test"]), "Owner": f"user{at % 500}"}
        if draw.random() < 0.8:
            tags[draw.choice(["CostCenter", "costcenter"])] = draw.choice(["cc-vision", "cc-nlp", "CC1234", "misc"])
        yield body(kind[0], at, tags, draw)


def body(kind: str, at: int, tags: dict[str, str], draw: random.Random) -> dict[str, Any]:
    root = GROUP.format(at % 40, at % 300)
    named = {"location": "westeurope", "tags": tags, "name": f"{kind}-{at}"}
    if kind in ("cluster", "instance"):
        inner: dict[str, Any] = {"vmSize": draw.choice(SIZES), "enableNodePublicIp": True, "osType": "Linux"}
        if kind == "cluster":
            inner |= {
                "vmPriority": draw.choice(["Dedicated", "LowPriority"]), "allocationState": "Steady",
                "scaleSettings": {"minNodeCount": draw.choice([0, 0, 1]), "maxNodeCount": 8,
                                  "nodeIdleTimeBeforeScaleDown": draw.choice(["PT2M", "PT1H"])},
                "nodeStateCounts": {"idleNodeCount": 0, "runningNodeCount": 1}, "currentNodeCount": 1,
            }  # fmt: skip
        properties = {"computeType": "AmlCompute" if kind == "cluster" else "ComputeInstance", "properties": inner,
                      "provisioningState": "Succeeded", "createdOn": "2025-01-01T00:00:00Z"}  # fmt: skip
        return {"id": f"{root}/{ML}/ws-{at % 40}/computes/{kind}-{at}", "type": f"{ML}/computes",
                "properties": properties, **named}  # fmt: skip
    if kind == "deployment":
        return {"id": f"{root}/{ML}/ws-{at % 40}/onlineEndpoints/e{at}/deployments/blue",
                "type": f"{ML}/onlineEndpoints/deployments", "sku": {"name": "Default", "capacity": draw.randint(1, 4)},
                "properties": {"instanceType": draw.choice(SIZES)}, **named}  # fmt: skip
    if kind == "storage":
        rules = [{"value": draw.choice(["10.1.0.0/16", "52.1.2.3"]), "action": "Allow"} for _ in range(at % 4)]
        return {"id": f"{root}/Microsoft.Storage/storageAccounts/st{at}", "type": "Microsoft.Storage/storageAccounts",
                "sku": {"name": "Standard_LRS"}, "kind": "StorageV2",
                "properties": {"networkAcls": {"defaultAction": "Deny", "ipRules": rules}}, **named}  # fmt: skip
    if kind == "group":
        return {
            "id": root.removesuffix("/providers"),
            "type": "Microsoft.Resources/subscriptions/resourceGroups",
            **named,
        }
    return {"id": f"{root}/{ML}/ws-{at}", "type": ML, "properties": {"hbiWorkspace": False}, **named}


def megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    bare = megabytes()
    estate = list(resources(count))
    loaded = megabytes()
    start = time.perf_counter()
    policies = {name: compile_policy(definition) for name, definition in POLICIES.items()}
    compiled = time.perf_counter() - start
    group = {"resourceGroup": {"name": "rg", "tags": {"CostCenter": "cc-nlp"}}}

    total = 0.0
    print(f"{'':32}{'µs each':>9}{'applies':>10}{'does not':>10}{'cannot tell':>13}")
    for name, policy in policies.items():
        start = time.process_time()
        told = Counter(policy.evaluate(each, context=group).held for each in estate)
        taken = time.process_time() - start
        total += taken
        print(f"{name:32}{taken / count * 1e6:>9.2f}{told[True]:>10}{told[False]:>10}{told[None]:>13}")
    evaluations = count * len(policies)
    print(f"\n{evaluations:,} evaluations in {total:.2f} s of one core: {evaluations / total:,.0f} a second "
          f"({total / evaluations * 1e6:.2f} µs each; a million in {total / evaluations * 1e6:.1f} s)")  # fmt: skip
    print(f"compiling {len(policies)} policies, alias table included: {compiled * 1000:.0f} ms")
    print(f"memory: {bare:.0f} MB with the code, {loaded - bare:.0f} MB for {count:,} resources, "
          f"{megabytes() - loaded:.0f} MB for table, policies and evaluation")  # fmt: skip


if __name__ == "__main__":
    main()
