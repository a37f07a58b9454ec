"""How many policy evaluations a second one core makes, and in how much memory.

    python benchmarks/conditions.py [RESOURCES]
    python benchmarks/conditions.py --c7n PYTHON      beside it: Cloud Custodian's value filters, which PYTHON has

100,000 synthetic Azure Machine Learning resources (workspaces, clusters, instances, deployments, storage accounts,
groups), read from JSON lines, against ten policies of the kinds that cost governance needs. The bar: a million
evaluations in under 10 s on one core; with --c7n, the same answers for every resource, too, or it exits with 1.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from finops.conditions import compile_policy

SEED = 7
ML = "Microsoft.MachineLearningServices/workspaces"
GROUP = "/subscriptions/00000000-0000-0000-0000-{:012}/resourceGroups/rg-{}/providers"
SIZES = ["Standard_DS3_v2", "Standard_NC6s_v3", "Standard_ND96asr_v4", "Standard_F8s_v2", "STANDARD_NC24ADS_A100_V4"]


INSTALL = (
    "It has pins of its own, so give it a place of its own: python -m venv /tmp/c7n && "
    "/tmp/c7n/bin/pip install c7n c7n-azure; then --c7n /tmp/c7n/bin/python"
)


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
            "id": f"{root.removesuffix('/providers')}-{at}",
            "type": "Microsoft.Resources/subscriptions/resourceGroups",
            **named,
        }
    return {"id": f"{root}/{ML}/ws-{at}", "type": ML, "properties": {"hbiWorkspace": False}, **named}


def megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("resources", nargs="?", type=int, default=100_000)
    options.add_argument("--c7n", metavar="PYTHON", help="an interpreter that has c7n and c7n-azure")
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        lines = Path(folder) / "resources.jsonl"
        with lines.open("w", encoding="utf-8") as written:
            written.writelines(json.dumps(each) + "\n" for each in resources(asked.resources))
        custodian = beside(asked.c7n, lines)  # first: what this process holds would count as the child's on Linux
        ours = measured(lines)
    if isinstance(custodian, str):
        print(f"\nCloud Custodian is not beside it: {custodian}\n{INSTALL}")
    elif not compared(ours, custodian, asked.resources):
        sys.exit(1)


def measured(lines: Path) -> dict[str, Any]:
    bare = megabytes()
    with lines.open(encoding="utf-8") as written:
        estate = [json.loads(line) for line in written]
    loaded = megabytes()
    start = time.perf_counter()
    policies = {name: compile_policy(definition) for name, definition in POLICIES.items()}
    compiled = time.perf_counter() - start
    group = {"resourceGroup": {"name": "rg", "tags": {"CostCenter": "cc-nlp"}}}

    seconds, matched, count = {}, {}, len(estate)
    print(f"{'':32}{'µs each':>9}{'applies':>10}{'does not':>10}{'cannot tell':>13}")
    for name, policy in policies.items():
        start = time.process_time()
        held = [policy.evaluate(each, context=group).held for each in estate]
        seconds[name] = time.process_time() - start
        matched[name] = [at for at, each in enumerate(held) if each]
        told = Counter(held)
        print(f"{name:32}{seconds[name] / count * 1e6:>9.2f}{told[True]:>10}{told[False]:>10}{told[None]:>13}")
    peak = megabytes()
    evaluations, total = count * len(policies), sum(seconds.values())
    print(f"\n{evaluations:,} evaluations in {total:.2f} s of one core: {evaluations / total:,.0f} a second "
          f"({total / evaluations * 1e6:.2f} µs each; a million in {total / evaluations * 1e6:.1f} s)")  # fmt: skip
    print(f"compiling {len(policies)} policies, alias table included: {compiled * 1000:.0f} ms")
    print(f"memory: {bare:.0f} MB with the code, {loaded - bare:.0f} MB for {count:,} resources, "
          f"{peak - loaded:.0f} MB for table, policies and evaluation")  # fmt: skip
    return {"seconds": seconds, "matched": matched, "memory": {"code": bare, "resources": loaded, "peak": peak}}


def beside(python: str | None, lines: Path) -> dict[str, Any] | str:
    """What Cloud Custodian says of the same resources, or why it was not asked."""
    if python is None:
        return "no --c7n was given"
    try:
        found = subprocess.run([python, "-c", "import c7n, c7n_azure"], capture_output=True, text=True, check=False)
    except OSError as fault:
        return f"{python} cannot be started ({fault.strerror})"
    if found.returncode:
        return f"{python} cannot import c7n and c7n_azure ({found.stderr.strip().rpartition(chr(10))[2]})"
    child = [python, str(Path(__file__).with_name("conditions_c7n.py")), str(lines)]
    return {
        f"c7n, its {way}": json.loads(subprocess.run([*child, way], stdout=subprocess.PIPE, check=True).stdout)
        for way in ("filters", "policy")
    }


def compared(ours: dict[str, Any], custodian: dict[str, Any], count: int) -> bool:
    """Both side by side over the policies that both can express; whether all their answers are the same."""
    told = {"finops": ours, **custodian}
    cannot, versions = custodian["c7n, its policy"]["cannot"], custodian["c7n, its policy"]["versions"]
    names = [name for name in POLICIES if name not in cannot]
    print(f"\nBeside {' and '.join(versions)}, {len(names)} of {len(POLICIES)} policies, µs each:")
    print(f"{'':32}" + "".join(f"{who:>18}" for who in told) + f"{'other answers':>15}")
    differ = 0
    for name in names:
        expected = set(ours["matched"][name])
        wrong = set[int]().union(*(expected.symmetric_difference(each["matched"][name]) for each in told.values()))
        differ += len(wrong)
        print(f"{name:32}" + "".join(f"{each['seconds'][name] / count * 1e6:>18.2f}" for each in told.values())
              + f"{len(wrong):>15}" + (f"  such as resource {min(wrong)}" if wrong else ""))  # fmt: skip
    for name, why in cannot.items():
        print(f"{name}: c7n cannot say it; {why}")

    print(f"\n{'':20}{'evaluations/s':>15}{'time':>8}{'peak MB':>9}{'memory':>8}{'of it code':>12}{'evaluation':>12}")
    least = sum(ours["seconds"][name] for name in names)
    for who, each in told.items():
        taken, memory = sum(each["seconds"][name] for name in names), each["memory"]
        print(f"{who:20}{count * len(names) / taken:>15,.0f}{taken / least:>7.2f}x{memory['peak']:>9.0f}"
              f"{memory['peak'] / ours['memory']['peak']:>7.2f}x{memory['code']:>12.0f}"
              f"{memory['peak'] - memory['resources']:>12.0f}")  # fmt: skip
    return not differ


if __name__ == "__main__":
    main()
