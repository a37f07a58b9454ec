"""A tiny estate folder, written by hand: two subscriptions, three workspaces, clusters, endpoints, jobs, metrics."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from finops.estate.replay import FILES

AS_OF = datetime(2026, 11, 22, 6, tzinfo=UTC)
PROD = "11111111-1111-1111-1111-111111111111"
DEV = "22222222-2222-2222-2222-222222222222"
TENANT = "99999999-9999-9999-9999-999999999999"
AML = "Microsoft.MachineLearningServices/workspaces"

# Made all of it.
ANA = {"id": "aaaaaaaa-0000-0000-0000-000000000001", "userPrincipalName": "ana@contoso.com", "accountEnabled": True}

Json = dict[str, Any]


def group_id(subscription: str, group: str) -> str:
    return f"/subscriptions/{subscription}/resourceGroups/{group}"


def workspace_id(workspace: str, subscription: str = PROD, group: str = "rg-ml") -> str:
    return f"{group_id(subscription, group)}/providers/{AML}/{workspace}"


def subscription(name: str, shown: str) -> Json:
    return {
        "id": f"/subscriptions/{name}",
        "authorizationSource": "RoleBased",
        "managedByTenants": [],
        "subscriptionId": name,
        "tenantId": TENANT,
        "displayName": shown,
        "state": "Enabled",
        "subscriptionPolicies": {
            "locationPlacementId": "Public_2014-09-01",
            "quotaId": "EnterpriseAgreement_2014-09-01",
            "spendingLimit": "Off",
        },
    }


def group(subscription: str, name: str, **tags: str) -> Json:
    return {
        "id": group_id(subscription, name),
        "name": name,
        "type": "Microsoft.Resources/resourceGroups",
        "location": "eastus",
        "tags": tags,
        "properties": {"provisioningState": "Succeeded"},
    }


def workspace(resource_id: str, **tags: str) -> Json:
    return _resource(
        resource_id,
        AML,
        tags,
        {"friendlyName": resource_id.rpartition("/")[2], "workspaceId": "0", "provisioningState": "Succeeded"},
        identity={"type": "SystemAssigned", "principalId": TENANT, "tenantId": TENANT},
        sku={"name": "Basic", "tier": "Basic"},
    )


def cluster(workspace: str, name: str, low: int = 0, high: int = 4, nodes: int = 0, **tags: str) -> Json:
    """An AmlCompute with `nodes` idle nodes."""
    return _resource(
        f"{workspace}/computes/{name}",
        f"{AML}/computes",
        tags,
        {
            "computeType": "AmlCompute",
            "computeLocation": "eastus",
            "createdOn": "2026-08-01T08:00:00+00:00",
            "modifiedOn": "2026-08-01T08:00:00+00:00",
            "provisioningState": "Succeeded",
            "disableLocalAuth": True,
            "isAttachedCompute": False,
            "properties": {
                "vmSize": "STANDARD_NC6S_V3",
                "vmPriority": "Dedicated",
                "osType": "Linux",
                "scaleSettings": {"minNodeCount": low, "maxNodeCount": high, "nodeIdleTimeBeforeScaleDown": "PT2M"},
                "currentNodeCount": nodes,
                "targetNodeCount": nodes,
                "allocationState": "Steady",
                "allocationStateTransitionTime": "2026-08-01T08:00:00+00:00",
                "nodeStateCounts": {
                    "idleNodeCount": nodes,
                    "runningNodeCount": 0,
                    "preparingNodeCount": 0,
                    "unusableNodeCount": 0,
                    "leavingNodeCount": 0,
                    "preemptedNodeCount": 0,
                },
                "remoteLoginPortPublicAccess": "Disabled",
                "enableNodePublicIp": True,
            },
        },
    )


def instance(workspace: str, name: str, state: str = "Running") -> Json:
    """A compute instance."""
    return _resource(
        f"{workspace}/computes/{name}",
        f"{AML}/computes",
        {},
        {
            "computeType": "ComputeInstance",
            "computeLocation": "eastus",
            "createdOn": "2026-08-01T08:00:00+00:00",
            "modifiedOn": "2026-08-01T08:00:00+00:00",
            "provisioningState": "Succeeded",
            "disableLocalAuth": True,
            "isAttachedCompute": False,
            "properties": {"vmSize": "STANDARD_DS3_V2", "state": state, "applicationSharingPolicy": "Personal"},
        },
    )


def endpoint(workspace: str, name: str, kind: str = "onlineEndpoints", **tags: str) -> Json:
    properties: Json = {
        "authMode": "Key",
        "provisioningState": "Succeeded",
        "properties": {},
        "scoringUri": f"https://{name}.eastus.inference.ml.azure.com/score",
    }
    if kind == "onlineEndpoints":
        properties |= {"traffic": {"blue": 100}, "mirrorTraffic": {}, "publicNetworkAccess": "Enabled"}
    if kind == "batchEndpoints":
        properties |= {"defaults": {"deploymentName": "blue"}}
    return _resource(f"{workspace}/{kind}/{name}", f"{AML}/{kind}", tags, properties)


def deployment(endpoint_id: str, name: str = "blue", instances: int = 1) -> Json:
    kind = endpoint_id.split("/")[-2]
    return _resource(
        f"{endpoint_id}/deployments/{name}",
        f"{AML}/{kind}/deployments",
        {},
        {
            "endpointComputeType": "Managed",
            "instanceType": "Standard_DS3_v2",
            "provisioningState": "Succeeded",
            "scaleSettings": {"scaleType": "Default"},
            "properties": {},
        },
        sku={"name": "Default", "capacity": instances},
    )


def job(workspace: str, name: str, status: str = "Completed", hours_ago: int = 5) -> Json:
    started = AS_OF - timedelta(hours=hours_ago)
    body = _resource(
        f"{workspace}/jobs/{name}",
        f"{AML}/jobs",
        {},
        {
            "jobType": "Command",
            "status": status,
            "displayName": name,
            "experimentName": "train",
            "command": "python train.py",
            "environmentId": f"{workspace}/environments/sklearn/versions/1",
            "computeId": f"{workspace}/computes/gpu",
            "isArchived": False,
            "services": {},
            "tags": {},
            "properties": {},
        },
    )
    body["systemData"] = {**body["systemData"], "createdAt": started.isoformat()}
    return body


def nodes(compute_id: str, *states: str) -> Json:
    return {
        "computeId": compute_id,
        "nodes": [
            {
                "nodeId": f"tvm-{number}",
                "nodeState": state,
                "runId": None,
                "port": 50000 + number,
                "privateIpAddress": f"10.0.0.{number}",
            }
            for number, state in enumerate(states, 4)
        ],
    }


def _resource(resource_id: str, kind: str, tags: Mapping[str, str], properties: Json, **more: Any) -> Json:
    return {
        "id": resource_id,
        "name": resource_id.rpartition("/")[2],
        "type": kind,
        "location": "eastus",
        "tags": dict(tags),
        "properties": properties,
        "systemData": {
            "createdAt": "2026-08-01T08:00:00+00:00",
            "createdBy": "ana@contoso.com",
            "createdByType": "User",
            "lastModifiedAt": "2026-08-01T08:00:00+00:00",
            "lastModifiedBy": "ana@contoso.com",
            "lastModifiedByType": "User",
        },
        **more,
    }


def storage_account(subscription: str, group: str, name: str, **tags: str) -> Json:
    return {
        "id": f"{group_id(subscription, group)}/providers/Microsoft.Storage/storageAccounts/{name}",
        "name": name,
        "type": "Microsoft.Storage/storageAccounts",
        "kind": "StorageV2",
        "location": "eastus",
        "tags": tags,
        "sku": {"name": "Standard_LRS", "tier": "Standard"},
        "properties": {"provisioningState": "Succeeded", "accessTier": "Hot"},
    }


def points(
    resource_id: str, metric: str, values: Iterable[float | None], end: datetime = AS_OF, **dimensions: str
) -> list[Json]:
    """Hourly averages that end at `end`; None is an hour without data."""
    values = list(values)
    return [
        {
            "resourceId": resource_id,
            "metric": metric,
            "dimensions": json.dumps(dimensions, sort_keys=True),
            "interval": "PT1H",
            "timeStamp": end - timedelta(hours=len(values) - at),
            "average": value,
            "total": None if value is None else value * 60,
            "minimum": value,
            "maximum": value,
            "count": None if value is None else 60.0,
        }
        for at, value in enumerate(values)
    ]


def small_bodies() -> list[Json]:
    """Three workspaces; `ml-prod` has most of what there is."""
    prod, research, dev = workspace_id("ml-prod"), workspace_id("ml-research"), workspace_id("ml-dev", DEV, "rg-dev")
    chat, silent, nightly = (endpoint(prod, name) for name in ("chat", "silent", "z-nightly"))
    batch = endpoint(prod, "score", "batchEndpoints")
    return [
        subscription(PROD, "Contoso ML production"),
        subscription(DEV, "Contoso ML development"),
        group(PROD, "rg-ml", CostCenter="CC-1"),
        group(DEV, "rg-dev"),
        workspace(prod, CostCenter="CC-1"),
        workspace(research),
        workspace(dev, CostCenter="CC-2"),
        storage_account(PROD, "rg-ml", "mldata", CostCenter="CC-1"),
        storage_account(PROD, "rg-ml", "mllogs"),
        cluster(prod, "gpu", nodes=2, CostCenter="CC-1"),
        cluster(prod, "cpu", low=1, high=8, nodes=1),
        instance(prod, "ci-ana"),
        cluster(dev, "gpu"),
        chat,
        silent,
        nightly,
        deployment(chat["id"]),
        deployment(silent["id"], instances=2),
        batch,
        deployment(batch["id"]),
        *(job(prod, f"train-{number}", hours_ago=number) for number in range(1, 6)),
        job(prod, "train-now", "Running", 1),
        _resource(f"{prod}/datastores/blobs", f"{AML}/datastores", {}, {"datastoreType": "AzureBlob"}),
        _resource(
            f"{prod}/environments/sklearn", f"{AML}/environments", {}, {"latestVersion": "2", "isArchived": False}
        ),
        *(
            _resource(
                f"{prod}/environments/sklearn/versions/{version}",
                f"{AML}/environments/versions",
                {},
                {"image": f"mlacr.azurecr.io/sklearn:{version}", "isArchived": False},
            )
            for version in (1, 2)
        ),
    ]


def write_estate(
    folder: Path,
    bodies: Iterable[Json] | None = None,
    nodes_of: Iterable[Json] | None = None,
    metrics: Iterable[Json] = (),
    activity: Iterable[Json] = (),
    accounts: Iterable[Json] = (ANA,),
    **stamp: Any,
) -> Path:
    """An estate folder with these bodies; by default the small one, its nodes, no metrics. Everything was asked for."""
    folder.mkdir(parents=True, exist_ok=True)
    if bodies is None:
        bodies = small_bodies()
        prod = workspace_id("ml-prod")
        nodes_of = [nodes(f"{prod}/computes/gpu", "idle", "idle"), nodes(f"{prod}/computes/cpu", "running")]
    described = {
        "format": 1,
        "name": "contoso-ml",
        "asOf": AS_OF.isoformat(),
        "recordedBy": "by hand",
        "source": "assembled",
        "tenantId": TENANT,
        "complete": True,
        "gaps": [],
        "billingCurrency": "USD",
    }
    (folder / "estate.json").write_text(json.dumps({**described, **stamp}), "utf-8")
    by_type: dict[str, list[Json]] = {}
    for body in bodies:
        by_type.setdefault(_file_of(body), []).append(body)
    for file, found in by_type.items():
        _lines(folder / "arm" / file, found)
    for name in FILES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    _lines(folder / "directory.jsonl", accounts)
    _lines(folder / "nodes.jsonl", nodes_of or [])
    _lines(folder / "activity-log.jsonl", activity)
    _metrics(folder / "metrics", list(metrics))
    return folder


def _file_of(body: Json) -> str:
    if body["id"].count("/") == 2:
        return "subscriptions.jsonl"
    if "/providers/" not in body["id"]:
        return "resourcegroups.jsonl"
    return f"{body['type'].lower()}.jsonl"


def _lines(file: Path, items: Iterable[Json]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(item) + "\n" for item in items), "utf-8")


def _metrics(folder: Path, rows: list[Json]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    by_namespace: dict[str, list[Json]] = {}
    for row in rows:
        tail = row["resourceId"].lower().rpartition("/providers/")[2].split("/")
        by_namespace.setdefault("/".join([tail[0], *tail[1::2]]), []).append(row)
    kinds = [("resourceId", "string"), ("metric", "string"), ("dimensions", "string"), ("interval", "string")]
    numbers = ["average", "total", "minimum", "maximum", "count"]
    schema = pa.schema(
        [
            *((name, pa.string()) for name, _ in kinds),
            ("timeStamp", pa.timestamp("us", tz="UTC")),
            *((name, pa.float64()) for name in numbers),
        ]
    )
    for namespace, found in by_namespace.items():
        folder.mkdir(exist_ok=True)
        ordered = sorted(
            found, key=lambda row: (row["resourceId"].lower(), row["metric"], row["dimensions"], row["timeStamp"])
        )
        pq.write_table(pa.Table.from_pylist(ordered, schema), folder / f"{namespace.replace('/', '.')}.parquet")
