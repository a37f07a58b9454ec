"""Policy states: what Azure Policy last found, resource by resource."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .paging import every_item
from .shapes import Json

if TYPE_CHECKING:
    from .gateway import Azure

API_VERSION = "2019-10-01"  # azure-mgmt-policyinsights 1.0.1


def latest(azure: Azure, subscription_id: str) -> Iterator[Json]:
    """The latest state of every resource and assignment in the subscription; its pages are POSTs too."""
    path = f"/subscriptions/{subscription_id}/providers/Microsoft.PolicyInsights/policyStates/latest/queryResults"
    doing = f"the policy states of {subscription_id}"

    def fetch(address: str | None) -> Any:
        return azure.send(
            "policy", "POST", address or path, API_VERSION, read=True, scope=subscription_id, doing=doing
        ).json

    return every_item(fetch, base=azure.cloud.arm, doing=doing, most_pages=azure.max_pages, link="@odata.nextLink")
