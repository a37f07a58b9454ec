"""`finops policy deploy` against the simulator: what is created, updated, kept, and left alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from estates import DEV, PROD, TENANT, group_id, write_estate
from policy_folders import Ran, grant, run, write_initiative, write_policy

from finops.cli.policy_azure import deploy
from finops.simulator import Served, serving

AT = f"/subscriptions/{PROD}/providers/Microsoft.Authorization"
Json = dict[str, Any]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with serving(write_estate(tmp_path / "estate"), retry_after=0) as server:
        yield server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two definitions and the initiative that bundles them."""
    write_policy(tmp_path / "policies", "tagged")
    write_policy(tmp_path / "policies", "tagged-by-us", "modify")
    write_initiative(tmp_path / "policies", "guard", "tagged", "tagged-by-us")
    return tmp_path / "policies"


def deployed(served: Served, folder: Path, *more: str, scope: str = PROD) -> Ran:
    return run(deploy, served, "--scope", scope, "--policies", str(folder), *more)


def in_azure(served: Served, kind: str, name: str, at: str = AT) -> Json | None:
    return served.world.resources.get(f"{at}/{kind}/{name}")


def put(served: Served, path: str, body: Json) -> None:
    answer = httpx.put(f"{served.url}{path}?api-version=2023-04-01", json=body, timeout=60)
    assert answer.status_code < 300, answer.text


def writes(served: Served) -> list[str]:
    return [each["path"] for each in served.requests if each["method"] not in {"GET", "POST"}]


def test_the_first_run_creates_the_second_changes_nothing(served: Served, folder: Path):
    first = deployed(served, folder)
    served.requests.clear()
    second = deployed(served, folder)

    assert first.code == second.code == 0, first.text + second.text
    assert "4 created, 0 updated, 0 unchanged, 0 not deployed." in first.text
    assert "Everything is as it should be. Nothing was changed." in second.text
    assert writes(served) == []


def test_what_if_shows_everything_and_writes_nothing(served: Served, folder: Path):
    ran = deployed(served, folder, "--what-if")

    assert ran.code == 0
    assert "+ definition tagged: create" in ran.text
    assert "+ initiative guard: create" in ran.text
    assert "+ assignment guard: create" in ran.text
    assert writes(served) == []


def test_a_changed_rule_is_shown_and_updated_and_nothing_else(served: Served, folder: Path):
    deployed(served, folder)
    write_policy(folder, "tagged", "deny")
    served.requests.clear()

    ran = deployed(served, folder)

    assert ran.code == 0
    assert 'policyRule.then.effect: "audit" -> "deny"' in ran.text
    assert writes(served) == [f"{AT}/policyDefinitions/tagged"]
    assert in_azure(served, "policyDefinitions", "tagged")["properties"]["policyRule"]["then"] == {"effect": "deny"}


def test_what_somebody_else_made_is_left_alone_and_the_rest_deployed(served: Served, folder: Path):
    theirs = {
        "properties": {
            "displayName": "Theirs",
            "policyRule": {"if": {"field": "kind", "equals": "x"}, "then": {"effect": "audit"}},
        }
    }
    put(served, f"{AT}/policyDefinitions/tagged", theirs)

    ran = deployed(served, folder)

    assert ran.code == 20
    assert "The definition tagged exists and was not created by finops. It was left alone." in ran.text
    assert in_azure(served, "policyDefinitions", "tagged")["properties"]["displayName"] == "Theirs"
    members = in_azure(served, "policySetDefinitions", "guard")["properties"]["policyDefinitions"]
    assert [each["policyDefinitionReferenceId"] for each in members] == ["tagged-by-us"]
    assert "Not all of it could be deployed: definition tagged, tagged (left out of guard)" in ran.text


@pytest.mark.parametrize(("kind", "body"), [
    ("policySetDefinitions", {"properties": {"policyDefinitions": []}}),
    ("policyAssignments", {"properties": {"policyDefinitionId": f"{AT}/policyDefinitions/other"}}),
])  # fmt: skip
def test_initiatives_and_assignments_of_others_are_left_alone_too(
    served: Served, folder: Path, kind: str, body: Json, tmp_path: Path
):
    other = json.loads(write_policy(tmp_path / "x", "other").read_text("utf-8"))
    put(served, f"{AT}/policyDefinitions/other", {"properties": other})
    member = {"policyDefinitionId": f"{AT}/policyDefinitions/other", "policyDefinitionReferenceId": "o"}
    if kind == "policySetDefinitions":
        body = {"properties": {"policyDefinitions": [member]}}
    put(served, f"{AT}/{kind}/guard", body)
    before = in_azure(served, kind, "guard")

    ran = deployed(served, folder)

    assert ran.code == 20
    assert "exists and was not created by finops" in ran.text
    assert in_azure(served, kind, "guard") == before
    assert in_azure(served, "policyDefinitions", "tagged") is not None


def test_one_that_azure_refuses_is_named_with_its_file_and_the_others_deploy(served: Served, folder: Path):
    rule = {"if": {"field": "tags.CostCenter", "exsits": False}, "then": {"effect": "audit"}}
    file = write_policy(folder, "broken", policyRule=rule)

    ran = deployed(served, folder)

    assert ran.code == 20
    assert "definition broken: failed" in ran.text
    assert f"Mend what Azure names in {file}." in ran.text
    assert "assignment broken: left alone" in ran.text
    assert in_azure(served, "policyAssignments", "guard") is not None


def test_an_initiative_goes_without_the_member_that_azure_refuses(served: Served, folder: Path):
    rule = {"if": {"field": "tags.CostCenter", "exists": "[parameters('p')]"}, "then": {"effect": "nonsense"}}
    write_policy(folder, "broken", policyRule=rule, parameters={"p": {"type": "Boolean"}})
    file = write_initiative(folder, "guard", "tagged", "broken", parameters={"p": {"type": "Boolean"}})
    body = json.loads(file.read_text("utf-8"))
    body["policyDefinitions"][1]["parameters"] = {"p": {"value": "[parameters('p')]"}}
    file.write_text(json.dumps(body), "utf-8")
    (folder.parent / "values.yaml").write_text("p: true\n", "utf-8")

    ran = deployed(served, folder, "--parameters", str(folder.parent / "values.yaml"))

    assert ran.code == 20, ran.text
    assert "broken (left out of guard)" in ran.text
    initiative = in_azure(served, "policySetDefinitions", "guard")["properties"]
    assert [each["policyDefinitionReferenceId"] for each in initiative["policyDefinitions"]] == ["tagged"]
    assert initiative["parameters"] == {}
    assert in_azure(served, "policyAssignments", "guard")["properties"]["parameters"] == {}


def test_a_file_that_is_no_json_takes_no_member_out_of_a_live_initiative(served: Served, folder: Path):
    deployed(served, folder)
    (folder / "tagged" / "azurepolicy.json").write_text('{"displayName": ', "utf-8")

    ran = deployed(served, folder)

    assert ran.code == 20
    assert "is not JSON" in ran.text
    members = in_azure(served, "policySetDefinitions", "guard")["properties"]["policyDefinitions"]
    assert len(members) == 2


def test_a_member_that_is_in_no_folder_is_named(served: Served, folder: Path):
    write_initiative(folder, "guard", "tagged", "tagged-by-us", "tagegd")

    ran = deployed(served, folder)

    assert ran.code == 20
    assert "tagegd (left out of guard)" in ran.text


def test_a_scope_that_is_not_there_is_said_before_anything_is_written(served: Served, folder: Path):
    ran = deployed(served, folder, scope=group_id(PROD, "rg-nowhere"))

    assert ran.code == 1
    assert "There is no resource group" in ran.text
    assert "az group list" in ran.text
    assert writes(served) == []


@pytest.mark.parametrize("scope", ["my subscription", "/subscriptions/x/resourceGroups/", "/providers/other/x/y", "/"])
def test_what_is_no_scope_is_refused(served: Served, folder: Path, scope: str):
    ran = deployed(served, folder, scope=scope)

    assert ran.code in {1, 2}
    assert "scope" in ran.text or "There is no" in ran.text


def test_a_missing_permission_is_named_and_what_may_be_written_is(tmp_path: Path, folder: Path):
    role = {"Name": "R", "NotActions": [], "Actions": [
        "Microsoft.Resources/subscriptions/*", "Microsoft.Authorization/*/read",
        "Microsoft.Authorization/policyDefinitions/write",
    ]}  # fmt: skip
    who = {"name": "me", "assignments": [{"role": "R", "scope": f"/subscriptions/{PROD}"}]}
    roles = {"roles": [role], "principals": {"*": who}}

    with serving(write_estate(tmp_path / "estate"), retry_after=0, roles=roles) as served:
        ran = deployed(served, folder)

        assert ran.code == 20, ran.text
        assert "Microsoft.Authorization/policySetDefinitions/write" in ran.text
        assert "assignment guard: left alone" in ran.text
        assert in_azure(served, "policyDefinitions", "tagged") is not None


def test_what_a_person_added_in_the_portal_survives_an_update(served: Served, folder: Path):
    deployed(served, folder)
    for kind, change in (
        ("policyAssignments", {"notScopes": [group_id(PROD, "rg-ml")]}),
        ("policyDefinitions", {"metadata": {"reviewedBy": "ana"}}),
    ):
        name = "guard" if kind == "policyAssignments" else "tagged"
        body = in_azure(served, kind, name)
        body["properties"] |= {
            **change,
            **({"metadata": {**body["properties"]["metadata"], **change["metadata"]}} if "metadata" in change else {}),
        }
        put(
            served,
            f"{AT}/{kind}/{name}",
            {key: body[key] for key in ("properties", "identity", "location") if key in body},
        )
    write_policy(folder, "tagged", "deny")

    deployed(served, folder, "--do-not-enforce")

    assignment = in_azure(served, "policyAssignments", "guard")["properties"]
    assert (assignment["enforcementMode"], assignment["notScopes"]) == ("DoNotEnforce", [group_id(PROD, "rg-ml")])
    definition = in_azure(served, "policyDefinitions", "tagged")["properties"]
    assert (definition["metadata"]["reviewedBy"], definition["policyRule"]["then"]["effect"]) == ("ana", "deny")


def test_rules_that_mend_get_an_identity_and_say_which_role_it_lacks(served: Served, folder: Path):
    first = deployed(served, folder, "--location", "westeurope")
    again = deployed(served, folder, "--location", "northeurope")

    assignment = in_azure(served, "policyAssignments", "guard")
    assert (assignment["identity"]["type"], assignment["location"]) == ("SystemAssigned", "westeurope")
    command = f"--assignee-object-id {assignment['identity']['principalId']}"
    assert command in first.text
    assert command in again.text, "it is said until somebody grants it"
    assert "Everything is as it should be" in again.text, "the location of an identity can never be changed"


def test_rules_that_only_look_get_no_identity(served: Served, tmp_path: Path):
    write_policy(tmp_path / "p", "tagged")

    deployed(served, tmp_path / "p")

    assert "identity" not in in_azure(served, "policyAssignments", "tagged")


def test_a_role_that_is_there_is_not_asked_for(served: Served, folder: Path):
    deployed(served, folder)
    principal = in_azure(served, "policyAssignments", "guard")["identity"]["principalId"]
    grant(served, f"/subscriptions/{PROD}", principal)

    ran = deployed(served, folder)

    assert "az role assignment create" not in ran.text


def test_a_group_keeps_its_assignment_and_its_subscription_the_definitions(served: Served, folder: Path):
    scope = group_id(PROD, "rg-ml")

    ran = deployed(served, folder, scope=scope)

    assert ran.code == 0, ran.text
    assert in_azure(served, "policyDefinitions", "tagged") is not None
    own = in_azure(served, "policyAssignments", "guard", f"{scope}/providers/Microsoft.Authorization")
    assert own["location"] == "eastus", "where the group is"
    assert in_azure(served, "policyAssignments", "guard") is None


def test_a_management_group_gets_names_that_are_short_enough(served: Served, tmp_path: Path):
    name = "storage-accounts-have-a-lifecycle-policy"
    write_policy(tmp_path / "p", name)
    scope = f"/providers/Microsoft.Management/managementGroups/{TENANT}"

    first = deployed(served, tmp_path / "p", scope=scope)
    again = deployed(served, tmp_path / "p", scope=scope)

    assert (first.code, again.code) == (0, 0), first.text
    at = f"{scope}/providers/Microsoft.Authorization/policyAssignments/".lower()
    names = [body["name"] for body in served.world.resources.all() if body["id"].lower().startswith(at)]
    assert len(names) == 1
    assert len(names[0]) <= 24
    assert "Everything is as it should be" in again.text


def test_a_parameter_without_value_keeps_the_assignment_back_and_nothing_else(served: Served, tmp_path: Path):
    write_policy(tmp_path / "p", "tagged", parameters={"centres": {"type": "Array"}},
                 policyRule={"if": {"field": "tags.CostCenter", "notIn": "[parameters('centres')]"},
                             "then": {"effect": "audit"}})  # fmt: skip

    ran = deployed(served, tmp_path / "p")

    assert ran.code == 20
    assert "tagged is not assigned: centres has no value." in ran.text
    assert in_azure(served, "policyDefinitions", "tagged") is not None


@pytest.mark.parametrize("text", ["centres: [CC-1]", '{"centres": {"value": ["CC-1"]}}', "tagged/centres: [CC-1]"])
def test_values_come_as_people_and_as_azures_tools_write_them(served: Served, tmp_path: Path, text: str):
    write_policy(tmp_path / "p", "tagged", parameters={"centres": {"type": "Array"}},
                 policyRule={"if": {"field": "tags.CostCenter", "notIn": "[parameters('centres')]"},
                             "then": {"effect": "audit"}})  # fmt: skip
    (tmp_path / "values").write_text(text, "utf-8")

    ran = deployed(served, tmp_path / "p", "--parameters", str(tmp_path / "values"))

    assert ran.code == 0, ran.text
    given = in_azure(served, "policyAssignments", "tagged")["properties"]["parameters"]
    assert given == {"centres": {"value": ["CC-1"]}}


def test_a_misspelt_parameter_is_refused_with_what_was_meant(served: Served, folder: Path, tmp_path: Path):
    write_policy(folder, "more", parameters={"centres": {"type": "Array", "defaultValue": []}})
    (tmp_path / "values.yaml").write_text("centers: []\n", "utf-8")

    ran = deployed(served, folder, "--parameters", str(tmp_path / "values.yaml"))

    assert ran.code == 2
    assert "centers is a parameter of nothing that is assigned. Did you mean centres?" in ran.text
    assert writes(served) == []


def test_what_is_in_the_folder_no_more_is_named_and_stays(served: Served, folder: Path):
    write_policy(folder, "old")
    deployed(served, folder)
    (folder / "old" / "azurepolicy.json").unlink()

    ran = deployed(served, folder)

    assert ran.code == 0
    assert f"? {AT}/policyAssignments/old: created by finops, and in the folder no more" in ran.text
    assert in_azure(served, "policyAssignments", "old") is not None


def test_who_is_denied_reads_why(served: Served, folder: Path):
    deployed(served, folder)

    messages = in_azure(served, "policyAssignments", "guard")["properties"]["nonComplianceMessages"]
    assert {"message": "Why tagged.", "policyDefinitionReferenceId": "tagged"} in messages


def test_another_subscription_is_not_touched(served: Served, folder: Path):
    deployed(served, folder)

    assert not [each for each in writes(served) if DEV in each]


def test_the_shipped_policies_deploy_once(served: Served, tmp_path: Path):
    (tmp_path / "values.yaml").write_text("costCenters: [CC-1]\napprovedCostCenters: [CC-1]\n", "utf-8")
    arguments = ("--scope", PROD, "--parameters", str(tmp_path / "values.yaml"))

    first = run(deploy, served, *arguments)
    again = run(deploy, served, *arguments)

    assert (first.code, again.code) == (0, 0), first.text
    assert "0 not deployed" in first.text
    assert "Everything is as it should be. Nothing was changed." in again.text


def test_the_command_line_tells_it_in_one_line(served: Served, folder: Path):
    from click.testing import CliRunner

    from finops.cli import cli

    arguments = ["policy", "deploy", "--policies", str(folder), "--azure", served.url, "--scope"]

    good = CliRunner().invoke(cli, [*arguments, PROD])
    bad = CliRunner().invoke(cli, [*arguments, group_id(PROD, "rg-nowhere")])

    assert (good.exit_code, bad.exit_code) == (0, 1)
    assert bad.output.startswith("Error: There is no resource group")
