"""A cluster made anew as spot: the body to send, what it would lose, and what became different."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from finops.estate.ids import key
from finops.estate.model import Json, at, text
from finops.spot.durations import duration

SPOT = "LowPriority"  # AML's word; its nodes are Spot nodes since 2026-03-31

# What Azure tells of a compute and does not take (ComputeResource and AmlCompute, 2024-04-01: readOnly).
TOLD = {"id", "name", "type", "systemData", "properties", "identity", "tags"}
TOLD_OF_COMPUTE = {
    "createdOn", "modifiedOn", "provisioningState", "provisioningErrors", "isAttachedCompute", "resourceId",
    "properties",
}  # fmt: skip
TOLD_OF_CLUSTER = {
    "allocationState", "allocationStateTransitionTime", "errors", "currentNodeCount", "targetNodeCount",
    "nodeStateCounts",
}  # fmt: skip


def remade(body: Json, scale: Json | None = None) -> Json:
    """The body that creates the cluster of `body` anew on spot nodes, everything else as it is.

    scale: its scale settings, where those of `body` are ours and not its own
    """
    properties = at(body, "properties") or {}
    inner = _own(at(properties, "properties") or {}, TOLD_OF_CLUSTER)
    inner["vmPriority"] = SPOT
    if scale is not None:
        inner["scaleSettings"] = copy.deepcopy(scale)
    made = _own(body, TOLD)
    made["tags"] = dict(body.get("tags") or {})
    if identity := _identity(body):
        made["identity"] = identity
    return {**made, "properties": {**_own(properties, TOLD_OF_COMPUTE), "properties": inner}}


def cannot_be_remade(body: Json) -> tuple[str, ...]:
    """What a cluster made anew would lose, in words; empty when it would be equal."""
    found = []
    if "systemassigned" in text(body, "identity.type").replace(" ", "").lower():
        found.append(
            "its identity is system-assigned: a new cluster gets another one, without the roles of this one. "
            "Give it a user-assigned identity first"
        )
    if at(body, "properties.properties.userAccountCredentials"):
        found.append("it has an SSH account whose credentials Azure does not give out")
    return tuple(found)


def differences(sent: Json, read: Json) -> list[str]:
    """How a cluster that was read back differs from what was sent, a line each; what Azure only tells is left out."""
    before, after = dict(_flat(sent)), dict(_flat(remade_as_is(read)))
    found = []
    for path in sorted(before.keys() | after.keys()):
        if path not in after:
            found.append(f"{path} was {before[path]!r}, and is not there")
        elif path not in before:
            found.append(f"{path} was not there, and is {after[path]!r}")
        elif not _alike(before[path], after[path]):
            found.append(f"{path} was {before[path]!r}, and is {after[path]!r}")
    return found


def remade_as_is(body: Json) -> Json:
    """What one would send to make `body` again just as it is."""
    again = remade(body)
    again["properties"]["properties"]["vmPriority"] = at(body, "properties.properties.vmPriority")
    return again


def _own(body: Mapping[str, Any], told: set[str]) -> Json:
    """`body` without what Azure only tells; null is "not set"."""
    return {name: copy.deepcopy(value) for name, value in body.items() if name not in told and value is not None}


def _identity(body: Json) -> Json:
    kind = text(body, "identity.type")
    if not kind or kind.lower() == "none":
        return {}
    assigned = at(body, "identity.userAssignedIdentities")
    # Principal and client ids come back with each identity; only its resource id is taken.
    return {"type": kind} | ({"userAssignedIdentities": {name: {} for name in assigned}} if assigned else {})


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for name, inner in value.items():
            # Azure writes the ids of identities in letters of its own choice.
            named = key(name) if str(name).startswith("/") else str(name)
            yield from _flat(inner, f"{path}.{named}" if path else named)
    elif value is not None and (value != {} or "userAssignedIdentities." in path):
        yield path, value


def _alike(one: Any, other: Any) -> bool:
    if isinstance(one, str) and isinstance(other, str):
        # "East US" is eastus, STANDARD_DS3_V2 is Standard_DS3_v2, PT120S is PT2M.
        if one.replace(" ", "").lower() == other.replace(" ", "").lower():
            return True
        return duration(one) is not None and duration(one) == duration(other)
    return bool(one == other)
