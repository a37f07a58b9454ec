"""Policy states computed from the assignments, with Microsoft's PolicyInsightsClient."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from estates import AS_OF, small_bodies, write_estate
from policy_clients import (
    COMPUTES,
    COST_CENTER,
    DEV,
    GROUP,
    IDENTITY,
    PROD,
    ROOT,
    SPOT,
    SUBSCRIPTION,
    WORKSPACE,
    Policies,
    definition,
    policies,
)

CLUSTERS = {"gpu": "NonCompliant", "cpu": "NonCompliant", "ci-ana": "Compliant"}


@pytest.fixture
def azure(tmp_path: Path) -> Iterator[Policies]:
    with policies(tmp_path, polls=0) as made:
        yield made


def test_a_new_assignment_shows_after_a_quarter_of_an_hour(azure: Policies):
    azure.assign(azure.define("spot", SPOT))

    before = azure.states()
    azure.served.world.clock.advance(minutes=10)

    assert before == {}
    assert azure.states() == CLUSTERS


def test_an_evaluation_on_demand_shows_a_new_assignment_at_once(azure: Policies):
    azure.assign(azure.define("spot", SPOT))

    azure.evaluate()

    assert azure.states() == CLUSTERS


def test_an_evaluation_on_demand_of_a_group_leaves_the_others(azure: Policies):
    azure.put(f"{SUBSCRIPTION}/resourceGroups/other", {"location": "eastus"}, "2024-03-01")
    azure.assign(azure.define("tagged", definition({"field": "tags['CostCenter']", "exists": "false"}, "audit")))

    states = azure.insights.policy_states
    states.begin_trigger_resource_group_evaluation(
        subscription_id=PROD, resource_group_name="other", polling_interval=0
    ).result()

    assert azure.states() == {"other": "NonCompliant"}


def test_a_change_shows_after_a_quarter_of_an_hour(azure: Policies):
    azure.assign(
        azure.define("spot", SPOT),
        parameters={"effect": {"value": "audit"}},
    )
    azure.served.world.clock.advance(minutes=10)
    azure.cluster("big")

    azure.served.world.clock.advance(minutes=14)
    before = azure.states()
    azure.served.world.clock.advance(minutes=1)

    assert "big" not in before
    assert azure.states()["big"] == "NonCompliant"


def test_a_deleted_resource_and_a_deleted_assignment_lose_their_states(azure: Policies):
    azure.assign(azure.define("spot", SPOT))
    azure.served.world.clock.advance(minutes=10)
    azure.http.delete(f"{WORKSPACE}/computes/cpu?api-version=2024-04-01&underlyingResourceAction=Delete")
    azure.served.world.clock.advance(minutes=17)

    without = azure.states()
    azure.policy.policy_assignments.delete(SUBSCRIPTION, "spot")
    azure.served.world.clock.advance(minutes=15)

    assert set(without) == {"gpu", "ci-ana"}
    assert azure.states() == {}


def test_everything_is_looked_at_once_a_day(azure: Policies):
    azure.assign(azure.define("spot", SPOT))

    azure.served.world.clock.advance(hours=24)

    found = azure.insights.policy_states.list_query_results_for_subscription(
        policy_states_resource="latest", subscription_id=PROD
    )
    assert {one.timestamp for one in found} == {AS_OF + timedelta(hours=24)}


def test_only_resources_that_a_rule_is_about_have_a_state(azure: Policies):
    """The type tells; that a workspace has no vmPriority makes it neither compliant nor not."""
    azure.assign(azure.define("spot", SPOT))

    azure.evaluate()

    assert set(azure.states()) == {"gpu", "cpu", "ci-ana"}


def test_a_rule_that_is_negated_is_about_the_same_resources(azure: Policies):
    priority = {"field": f"{COMPUTES}/vmPriority", "equals": "LowPriority"}
    rule = definition({"allOf": [{"field": "type", "equals": COMPUTES}, {"not": priority}]}, "audit")
    azure.assign(azure.define("spot", rule))
    azure.cluster("cheap", "LowPriority")

    azure.evaluate()

    assert azure.states()["cheap"] == "Compliant"
    assert azure.states()["gpu"] == "NonCompliant"
    assert "ml-prod" not in azure.states()


def test_mode_indexed_leaves_out_what_has_no_tags(azure: Policies):
    azure.assign(azure.define("cost-center", COST_CENTER), top=IDENTITY)

    azure.evaluate()

    found = azure.states()
    assert found["ml-prod"] == "Compliant"
    assert found["ml-research"] == "NonCompliant"
    assert not {"rg-ml", PROD} & set(found)


def test_states_tell_whose_they_are(azure: Policies):
    azure.assign(azure.define("spot", SPOT), parameters={"effect": {"value": "audit"}})
    azure.evaluate()

    found = azure.insights.policy_states.list_query_results_for_resource(
        policy_states_resource="latest", resource_id=f"{WORKSPACE}/computes/gpu".strip("/")
    )

    (state,) = found
    assert state.policy_assignment_name == "spot"
    assert state.policy_definition_action == "audit"
    assert state.policy_assignment_scope == SUBSCRIPTION
    assert state.is_compliant is False
    assert json.loads(state.policy_assignment_parameters) == {"effect": {"value": "audit"}}
    assert state.timestamp == datetime(2026, 11, 22, 6, 5, tzinfo=UTC)


def test_what_is_exempt_is_told_as_exempt_until_the_exemption_ends(azure: Policies):
    assignment = azure.assign(azure.define("spot", SPOT))
    told = {"policyAssignmentId": assignment, "exemptionCategory": "Waiver", "expiresOn": "2026-11-22T12:00:00Z"}
    azure.put(
        f"{WORKSPACE}/computes/gpu/providers/Microsoft.Authorization/policyExemptions/trial", {"properties": told}
    )
    azure.served.world.clock.advance(minutes=15)

    during = azure.states()
    azure.served.world.clock.advance(hours=24)

    assert during == {**CLUSTERS, "gpu": "Exempt"}
    assert azure.states() == CLUSTERS


def test_enforcement_does_not_matter_to_compliance_but_disabled_does(azure: Policies):
    spot = azure.define("spot", SPOT)
    azure.assign(spot, name="trial", enforcementMode="DoNotEnforce")
    azure.assign(spot, name="off", parameters={"effect": {"value": "disabled"}})
    azure.evaluate()

    assert azure.states(policy_assignment_name="trial") == CLUSTERS
    assert azure.states(policy_assignment_name="off") == {}


def test_what_is_out_of_scope_has_no_state(azure: Policies):
    azure.assign(azure.define("spot", SPOT), notScopes=[f"{WORKSPACE}/computes/gpu"])
    azure.evaluate()

    assert set(azure.states()) == {"cpu", "ci-ana"}


@pytest.mark.parametrize(("given", "compliance"), [(True, "Compliant"), (False, "NonCompliant")])
def test_what_should_exist_is_looked_for(azure: Policies, given: bool, compliance: str):
    accounts = "Microsoft.Storage/storageAccounts"
    details = {"type": f"{accounts}/managementPolicies", "name": "default"}
    rule = definition({"field": "type", "equals": accounts}, "auditIfNotExists", details)
    azure.assign(azure.define("lifecycle", rule))
    actions = {"baseBlob": {"tierToCool": {"daysAfterModificationGreaterThan": 30}}}
    rule_of = {"filters": {"blobTypes": ["blockBlob"]}, "actions": actions}
    policy = {"properties": {"policy": {"rules": [{"name": "cool", "type": "Lifecycle", "definition": rule_of}]}}}
    if given:
        azure.put(f"{GROUP}/providers/{accounts}/mldata/managementPolicies/default", policy, "2023-05-01")
    azure.evaluate()

    assert azure.states()["mldata"] == compliance


def test_a_summary_counts_what_was_computed(azure: Policies):
    azure.assign(azure.define("spot", SPOT))
    azure.evaluate()

    (summary,) = azure.insights.policy_states.summarize_for_subscription(
        policy_states_summary_resource="latest", subscription_id=PROD
    ).value

    assert summary.results.non_compliant_resources == 2
    assert [one.policy_assignment_id.rpartition("/")[2] for one in summary.policy_assignments] == ["spot"]


def test_a_management_group_shows_all_its_subscriptions(azure: Policies):
    made = azure.policy.policy_definitions.create_or_update_at_management_group(ROOT.rpartition("/")[2], "spot", SPOT)
    azure.assign(made.id, ROOT)
    azure.served.world.clock.advance(minutes=10)

    found = azure.insights.policy_states.list_query_results_for_management_group(
        policy_states_resource="latest", management_group_name=ROOT.rpartition("/")[2]
    )

    assert {one.subscription_id for one in found} == {PROD, DEV}


def recorded(resource: str, assignment: str, compliance: str) -> dict[str, object]:
    return {
        "timestamp": "2026-11-22T01:00:00Z",
        "resourceId": resource,
        "policyAssignmentId": f"{SUBSCRIPTION}/providers/microsoft.authorization/policyassignments/{assignment}",
        "policyDefinitionId": f"{SUBSCRIPTION}/providers/microsoft.authorization/policydefinitions/{assignment}",
        "complianceState": compliance,
    }


def test_what_was_recorded_stands_until_its_assignment_is_evaluated(tmp_path: Path):
    """The estate holds the assignment "spot", but not "lost"."""
    own = f"{SUBSCRIPTION}/providers/Microsoft.Authorization"
    spot = {**SPOT, "id": f"{own}/policyDefinitions/spot", "name": "spot"}
    assigned = {"policyDefinitionId": spot["id"]}
    bodies = [
        {**spot, "type": "Microsoft.Authorization/policyDefinitions"},
        {"id": f"{own}/policyAssignments/spot", "name": "spot", "type": "Microsoft.Authorization/policyAssignments",
         "properties": assigned},
    ]  # fmt: skip
    states = [
        recorded(f"{WORKSPACE}/computes/gpu", "spot", "Compliant"),
        recorded(f"{WORKSPACE}/computes/gpu", "lost", "Compliant"),
    ]
    estate = write_estate(tmp_path / "estate", [*small_bodies(), *bodies])
    (estate / "policy-states.jsonl").write_text("".join(json.dumps(one) + "\n" for one in states))

    with policies(tmp_path, estate=estate, polls=0) as azure:
        assert len(azure.states()) == 1
        assert set(azure.states().values()) == {"Compliant"}

        azure.evaluate()

        found = azure.insights.policy_states.list_query_results_for_subscription(
            policy_states_resource="latest", subscription_id=PROD
        )
        told = {(one.policy_assignment_id.rpartition("/")[2], one.resource_id.rpartition("/")[2]): one for one in found}
        assert told["spot", "gpu"].compliance_state == "NonCompliant"
        assert told["lost", "gpu"].compliance_state == "Compliant"
        assert told["lost", "gpu"].timestamp == AS_OF
