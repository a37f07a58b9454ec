"""Every case of every policy, and what everything that we ship must be."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from finops.cli import cli
from finops.conditions import shipped_aliases
from finops.config import folder
from finops.policy.cases import Case, verdict
from finops.policy.check import LEAST
from finops.policy.content import Definition, read
from finops.policy.initiatives import lint_initiative
from finops.policy.lint import lint
from finops.policy.scoring import score

POLICIES = folder("policies")
CONTENT = read(POLICIES)
CASES = [(definition, case) for definition in CONTENT.definitions for case in definition.cases]

each_policy = pytest.mark.parametrize("definition", CONTENT.definitions, ids=lambda one: one.name)


def check(*args: object) -> Result:
    return CliRunner().invoke(cli, ["policy", "check", *map(str, args)], catch_exceptions=False)


@pytest.mark.parametrize(("definition", "case"), CASES, ids=[f"{one.name}/{case.name}" for one, case in CASES])
def test_case_is_decided_as_named(definition: Definition, case: Case) -> None:
    policy = definition.compiled(case.parameters)

    assert verdict(case.outcome(policy)) == case.expected, case.told(policy)
    assert case.complaint(policy) == ""


@each_policy
def test_its_cases_would_notice_a_change_of_the_rule(definition: Definition) -> None:
    found = score(definition)

    assert found.all > 0, "there is nothing in the rule that could be changed"
    assert found.percent >= LEAST, [f"{mutant.place}: {mutant.what}" for mutant in found.survivors]


@each_policy
def test_nothing_is_wrong_with_it(definition: Definition) -> None:
    assert [str(found) for found in lint(definition, shipped_aliases()) if found.level != "note"] == []


@each_policy
def test_it_is_what_the_portal_shows_when_a_definition_is_edited(definition: Definition) -> None:
    """The properties, without an envelope: `New-AzPolicyDefinition` calls it the policy properties object."""
    body = json.loads(definition.file.read_text("utf-8"))

    assert list(body) == ["displayName", "description", "mode", "metadata", "parameters", "policyRule"]


@each_policy
def test_who_is_denied_reads_what_to_write_instead(definition: Definition) -> None:
    assert 60 < len(definition.message) < 500
    assert definition.message != definition.item.title


def test_what_must_be_refused_at_creation_is_denied_by_default() -> None:
    denying = {one.name for one in CONTENT.definitions if one.looked_at().effect == "deny"}

    assert {"dev-clusters-are-spot", "cost-center-on-groups", "gpu-in-approved-cost-centers"} <= denying
    assert "cost-center-on-resources" not in denying


def test_the_initiative_bundles_every_policy_and_hands_each_what_it_needs() -> None:
    (initiative,) = CONTENT.bundle.initiatives

    assert {each["policyDefinitionReferenceId"] for each in initiative.members} == {
        one.name for one in CONTENT.definitions
    }
    assert [str(found) for found in lint_initiative(initiative, CONTENT.bundle, CONTENT.definitions)] == []


def test_a_policy_is_added_by_copying_a_folder_and_editing_json(tmp_path: Path) -> None:
    """As CONTRIBUTING says, with nothing but files."""
    mine = tmp_path / "clusters-have-public-nodes-off"
    shutil.copytree(POLICIES / "cost-center-on-resources", mine)
    edit(mine / "azurepolicy.json", {
        "displayName": "Clusters have no public addresses",
        "description": "A public address costs money and is an open door.",
        "mode": "All",
        "policyRule": {
            "if": {"field": "Microsoft.MachineLearningServices/workspaces/computes/enableNodePublicIp", "equals": True},
            "then": {"effect": "[parameters('effect')]"},
        },
    })  # fmt: skip
    shutil.rmtree(mine / "tests")
    case(mine, "public-audit", cluster(enableNodePublicIp=True))
    case(mine, "private-none", cluster(enableNodePublicIp=False))
    case(mine, "denied-where-wanted-deny", {"resource": cluster(enableNodePublicIp=True),
                                            "parameters": {"effect": "Deny"}})  # fmt: skip

    result = check(mine)

    assert result.exit_code == 0, result.output
    assert "clusters-have-public-nodes-off" in result.output
    asked = CliRunner().invoke(
        cli, ["policy", "evaluate", str(mine / "tests/private-none.json"), "--policies", str(tmp_path)]
    )
    assert asked.exit_code == 0, asked.output


def test_a_copied_policy_that_nobody_finished_is_refused(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    shutil.copytree(POLICIES / "cost-center-on-resources", mine)
    edit(mine / "azurepolicy.json", {
        "policyRule": {"if": {"field": "location", "equals": "eastus"}, "then": {"effect": "[parameters('effect')]"}},
    })  # fmt: skip

    result = check(mine)

    assert result.exit_code == 1
    assert "expected audit, decided none" in result.output


def edit(file: Path, changes: dict[str, Any]) -> None:
    file.write_text(json.dumps(json.loads(file.read_text("utf-8")) | changes), "utf-8")


def case(policy: Path, name: str, body: dict[str, Any]) -> None:
    (policy / "tests").mkdir(exist_ok=True)
    (policy / "tests" / f"{name}.json").write_text(json.dumps(body), "utf-8")


def cluster(**inner: Any) -> dict[str, Any]:
    kind = "Microsoft.MachineLearningServices/workspaces/computes"
    return {"type": kind, "name": "w/c", "properties": {"computeType": "AmlCompute", "properties": inner}}
