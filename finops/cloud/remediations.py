"""Remediation tasks of Policy Insights: started, looked at, and what they did to each resource."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .paging import every_item
from .shapes import Json, an_object

if TYPE_CHECKING:
    from .gateway import Azure

API_VERSION = "2021-10-01"  # with resourceCount and failureThreshold, which azure-mgmt-policyinsights 1.0.1 lacks
PROVIDER = "providers/Microsoft.PolicyInsights/remediations"


def listed(azure: Azure, scope: str) -> Iterator[Json]:
    """Every task that was started at `scope`, the ended ones too."""
    return azure.pages(f"{scope}/{PROVIDER}", API_VERSION, service="policy")


def start(azure: Azure, scope: str, name: str, properties: Json) -> Json:
    """The task that was begun; it is not waited for."""
    path, doing = f"{scope}/{PROVIDER}/{name}", f"PUT {scope}/{PROVIDER}/{name}"
    return an_object(
        azure.send("policy", "PUT", path, API_VERSION, body={"properties": properties}, patient=True).json, doing
    )


def state_of(azure: Azure, task_id: str) -> Json:
    """The task as it stands now."""
    return an_object(azure.send("policy", "GET", task_id, API_VERSION, read=True).json, f"GET {task_id}")


def deployments(azure: Azure, task_id: str) -> Iterator[Json]:
    """What the task did or does to each resource; a list by POST."""
    path, doing = f"{task_id}/listDeployments", f"the deployments of {task_id}"

    def fetch(address: str | None) -> Any:
        return azure.send("policy", "POST", address or path, API_VERSION, read=True, doing=doing).json

    return every_item(fetch, base=azure.cloud.arm, doing=doing, most_pages=azure.max_pages)
