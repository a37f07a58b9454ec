"""Policies at the door, asked with Microsoft's clients: what is refused, in whose words, and what is changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.core.exceptions import HttpResponseError
from policy_clients import (
    COMPUTES,
    COST_CENTER,
    DEV,
    GROUP,
    IDENTITY,
    ROOT,
    SPOT,
    SUBSCRIPTION,
    WORKSPACE,
    Policies,
    definition,
    policies,
)

MESSAGE = "Dev clusters must be spot. Set tier: low_priority."
OWNER = {"field": "tags['Owner']", "exists": "false"}


@pytest.fixture
def azure(tmp_path: Path) -> Iterator[Policies]:
    with policies(tmp_path, polls=0) as made:
        yield made


def test_a_dedicated_cluster_is_refused_with_our_message(azure: Policies):
    pytest.importorskip("azure.ai.ml")
    from azure.ai.ml.entities import AmlCompute
    from test_wire_ml import ml_client

    azure.assign(azure.define("spot", SPOT), nonComplianceMessages=[{"message": MESSAGE}])

    with ml_client(azure.served) as client, pytest.raises(HttpResponseError) as refused:
        client.compute.begin_create_or_update(AmlCompute(name="big", size="STANDARD_NC6S_V3")).result()

    assert refused.value.status_code == 403
    assert refused.value.error.code == "RequestDisallowedByPolicy"
    assert refused.value.error.message == (
        f"Resource 'ml-prod/big' was disallowed by policy. Reasons: '{MESSAGE}'. "
        "See error details for policy resource IDs."
    )
    assert refused.value.error.additional_info[0].info["policyAssignmentName"] == "spot"


def test_a_spot_cluster_is_accepted(azure: Policies):
    pytest.importorskip("azure.ai.ml")
    from azure.ai.ml.entities import AmlCompute
    from test_wire_ml import ml_client

    azure.assign(azure.define("spot", SPOT))

    with ml_client(azure.served) as client:
        made = client.compute.begin_create_or_update(
            AmlCompute(name="cheap", size="STANDARD_NC6S_V3", tier="low_priority")
        ).result()

    assert made.tier == "low_priority"


def test_a_refusal_without_a_message_names_assignment_and_definition(azure: Policies):
    azure.assign(azure.define("spot", SPOT))

    refused = azure.cluster("big").json()["error"]

    assert refused["target"] == "ml-prod/big"
    assert refused["message"] == (
        "Resource 'ml-prod/big' was disallowed by policy. Policy identifiers: '["
        f'{{"policyAssignment":{{"name":"spot","id":"{SUBSCRIPTION}/providers/Microsoft.Authorization/'
        f'policyAssignments/spot"}},"policyDefinition":{{"name":"Clusters are spot","id":"{SUBSCRIPTION}/providers/'
        'Microsoft.Authorization/policyDefinitions/spot","version":"1.0.0"}}]\'.'
    )


def test_a_refusal_shows_what_was_compared(azure: Policies):
    azure.assign(azure.define("spot", SPOT))

    (told,) = azure.cluster("big").json()["error"]["additionalInfo"]

    assert told["type"] == "PolicyViolation"
    assert told["info"]["policyDefinitionEffect"] == "deny"
    assert told["info"]["evaluationDetails"]["evaluatedExpressions"][2] == {
        "result": "True",
        "expressionKind": "Field",
        "expression": f"{COMPUTES}/vmPriority",
        "path": "properties.properties.vmPriority",
        "expressionValue": "Dedicated",
        "targetValue": "LowPriority",
        "operator": "NotEquals",
    }


def test_every_policy_that_refuses_is_named(azure: Policies):
    azure.assign(azure.define("spot", SPOT))
    azure.assign(azure.define("owner", definition(OWNER, mode="Indexed")))

    told = azure.cluster("big").json()["error"]["additionalInfo"]

    assert [each["info"]["policyAssignmentName"] for each in told] == ["owner", "spot"]


def test_a_refused_cluster_is_not_there_and_not_in_the_activity_log(azure: Policies):
    azure.assign(azure.define("spot", SPOT))
    before = len(azure.served.world.activity)

    azure.cluster("big")

    assert azure.served.world.resources.get(f"{WORKSPACE}/computes/big") is None
    assert len(azure.served.world.activity) == before


def test_an_assignment_holds_after_five_minutes(azure: Policies):
    spot = azure.define("spot", SPOT)
    azure.policy.policy_assignments.create(SUBSCRIPTION, "spot", {"properties": {"policyDefinitionId": spot}})

    azure.served.world.clock.advance(minutes=4)
    early = azure.cluster("early").status_code
    azure.served.world.clock.advance(minutes=1)

    assert (early, azure.cluster("late").status_code) == (201, 403)


def test_a_deleted_assignment_holds_no_longer(azure: Policies):
    azure.assign(azure.define("spot", SPOT))

    azure.policy.policy_assignments.delete(SUBSCRIPTION, "spot")
    azure.served.world.clock.advance(minutes=5)

    assert azure.cluster("big").status_code == 201


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"enforcementMode": "DoNotEnforce"}, 201),
        ({"enforcementMode": "Default"}, 403),
        ({"notScopes": [GROUP]}, 201),
        ({"notScopes": [f"{SUBSCRIPTION}/resourceGroups/rg"]}, 403),
        ({"parameters": {"effect": {"value": "audit"}}}, 201),
        ({"parameters": {"effect": {"value": "disabled"}}}, 201),
        ({"resourceSelectors": [{"selectors": [{"kind": "resourceLocation", "notIn": ["eastus"]}]}]}, 201),
        ({"resourceSelectors": [{"selectors": [{"kind": "resourceLocation", "in": ["East US"]}]}]}, 403),
        ({"overrides": [{"kind": "policyEffect", "value": "audit"}]}, 201),
    ],
)
def test_what_an_assignment_says_is_obeyed(azure: Policies, more, status: int):
    azure.assign(azure.define("spot", SPOT), **more)

    assert azure.cluster("big").status_code == status


@pytest.mark.parametrize(
    ("scope", "status"),
    [(ROOT, 403), (SUBSCRIPTION, 403), (GROUP, 403), (WORKSPACE, 403), (f"/subscriptions/{DEV}", 201)],
)
def test_an_assignment_holds_at_its_scope_and_below(azure: Policies, scope: str, status: int):
    at_root = azure.policy.policy_definitions.create_or_update_at_management_group(
        ROOT.rpartition("/")[2], "spot", SPOT
    )
    azure.assign(at_root.id, scope)

    assert azure.cluster("big").status_code == status


def test_an_exempted_resource_group_is_let_through_until_the_exemption_ends(azure: Policies):
    assignment = azure.assign(azure.define("spot", SPOT))
    told = {"policyAssignmentId": assignment, "exemptionCategory": "Waiver", "expiresOn": "2026-11-22T08:00:00Z"}
    path = f"{GROUP}/providers/Microsoft.Authorization/policyExemptions/trial"
    assert azure.put(path, {"properties": told}).status_code == 201
    azure.served.world.clock.advance(minutes=5)

    during = azure.cluster("during").status_code
    azure.served.world.clock.advance(hours=2)

    assert (during, azure.cluster("after").status_code) == (201, 403)


def test_an_exemption_of_one_definition_of_a_set_leaves_the_others(azure: Policies):
    spot, owner = azure.define("spot", SPOT), azure.define("owner", definition(OWNER, mode="Indexed"))
    members = [
        {"policyDefinitionId": each, "policyDefinitionReferenceId": each.rpartition("/")[2]} for each in (spot, owner)
    ]
    made = azure.policy.policy_set_definitions.create_or_update("ours", {"properties": {"policyDefinitions": members}})
    assignment = azure.assign(made.id)
    told = {"policyAssignmentId": assignment, "exemptionCategory": "Waiver", "policyDefinitionReferenceIds": ["spot"]}
    azure.put(f"{WORKSPACE}/providers/Microsoft.Authorization/policyExemptions/trial", {"properties": told})
    azure.served.world.clock.advance(minutes=5)

    told = azure.cluster("big").json()["error"]["additionalInfo"]

    assert [each["info"]["policyDefinitionReferenceId"] for each in told] == ["owner"]


def test_a_sets_parameters_reach_its_definitions_and_its_messages_the_refused(azure: Policies):
    spot = azure.define("spot", SPOT)
    member = {
        "policyDefinitionId": spot,
        "policyDefinitionReferenceId": "Spot",
        "parameters": {"effect": {"value": "[parameters('spotEffect')]"}},
    }
    ours = {"properties": {"policyDefinitions": [member], "parameters": {"spotEffect": {"type": "String"}}}}
    made = azure.policy.policy_set_definitions.create_or_update("ours", ours)
    messages = [{"message": "general"}, {"message": MESSAGE, "policyDefinitionReferenceId": "spot"}]
    azure.assign(made.id, parameters={"spotEffect": {"value": "deny"}}, nonComplianceMessages=messages)

    refused = azure.cluster("big").json()["error"]

    assert MESSAGE in refused["message"]
    assert refused["additionalInfo"][0]["info"]["policySetDefinitionName"] == "ours"


def test_modify_adds_the_tag_of_the_group_at_creation(azure: Policies):
    azure.assign(azure.define("cost-center", COST_CENTER), top=IDENTITY)

    made = azure.cluster("big", tags={"Owner": "ana"})

    assert made.json()["tags"] == {"Owner": "ana", "CostCenter": "CC-1"}


def test_modify_leaves_alone_what_is_as_wanted_and_what_is_not_enforced(azure: Policies):
    azure.assign(azure.define("cost-center", COST_CENTER), top=IDENTITY, enforcementMode="DoNotEnforce")

    assert azure.cluster("big", tags={"Owner": "ana"}).json()["tags"] == {"Owner": "ana"}


def test_what_modify_adds_satisfies_a_deny(azure: Policies):
    azure.assign(azure.define("cost-center", COST_CENTER), top=IDENTITY)
    azure.assign(
        azure.define("required", definition({"field": "tags['CostCenter']", "exists": "false"}, mode="Indexed"))
    )

    assert azure.cluster("big").status_code == 201


@pytest.mark.parametrize(("tags", "status"), [({}, 201), ({"Team": "ml"}, 201), ({"Team": "data"}, 403)])
def test_append_adds_but_does_not_overwrite(azure: Policies, tags: dict[str, str], status: int):
    rule = definition({"field": "type", "equals": COMPUTES}, "append", [{"field": "tags['Team']", "value": "ml"}])  # type: ignore[arg-type]
    azure.assign(azure.define("team", rule))

    made = azure.cluster("big", tags=tags)

    assert made.status_code == status
    assert status == 403 or made.json()["tags"] == {"Team": "ml"}


def test_two_modifications_that_contradict_each_other_refuse_the_request(azure: Policies):
    cost_center = azure.define("cost-center", COST_CENTER)
    azure.assign(cost_center, name="one", top=IDENTITY)
    other = {**COST_CENTER["properties"], "policyRule": {**COST_CENTER["properties"]["policyRule"]}}
    details = other["policyRule"]["then"]["details"]
    value = {"operation": "add", "field": "tags['CostCenter']", "value": "[parameters('otherwise')]"}
    other["policyRule"]["then"] = {"effect": "modify", "details": {**details, "operations": [value]}}
    azure.assign(azure.define("other", {"properties": other}), name="two", top=IDENTITY)

    told = azure.cluster("big").json()["error"]["additionalInfo"]

    assert [each["info"]["policyAssignmentName"] for each in told] == ["one", "two"]


def test_a_template_that_fails_is_an_implicit_deny(azure: Policies):
    broken = {"value": "[div(1, int(field('tags.Divisor')))]", "equals": 1}
    azure.assign(azure.define("broken", definition({"allOf": [{"field": "type", "equals": COMPUTES}, broken]})))

    assert azure.cluster("big").status_code == 403


def test_an_existing_dedicated_cluster_cannot_be_scaled_but_tagged(azure: Policies):
    """As in Azure: an update is evaluated as a whole, but the tags API only by rules about tags."""
    azure.assign(azure.define("spot", SPOT))
    change = {"properties": {"properties": {"scaleSettings": {"maxNodeCount": 0}}}}

    scaled = azure.http.patch(f"{WORKSPACE}/computes/gpu?api-version=2024-04-01", json=change)
    merge = {"operation": "Merge", "properties": {"tags": {"Owner": "ana"}}}
    path = f"{WORKSPACE}/computes/gpu/providers/Microsoft.Resources/tags/default?api-version=2024-03-01"

    assert scaled.status_code == 403
    assert azure.http.patch(path, json=merge).status_code == 200


def test_a_tag_that_is_required_cannot_be_taken_away_through_the_tags_api(azure: Policies):
    azure.assign(
        azure.define("required", definition({"field": "tags['CostCenter']", "exists": "false"}, mode="Indexed"))
    )
    path = f"{WORKSPACE}/computes/gpu/providers/Microsoft.Resources/tags/default?api-version=2024-03-01"

    assert azure.http.delete(path).status_code == 403


def test_actions_are_not_asked(azure: Policies):
    azure.assign(azure.define("none", definition({"field": "type", "equals": COMPUTES})))

    stopped = azure.http.post(f"{WORKSPACE}/computes/ci-ana/stop?api-version=2024-04-01")
    idle = {"idleTimeBeforeShutdown": "PT30M"}
    path = f"{WORKSPACE}/computes/ci-ana/updateIdleShutdownSetting?api-version=2024-04-01"

    assert stopped.status_code == 202
    assert azure.http.post(path, json=idle).status_code == 200


def test_a_resource_group_without_cost_center_is_refused(azure: Policies):
    groups = {"field": "type", "equals": "Microsoft.Resources/subscriptions/resourceGroups"}
    rule = definition({"allOf": [groups, {"field": "tags['CostCenter']", "exists": "false"}]})
    azure.assign(azure.define("groups", rule))

    bare = azure.put(f"{SUBSCRIPTION}/resourceGroups/rg-new", {"location": "eastus"}, "2024-03-01")
    tagged = azure.put(
        f"{SUBSCRIPTION}/resourceGroups/rg-new", {"location": "eastus", "tags": {"CostCenter": "a"}}, "2024-03-01"
    )

    assert (bare.status_code, tagged.status_code) == (403, 201)


@pytest.mark.parametrize("what", [f"{WORKSPACE}/onlineEndpoints/chat", GROUP])
def test_deny_action_keeps_a_resource_and_what_it_lies_in(azure: Policies, what: str):
    endpoints = "Microsoft.MachineLearningServices/workspaces/onlineEndpoints"
    rule = definition({"field": "type", "equals": endpoints}, "denyAction", {"actionNames": ["delete"]})
    azure.assign(azure.define("kept", rule))

    refused = azure.http.delete(f"{what}?api-version=2024-04-01")

    assert refused.status_code == 403
    assert refused.json()["error"]["code"] == "RequestDisallowedByPolicy"
    assert azure.http.delete(
        f"{WORKSPACE}/computes/cpu?api-version=2024-04-01&underlyingResourceAction=Delete"
    ).is_success
