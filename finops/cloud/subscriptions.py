"""The subscriptions that we read: those the settings name, else every one that the identity sees."""

from __future__ import annotations

from typing import TYPE_CHECKING

from finops.errors import AccessDenied

from .shapes import Json

if TYPE_CHECKING:
    from .gateway import Azure

API_VERSION = "2022-12-01"  # azure-mgmt-resource-subscriptions 1.0.0


def readable(azure: Azure) -> list[Json]:
    """Each subscription as ARM tells it.

    One that the settings name and the identity cannot see is listed too, with state "NotVisible": whoever reads it
    meets the refusal and says so. Dropped here, it would look like a subscription in which nothing costs anything.
    """
    seen = list(azure.pages("/subscriptions", API_VERSION, service="subscriptions"))
    wanted = [subscription.lower() for subscription in azure.settings.subscriptions]
    if not wanted:
        if not seen:
            raise AccessDenied(
                "The identity sees no subscription.",
                f"Grant it Reader on one. {azure.sign_in_fix}",
                code="NoSubscriptions",
            )
        return seen
    by_id = {str(found.get("subscriptionId", "")).lower(): found for found in seen}
    return [by_id.get(subscription, _not_visible(subscription)) for subscription in wanted]


def _not_visible(subscription: str) -> Json:
    return {
        "id": f"/subscriptions/{subscription}",
        "subscriptionId": subscription,
        "displayName": subscription,
        "state": "NotVisible",
    }
