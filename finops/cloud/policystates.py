"""Policy Insights: what Azure Policy last found, its evaluation on demand, its summary."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from finops.errors import TemporaryError

from .operations import finished
from .paging import every_item
from .shapes import Json, items_of, odd

if TYPE_CHECKING:
    from .gateway import Azure

API_VERSION = "2019-10-01"  # azure-mgmt-policyinsights 1.0.1


def latest(azure: Azure, subscription_id: str) -> Iterator[Json]:
    """The latest state of every resource and assignment in the subscription."""
    return at_scope(azure, f"/subscriptions/{subscription_id}")


def at_scope(azure: Azure, scope: str, where: str = "") -> Iterator[Json]:
    """The latest state of every resource and assignment below `scope`, or of those that the OData filter `where`
    keeps; further pages are POSTs too."""
    path = f"{scope}/providers/Microsoft.PolicyInsights/policyStates/latest/queryResults"
    doing = f"the policy states of {_short(scope)}"
    bucket = _subscription(scope)

    def fetch(address: str | None) -> Any:
        params = {"$filter": where} if where and address is None else None
        return azure.send(
            "policy", "POST", address or path, API_VERSION, params=params, read=True, scope=bucket, doing=doing
        ).json

    return every_item(fetch, base=azure.cloud.arm, doing=doing, most_pages=azure.max_pages, link="@odata.nextLink")


def evaluate(azure: Azure, scope: str, seconds: float) -> bool:
    """Have Azure evaluate everything below a subscription or resource group: whether it was done within `seconds`.

    A second request joins the evaluation that runs; Azure promises no time (get-compliance-data, 2026-06).
    """
    path = f"{scope}/providers/Microsoft.PolicyInsights/policyStates/latest/triggerEvaluation"
    doing = f"the evaluation of {_short(scope)}"
    answer = azure.send("policy", "POST", path, API_VERSION, read=True, doing=doing)  # repeating it changes nothing
    try:
        finished(azure, "POST", path, API_VERSION, answer, doing, seconds)
    except TemporaryError as fault:
        if fault.code == "StillRunning":
            return False
        raise
    return True


def summary(azure: Azure, scope: str) -> Json:
    """Azure's own count below `scope`: `results` and `policyAssignments`."""
    path = f"{scope}/providers/Microsoft.PolicyInsights/policyStates/latest/summarize"
    doing = f"the compliance summary of {_short(scope)}"
    found = items_of(azure.send("policy", "POST", path, API_VERSION, read=True, doing=doing).json, "value", doing)
    if not found:
        raise odd(doing, "holds no summary")
    return found[0]


def _short(scope: str) -> str:
    return scope.removeprefix("/subscriptions/") if scope.count("/") == 2 else scope


def _subscription(scope: str) -> str:
    parts = scope.lower().split("/")
    return parts[2] if len(parts) > 2 and parts[1] == "subscriptions" else ""
