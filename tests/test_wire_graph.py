"""Resource Graph as azure-mgmt-resourcegraph sees it, and the query language by itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.mgmt.resourcegraph.models import QueryRequest, QueryRequestOptions
from estates import DEV, PROD, workspace_id
from wire_clients import Clients, azure

from finops.simulator.kql import BadQuery, parsed


@pytest.fixture(scope="module")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clients]:
    with azure(tmp_path_factory.mktemp("graph")) as made:
        yield made


def ask(clients: Clients, query: str, *subscriptions: str, **options: Any) -> Any:
    wanted = QueryRequest(
        query=query, subscriptions=list(subscriptions), options=QueryRequestOptions(**options) if options else None
    )
    return clients.graph.resources(wanted)


def test_workspaces_of_all_subscriptions_are_found(clients: Clients):
    query = "Resources | where type =~ 'Microsoft.MachineLearningServices/workspaces' | project id, name, tags"

    answer = ask(clients, query, PROD, DEV)

    assert {row["name"] for row in answer.data} == {"ml-prod", "ml-research", "ml-dev"}
    assert answer.total_records == answer.count == 3


def test_only_the_subscriptions_asked_about_answer(clients: Clients):
    answer = ask(clients, "resources | project id, subscriptionId", DEV)

    assert {row["subscriptionId"] for row in answer.data} == {DEV}


def test_computes_are_not_in_resource_graph(clients: Clients):
    answer = ask(clients, "resources | where type contains 'computes'", PROD)

    assert answer.data == []


def test_endpoints_and_deployments_are(clients: Clients):
    kinds = "'microsoft.machinelearningservices/workspaces/onlineendpoints/deployments'"

    answer = ask(clients, f"resources | where type in~ ({kinds}) | project id, capacity = sku.capacity", PROD)

    assert sorted(row["capacity"] for row in answer.data) == [1, 2]


def test_groups_and_subscriptions_are_containers(clients: Clients):
    answer = ask(clients, "resourcecontainers | summarize count() by type", PROD, DEV)

    assert {row["type"]: row["count_"] for row in answer.data} == {
        "microsoft.resources/subscriptions": 2,
        "microsoft.resources/subscriptions/resourcegroups": 2,
    }


def test_pages_follow_the_skip_token_to_the_end(clients: Clients):
    found: list[str] = []
    token = None
    while True:
        answer = ask(clients, "resources | project id | order by id asc", PROD, top=4, skip_token=token)
        found += [row["id"] for row in answer.data]
        token = answer.skip_token
        if not token:
            break

    assert len(found) == len(set(found)) == answer.total_records == 11


def test_without_the_id_there_is_no_next_page_and_the_answer_says_so(clients: Clients):
    answer = ask(clients, "resources | project name", PROD, top=4)

    assert (answer.skip_token, answer.result_truncated, answer.count) == (None, "true", 4)


def test_a_query_that_is_not_understood_is_refused(clients: Clients):
    with pytest.raises(HttpResponseError, match="BadRequest") as refused:
        ask(clients, "resources | mv-expand tags", PROD)

    assert refused.value.error.details[0].code == "InvalidQuery"


def test_a_new_resource_is_found_at_once(clients: Clients):
    clients.http.put(f"{workspace_id('ml-new')}", json={"location": "eastus"})

    assert ask(clients, "resources | where name == 'ml-new'", PROD).count == 1


ROWS = [
    {"id": "/1", "name": "a", "kind": "X", "properties": {"size": 3, "on": True}, "tags": {"CostCenter": "CC-1"}},
    {"id": "/2", "name": "b", "kind": "", "properties": {"size": 10, "on": False}, "tags": None},
    {"id": "/3", "name": "C", "kind": "x", "properties": {}, "tags": {"CostCenter": ""}},
]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("t | where kind == 'X'", "a"),
        ("t | where kind =~ 'X'", "aC"),
        ("t | where kind !~ 'x'", "b"),
        ("t | where name in ('a', 'c')", "a"),
        ("t | where name in~ ('a', 'c')", "aC"),
        ("t | where name !in~ ('a', 'c')", "b"),
        ("t | where properties.size > 3 or name == 'a'", "ab"),
        ("t | where properties.on == true and properties['size'] <= 3", "a"),
        ("t | where isnotempty(tags['CostCenter'])", "a"),
        ("t | where isempty(tags.CostCenter)", "bC"),
        ("t | where not(name == 'a' or name == 'b')", "C"),
        ("t | where name contains 'c'", "C"),
        ("t | where tolower(name) startswith 'c' // a comment", "C"),
        ("t | where tostring(properties.size) == '10'", "b"),
        ("t | where (name == 'a')", "a"),
        ("t | order by name asc", "abC"),
        ("t | order by properties.size", "baC"),
        ("t | sort by name desc | limit 1", "C"),
        ("t | take 2", "ab"),
        ('t | extend n = name | where n == "b" | project name = n', "b"),
    ],
)
def test_the_language(query: str, names: str):
    assert "".join(row["name"] for row in parsed(query).run([dict(row) for row in ROWS])) == names


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("t | count", [{"Count": 3}]),
        ("t | summarize count()", [{"count_": 3}]),
        ("t | summarize n = count() by kind = tolower(kind)", [{"kind": "x", "n": 2}, {"kind": "", "n": 1}]),
        ("t | where name == 'a' | project properties.size", [{"properties_size": 3}]),
        ("t | where name == 'a' | project tags.CostCenter, s = 1", [{"tags_CostCenter": "CC-1", "s": 1}]),
        ("t | where name == 'a' | project-away properties, tags, id", [{"name": "a", "kind": "X"}]),
        ("t | distinct tolower(kind)", [{"kind": "x"}, {"kind": ""}]),
    ],
)
def test_the_language_shapes_rows(query: str, rows: list[Any]):
    assert parsed(query).run([dict(row) for row in ROWS]) == rows


@pytest.mark.parametrize(
    "query", ["", "t |", "t | where", "t | where a ~ b", "t | join x", "t | where f(a)", "t where a"]
)
def test_what_the_language_lacks_is_refused(query: str):
    with pytest.raises(BadQuery):
        parsed(query).run([])
