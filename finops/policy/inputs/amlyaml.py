"""What `az ml` makes of a YAML file: computes, endpoints, deployments and workspaces as ARM bodies.

Spellings and defaults are those of azure-ai-ml 1.34: entities/_compute, entities/_endpoint, entities/_deployment.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from finops.policy.inputs.given import ML, Given, Json, Place, compact
from finops.policy.pending import pending

# The end of $schema (…/amlCompute.schema.json), or `type`, and what it makes.
SCHEMAS = {
    "amlcompute": "cluster", "computeinstance": "instance", "kubernetescompute": "attached", "vmcompute": "attached",
    "synapsesparkcompute": "attached", "managedonlineendpoint": "online endpoint",
    "kubernetesonlineendpoint": "online endpoint", "onlineendpoint": "online endpoint",
    "managedonlinedeployment": "online deployment", "kubernetesonlinedeployment": "online deployment",
    "onlinedeployment": "online deployment", "batchendpoint": "batch endpoint", "batchdeployment": "batch deployment",
    "modelbatchdeployment": "batch deployment", "pipelinecomponentbatchdeployment": "batch deployment",
    "workspace": "workspace", "hub": "workspace", "project": "workspace", "serverlessendpoint": "serverless endpoint",
}  # fmt: skip
TYPES = {
    "amlcompute": "cluster", "computeinstance": "instance", "kubernetes": "attached", "virtualmachine": "attached",
    "synapsespark": "attached",
}  # fmt: skip
ATTACHED = {"kubernetes": "Kubernetes", "virtualmachine": "VirtualMachine", "synapsespark": "SynapseSpark"}
PRIORITIES = {"dedicated": "Dedicated", "low_priority": "LowPriority"}
HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
# YAML that makes no resource which a policy sees at creation.
ELSE = ("job", "component", "environment", "data", "model", "schedule", "datastore", "connection", "flow", "feature",
        "asset", "run", "blob", "lake", "azurefile")  # fmt: skip
DEFAULT_SIZE = "STANDARD_DS3_V2"


def kind_of(found: Any) -> str:
    """Which kind of thing a document describes; "other" for one that makes no such resource; "" for no az ml YAML."""
    if not isinstance(found, dict):
        return ""
    schema = str(found.get("$schema", "")).rstrip("/").rpartition("/")[2].split(".")[0].lower()
    if schema in SCHEMAS:
        return SCHEMAS[schema]
    if schema:
        return "other" if any(word in schema for word in ELSE) else ""
    kind = str(found.get("type", "")).lower()
    if kind in TYPES and (kind != "kubernetes" or "endpoint_name" not in found):
        return TYPES[kind]
    if "endpoint_name" in found:
        batch = "compute" in found or "mini_batch_size" in found or "job_definition" in found
        return "batch deployment" if batch else "online deployment"
    if str(found.get("auth_mode", "")).lower() in ("key", "aml_token", "aad_token") and "name" in found:
        return "batch endpoint" if kind == "batch" else "online endpoint"
    return "other" if {"jobs", "command", "dependencies"} & set(found) else ""


def resource(found: Json, kind: str, source: str, place: Place) -> Given:
    """The resource that `az ml ... create --file` would make."""
    name = str(found.get("name") or "")
    words = f"{kind} {name}".strip()
    if kind == "other":
        return Given(source, "a job, component or asset", {}, skipped="it makes no resource that policies see")
    own, segments, properties = MAKERS[kind](found)
    names = [place.workspace or "workspace", *(each or "unnamed" for each in segments)]
    if kind == "workspace":
        names = [name or "unnamed"]
    body = compact(
        {
            "id": place.id_of(own, *names) or None,
            "name": names[-1],
            "type": own,
            "location": found.get("location"),
            "tags": _tags(found.get("tags")),
            "identity": _identity(found.get("identity")),
            "kind": found.get("kind") or _endpoint_kind(kind, found),
            "sku": _sku(kind, found),
            "properties": properties,
        }
    )
    return Given(source, words, body, place.context())


Made = tuple[str, list[str], Json]


def _cluster(found: Json) -> Made:
    idle = found.get("idle_time_before_scale_down", 120)
    tier = found.get("tier")
    settings = compact(
        {
            "minNodeCount": found.get("min_instances", 0),
            "maxNodeCount": found.get("max_instances", 4),
            "nodeIdleTimeBeforeScaleDown": f"PT{idle}S" if isinstance(idle, int | float) else idle,
        }
    )
    inner = {"vmSize": found.get("size") or DEFAULT_SIZE, "vmPriority": _priority(tier), "scaleSettings": settings,
             "enableNodePublicIp": found.get("enable_node_public_ip", True), "osType": "Linux"}  # fmt: skip
    return f"{ML}/computes", [str(found.get("name") or "")], {"computeType": "AmlCompute", "properties": compact(inner)}


def _priority(tier: Any) -> str | None:
    if tier is None:
        return None
    known = PRIORITIES.get(HUMP.sub("_", str(tier)).lower())
    return known or pending(f"tier is {tier!r}, which az ml refuses: it takes dedicated and low_priority")


def _instance(found: Json) -> Made:
    minutes = found.get("idle_time_before_shutdown_minutes")
    idle = f"PT{minutes}M" if minutes is not None else found.get("idle_time_before_shutdown")
    inner = {"vmSize": found.get("size") or DEFAULT_SIZE, "idleTimeBeforeShutdown": idle,
             "enableNodePublicIp": found.get("enable_node_public_ip")}  # fmt: skip
    made = {"computeType": "ComputeInstance", "properties": compact(inner)}
    return f"{ML}/computes", [str(found.get("name") or "")], made


def _attached(found: Json) -> Made:
    kind = ATTACHED.get(str(found.get("type", "")).lower(), "VirtualMachine")
    made = compact({"computeType": kind, "resourceId": found.get("resource_id"), "isAttachedCompute": True})
    return f"{ML}/computes", [str(found.get("name") or "")], made


def _online_endpoint(found: Json) -> Made:
    made = {"authMode": found.get("auth_mode", "key"), "compute": found.get("compute"),
            "publicNetworkAccess": found.get("public_network_access"), "traffic": found.get("traffic")}  # fmt: skip
    return f"{ML}/onlineEndpoints", [str(found.get("name") or "")], compact(made)


def _online_deployment(found: Json) -> Made:
    kind = _endpoint_kind("online deployment", found)
    made = {"endpointComputeType": kind, "instanceType": found.get("instance_type"),
            "scaleSettings": {"scaleType": "Default"}, "appInsightsEnabled": found.get("app_insights_enabled", False),
            "egressPublicNetworkAccess": found.get("egress_public_network_access")}  # fmt: skip
    names = [str(found.get("endpoint_name") or ""), str(found.get("name") or "")]
    return f"{ML}/onlineEndpoints/deployments", names, compact(made)


def _serverless_endpoint(found: Json) -> Made:
    return f"{ML}/serverlessEndpoints", [str(found.get("name") or "")], {"authMode": found.get("auth_mode", "key")}


def _batch_endpoint(found: Json) -> Made:
    return f"{ML}/batchEndpoints", [str(found.get("name") or "")], {"authMode": "AADToken"}


def _batch_deployment(found: Json) -> Made:
    resources = found.get("resources")
    count = resources.get("instance_count", 1) if isinstance(resources, dict) else 1
    names = [str(found.get("endpoint_name") or ""), str(found.get("name") or "")]
    made = {"compute": found.get("compute"), "resources": {"instanceCount": count}}
    return f"{ML}/batchEndpoints/deployments", names, compact(made)


def _workspace(found: Json) -> Made:
    made = {"friendlyName": found.get("display_name"), "description": found.get("description"),
            "storageAccount": found.get("storage_account"), "hbiWorkspace": found.get("hbi_workspace"),
            "publicNetworkAccess": found.get("public_network_access")}  # fmt: skip
    return ML, [], compact(made)


MAKERS: dict[str, Callable[[Json], Made]] = {
    "cluster": _cluster,
    "instance": _instance,
    "attached": _attached,
    "online endpoint": _online_endpoint,
    "online deployment": _online_deployment,
    "serverless endpoint": _serverless_endpoint,
    "batch endpoint": _batch_endpoint,
    "batch deployment": _batch_deployment,
    "workspace": _workspace,
}


def _endpoint_kind(kind: str, found: Json) -> str | None:
    if not kind.startswith("online"):
        return None
    schema = str(found.get("$schema", "")).lower()
    kubernetes = "kubernetes" in schema or str(found.get("type", "")).lower() == "kubernetes"
    return "Kubernetes" if kubernetes or (kind == "online endpoint" and "compute" in found) else "Managed"


def _sku(kind: str, found: Json) -> Json | None:
    if kind != "online deployment":
        return None
    settings = found.get("scale_settings")
    more = settings.get("instance_count") if isinstance(settings, dict) else None
    count = found.get("instance_count", more)
    return {"name": "Default", "tier": "Standard", "capacity": 1 if count is None else count}


def _identity(found: Any) -> Json | None:
    if not isinstance(found, dict) or "type" not in found:
        return None
    words = str(found["type"]).replace("_", " ").title().replace(" ", "")
    return {"type": words}


def _tags(found: Any) -> Json | None:
    """Tags as text, as az ml sends them."""
    if not isinstance(found, dict):
        return None
    return {str(key): str(value).lower() if isinstance(value, bool) else str(value) for key, value in found.items()}
