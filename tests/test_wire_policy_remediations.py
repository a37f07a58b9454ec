"""Remediation tasks and checkPolicyRestrictions, with Microsoft's PolicyInsightsClient."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from policy_clients import (
    COMPUTES,
    COST_CENTER,
    GROUP,
    IDENTITY,
    SPOT,
    SUBSCRIPTION,
    WORKSPACE,
    Json,
    Policies,
    definition,
    policies,
)

OPEN = {"ml-research", "mllogs", "cpu", "ci-ana", "chat", "silent", "z-nightly"}


@pytest.fixture
def azure(tmp_path: Path) -> Iterator[Policies]:
    with policies(tmp_path) as made:
        yield made


@pytest.fixture
def assignment(azure: Policies) -> str:
    """One that wants a CostCenter everywhere; it has been evaluated."""
    made = azure.assign(azure.define("cost-center", COST_CENTER), top=IDENTITY)
    azure.served.world.clock.advance(minutes=10)
    return made


def remediate(azure: Policies, assignment: str, name: str = "tags", **more: Any) -> Any:
    from azure.mgmt.policyinsights.models import Remediation

    return azure.insights.remediations.create_or_update_at_subscription(
        remediation_name=name,
        parameters=Remediation(policy_assignment_id=assignment, **more),
    )


def followed(azure: Policies, name: str = "tags") -> list[Any]:
    """What the task says each time it is asked after, to its end."""
    told = []
    for _ in range(5):
        told.append(azure.insights.remediations.get_at_subscription(remediation_name=name))
        if told[-1].provisioning_state in {"Succeeded", "Failed", "Canceled"}:
            break
    return told


def tags(azure: Policies, path: str) -> Json:
    return dict((azure.served.world.resources.get(path) or {}).get("tags") or {})


def test_a_task_is_accepted_goes_on_and_succeeds(azure: Policies, assignment: str):
    made = remediate(azure, assignment)

    told = followed(azure)

    assert made.provisioning_state == "Accepted"
    assert [one.provisioning_state for one in told] == ["InProgress", "Succeeded"]
    last = told[-1].deployment_status
    assert last.total_deployments == last.successful_deployments == made.deployment_status.total_deployments
    assert last.total_deployments >= len(OPEN)


def test_a_task_tags_what_had_no_tag_and_nothing_else(azure: Policies, assignment: str):
    remediate(azure, assignment)
    followed(azure)

    assert tags(azure, f"{WORKSPACE}/computes/cpu") == {"CostCenter": "CC-1"}
    assert tags(azure, f"{GROUP}/providers/Microsoft.Storage/storageAccounts/mllogs") == {"CostCenter": "CC-1"}
    assert tags(azure, GROUP) == {"CostCenter": "CC-1"}


def test_a_task_ends_with_the_clock_too(azure: Policies, assignment: str):
    remediate(azure, assignment)

    azure.served.world.clock.advance(minutes=1)

    assert followed(azure)[0].provisioning_state == "Succeeded"


def test_what_was_remediated_is_compliant_when_it_is_looked_at_again(azure: Policies, assignment: str):
    remediate(azure, assignment)
    followed(azure)

    before = set(azure.states().values())
    azure.served.world.clock.advance(minutes=15)

    assert before == {"Compliant", "NonCompliant"}
    assert set(azure.states().values()) == {"Compliant"}


def test_the_assignments_identity_is_who_did_it(azure: Policies, assignment: str):
    remediate(azure, assignment)
    followed(azure)

    identity = azure.policy.policy_assignments.get(SUBSCRIPTION, "cost-center").identity.principal_id
    done = [one for one in azure.served.world.activity if one["resourceId"] == f"{WORKSPACE}/computes/cpu"]
    assert [one["caller"] for one in done] == [identity]


def test_what_was_mended_meanwhile_is_not_written_again(azure: Policies, assignment: str):
    remediate(azure, assignment)
    path = f"{WORKSPACE}/computes/cpu"
    azure.http.patch(
        f"{path}/providers/Microsoft.Resources/tags/default?api-version=2024-03-01",
        json={"operation": "Merge", "properties": {"tags": {"CostCenter": "CC-9"}}},
    )
    followed(azure)

    done = [one for one in azure.served.world.activity if one["resourceId"] == path]
    assert len(done) == 1
    assert tags(azure, path) == {"CostCenter": "CC-9"}


def test_a_group_and_a_place_can_be_chosen(azure: Policies, assignment: str):
    from azure.mgmt.policyinsights.models import Remediation, RemediationFilters

    made = azure.insights.remediations.create_or_update_at_resource_group(
        resource_group_name="rg-ml",
        remediation_name="here",
        parameters=Remediation(policy_assignment_id=assignment, filters=RemediationFilters(locations=["westeurope"])),
    )

    assert made.id == f"{GROUP}/providers/Microsoft.PolicyInsights/remediations/here"
    assert made.deployment_status.total_deployments == 0


def test_a_task_may_be_limited_in_number(azure: Policies, assignment: str):
    path = f"{SUBSCRIPTION}/providers/Microsoft.PolicyInsights/remediations/few"
    body = {"properties": {"policyAssignmentId": assignment, "resourceCount": 2}}

    made = azure.put(path, body, "2021-10-01").json()

    assert made["properties"]["deploymentStatus"]["totalDeployments"] == 2


def test_what_is_locked_fails_alone_and_says_why(azure: Policies, assignment: str):
    locked = f"{WORKSPACE}/computes/cpu"
    lock = {"properties": {"level": "ReadOnly"}}
    azure.put(f"{locked}/providers/Microsoft.Authorization/locks/keep", lock, "2020-05-01")
    remediate(azure, assignment)

    last = followed(azure)[-1]
    deployments = azure.insights.remediations.list_deployments_at_subscription(remediation_name="tags")
    failed = {one.remediated_resource_id: one.error.code for one in deployments if one.status == "Failed"}

    assert failed == {locked: "ScopeLocked"}
    assert last.deployment_status.failed_deployments == 1
    assert tags(azure, f"{WORKSPACE}/onlineEndpoints/chat") == {"CostCenter": "CC-1"}
    assert tags(azure, locked) == {}


def test_a_cancelled_task_changes_nothing(azure: Policies, assignment: str):
    remediate(azure, assignment)

    cancelled = azure.insights.remediations.cancel_at_subscription(remediation_name="tags")

    assert cancelled.provisioning_state == "Cancelling"
    assert followed(azure)[-1].provisioning_state == "Canceled"
    assert tags(azure, f"{WORKSPACE}/computes/cpu") == {}


def test_a_task_is_deleted_when_it_is_over(azure: Policies, assignment: str):
    remediate(azure, assignment)
    delete = azure.insights.remediations.delete_at_subscription

    with pytest.raises(HttpResponseError, match="under way"):
        delete(remediation_name="tags")
    followed(azure)
    delete(remediation_name="tags")

    assert list(azure.insights.remediations.list_for_subscription()) == []


def test_what_only_denies_cannot_be_remediated(azure: Policies):
    made = azure.assign(azure.define("spot", SPOT))

    with pytest.raises(HttpResponseError, match="cannot be remediated"):
        remediate(azure, made)


def test_one_definition_of_a_set_is_named_and_remediated(azure: Policies):
    member = {"policyDefinitionId": azure.define("cost-center", COST_CENTER), "policyDefinitionReferenceId": "Tag"}
    made = azure.policy.policy_set_definitions.create_or_update("ours", {"properties": {"policyDefinitions": [member]}})
    assigned = azure.assign(made.id, top=IDENTITY)

    with pytest.raises(HttpResponseError, match="policyDefinitionReferenceId is required"):
        remediate(azure, assigned)
    remediate(azure, assigned, policy_definition_reference_id="tag", resource_discovery_mode="ReEvaluateCompliance")

    assert followed(azure)[-1].provisioning_state == "Succeeded"
    assert tags(azure, f"{WORKSPACE}/computes/cpu") == {"CostCenter": "CC-1"}


def test_templates_are_not_deployed_and_that_is_said(azure: Policies):
    details = {
        "type": "Microsoft.Storage/storageAccounts/managementPolicies",
        "roleDefinitionIds": ["/providers/Microsoft.Authorization/roleDefinitions/x"],
        "deployment": {"properties": {"mode": "incremental", "template": {}}},
    }
    rule = definition({"field": "type", "equals": "Microsoft.Storage/storageAccounts"}, "deployIfNotExists", details)
    made = azure.assign(azure.define("lifecycle", rule), top=IDENTITY)
    azure.served.world.clock.advance(minutes=10)
    remediate(azure, made)

    last = followed(azure)[-1]

    assert last.provisioning_state == "Failed"
    assert last.deployment_status.failed_deployments == 2


def restrictions(azure: Policies, content: Json, pending: list[Json]) -> Any:
    return azure.insights.policy_restrictions.check_at_resource_group_scope(
        resource_group_name="rg-ml",
        parameters={
            "resource_details": {"resource_content": content, "api_version": "2024-04-01", "scope": WORKSPACE},
            "pending_fields": pending,
        },
    )


def cluster(priority: str | None = None) -> Json:
    inner = {"vmPriority": priority} if priority else {}
    return {
        "type": COMPUTES,
        "name": "big",
        "location": "eastus",
        "properties": {"computeType": "AmlCompute", "properties": inner},
    }


def test_a_dedicated_cluster_is_told_to_be_refused_before_it_is_made(azure: Policies):
    azure.assign(azure.define("spot", SPOT), nonComplianceMessages=[{"message": "Use spot."}])

    (told,) = restrictions(azure, cluster("Dedicated"), []).content_evaluation_result.policy_evaluations

    assert told.evaluation_result == "NonCompliant"
    assert told.policy_info.policy_assignment_id.endswith("/spot")
    assert told.evaluation_details.evaluated_expressions[2].expression_value == "Dedicated"
    assert restrictions(azure, cluster("LowPriority"), []).content_evaluation_result.policy_evaluations == []


def test_which_values_of_an_open_field_are_refused_is_told(azure: Policies):
    azure.assign(azure.define("spot", SPOT))

    found = restrictions(
        azure, cluster(), [{"field": f"{COMPUTES}/vmPriority", "values": ["Dedicated", "LowPriority"]}]
    )

    (field,) = found.field_restrictions
    assert [(one.result, one.values) for one in field.restrictions] == [("Deny", ["Dedicated"])]
    assert found.content_evaluation_result.policy_evaluations == []


def test_a_tag_that_is_required_is_told(azure: Policies):
    azure.assign(azure.define("tag", definition({"field": "tags['CostCenter']", "exists": "false"}, mode="Indexed")))

    (field,) = restrictions(azure, cluster(), [{"field": "tags"}]).field_restrictions

    assert field.field == "tags.CostCenter"
    assert [one.result for one in field.restrictions] == ["Required"]
