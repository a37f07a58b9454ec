"""Roles: which request needs which action, and what a caller without it is told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError
from azure.mgmt.resourcegraph.models import QueryRequest
from estates import DEV, PROD, group_id, workspace_id, write_estate
from wire_clients import Clients, azure

from finops.simulator.rbac import RoleError, action_of, rbac_of

AML = "Microsoft.MachineLearningServices/workspaces"
SUBSCRIPTION = f"/subscriptions/{PROD}"
READER = {
    "Name": "Reader of AML",
    "Actions": [
        "Microsoft.Resources/subscriptions/read",
        "Microsoft.ResourceGraph/resources/read",
        f"{AML}/*/read",
        f"{AML}/read",
    ],
    "NotActions": [f"{AML}/jobs/read"],
}
ENFORCER = {"Name": "Enforcer", "Actions": [f"{AML}/computes/*", f"{AML}/read"], "NotActions": []}
ROLES = {
    "roles": [READER, ENFORCER],
    "principals": {
        "reader-token": {
            "name": "finops-reader",
            "objectId": "aaaaaaaa-0000-0000-0000-000000000001",
            "assignments": [{"role": "Reader of AML", "scope": SUBSCRIPTION}],
        },
        "enforcer-token": {
            "name": "finops-enforcer",
            "assignments": [{"role": "Enforcer", "scope": group_id(DEV, "rg-dev")}],
        },
    },
}
PROD_CLUSTER = f"{workspace_id('ml-prod')}/computes/gpu"
AUTOSCALE = f"{group_id(PROD, 'g')}/providers/Microsoft.Insights/autoscaleSettings/as"
DEV_CLUSTER = f"{workspace_id('ml-dev', DEV, 'rg-dev')}/computes/gpu"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clients]:
    with azure(tmp_path_factory.mktemp("rbac"), roles=ROLES) as made:
        yield made


def as_who(served: Clients, name: str) -> Any:
    client = served.http
    client.headers["Authorization"] = f"Bearer {name}-token"
    return client


def test_what_a_role_allows_is_answered(served: Clients):
    assert as_who(served, "reader").get(PROD_CLUSTER).status_code == 200


def test_what_it_does_not_allow_is_refused_in_azures_words(served: Clients):
    answer = as_who(served, "reader").delete(f"{PROD_CLUSTER}?underlyingResourceAction=Delete")

    assert answer.status_code == 403
    assert answer.json()["error"] == {
        "code": "AuthorizationFailed",
        "message": "The client 'finops-reader' with object id 'aaaaaaaa-0000-0000-0000-000000000001' does not have "
        f"authorization to perform action '{AML}/computes/delete' over scope '{PROD_CLUSTER}' or the scope is invalid. "
        "If access was recently granted, please refresh your credentials.",
    }


def test_an_assignment_ends_at_its_scope(served: Clients):
    enforcer = as_who(served, "enforcer")

    assert enforcer.get(DEV_CLUSTER).status_code == 200
    assert enforcer.get(PROD_CLUSTER).status_code == 403


def test_an_assignment_does_not_reach_what_only_begins_alike():
    guard = rbac_of(ROLES)._principals["enforcer-token"]  # type: ignore[index]

    assert guard.may(f"{AML}/computes/read", f"{group_id(DEV, 'rg-dev')}/x")
    assert not guard.may(f"{AML}/computes/read", f"{group_id(DEV, 'rg-dev2')}/x")


def test_what_is_excepted_is_refused(served: Clients):
    assert as_who(served, "reader").get(f"{workspace_id('ml-prod')}/jobs").status_code == 403


def test_subscriptions_without_any_role_are_not_listed(served: Clients):
    found = as_who(served, "reader").get("/subscriptions").json()["value"]

    assert [each["subscriptionId"] for each in found] == [PROD]


def test_resource_graph_shows_only_what_one_may_read(tmp_path: Path):
    with azure(tmp_path, roles=ROLES, token="enforcer-token") as clients:
        answer = clients.graph.resources(QueryRequest(query="resources | project id", subscriptions=[PROD, DEV]))

    assert [row["id"] for row in answer.data] == [workspace_id("ml-dev", DEV, "rg-dev")]


def test_a_token_that_nobody_has_is_401(tmp_path: Path):
    with azure(tmp_path, roles=ROLES, token="stolen") as clients, pytest.raises(ClientAuthenticationError):
        list(clients.subscriptions.subscriptions.list())


def test_no_token_is_401(served: Clients):
    answer = served.http.get("/subscriptions")

    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "AuthenticationFailed")
    assert answer.headers["www-authenticate"].startswith("Bearer ")


def test_microsofts_client_reads_the_refusal(tmp_path: Path):
    with azure(tmp_path, roles=ROLES, token="reader-token") as clients, pytest.raises(HttpResponseError) as refused:
        list(clients.resources.resource_groups.list())

    assert (refused.value.status_code, refused.value.error.code) == (403, "AuthorizationFailed")


def test_one_role_file_alone_is_everybodys_role(tmp_path: Path):
    (tmp_path / "reader.json").write_text(json.dumps(READER))

    with azure(tmp_path, roles=tmp_path / "reader.json") as clients:
        statuses = [
            as_who(clients, "any").get(path).status_code for path in (PROD_CLUSTER, f"{SUBSCRIPTION}/resources")
        ]

    assert statuses == [200, 403]


def test_the_log_says_who_asked(served: Clients):
    as_who(served, "reader").get(PROD_CLUSTER)

    assert served.served.requests[-1]["principal"] == "finops-reader"


def test_a_change_is_logged_under_its_callers_name(tmp_path: Path):
    estate = write_estate(tmp_path / "e")
    with azure(tmp_path, estate=estate, roles=ROLES) as clients:
        as_who(clients, "enforcer").put(
            DEV_CLUSTER.replace("gpu", "new"),
            json={"properties": {"computeType": "AmlCompute", "properties": {"vmSize": "STANDARD_DS3_V2"}}},
        )

        assert clients.served.world.activity[-1]["caller"] == "finops-enforcer"


@pytest.mark.parametrize(
    ("method", "path", "action"),
    [
        ("GET", SUBSCRIPTION, "Microsoft.Resources/subscriptions/read"),
        ("GET", f"{SUBSCRIPTION}/resourcegroups", "Microsoft.Resources/subscriptions/resourceGroups/read"),
        ("DELETE", group_id(PROD, "g"), "Microsoft.Resources/subscriptions/resourceGroups/delete"),
        ("GET", f"{SUBSCRIPTION}/resources", "Microsoft.Resources/subscriptions/resources/read"),
        ("GET", f"{workspace_id('w')}/computes", f"{AML}/computes/read"),
        ("PUT", f"{workspace_id('w')}/computes/c", f"{AML}/computes/write"),
        ("PATCH", f"{workspace_id('w')}/computes/c", f"{AML}/computes/write"),
        ("DELETE", f"{workspace_id('w')}/computes/c", f"{AML}/computes/delete"),
        ("POST", f"{workspace_id('w')}/computes/c/stop", f"{AML}/computes/stop/action"),
        ("POST", f"{workspace_id('w')}/computes/c/listNodes", f"{AML}/computes/listNodes/action"),
        ("POST", f"{workspace_id('w')}/jobs/j/cancel", f"{AML}/jobs/cancel/action"),
        ("GET", f"{workspace_id('w')}/onlineEndpoints/e/deployments", f"{AML}/onlineEndpoints/deployments/read"),
        ("PATCH", f"{workspace_id('w')}/providers/Microsoft.Resources/tags/default", "Microsoft.Resources/tags/write"),
        ("DELETE", f"{workspace_id('w')}/providers/Microsoft.Resources/tags/default", "Microsoft.Resources/tags/write"),
        ("GET", f"{workspace_id('w')}/providers/Microsoft.Insights/metrics", "Microsoft.Insights/metrics/read"),
        ("POST", f"{SUBSCRIPTION}/metrics:getBatch", "Microsoft.Insights/metrics/read"),
        (
            "GET",
            f"{SUBSCRIPTION}/providers/Microsoft.Insights/eventtypes/management/values",
            "Microsoft.Insights/eventtypes/values/read",
        ),
        (
            "POST",
            f"{SUBSCRIPTION}/providers/Microsoft.CostManagement/query",
            "Microsoft.CostManagement/query/action",
        ),
        (
            "GET",
            f"{SUBSCRIPTION}/providers/Microsoft.CostManagement/exports",
            "Microsoft.CostManagement/exports/read",
        ),
        (
            "GET",
            f"{SUBSCRIPTION}/providers/Microsoft.Consumption/budgets/b",
            "Microsoft.Consumption/budgets/read",
        ),
        ("GET", f"{workspace_id('w')}/providers/Microsoft.Authorization/locks", "Microsoft.Authorization/locks/read"),
        (
            "POST",
            f"{SUBSCRIPTION}/providers/Microsoft.PolicyInsights/policyStates/latest/queryResults",
            "Microsoft.PolicyInsights/policyStates/queryResults/action",
        ),
        (
            "GET",
            f"{SUBSCRIPTION}/providers/Microsoft.ContainerRegistry/registries",
            "Microsoft.ContainerRegistry/registries/read",
        ),
        ("DELETE", f"{workspace_id('w')}/onlineEndpoints/e", f"{AML}/onlineEndpoints/delete"),
        ("PUT", f"{workspace_id('w')}/onlineEndpoints/e", f"{AML}/onlineEndpoints/write"),
        ("POST", f"{workspace_id('w')}/onlineEndpoints/e/listKeys", f"{AML}/onlineEndpoints/listKeys/action"),
        ("DELETE", f"{workspace_id('w')}/onlineEndpoints/e/deployments/d", f"{AML}/onlineEndpoints/deployments/delete"),
        ("DELETE", f"{workspace_id('w')}/batchEndpoints/e", f"{AML}/batchEndpoints/delete"),
        ("GET", f"{workspace_id('w')}/batchEndpoints/e/jobs", f"{AML}/batchEndpoints/jobs/read"),
        (
            "GET",
            f"/mferp/managementfrontend{workspace_id('w')}/batchEndpoints/e/jobs",
            f"{AML}/batchEndpoints/jobs/read",
        ),
        ("POST", f"{workspace_id('w')}/computes/c/start", f"{AML}/computes/start/action"),
        ("PUT", f"{workspace_id('w')}/schedules/s", f"{AML}/schedules/write"),
        ("PUT", f"{workspace_id('w')}/environments/e/versions/1", f"{AML}/environments/versions/write"),
        ("GET", f"{workspace_id('w')}/environments/e/versions", f"{AML}/environments/versions/read"),
        (
            "PUT",
            f"{workspace_id('w')}/providers/Microsoft.Authorization/roleAssignments/r",
            "Microsoft.Authorization/roleAssignments/write",
        ),
        (
            "GET",
            f"{group_id(PROD, 'g')}/providers/Microsoft.Insights/autoscaleSettings",
            "Microsoft.Insights/autoscaleSettings/read",
        ),
    ],
)
def test_a_request_needs_its_action(method: str, path: str, action: str):
    found = action_of(method, path)

    assert found is not None
    assert found[0].lower() == action.lower()


@pytest.mark.parametrize(
    ("path", "scope"),
    [
        (f"{workspace_id('w')}/computes", workspace_id("w")),
        (f"{workspace_id('w')}/computes/c", f"{workspace_id('w')}/computes/c"),
        (f"{group_id(PROD, 'g')}/providers/{AML}", group_id(PROD, "g")),
        (f"{SUBSCRIPTION}/providers/{AML}", SUBSCRIPTION),
        (f"{workspace_id('w')}/providers/Microsoft.Insights/metrics", workspace_id("w")),
        (f"{workspace_id('w')}/providers/Microsoft.Authorization/locks/l", workspace_id("w")),
        (f"{workspace_id('w')}/providers/Microsoft.Authorization/roleAssignments/r", workspace_id("w")),
        (AUTOSCALE, AUTOSCALE),
        (AUTOSCALE.rpartition("/")[0], group_id(PROD, "g")),
        (
            f"/mferp/managementfrontend{workspace_id('w')}/batchEndpoints/e/jobs",
            f"{workspace_id('w')}/batchEndpoints/e",
        ),
    ],
)
def test_an_action_is_needed_at_its_scope(path: str, scope: str):
    found = action_of("GET", path)

    assert found is not None
    assert found[1] == scope


def test_the_status_of_an_operation_needs_a_token_only():
    path = f"{SUBSCRIPTION}/providers/Microsoft.MachineLearningServices/locations/eastus/computeOperationsStatus/x"

    assert action_of("GET", path) is None


@pytest.mark.parametrize(
    ("roles", "said"),
    [
        ([{"Name": "x"}], "not a role definition"),
        ({"roles": [READER], "principals": {"t": {"name": "n", "assignments": [{"role": "Owner"}]}}}, "not defined"),
    ],
)
def test_roles_that_cannot_be_meant_are_refused(roles: Any, said: str):
    with pytest.raises(RoleError, match=said):
        rbac_of(roles)


def test_a_role_in_arms_spelling_is_read():
    arm = {"properties": {"roleName": "R", "permissions": [{"actions": ["*/read"], "notActions": []}]}}

    assert rbac_of([arm])._principals["*"].may("Microsoft.X/y/read", "/subscriptions/s")  # type: ignore[index]
