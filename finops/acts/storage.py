"""Storage accounts in the eyes of acts: what is set below an account is read as a part of the account's own body.

A management policy has no time of its making, and may not be there at all: its account has both a generation and tags.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from finops.cloud import Azure, Json
from finops.errors import AzureError, NotFound
from finops.estate.ids import type_of

ACCOUNTS = "microsoft.storage/storageaccounts"
VERSION = "2023-05-01"
# Parts of an account by the name that `afterwards` gives them, with where they are below it.
RULES, SERVICE, INVENTORY = "lifecycle", "blobService", "inventory"
PATHS = {RULES: "managementPolicies/default", SERVICE: "blobServices/default", INVENTORY: "inventoryPolicies/default"}
CONTAINER = "container:"  # before a container's name
# Single blobs: {"moved": True, "of": [[container, name, tier afterwards, when it was written last], ...]}.
BLOBS = "blobs"
PARTS = "parts"


def afterwards(name: str, part: Json) -> Json:
    """What an act on a part of an account leaves: the part as `part_of` reads it."""
    return {"properties": {PARTS: {name: part}}}


def parts_in(wanted: Json | None) -> Mapping[str, Json]:
    """The parts that `afterwards` made of."""
    properties = (wanted or {}).get("properties")
    found = properties.get(PARTS) if isinstance(properties, dict) else None
    return found if isinstance(found, dict) else {}


def is_account(resource_id: str) -> bool:
    return type_of(resource_id) == ACCOUNTS


def state_of(azure: Azure, resource_id: str, api_version: str, wanted: Json | None) -> Json | None:
    """The body of an account, with each part that `wanted` names; None where Azure says that there is no account."""
    body = azure.state_of(resource_id, api_version)
    names = parts_in(wanted)
    if body is None or not names:
        return body
    inner = body.get("properties") if isinstance(body.get("properties"), dict) else {}
    found = {
        name: moved(azure, body, part["of"]) if name == BLOBS else part_of(azure, resource_id, name)
        for name, part in names.items()
    }
    return {**body, "properties": {**(inner or {}), PARTS: found}}


def part_of(azure: Azure, account_id: str, name: str) -> Json:
    """One part as it is compared: without what Azure adds by itself; {} where it is not there."""
    path = f"blobServices/default/containers/{name[len(CONTAINER) :]}" if name.startswith(CONTAINER) else PATHS[name]
    body = azure.state_of(f"{account_id}/{path}", VERSION)
    if body is None:
        return {}
    properties = body.get("properties")
    inner: Json = properties if isinstance(properties, dict) else {}
    if name.startswith(CONTAINER):
        return {"there": True}
    if name == SERVICE:
        tracking = inner.get("lastAccessTimeTrackingPolicy") or {}
        return {"tracking": isinstance(tracking, dict) and tracking.get("enable") is True}
    found: Json = plain(inner.get("policy") or {})
    return found if found.get("rules") else {}


def moved(azure: Azure, account: Json, of: Sequence[Sequence[str]]) -> Json:
    """Whether any of these blobs is where it was to go. What cannot be read raises."""
    storage = azure.storage(account)
    found = False
    for (_, _, tier, modified), blob in azure.each(of, lambda one: storage.blob(one[0], one[1])):
        if isinstance(blob, NotFound):
            continue
        if isinstance(blob, AzureError):
            raise blob
        there = tier in (blob.tier, blob.rehydrating.removeprefix("rehydrate-pending-to-").title())
        found = found or (there and written(blob.modified) == modified)
    return {"moved": found, "of": [list(one) for one in of]}


def written(modified: datetime) -> str:
    """The moment of a blob's last write, to the second: all that its headers tell."""
    return modified.strftime("%Y-%m-%dT%H:%M:%SZ")


def plain(value: Any) -> Any:
    """A policy in one spelling: ARM gives 30 back as 30.0, and what is not set sometimes as null."""
    if isinstance(value, Mapping):
        return {str(name): plain(each) for name, each in value.items() if each is not None}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
