"""Definitions, set definitions, assignments and exemptions, with Microsoft's PolicyClient: kept, listed, refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from estates import small_bodies, write_estate
from policy_clients import (
    COST_CENTER,
    DEV,
    GROUP,
    IDENTITY,
    PROD,
    ROOT,
    SPOT,
    SUBSCRIPTION,
    WORKSPACE,
    Json,
    Policies,
    definition,
    policies,
)

MANAGEMENT_GROUP = ROOT.rpartition("/")[2]
BUILT_IN: Json = {
    "id": "/providers/Microsoft.Authorization/policyDefinitions/06a78e20-9358-41c9-923c-fb736d382a4d",
    "name": "06a78e20-9358-41c9-923c-fb736d382a4d",
    "type": "Microsoft.Authorization/policyDefinitions",
    "properties": {**SPOT["properties"], "policyType": "BuiltIn", "metadata": {"category": "Compute"}},
}


@pytest.fixture
def azure(tmp_path: Path) -> Iterator[Policies]:
    estate = write_estate(tmp_path / "estate", [*small_bodies(), BUILT_IN])
    with policies(tmp_path, estate=estate) as made:
        yield made


def refusal(work: Any, *arguments: Any) -> str:
    with pytest.raises(HttpResponseError) as refused:
        work(*arguments)
    return f"{refused.value.status_code} {refused.value.error.code}"


def test_a_definition_comes_back_as_it_was_given(azure: Policies):
    azure.define("spot", SPOT)

    found = azure.policy.policy_definitions.get("spot").as_dict()

    assert found["properties"]["policyRule"] == SPOT["properties"]["policyRule"]
    assert found["properties"]["policyType"] == "Custom"
    assert found["properties"]["version"] == "1.0.0"
    assert found["properties"]["metadata"]["createdOn"] == "2026-11-22T06:00:00+00:00"


def test_a_definition_keeps_who_made_it_when_somebody_changes_it(azure: Policies):
    azure.define("spot", SPOT)
    azure.served.world.clock.advance(hours=1)

    azure.define("spot", SPOT)

    metadata = azure.policy.policy_definitions.get("spot").as_dict()["properties"]["metadata"]
    assert metadata["createdOn"] == "2026-11-22T06:00:00+00:00"
    assert metadata["updatedOn"] == "2026-11-22T07:00:00+00:00"


def test_definitions_are_listed_with_those_above_and_the_built_ins(azure: Policies):
    azure.define("spot", SPOT)
    azure.policy.policy_definitions.create_or_update_at_management_group(MANAGEMENT_GROUP, "above", SPOT)

    def listed(**options: str) -> set[str]:
        return {one.name for one in azure.policy.policy_definitions.list(**options)}

    assert listed() == {"spot", "above", BUILT_IN["name"]}
    assert listed(filter="policyType eq 'Custom'") == {"spot", "above"}
    assert listed(filter="atExactScope()") == {"spot"}
    assert listed(filter="category eq 'Compute'") == {BUILT_IN["name"]}
    assert {one.name for one in azure.policy.policy_definitions.list_built_in()} == {BUILT_IN["name"]}
    assert azure.policy.policy_definitions.get_built_in(BUILT_IN["name"]).policy_type == "BuiltIn"


def test_a_built_in_of_the_estate_can_be_assigned(azure: Policies):
    azure.assign(BUILT_IN["id"], name="spot")

    assert azure.cluster("big").status_code == 403


def test_what_is_not_there_is_said_in_azures_words(azure: Policies):
    with pytest.raises(ResourceNotFoundError) as missing:
        azure.policy.policy_definitions.get("gone")

    assert missing.value.error.code == "PolicyDefinitionNotFound"
    assert missing.value.error.message == "The policy definition 'gone' could not be found."


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (definition({"field": "type", "equal": "x"}), "400 InvalidPolicyRule"),
        (definition({"field": "Microsoft.MachineLearningServices/workspaces/computes/vmPriorty", "equals": "x"}),
         "400 InvalidPolicyRule"),
        (definition({"field": "facts.ageDays", "equals": 1}), "400 InvalidPolicyRule"),
        (definition({"field": "type", "equals": "x"}, "deni"), "400 InvalidPolicyRule"),
        (definition({"field": "type", "equals": "x"}, parameters={"a": {"type": "String"}}),
         "400 UnusedPolicyParameters"),
        (definition({"field": "type", "equals": "[parameters('b')]"}), "400 InvalidPolicyRule"),
        ({"properties": {"mode": "All"}}, "400 InvalidPolicyRule"),
        (definition({"field": "type", "equals": "x"}, policyType="BuiltIn"), "400 InvalidPolicyType"),
    ],
)  # fmt: skip
def test_a_definition_that_cannot_be_meant_is_refused(azure: Policies, body: Json, complaint: str):
    assert refusal(azure.define, "wrong", body) == complaint


def test_a_definition_in_use_is_not_deleted(azure: Policies):
    azure.assign(azure.define("spot", SPOT))

    assert refusal(azure.policy.policy_definitions.delete, "spot") == "400 InvalidDeletePolicyDefinitionRequest"

    azure.policy.policy_assignments.delete(SUBSCRIPTION, "spot")
    azure.policy.policy_definitions.delete("spot")
    azure.policy.policy_definitions.delete("spot")
    assert (
        azure.served.world.resources.get(f"{SUBSCRIPTION}/providers/Microsoft.Authorization/policyDefinitions/spot")
        is None
    )


def test_a_definition_in_use_keeps_its_parameters(azure: Policies):
    azure.assign(azure.define("spot", SPOT))
    bare = definition(SPOT["properties"]["policyRule"]["if"])

    assert refusal(azure.define, "spot", bare) == "400 InvalidPolicyParameterUpdate"


def test_a_set_is_kept_and_its_references_are_made_where_they_are_left_out(azure: Policies):
    spot = azure.define("spot", SPOT)
    sets = azure.policy.policy_set_definitions

    sets.create_or_update("ours", {"properties": {"policyDefinitions": [{"policyDefinitionId": spot}]}})

    (member,) = sets.get("ours").policy_definitions
    assert member.policy_definition_reference_id.isdigit()
    assert [one.name for one in sets.list()] == ["ours"]


@pytest.mark.parametrize(
    ("members", "complaint"),
    [
        ([], "400 InvalidPolicySetDefinition"),
        ([{"policyDefinitionId": f"{SUBSCRIPTION}/providers/Microsoft.Authorization/policyDefinitions/gone"}],
         "404 PolicyDefinitionNotFound"),
        ([{"policyDefinitionId": BUILT_IN["id"], "policyDefinitionReferenceId": "A"},
          {"policyDefinitionId": BUILT_IN["id"], "policyDefinitionReferenceId": "a"}],
         "400 PolicyDefinitionReferenceIdNotUnique"),
        ([{"policyDefinitionId": BUILT_IN["id"], "parameters": {"x": {"value": 1}}}], "400 UndefinedPolicyParameter"),
    ],
)  # fmt: skip
def test_a_set_that_cannot_be_meant_is_refused(azure: Policies, members: list[Json], complaint: str):
    make = azure.policy.policy_set_definitions.create_or_update

    assert refusal(make, "wrong", {"properties": {"policyDefinitions": members}}) == complaint


def test_an_assignment_comes_back_with_what_azure_adds(azure: Policies):
    azure.assign(azure.define("cost-center", COST_CENTER), GROUP, top=IDENTITY)

    found = azure.policy.policy_assignments.get(GROUP, "cost-center").as_dict()

    assert found["identity"]["type"] == "SystemAssigned"
    assert len(found["identity"]["principalId"]) == 36
    assert found["properties"]["scope"] == GROUP
    assert found["properties"]["enforcementMode"] == "Default"
    assert found["properties"]["notScopes"] == []


def test_assignments_are_listed_by_what_holds_and_what_lies_below(azure: Policies):
    azure.define("spot", SPOT)
    above = azure.policy.policy_definitions.create_or_update_at_management_group(MANAGEMENT_GROUP, "above", SPOT).id
    for scope, name in ((ROOT, "root"), (SUBSCRIPTION, "subscription"), (GROUP, "group"), (WORKSPACE, "workspace")):
        azure.assign(above, scope, name)
    assignments = azure.policy.policy_assignments

    def names(found: Any) -> set[str]:
        return {one.name for one in found}

    assert names(assignments.list()) == {"root", "subscription", "group", "workspace"}
    assert names(assignments.list(filter="atScope()")) == {"root", "subscription"}
    assert names(assignments.list(filter="atExactScope()")) == {"subscription"}
    assert names(assignments.list(filter=f"policyDefinitionId eq '{BUILT_IN['id']}'")) == set()
    assert names(assignments.list_for_resource_group("rg-ml", filter="atScope()")) == {"root", "subscription", "group"}
    assert names(assignments.list_for_management_group(MANAGEMENT_GROUP, filter="atExactScope()")) == {"root"}


@pytest.mark.parametrize(
    ("properties", "complaint"),
    [
        ({}, "400 InvalidRequestContent"),
        ({"policyDefinitionId": f"{BUILT_IN['id']}0"}, "404 PolicyDefinitionNotFound"),
        ({"policyDefinitionId": BUILT_IN["id"], "parameters": {"efect": {"value": "deny"}}},
         "400 UndefinedPolicyParameter"),
        ({"policyDefinitionId": BUILT_IN["id"], "parameters": {"effect": {"value": "refuse"}}},
         "400 InvalidPolicyParameters"),
        ({"policyDefinitionId": BUILT_IN["id"], "notScopes": [ROOT]}, "400 InvalidPolicyAssignmentNotScopes"),
        ({"policyDefinitionId": BUILT_IN["id"], "enforcementMode": "Maybe"}, "400 InvalidRequestContent"),
    ],
)  # fmt: skip
def test_an_assignment_that_cannot_be_meant_is_refused(azure: Policies, properties: Json, complaint: str):
    make = azure.policy.policy_assignments.create

    assert refusal(make, SUBSCRIPTION, "wrong", {"properties": properties}) == complaint


def test_a_parameter_without_default_must_be_given(azure: Policies):
    azure.define(
        "named", definition({"field": "name", "equals": "[parameters('n')]"}, parameters={"n": {"type": "String"}})
    )

    assert refusal(azure.assign, f"{SUBSCRIPTION}/providers/Microsoft.Authorization/policyDefinitions/named") == (
        "400 MissingPolicyParameter"
    )


def test_what_changes_resources_needs_an_identity_and_a_place(azure: Policies):
    made = azure.define("cost-center", COST_CENTER)

    assert refusal(azure.assign, made) == "400 ResourceIdentityRequired"
    assert refusal(lambda: azure.assign(made, top={"identity": {"type": "SystemAssigned"}})) == "400 LocationRequired"


def test_a_name_at_a_management_group_has_24_characters_at_most(azure: Policies):
    assert refusal(lambda: azure.assign(BUILT_IN["id"], ROOT, "x" * 25)) == "400 InvalidPolicyAssignmentName"


def test_a_definition_can_only_be_assigned_below_its_home(azure: Policies):
    assert refusal(lambda: azure.assign(azure.define("spot", SPOT), ROOT)) == "400 InvalidCreatePolicyAssignmentRequest"


def test_a_management_group_that_is_not_there_is_404(azure: Policies):
    assert refusal(azure.policy.policy_definitions.create_or_update_at_management_group, "nobody", "x", SPOT) == (
        "404 ManagementGroupNotFound"
    )


def test_a_management_group_of_the_estate_holds_its_subscriptions(tmp_path: Path):
    group: Json = {
        "id": "/providers/Microsoft.Management/managementGroups/ml",
        "name": "ml",
        "type": "Microsoft.Management/managementGroups",
        "properties": {"displayName": "ML", "children": [{"id": SUBSCRIPTION, "type": "/subscriptions"}]},
    }
    estate = write_estate(tmp_path / "estate", [*small_bodies(), group])

    with policies(tmp_path, estate=estate) as azure:
        made = azure.policy.policy_definitions.create_or_update_at_management_group("ml", "spot", SPOT)
        azure.assign(made.id, group["id"])

        assert azure.cluster("big").status_code == 403
        assert [one.name for one in azure.policy.policy_assignments.list_for_management_group("ml")] == ["spot"]
        elsewhere = azure.http.get(f"/subscriptions/{DEV}/providers/Microsoft.Authorization/policyAssignments").json()
        assert elsewhere["value"] == []


def test_an_assignment_is_gone_once_it_is_deleted(azure: Policies):
    azure.assign(azure.define("spot", SPOT))

    assert azure.policy.policy_assignments.delete(SUBSCRIPTION, "spot").name == "spot"
    assert azure.policy.policy_assignments.delete(SUBSCRIPTION, "spot") is None
    with pytest.raises(ResourceNotFoundError):
        azure.policy.policy_assignments.get(SUBSCRIPTION, "spot")


def test_exemptions_are_listed_without_those_that_are_over(azure: Policies):
    assignment = azure.assign(azure.define("spot", SPOT))
    exemptions = f"{GROUP}/providers/Microsoft.Authorization/policyExemptions"
    for name, ends in (("old", "2026-11-01T00:00:00Z"), ("trial", "2027-01-01T00:00:00+01:00")):
        told = {"policyAssignmentId": assignment, "exemptionCategory": "waiver", "expiresOn": ends}
        assert azure.put(f"{exemptions}/{name}", {"properties": told}).status_code == 201

    def listed(scope: str, keep: str = "") -> list[str]:
        found = azure.http.get(f"{scope}/providers/Microsoft.Authorization/policyExemptions?$filter={keep}").json()
        return [one["name"] for one in found["value"]]

    assert listed(SUBSCRIPTION) == ["old", "trial"]
    assert listed(SUBSCRIPTION, "excludeExpired()") == ["trial"]
    assert listed(SUBSCRIPTION, "atScope()") == []
    assert azure.http.get(f"{exemptions}/trial").json()["properties"]["expiresOn"] == "2026-12-31T23:00:00Z"


@pytest.mark.parametrize(
    ("told", "status"),
    [
        ({"exemptionCategory": "Waiver"}, 404),
        ({"exemptionCategory": "Because", "policyAssignmentId": "x"}, 400),
        ({"exemptionCategory": "Waiver", "expiresOn": "soon"}, 400),
    ],
)
def test_an_exemption_that_cannot_be_meant_is_refused(azure: Policies, told: Json, status: int):
    path = f"{GROUP}/providers/Microsoft.Authorization/policyExemptions/trial"

    assert azure.put(path, {"properties": told}).status_code == status


def test_policies_are_not_listed_among_resources(azure: Policies):
    azure.assign(azure.define("spot", SPOT))

    found = azure.http.get(f"/subscriptions/{PROD}/resources").json()["value"]

    assert not [one for one in found if "policy" in one["type"].lower()]
