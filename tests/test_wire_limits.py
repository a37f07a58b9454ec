"""Azure's rate limits: what the headers promise, when 429 comes, and when it goes away."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.mgmt.resourcegraph.models import QueryRequest
from estates import DEV, PROD, workspace_id
from wire_clients import Clients, azure

GRAPH = "/providers/Microsoft.ResourceGraph/resources"
COST = f"/subscriptions/{PROD}/providers/Microsoft.CostManagement/query?api-version=2025-03-01"
HEADER = "x-ms-ratelimit-microsoft.costmanagement-"


@pytest.fixture
def clients(tmp_path: Path) -> Iterator[Clients]:
    with azure(tmp_path, limits="simulated") as made:
        yield made


def ask_graph(clients: Clients, times: int) -> list[Any]:
    query = {"query": "resources | project id", "subscriptions": [PROD]}
    http = clients.http
    return [http.post(GRAPH, json=query) for _ in range(times)]


def ask_cost(clients: Clients, months: int = 1, scope: str = PROD) -> Any:
    period = {"from": f"2026-{11 - months:02}-01T00:00:00Z", "to": "2026-10-31T00:00:00Z"}
    body = {"type": "ActualCost", "timeframe": "Custom", "timePeriod": period}
    body["dataset"] = {"granularity": "None", "aggregation": {"totalCost": {"name": "Cost", "function": "Sum"}}}
    return clients.http.post(COST.replace(PROD, scope), json=body)


def test_reads_count_down_and_come_back(clients: Clients):
    http, path = clients.http, f"/subscriptions/{PROD}/resourcegroups"

    left = [http.get(path).headers["x-ms-ratelimit-remaining-subscription-reads"] for _ in range(3)]
    clients.served.world.clock.advance(seconds=1)
    later = http.get(path).headers["x-ms-ratelimit-remaining-subscription-reads"]

    assert (left, later) == (["249", "248", "247"], "249")


def test_an_empty_bucket_answers_429_and_says_when(clients: Clients):
    http, path = clients.http, f"/subscriptions/{PROD}/resourcegroups"

    answers = [http.get(path) for _ in range(251)]

    assert [answer.status_code for answer in answers[-2:]] == [200, 429]
    assert answers[-1].headers["retry-after"] == "1"


def test_each_subscription_has_its_own_bucket(clients: Clients):
    http = clients.http
    http.get(f"/subscriptions/{PROD}/resourcegroups")

    other = http.get(f"/subscriptions/{DEV}/resourcegroups")

    assert other.headers["x-ms-ratelimit-remaining-subscription-reads"] == "249"


def test_reads_writes_and_deletes_are_counted_apart(clients: Clients):
    http = clients.http
    http.put(workspace_id("new"), json={"location": "eastus"})

    deleted = http.delete(workspace_id("new"))

    assert deleted.headers["x-ms-ratelimit-remaining-subscription-deletes"] == "199"


def test_resource_graph_takes_fifteen_queries_in_five_seconds(clients: Clients):
    answers = ask_graph(clients, 16)

    assert [answer.status_code for answer in answers] == [200] * 15 + [429]
    assert [answer.headers["x-ms-user-quota-remaining"] for answer in answers[:3]] == ["14", "13", "12"]
    assert answers[-1].headers["x-ms-user-quota-resets-after"] == "00:00:05"


def test_resource_graph_answers_again_when_its_window_has_passed(clients: Clients):
    ask_graph(clients, 16)
    clients.served.world.clock.advance(seconds=5)

    assert ask_graph(clients, 1)[0].status_code == 200


def test_a_cost_query_costs_a_unit_a_month(clients: Clients):
    answer = ask_cost(clients, months=3)

    assert answer.headers[f"{HEADER}qpu-consumed"] == "3"
    assert answer.headers[f"{HEADER}qpu-remaining"] == "QueriesPerHour:597,QueriesPerMin:57"


def test_units_spent_answer_429_with_cost_managements_own_header_only(clients: Clients):
    assert ask_cost(clients, months=10).is_success

    answer = ask_cost(clients, months=10, scope=DEV)

    assert (answer.status_code, answer.headers[f"{HEADER}qpu-retry-after"]) == (429, "10")
    assert "retry-after" not in answer.headers


def test_the_fifth_query_of_a_minute_on_one_scope_is_refused(clients: Clients):
    answers = [ask_cost(clients) for _ in range(5)]

    assert [answer.status_code for answer in answers] == [204] * 4 + [429]
    assert answers[-1].headers[f"{HEADER}entity-retry-after"] == "60"


def test_a_query_after_the_wait_is_answered(clients: Clients):
    wait = int([ask_cost(clients) for _ in range(5)][-1].headers[f"{HEADER}entity-retry-after"])
    clients.served.world.clock.advance(seconds=wait)

    assert ask_cost(clients).is_success


def test_microsofts_client_is_throttled_like_any_other(clients: Clients):
    graph, query = clients.graph, QueryRequest(query="resources | project id", subscriptions=[PROD])
    for _ in range(15):
        graph.resources(query)

    with pytest.raises(HttpResponseError, match="RateLimiting"):
        graph.resources(query, retry_total=0)


def test_without_limits_nothing_is_counted(tmp_path: Path):
    with azure(tmp_path) as clients:
        answers = ask_graph(clients, 20)

    assert {answer.status_code for answer in answers} == {200}
    assert "x-ms-user-quota-remaining" not in answers[0].headers
