"""Read an estate of many workspaces with every call delayed: calls made against the least possible, and wall time.

    python benchmarks/estate_scan.py                      40 workspaces, 50 ms a call, 16 workers
    python benchmarks/estate_scan.py --facts              also what the janitor's facts add, list by list
    python benchmarks/estate_scan.py --naive              beside it: azure-ai-ml and one call after another

The simulator runs in a process of its own. The bar: under 2 s, and not one call more than the least possible.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

AS_OF = datetime(2026, 11, 22, 6, tzinfo=UTC)
SUBSCRIPTIONS = 4
REGIONS = ["westeurope", "eastus"]
ML = "Microsoft.MachineLearningServices/workspaces"
Json = dict[str, Any]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--workspaces", type=int, default=40)
    options.add_argument("--delay", type=float, default=0.05, help="seconds that every call takes longer")
    options.add_argument("--workers", type=int, default=16)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--facts", action="store_true", help="also with the facts that need lists of their own")
    options.add_argument("--naive", action="store_true", help="also read it with azure-ai-ml, call after call")
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        least = write(Path(folder), asked.workspaces)
        server, url = serve(Path(folder), asked.delay)
        try:
            report(asked, url, least)
        finally:
            server.terminate()
            server.wait()


# Facts by the list that they make necessary.
ADDED = {
    "jobs of 90 days": ["daysSinceLastJob"],
    "schedules": ["dependents"],
    "environments": ["microsoft.machinelearningservices/workspaces/environments/versions"],
    "batch jobs": ["daysSinceInvoked"],
    "accounts": ["ownerExists"],
    "processor load": ["idleHours"],
    "idle nodes": ["idleNodesLast7Days"],
    "requests of 30 days": ["daysWithoutRequests"],
}


def report(asked: argparse.Namespace, url: str, least: Counter[str]) -> None:
    took, made = rounds(asked, url, None)
    print(f"{asked.workspaces} workspaces, {asked.delay * 1000:g} ms a call, {asked.workers} workers")
    print(f"{'calls':24}{'made':>8}{'least':>8}")
    for name in sorted(least | made):
        print(f"{name:24}{made[name]:8}{least[name]:8}")
    print(f"{'all':24}{made.total():8}{least.total():8}")
    floor = asked.delay * (-(-least.total() // asked.workers))
    print(f"finops.estate.read      {statistics.median(took):6.2f} s median of {asked.rounds}, best {min(took):.2f} s")
    print(f"least possible          {floor:6.2f} s (calls x delay / workers)")
    if asked.facts:
        without, _ = rounds(asked, url, [])
        base = statistics.median(without)
        print(f"without any of these facts {base:6.2f} s")
        for name, facts in ADDED.items():
            took, made = rounds(asked, url, facts)
            print(f"  and {name:20}{statistics.median(took) - base:+6.2f} s {made.total():5} calls")
        took, made = rounds(asked, url, [fact for facts in ADDED.values() for fact in facts])
        print(f"with all of them        {statistics.median(took):6.2f} s {made.total():5} calls")
    if asked.naive:
        before = len(requests(url))
        seconds = naive(url)
        print(f"azure-ai-ml, one by one {seconds:6.2f} s, {len(requests(url)) - before} calls")


def rounds(asked: argparse.Namespace, url: str, facts: list[str] | None) -> tuple[list[float], Counter[str]]:
    """Seconds of each round, and the calls of the last one by kind."""
    took, made = [], Counter[str]()
    for _ in range(asked.rounds):
        before = len(requests(url))
        took.append(scan(url, asked.workers, facts))
        made = Counter(kind(request) for request in requests(url)[before:])
    return took, made


def scan(url: str, workers: int, facts: list[str] | None) -> float:
    from finops import estate
    from finops.cloud import connect
    from finops.config.model import AzureSettings

    began = time.perf_counter()
    with connect(AzureSettings(endpoint=url, workers=workers)) as azure:
        found = estate.read(azure, AS_OF, facts=facts)
    took = time.perf_counter() - began
    assert found.complete, found.gaps[:3]
    return took


def naive(url: str) -> float:
    """The same facts by azure-ai-ml and the other clients as their samples show: a list a thing, call after call."""
    import os

    os.environ["AZUREML_DEV_URL_MFE"] = url
    from azure.ai.ml import MLClient
    from azure.core.credentials import AccessToken
    from azure.core.pipeline.policies import SansIOHTTPPolicy
    from azure.mgmt.monitor import MonitorManagementClient
    from azure.mgmt.resource.locks import ManagementLockClient
    from azure.mgmt.resource.resources import ResourceManagementClient
    from azure.mgmt.resource.subscriptions import SubscriptionClient

    class PlainHttp(SansIOHTTPPolicy):  # type: ignore[type-arg]
        def on_request(self, request: Any) -> None:
            request.context.options["enforce_https"] = False
            request.context["enforce_https"] = False

    class Anybody:
        def get_token(self, *scopes: str, **more: Any) -> AccessToken:
            return AccessToken("anybody", int(time.time()) + 3600)

    local: Json = {"base_url": url, "per_call_policies": [PlainHttp()]}
    window = f"{(AS_OF - timedelta(days=14)):%Y-%m-%dT%H:%M:%SZ}/{AS_OF:%Y-%m-%dT%H:%M:%SZ}"
    began = time.perf_counter()
    for one in SubscriptionClient(Anybody(), **local).subscriptions.list():
        subscription = one.subscription_id
        resources = ResourceManagementClient(Anybody(), subscription, **local)
        monitor = MonitorManagementClient(Anybody(), subscription, **local)
        list(ManagementLockClient(Anybody(), subscription, **local).management_locks.list_at_subscription_level())
        list(resources.resource_groups.list())
        for found in resources.resources.list(filter=f"resourceType eq '{ML}'"):
            group = found.id.split("/")[4]
            client = MLClient(Anybody(), subscription, group, found.name, per_call_policies=[PlainHttp()])
            for compute in client.compute.list():
                if compute.type == "amlcompute":
                    client.compute.get(compute.name)
            list(client.jobs.list())
            for endpoint in client.online_endpoints.list():
                list(client.online_deployments.list(endpoint.name))
                monitor.metrics.list(
                    f"{found.id}/onlineEndpoints/{endpoint.name}",
                    timespan=window,
                    interval="PT1H",
                    metricnames="RequestsPerMinute",
                    aggregation="Average",
                )
            list(client.batch_endpoints.list())
    return time.perf_counter() - began


def write(folder: Path, workspaces: int) -> Counter[str]:
    """An estate folder, and the least calls by kind that tell all of it: a workspace has two clusters (one with nodes),
    an instance, two endpoints and ten jobs."""
    import pyarrow
    from pyarrow import parquet

    files: dict[str, list[Json]] = {}
    metrics: list[Json] = []

    def put(file: str, resource_id: str, location: str = "", **more: Any) -> str:
        # azure-ai-ml cannot read an endpoint without the second half.
        signed = {"createdAt": "2026-06-01T08:00:00Z", "createdBy": "ana@contoso.com", "createdByType": "User"}
        signed |= {name.replace("created", "lastModified"): value for name, value in signed.items()}
        body = {"id": resource_id, "name": resource_id.rpartition("/")[2], "systemData": signed, **more}
        files.setdefault(file, []).append({**body, "location": location} if location else body)
        return resource_id

    owners = [f"{number:08}-0000-0000-0000-000000000000" for number in range(1, SUBSCRIPTIONS + 1)]
    for owner in owners:
        put("subscriptions", f"/subscriptions/{owner}", subscriptionId=owner, displayName=owner[:8], state="Enabled")
        put("resourcegroups", f"/subscriptions/{owner}/resourceGroups/ml", type="Microsoft.Resources/resourceGroups")
    places = set()
    folder_of = ML.lower()
    for number in range(workspaces):
        owner, region = owners[number % len(owners)], REGIONS[number // len(owners) % len(REGIONS)]
        places.add((owner, region))
        scope = f"/subscriptions/{owner}/resourceGroups/ml/providers/{ML}/ws{number:03}"
        put(folder_of, scope, region, type=ML, properties={})
        for name, nodes in (("gpu", 2), ("cpu", 0)):
            inner = {
                "vmSize": "STANDARD_NC6S_V3",
                "vmPriority": "Dedicated",
                "currentNodeCount": nodes,
                "scaleSettings": {"minNodeCount": 0, "maxNodeCount": 4},
            }
            properties = {"computeType": "AmlCompute", "properties": inner, "provisioningState": "Succeeded"}
            name = put(f"{folder_of}/computes", f"{scope}/computes/{name}", region, properties=properties)
            idle = [{"nodeId": f"n{one}", "nodeState": "idle"} for one in range(nodes)]
            files.setdefault("nodes", []).append({"computeId": name, "nodes": idle})
        properties = {"computeType": "ComputeInstance", "properties": {"vmSize": "STANDARD_DS3_V2", "state": "Running"}}
        put(f"{folder_of}/computes", f"{scope}/computes/ci", region, properties=properties)
        put(f"{folder_of}/schedules", f"{scope}/schedules/nightly", properties={"isEnabled": True, "action": {}})
        made = put(f"{folder_of}/environments", f"{scope}/environments/sklearn", properties={"isArchived": False})
        put(f"{folder_of}/environments/versions", f"{made}/versions/1", properties={"isArchived": False})
        batch = {"authMode": "AADToken", "properties": {}, "provisioningState": "Succeeded"}
        put(f"{folder_of}/batchendpoints", f"{scope}/batchEndpoints/score", region, properties=batch)
        for one in range(10):
            properties = {"jobType": "Command", "status": "Completed", "computeId": f"{scope}/computes/gpu"}
            put(
                f"{folder_of}/jobs",
                f"{scope}/jobs/job{one}",
                properties={**properties, "command": "x", "environmentId": "e"},
            )
        for endpoint in ("a", "b"):
            properties = {"authMode": "Key", "properties": {}, "provisioningState": "Succeeded"}
            name = put(
                f"{folder_of}/onlineendpoints", f"{scope}/onlineEndpoints/{endpoint}", region, properties=properties
            )
            metrics += [
                {
                    "resourceId": name,
                    "metric": "RequestsPerMinute",
                    "dimensions": "{}",
                    "interval": "PT1H",
                    "timeStamp": AS_OF - timedelta(hours=hour),
                    "average": 0.5,
                }
                for hour in range(1, 14 * 24 + 1)
            ]
    ana = {"id": "00000000-0000-0000-0000-00000000000a", "userPrincipalName": "ana@contoso.com"}
    (folder / "directory.jsonl").write_text(json.dumps(ana) + "\n", "utf-8")
    for file, bodies in files.items():
        target = (folder if file == "nodes" else folder / "arm") / f"{file}.jsonl"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text("".join(json.dumps(body) + "\n" for body in bodies), "utf-8")
    (folder / "metrics").mkdir()
    schema = pyarrow.schema(
        [(name, pyarrow.string()) for name in ("resourceId", "metric", "dimensions", "interval")]
        + [("timeStamp", pyarrow.timestamp("us", tz="UTC"))]
        + [(name, pyarrow.float64()) for name in ("average", "total", "minimum", "maximum", "count")]
    )
    table = pyarrow.Table.from_pylist(metrics, schema=schema)
    parquet.write_table(table, folder / "metrics" / f"{folder_of.replace('/', '.')}.onlineendpoints.parquet")
    stamp = {
        "format": 1,
        "name": "scan",
        "asOf": f"{AS_OF:%Y-%m-%dT%H:%M:%SZ}",
        "source": "simulated",
        "complete": True,
    }
    (folder / "estate.json").write_text(json.dumps({**stamp, "gaps": []}), "utf-8")
    return Counter(
        {
            "subscriptions": 1,
            "graph": 2,
            "locks": SUBSCRIPTIONS,
            "computes": workspaces,
            "jobs": workspaces,
            "nodes": workspaces,
            "metrics": len(places) * -(-2 * workspaces // len(places) // 50),
        }
    )


KINDS = {"resources": "graph", "listnodes": "nodes", "metrics:getbatch": "metrics"}


def kind(request: Json) -> str:
    last = request["path"].rpartition("/")[2].lower()
    return KINDS.get(last, last)


SERVER = """
import sys, threading
from pathlib import Path
from finops.simulator import serving
with serving(Path(sys.argv[1]), faults=[{"fault": "slow", "seconds": float(sys.argv[2])}]) as server:
    print(server.url, flush=True)
    threading.Event().wait()
"""


def serve(folder: Path, delay: float) -> tuple[subprocess.Popen[str], str]:
    """The simulator in a process of its own, and its address."""
    command = [sys.executable, "-c", SERVER, str(folder), str(delay)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    return server, server.stdout.readline().strip()


def requests(url: str) -> list[Json]:
    """What the simulator was asked so far."""
    with urllib.request.urlopen(f"{url}/simulator/requests") as answer:
        found = json.load(answer)
    return list(found["value"] if isinstance(found, dict) else found)


if __name__ == "__main__":
    main()
