"""ARM ids: their type, their subscription and the scopes above them; compared in lower case with a "/" boundary."""

from __future__ import annotations

from functools import lru_cache

# Names that Azure itself uses for the two kinds of container; `type_of` gives the short one.
ALIASES = {
    "microsoft.resources/subscriptions": "subscriptions",
    "microsoft.resources/resourcegroups": "resourcegroups",
    "microsoft.resources/subscriptions/resourcegroups": "resourcegroups",
}


def key(resource_id: str) -> str:
    """The form in which ids are compared and used as keys."""
    return resource_id.strip().rstrip("/").lower()


@lru_cache(1 << 16)
def type_of(resource_id: str) -> str:
    """The resource type that an id names, in lower case; "subscriptions" and "resourcegroups" for the containers.

    The last provider counts: a lock on an endpoint is a "microsoft.authorization/locks".
    """
    parts = key(resource_id).strip("/").split("/")
    # Kinds and names take turns, so a resource that is called "providers" stands where no kind can.
    for last in range((len(parts) - 2) // 2 * 2, -1, -2):
        if parts[last] == "providers":
            return "/".join([parts[last + 1], *parts[last + 2 :: 2]])
    if len(parts) == 4 and parts[2] == "resourcegroups":
        return "resourcegroups"
    return parts[0]


def subscription_of(resource_id: str) -> str:
    """The subscription's GUID in lower case, or "" for an id that is in none."""
    parts = key(resource_id).strip("/").split("/")
    return parts[1] if len(parts) > 1 and parts[0] == "subscriptions" else ""


@lru_cache(1 << 16)
def scopes(resource_id: str) -> tuple[str, ...]:
    """The id itself, then every scope above it that is a resource, a resource group or a subscription; lower case."""
    parts = key(resource_id).strip("/").split("/")
    # A provider's namespace is no scope of its own: ".../providers/microsoft.x" names nothing.
    return tuple("/" + "/".join(parts[:end]) for end in range(len(parts), 1, -2) if parts[end - 2] != "providers")


def lock_scope(lock_id: str) -> str:
    """What a management lock locks: its id without the "/providers/Microsoft.Authorization/locks/NAME" at the end."""
    return key(lock_id).rpartition("/providers/microsoft.authorization/locks/")[0]
