"""The role that deploying and remediating ask for is enough, and holds nothing that they do without."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from estates import PROD, write_estate
from policy_folders import TAG_CONTRIBUTOR, grant, run, write_initiative, write_policy

from finops.cli.policy_azure import deploy, remediate
from finops.simulator import serving

ROLE: dict[str, Any] = json.loads((Path(__file__).parent.parent / "docs" / "policy-role.json").read_text("utf-8"))
SUBSCRIPTION = f"/subscriptions/{PROD}"

UNTRIED = {
    # Azure lets everybody read the subscriptions in which they have a role at all, and so does the simulator.
    "Microsoft.Resources/subscriptions/read",
    # Names of roles, for people; the simulator knows none.
    "Microsoft.Authorization/roleDefinitions/read",
    # Asked only of a task in which something failed.
    "Microsoft.PolicyInsights/remediations/listDeployments/action",
}


def said(tmp_path: Path, actions: list[str]) -> str:
    """All that deploying, deploying again with a change and remediating say to somebody with `actions`, codes first."""
    folder = tmp_path / "policies"
    rule = {
        "if": {"allOf": [{"field": "type", "equals": "Microsoft.Storage/storageAccounts"},
                         {"field": "tags.CostCenter", "exists": False}]},
        "then": {"effect": "modify", "details": {
            "roleDefinitionIds": [TAG_CONTRIBUTOR],
            "operations": [{"operation": "add", "field": "tags.CostCenter", "value": "CC-1"}]}},
    }  # fmt: skip
    write_policy(folder, "mended", policyRule=rule)
    write_initiative(folder, "guard", "mended")
    with serving(write_estate(tmp_path / "estate"), retry_after=0, roles=[{**ROLE, "Actions": actions}]) as served:
        runs = [run(deploy, served, "--scope", PROD, "--policies", str(folder))]
        assignment = served.world.resources.get(
            f"{SUBSCRIPTION}/providers/Microsoft.Authorization/policyAssignments/guard"
        )
        if assignment:
            grant(served, SUBSCRIPTION, assignment["identity"]["principalId"])
            served.world.clock.advance(hours=1)
            runs.append(run(deploy, served, "--scope", PROD, "--policies", str(folder)))
            runs.append(run(remediate, served, "mended", "--scope", PROD))
    return "\n".join([f"codes {[one.code for one in runs]}", *(one.text for one in runs)])


def test_the_role_is_enough(tmp_path: Path):
    text = said(tmp_path, ROLE["Actions"])

    assert text.startswith("codes [0, 0, 0]"), text
    assert "Azure refused" not in text


@pytest.mark.parametrize("action", [action for action in ROLE["Actions"] if action not in UNTRIED])
def test_each_action_of_the_role_is_needed(tmp_path: Path, action: str):
    text = said(tmp_path, [one for one in ROLE["Actions"] if one != action])

    assert (
        not text.startswith("codes [0, 0, 0]") or "Azure refused" in text or "may need" in text or "--location" in text
    )
