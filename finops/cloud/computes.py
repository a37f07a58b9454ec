"""Compute clusters made, scaled and taken away: with Microsoft's MLClient where its entities carry everything."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

from finops.errors import TemporaryError

from .faults import azure_error
from .pipeline import AllowHttp, OnlyOurHosts
from .shapes import Json

if TYPE_CHECKING:
    from .gateway import Azure

API_VERSION = "2024-04-01"
CLOUD_NAMES = {"public": "AzureCloud", "usgovernment": "AzureUSGovernment", "china": "AzureChinaCloud"}
POLL_SECONDS = 5  # a cluster without nodes is made in about half a minute

# What azure.ai.ml.entities.AmlCompute sends (azure-ai-ml 1.35.2, _to_rest_object): anything else would be lost.
CARRIED = {
    "location", "tags", "identity", "properties.computeType", "properties.computeLocation", "properties.description",
    "properties.disableLocalAuth",
}  # fmt: skip
CARRIED_OF_CLUSTER = {
    "vmSize", "vmPriority", "osType", "scaleSettings", "subnet", "remoteLoginPortPublicAccess", "enableNodePublicIp",
}  # fmt: skip
SCALE = {"minNodeCount", "maxNodeCount", "nodeIdleTimeBeforeScaleDown"}

Way = Literal["MLClient", "ARM"]


def create_cluster(azure: Azure, compute_id: str, body: Json, idle_seconds: float | None) -> tuple[Json, Way]:
    """The cluster of `body` as it is once it was made, and by which way: plain ARM where MLClient would lose a field.

    idle_seconds: what its nodeIdleTimeBeforeScaleDown says; None where it says nothing
    """
    if lost_by_entity(body, idle_seconds) or not _has_ml():
        azure.put(compute_id, API_VERSION, body)
        return azure.get(compute_id, API_VERSION), "ARM"
    _create_with_ml(azure, compute_id, body, idle_seconds)
    return azure.get(compute_id, API_VERSION), "MLClient"


def delete_cluster(azure: Azure, compute_id: str) -> None:
    """Delete a cluster; comes back when it is gone."""
    azure.delete(compute_id, API_VERSION, params={"underlyingResourceAction": "Delete"})


def scale_cluster(azure: Azure, compute_id: str, scale: Json) -> Json:
    """The cluster with other scale settings; those that `scale` does not name stay."""
    return azure.patch(compute_id, API_VERSION, {"properties": {"properties": {"scaleSettings": scale}}})


def lost_by_entity(body: Json, idle_seconds: float | None) -> list[str]:
    """What of `body` azure-ai-ml's AmlCompute cannot say, as paths."""
    properties = body.get("properties") or {}
    inner = properties.get("properties") or {}
    outer = {name for name in body if name != "properties"} | {f"properties.{name}" for name in properties}
    lost = sorted(outer - CARRIED - {"properties.properties"})
    lost += [f"properties.properties.{name}" for name in sorted(set(inner) - CARRIED_OF_CLUSTER)]
    scale = inner.get("scaleSettings") or {}
    lost += [f"scaleSettings.{name}" for name in sorted(set(scale) - SCALE)]
    if not set(scale) >= SCALE or idle_seconds is None or idle_seconds != int(idle_seconds) or idle_seconds <= 0:
        lost.append("scaleSettings, which are not all given")
    if properties.get("disableLocalAuth") is not True:
        lost.append("properties.disableLocalAuth, which it sets to true")
    if properties.get("computeLocation", body.get("location")) != body.get("location"):
        lost.append("properties.computeLocation, which is not the location")
    if str(inner.get("osType", "Linux")).lower() != "linux":
        lost.append("properties.properties.osType")
    if str((body.get("identity") or {}).get("type", "UserAssigned")).lower() != "userassigned":
        lost.append("identity.type")
    return lost


def _create_with_ml(azure: Azure, compute_id: str, body: Json, idle_seconds: float | None) -> None:
    from azure.ai.ml.entities import (
        AmlCompute,
        IdentityConfiguration,
        ManagedIdentityConfiguration,
        NetworkSettings,
    )
    from azure.core.exceptions import HttpResponseError, ServiceRequestError, ServiceResponseError

    inner = body["properties"]["properties"]
    scale = inner["scaleSettings"]
    subnet = (inner.get("subnet") or {}).get("id")
    assigned = (body.get("identity") or {}).get("userAssignedIdentities")
    entity = AmlCompute(
        name=compute_id.rpartition("/")[2],
        description=body["properties"].get("description"),
        location=body.get("location"),
        tags=body.get("tags"),
        size=inner["vmSize"],
        tier="low_priority" if inner["vmPriority"] == "LowPriority" else "dedicated",
        min_instances=scale["minNodeCount"],
        max_instances=scale["maxNodeCount"],
        idle_time_before_scale_down=int(idle_seconds or 0),
        network_settings=NetworkSettings(subnet=subnet) if subnet else None,
        ssh_public_access_enabled={"Enabled": True, "Disabled": False}.get(
            inner.get("remoteLoginPortPublicAccess", "")
        ),
        enable_node_public_ip=inner.get("enableNodePublicIp", True),
        identity=IdentityConfiguration(
            type="user_assigned",
            user_assigned_identities=[ManagedIdentityConfiguration(resource_id=name) for name in assigned],
        )
        if assigned
        else None,
    )
    doing = f"PUT {compute_id}"
    try:
        with _ml_client(azure, compute_id) as client:
            client.compute.begin_create_or_update(entity).result(timeout=azure.operation_seconds)
    except HttpResponseError as fault:
        response: Any = fault.response
        headers, said = (dict(response.headers), response.text().encode()) if response is not None else ({}, b"")
        raise azure_error(
            fault.status_code or 0,
            headers,
            said,
            doing=doing,
            method="PUT",
            path=compute_id,
            sign_in_fix=azure.sign_in_fix,
        ) from fault
    except (ServiceRequestError, ServiceResponseError) as fault:
        raise TemporaryError(
            f"{doing} got no answer.", "What became of it is found out by reading.", code="OutcomeUnknown"
        ) from fault


@contextmanager
def _ml_client(azure: Azure, compute_id: str) -> Iterator[Any]:
    """An MLClient with our identity, bound to our hosts. What it sets in the environment is put back."""
    from azure.ai.ml import MLClient
    from azure.core.pipeline.transport import RequestsTransport

    parts = compute_id.strip("/").split("/")
    policies: list[Any] = [*([AllowHttp()] if azure.cloud.local else []), OnlyOurHosts(azure.cloud)]
    options: dict[str, Any] = {"cloud": CLOUD_NAMES[azure.settings.cloud]}
    if azure.cloud.local:
        here = f"{azure.cloud.local}/"
        # A cloud's name is remembered with its address for good, so each address is a cloud of its own.
        options = {
            "cloud": f"local{here.rpartition(':')[2].strip('/')}",
            "cloud_metadata": {
                "azure_portal": here,
                "resource_manager": here,
                "active_directory": here,
                "aml_resource_id": here,
                "storage_endpoint": "local.invalid",
                "registry_discovery_endpoint": here,
            },
        }
        if _is_known_cloud(options["cloud"]):
            del options["cloud_metadata"]
    before = os.environ.get("AZUREML_CURRENT_CLOUD")
    try:
        with RequestsTransport() as transport:
            yield MLClient(
                azure.tokens, parts[1], parts[3], parts[7], transport=transport, per_call_policies=policies,
                enable_telemetry=False, show_progress=False, polling_interval=0 if azure.cloud.local else POLL_SECONDS,
                **options,
            )  # fmt: skip
    finally:
        if before is None:
            os.environ.pop("AZUREML_CURRENT_CLOUD", None)
        else:
            os.environ["AZUREML_CURRENT_CLOUD"] = before


def _is_known_cloud(name: str) -> bool:
    from azure.ai.ml._azure_environments import _environments

    return name in _environments


def _has_ml() -> bool:
    import importlib.util

    try:
        return importlib.util.find_spec("azure.ai.ml") is not None
    except ModuleNotFoundError:
        return False


def version_of(body: Json) -> str:
    """Which cluster of a name this is: when it was created. "" where Azure does not say."""
    system, properties = body.get("systemData"), body.get("properties")
    created = system.get("createdAt") if isinstance(system, dict) else None
    created = created or (properties.get("createdOn") if isinstance(properties, dict) else None)
    return created if isinstance(created, str) else ""
