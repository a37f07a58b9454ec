"""The roles that we ask for are enough to enforce, and the enforcer's holds nothing that enforcing does without."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from estates import DEV, group_id, storage_account
from guarding import GPU, Guarding, dedicated, guarding

from finops.simulator.rbac import rbac_of

DOCS = Path(__file__).parent.parent / "docs"
READER: dict[str, Any] = json.loads((DOCS / "reader-role.json").read_text("utf-8"))
ENFORCER: dict[str, Any] = json.loads((DOCS / "enforcer-role.json").read_text("utf-8"))

UNTRIED = {
    # Asked by Azure of whoever puts a cluster into a subnet or gives it an identity; the simulator does not.
    "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action",
    "Microsoft.Network/virtualNetworks/subnets/join/action",
}

# What the janitor needs of it is tested in test_applying_role.py.
ML = "Microsoft.MachineLearningServices/workspaces/"
JANITORS = {
    f"{ML}computes/stop/action",
    f"{ML}onlineEndpoints/write",
    f"{ML}onlineEndpoints/delete",
    f"{ML}onlineEndpoints/deployments/delete",
    f"{ML}batchEndpoints/delete",
    f"{ML}environments/versions/write",
    f"{ML}schedules/write",
    "Microsoft.ContainerRegistry/registries/metadata/read",
    "Microsoft.ContainerRegistry/registries/pull/read",
    "Microsoft.ContainerRegistry/registries/artifacts/delete",
}


def enforced(folder: Path, actions: list[str]) -> bool:
    """Whether a guard with the reader's role and `actions` does all that is due."""
    data = storage_account(DEV, "rg-dev", "mldata")
    data["properties"]["creationTime"] = "2026-08-01T08:00:00Z"
    with guarding(folder, dedicated(), data) as guard:
        guard.served.app.rbac = rbac_of([READER, {**ENFORCER, "Actions": actions}])
        _twice(guard)
        return guard.priority(GPU) == "LowPriority" and "CostCenter" in guard.body(
            f"{group_id(DEV, 'rg-dev')}/providers/Microsoft.Storage/storageAccounts/mldata"
        )["tags"]  # fmt: skip


def _twice(guard: Guarding) -> None:
    guard.run()
    guard.live(days=8)
    guard.run()


def test_the_enforcer_role_is_enough(tmp_path: Path):
    assert enforced(tmp_path, ENFORCER["Actions"])


@pytest.mark.parametrize("action", [action for action in ENFORCER["Actions"] if action not in UNTRIED | JANITORS])
def test_each_action_of_the_enforcer_is_needed(tmp_path: Path, action: str):
    try:
        done = enforced(tmp_path, [one for one in ENFORCER["Actions"] if one != action])
    except AssertionError:
        return  # the cluster is gone, and is owed

    assert not done
