"""What is never touched: what a management lock or a keep tag protects, on it, above it, or on what goes with it."""

from __future__ import annotations

from datetime import datetime

from finops.cloud import Azure
from finops.errors import AzureError
from finops.estate.ids import key, lock_scope, scopes, subscription_of, type_of
from finops.estate.queries import ML_VERSION
from finops.exemptions import TAG, of_tag
from finops.janitor.protection import plain_keeps

LONGEST_DAYS = 36_500  # however far away its end is, until then it keeps
LOCKS_VERSION = "2020-05-01"
TAGS_VERSION = "2021-04-01"
# Proxy resources, which ARM keeps no tags of: theirs are in their properties.
# https://learn.microsoft.com/rest/api/azureml/environment-containers/get
_CONTAINERS = ("codes", "components", "data", "environments", "models", "featuresets", "featurestoreentities")
UNTAGGED = frozenset(
    f"microsoft.machinelearningservices/{holder}/{kind}"
    for holder in ("workspaces", "registries")
    for kind in _CONTAINERS
)
# What is tagged by itself, and goes with what it is below.
BELOW = {
    f"microsoft.machinelearningservices/workspaces/{kind}": "deployments"
    for kind in ("onlineendpoints", "batchendpoints")
}


def protected(azure: Azure, resource_id: str, now: datetime, *, goes: bool, gives_back: bool = False) -> str | None:
    """What above the resource, or which lock on it, protects it; None for nothing. What cannot be read raises.

    goes: it is to be deleted, so that a lock or tag below it counts too
    gives_back: it gets back what we took from it; only a lock that lets nobody write is in the way of that
    """
    # All locks of the subscription: whether a list at a resource holds those above it is not documented.
    subscription = f"/subscriptions/{subscription_of(resource_id)}"
    for lock in azure.pages(f"{subscription}/providers/Microsoft.Authorization/locks", LOCKS_VERSION):
        scope = lock_scope(str(lock.get("id", "")))
        if not scope:
            raise AzureError("A lock has no id that can be read.", "Look at the locks of the subscription.")
        if gives_back and str((lock.get("properties") or {}).get("level", "")).lower() == "cannotdelete":
            continue
        if scope in scopes(resource_id) or (goes and key(resource_id) in scopes(scope)):
            return f"The lock {lock['id']} protects it."
    for scope in () if gives_back else scopes(resource_id)[1:]:
        if type_of(scope) in UNTAGGED:
            answer = azure.get(scope, ML_VERSION)
        else:
            answer = azure.get(f"{scope}/providers/Microsoft.Resources/tags/default", TAGS_VERSION)
        properties = answer.get("properties")
        if not isinstance(properties, dict):
            raise AzureError(f"The tags of {scope} cannot be read.", "The answer has no properties; look again later.")
        if has_keep(properties.get("tags"), now):
            return f"The tag {TAG} on {scope} protects it."
    return _below(azure, resource_id, now) if goes else None


def _below(azure: Azure, resource_id: str, now: datetime) -> str | None:
    """The keep tag on what goes with it."""
    kind = BELOW.get(type_of(resource_id))
    for child in azure.pages(f"{resource_id}/{kind}", ML_VERSION) if kind else ():
        tags = child.get("tags")
        plain = next(plain_keeps(tags), TAG if has_keep(tags, now) else "")
        if plain:
            return f"The tag {plain} on {child.get('id')}, which would go with it, protects it."
    return None


def has_keep(tags: object, now: datetime | None = None) -> bool:
    """Whether the tag is there, in any letter case, and not over: one whose end cannot be understood keeps for good."""
    if not isinstance(tags, dict):
        return False
    kept = [value for name, value in tags.items() if str(name).strip().lower() == TAG]
    return any(now is None or of_tag("", value, "", now, LONGEST_DAYS).holds(now) for value in kept)
