"""Where policies are defined and assigned: a management group, a subscription or a resource group."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from finops.errors import NotFound, UsageError

if TYPE_CHECKING:
    from finops.cloud import Azure, Json

GUID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
GROUP = r"/subscriptions/[^/]+/resourceGroups/[-\w.()]+"
MANAGEMENT_GROUP = r"/providers/Microsoft\.Management/managementGroups/[-\w.()]+"
VERSIONS = {"subscription": "2022-12-01", "resource group": "2025-04-01"}
# Longest names that Azure takes: 64 characters, and 24 of an assignment at a management group
# (resource-name-rules, 2026-06).
LONGEST = 64
LONGEST_AT_MANAGEMENT_GROUP = 24


@dataclass(frozen=True)
class Scope:
    """`id` without a slash at its end."""

    id: str
    kind: str

    @property
    def definitions_at(self) -> str:
        """Where the definitions for it are kept: a resource group can hold none."""
        return "/".join(self.id.split("/")[:3]) if self.kind == "resource group" else self.id

    @property
    def longest_assignment(self) -> int:
        return LONGEST_AT_MANAGEMENT_GROUP if self.kind == "management group" else LONGEST


def scope_of(text: str) -> Scope:
    """The scope that a person named: an ARM id, or the bare id of a subscription."""
    given = text.strip().rstrip("/")
    if re.fullmatch(GUID, given):
        return Scope(f"/subscriptions/{given}", "subscription")
    for pattern, kind in (
        (r"/subscriptions/[^/]+", "subscription"),
        (GROUP, "resource group"),
        (MANAGEMENT_GROUP, "management group"),
    ):
        if re.fullmatch(pattern, given, re.IGNORECASE):
            return Scope(given, kind)
    raise UsageError(
        f"--scope {text} is no scope that policies are assigned to.",
        "Give /subscriptions/ID, /subscriptions/ID/resourceGroups/NAME or "
        "/providers/Microsoft.Management/managementGroups/NAME.",
    )


def found(azure: Azure, scope: Scope) -> Json:
    """The scope's own body; {} of a management group, which is seen by its definitions: reading it needs a role that
    deploying does not."""
    from finops.cloud import definitions

    try:
        if scope.kind == "management group":
            next(definitions.custom(azure, scope.id, "policyDefinitions"), None)
            return {}
        return azure.get(scope.id, VERSIONS[scope.kind])
    except NotFound as fault:
        raise NotFound(
            f"There is no {scope.kind} {scope.id}, or this login cannot see it.",
            "Check --scope: `az account list` and `az group list` show what there is.",
            fault.status,
            fault.code,
        ) from fault
