"""Policy states, asked with Microsoft's own Policy Insights client."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from wire_clients import AllowHttp, Token
from wire_cost_estate import OTHER, SCOPE, SUBSCRIPTION, VM, an_estate

from finops.simulator import serving

ASSIGNMENT = f"{SCOPE}/providers/Microsoft.Authorization/policyAssignments/spot-only"


def state(resource: str, compliance: str, **more: Any) -> dict[str, Any]:
    return {
        "timestamp": "2026-11-22T01:00:00Z",
        "resourceId": resource,
        "policyAssignmentId": ASSIGNMENT,
        "policyDefinitionId": f"{SCOPE}/providers/Microsoft.Authorization/policyDefinitions/spot-only",
        "policyDefinitionAction": "audit",
        "subscriptionId": SUBSCRIPTION,
        "complianceState": compliance,
        **more,
    }


STATES = [
    state(VM, "NonCompliant"),
    state(f"{VM}0", "Compliant"),
    state(f"{SCOPE}/resourceGroups/data-rg/providers/Microsoft.Storage/storageAccounts/lake", "NonCompliant"),
]


def client(url: str) -> Any:
    from azure.mgmt.policyinsights import PolicyInsightsClient

    return PolicyInsightsClient(
        Token(), SUBSCRIPTION, base_url=url, per_call_policies=[AllowHttp()], polling_interval=0
    )


def options(**chosen: Any) -> Any:
    from azure.mgmt.policyinsights.models import QueryOptions

    return QueryOptions(**chosen)


def test_all_states_of_a_subscription_are_found_over_pages(tmp_path: Path):
    an_estate(tmp_path, policy_states=[state(f"{VM}-{n}", "Compliant") for n in range(7)])

    with serving(tmp_path, page_size=3) as server:
        found = client(server.url).policy_states.list_query_results_for_subscription(
            policy_states_resource="latest", subscription_id=SUBSCRIPTION
        )
        names = {one.resource_id for one in found}

    assert len(names) == 7


def test_a_filter_keeps_what_is_not_compliant(tmp_path: Path):
    an_estate(tmp_path, policy_states=STATES)

    with serving(tmp_path) as server:
        found = client(server.url).policy_states.list_query_results_for_resource_group(
            policy_states_resource="latest",
            subscription_id=SUBSCRIPTION,
            resource_group_name="ml-rg",
            query_options=options(filter="complianceState eq 'NonCompliant'"),
        )
        names = [one.resource_id for one in found]

    assert names == [VM]


def test_a_resource_is_not_its_namesake_with_a_longer_name(tmp_path: Path):
    an_estate(tmp_path, policy_states=STATES)

    with serving(tmp_path) as server:
        found = client(server.url).policy_states.list_query_results_for_resource(
            policy_states_resource="latest", resource_id=VM.strip("/")
        )
        names = [one.resource_id for one in found]

    assert names == [VM]


def test_a_summary_counts_resources_and_policies(tmp_path: Path):
    an_estate(tmp_path, policy_states=STATES)

    with serving(tmp_path) as server:
        found = client(server.url).policy_states.summarize_for_subscription(
            policy_states_summary_resource="latest", subscription_id=SUBSCRIPTION
        )

    (summary,) = found.value
    assert summary.results.non_compliant_resources == 2
    assert summary.results.non_compliant_policies == 1
    assert {one.compliance_state: one.count for one in summary.results.resource_details} == {
        "compliant": 1,
        "noncompliant": 2,
    }
    assert [one.policy_assignment_id for one in summary.policy_assignments] == [ASSIGNMENT.lower()]


def test_an_evaluation_on_demand_ends_and_leaves_fresh_states(tmp_path: Path):
    an_estate(tmp_path, policy_states=STATES)

    with serving(tmp_path) as server:
        states = client(server.url).policy_states
        states.begin_trigger_subscription_evaluation(subscription_id=SUBSCRIPTION, polling_interval=0).result()
        found = states.list_query_results_for_subscription(
            policy_states_resource="latest", subscription_id=SUBSCRIPTION
        )
        times = {one.timestamp.isoformat() for one in found}

    assert times == {"2026-11-22T06:00:00+00:00"}


def test_the_states_of_a_period_can_be_asked_for(tmp_path: Path):
    from datetime import UTC, datetime

    an_estate(tmp_path, policy_states=[*STATES, state(f"{VM}-old", "Compliant", timestamp="2026-11-01T00:00:00Z")])

    with serving(tmp_path) as server:
        found = client(server.url).policy_states.list_query_results_for_subscription(
            policy_states_resource="latest",
            subscription_id=SUBSCRIPTION,
            query_options=options(from_property=datetime(2026, 11, 21, tzinfo=UTC)),
        )
        count = len(list(found))

    assert count == 3


def test_an_empty_subscription_has_no_states_and_an_unknown_one_is_an_error(tmp_path: Path):
    an_estate(tmp_path, policy_states=STATES)
    unknown = "00000000-0000-0000-0000-00000000000f"

    with serving(tmp_path) as server:
        states = client(server.url).policy_states
        empty = list(states.list_query_results_for_subscription(policy_states_resource="latest", subscription_id=OTHER))
        with pytest.raises(ResourceNotFoundError):
            list(states.list_query_results_for_subscription(policy_states_resource="latest", subscription_id=unknown))

    assert empty == []


def test_what_cannot_be_answered_is_refused(tmp_path: Path):
    an_estate(tmp_path, policy_states=STATES)

    with serving(tmp_path) as server, pytest.raises(HttpResponseError) as refused:
        list(
            client(server.url).policy_states.list_query_results_for_subscription(
                policy_states_resource="latest",
                subscription_id=SUBSCRIPTION,
                query_options=options(apply="groupby((resourceId))"),
            )
        )

    assert refused.value.status_code == 400
