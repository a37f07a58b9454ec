"""What is never touched: what a management lock or the tag finops:keep protects, on it or above it."""

from __future__ import annotations

from finops.cloud import Azure
from finops.errors import AzureError
from finops.estate.ids import key, lock_scope, scopes, subscription_of

KEEP = "finops:keep"
LOCKS_VERSION = "2020-05-01"
TAGS_VERSION = "2021-04-01"


def protected(azure: Azure, resource_id: str, *, goes: bool) -> str | None:
    """What above the resource, or which lock on it, protects it; None for nothing. What cannot be read raises.

    goes: it is to be deleted, so that a lock below it counts too
    """
    # All locks of the subscription: whether a list at a resource holds those above it is not documented.
    subscription = f"/subscriptions/{subscription_of(resource_id)}"
    for lock in azure.pages(f"{subscription}/providers/Microsoft.Authorization/locks", LOCKS_VERSION):
        scope = lock_scope(str(lock.get("id", "")))
        if not scope:
            raise AzureError("A lock has no id that can be read.", "Look at the locks of the subscription.")
        if scope in scopes(resource_id) or (goes and key(resource_id) in scopes(scope)):
            return f"The lock {lock['id']} protects it."
    for scope in scopes(resource_id)[1:]:
        answer = azure.get(f"{scope}/providers/Microsoft.Resources/tags/default", TAGS_VERSION)
        properties = answer.get("properties")
        if not isinstance(properties, dict):
            raise AzureError(f"The tags of {scope} cannot be read.", "The answer has no properties; look again later.")
        if has_keep(properties.get("tags")):
            return f"The tag {KEEP} on {scope} protects it."
    return None


def has_keep(tags: object) -> bool:
    """Whether the tag is there, in any letter case, whatever its value."""
    return isinstance(tags, dict) and any(str(name).strip().lower() == KEEP for name in tags)
