"""The body to send so that a resource becomes as it was: without what Azure only tells.

Read-only per machinelearningservices 2024-04-01, insights/autoscalesettings 2022-10-01 and authorization 2022-04-01
(`readOnly` in the OpenAPI documents). The same fields are left out where two bodies are compared: SERVER_SET.
"""

from __future__ import annotations

import copy
from typing import Any

from finops.estate.model import at
from finops.estate.notes import NOTES
from finops.tombstones.gathering import kind_of_identity
from finops.tombstones.model import Json

# By piece, as dotted paths; of every piece besides: id, name, type, systemData, etag.
SERVER_SET: dict[str, tuple[str, ...]] = {
    "endpoint": ("properties.provisioningState", "properties.scoringUri", "properties.swaggerUri"),
    "deployment": ("properties.provisioningState",),
    "compute": (
        "properties.provisioningState", "properties.provisioningErrors", "properties.createdOn",
        "properties.modifiedOn", "properties.isAttachedCompute",
        *(f"properties.properties.{name}" for name in (
            "allocationState", "allocationStateTransitionTime", "errors", "currentNodeCount", "targetNodeCount",
            "nodeStateCounts", "osImageMetadata", "connectivityEndpoints", "applications", "createdBy",
            "lastOperation", "containers", "dataDisks", "dataMounts", "versions", "state", "sshSettings.adminUserName",
            "sshSettings.sshPort",
        )),
    ),
    "environment": ("properties.provisioningState", "properties.environmentType"),
    "schedule": ("properties.provisioningState",),
    "autoscale": (),
    "role": (
        "properties.scope", "properties.createdOn", "properties.updatedOn", "properties.createdBy",
        "properties.updatedBy",
    ),
}  # fmt: skip
ALWAYS = ("id", "name", "type", "systemData", "etag", "identity.principalId", "identity.tenantId")


def sent(what: str, body: Json) -> Json:
    """What is sent to make `body` again just as it is."""
    made: Json = _pruned(copy.deepcopy(own(what, body)))
    if "identity" in made:
        if kind_of_identity(body) in {"", "none"}:
            del made["identity"]
        else:
            assigned = made["identity"].get("userAssignedIdentities")
            made["identity"] = {"type": body["identity"]["type"]}
            if assigned:
                made["identity"]["userAssignedIdentities"] = {name: {} for name in assigned}
    return made


def own(what: str, body: Json) -> Json:
    """`body` with only what people set."""
    found: Json = copy.deepcopy(body)
    if what == "compute":
        _instance(found)
    for path in (*ALWAYS, *SERVER_SET[what]):
        _drop(found, path.split("."))
    identity = found.get("identity")
    for assigned in ((identity or {}).get("userAssignedIdentities") or {}).values() if identity else ():
        for name in ("principalId", "clientId"):
            if isinstance(assigned, dict):
                assigned.pop(name, None)
    notes = (found.get("properties") or {}).get("properties") if what in {"endpoint", "deployment"} else None
    for name in [name for name in notes or () if name.lower() in NOTES]:
        del found["properties"]["properties"][name]
    return found


def _instance(body: Json) -> None:
    """Say of a compute instance whose it is: one that is made belongs to whoever asks for it, unless told otherwise."""
    inner = at(body, "properties.properties")
    maker = at(inner, "createdBy")
    if not isinstance(inner, dict) or not isinstance(maker, dict):
        return
    if not at(inner, "personalComputeInstanceSettings.assignedUser.objectId") and maker.get("userId"):
        assigned = {"objectId": maker["userId"], "tenantId": maker.get("userOrgId")}
        inner["personalComputeInstanceSettings"] = {"assignedUser": assigned}
    for timer in at(inner, "schedules.computeStartStop") or []:
        for name in ("id", "provisioningStatus"):
            timer.pop(name, None)


def _drop(found: Any, path: list[str]) -> None:
    for name in path[:-1]:
        found = found.get(name) if isinstance(found, dict) else None
    if isinstance(found, dict):
        found.pop(path[-1], None)


def _pruned(value: Any) -> Any:
    """`value` without members that are null: "not set" is said by leaving them out."""
    if isinstance(value, dict):
        return {name: _pruned(inner) for name, inner in value.items() if inner is not None}
    return [_pruned(item) for item in value] if isinstance(value, list) else value
