"""The metrics that Monitor knows of each resource type: unit, usual aggregation, dimensions.

Source: MicrosoftDocs/azure-monitor-docs, supported-metrics (read November 2026); AML's REST names have spaces.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    name: str
    unit: str
    aggregation: str
    dimensions: tuple[str, ...]


_CLUSTER = "Scenario ClusterName"
_TABLE = {
    "microsoft.machinelearningservices/workspaces": [
        *(
            f"{state} {what}|Count|average|{_CLUSTER}"
            for what in ("Nodes", "Cores")
            for state in ("Active", "Idle", "Leaving", "Preempted", "Total", "Unusable")
        ),
        "Quota Utilization Percentage|Count|average|Scenario ClusterName VmFamilyName VmPriority",
        "CpuUtilization|Count|average|Scenario runId NodeId ClusterName",
        "GpuUtilization|Count|average|Scenario runId NodeId DeviceId ClusterName",
        "GpuMemoryUtilization|Count|average|Scenario runId NodeId DeviceId ClusterName",
        "CpuUtilizationPercentage|Count|average|Scenario RunId InstanceId ComputeName",
        "GpuUtilizationPercentage|Count|average|Scenario RunId InstanceId DeviceId ComputeName",
        "GpuEnergyJoules|Count|total|Scenario RunId InstanceId DeviceId ComputeName",
        *(
            f"{state} Runs|Count|total|Scenario RunType PublishedPipelineId ComputeType PipelineStepType ExperimentName"
            for state in ("Cancelled", "Completed", "Failed", "Not Started", "Preparing", "Queued", "Started")
        ),
    ],
    "microsoft.machinelearningservices/workspaces/onlineendpoints": [
        "RequestsPerMinute|Count|average|deployment statusCode statusCodeClass modelStatusCode",
        *(f"RequestLatency{part}|Milliseconds|average|deployment" for part in ("", "_P50", "_P90", "_P95", "_P99")),
        "ConnectionsActive|Count|average|",
        "NewConnectionsPerSecond|CountPerSecond|average|",
        "NetworkBytes|BytesPerSecond|average|",
    ],
    "microsoft.machinelearningservices/workspaces/onlineendpoints/deployments": [
        "DeploymentCapacity|Count|average|instanceId State",
        "CpuUtilizationPercentage|Percent|average|instanceId",
        "CpuMemoryUtilizationPercentage|Percent|average|instanceId",
        "GpuUtilizationPercentage|Percent|average|instanceId",
        "GpuMemoryUtilizationPercentage|Percent|average|instanceId",
        "GpuEnergyJoules|Count|average|instanceId",
        "DiskUtilization|Percent|average|instanceId disk",
        "RequestsPerMinute|Count|average|envoy_response_code",
        *(f"RequestLatency_P{part}|Milliseconds|average|" for part in ("50", "90", "95", "99")),
    ],
    "microsoft.storage/storageaccounts": [
        "UsedCapacity|Bytes|average|",
        "Transactions|Count|total|ResponseType GeoType ApiName Authentication TransactionType",
        "Ingress|Bytes|total|GeoType ApiName Authentication",
        "Egress|Bytes|total|GeoType ApiName Authentication",
        "Availability|Percent|average|GeoType ApiName Authentication",
    ],
    "microsoft.storage/storageaccounts/blobservices": [
        "BlobCapacity|Bytes|average|BlobType Tier",
        "BlobCount|Count|average|BlobType Tier",
        "Transactions|Count|total|ResponseType GeoType ApiName Authentication TransactionType",
        "Ingress|Bytes|total|GeoType ApiName Authentication",
        "Egress|Bytes|total|GeoType ApiName Authentication",
        "Availability|Percent|average|GeoType ApiName Authentication",
    ],
    "microsoft.containerregistry/registries": [
        "TotalPullCount|Count|total|",
        "SuccessfulPullCount|Count|total|",
        "TotalPushCount|Count|total|",
        "SuccessfulPushCount|Count|total|",
        "RunDuration|MilliSeconds|total|",
        "StorageUsed|Bytes|average|Geolocation",
    ],
}


def _metric(row: str) -> Metric:
    name, unit, aggregation, dimensions = row.split("|")
    return Metric(name, unit, aggregation, tuple(dimensions.split()))


METRICS = {namespace: [_metric(row) for row in rows] for namespace, rows in _TABLE.items()}
