"""Resource Graph and Monitor: whole answers, or an error; what is absent is unknown."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from fake_azure import FakeAzure, Reply, StillTime, connected, ok

from finops.cloud import Azure
from finops.cloud.budgets import AZURE_LIMITS
from finops.errors import AzureError, TemporaryError

GRAPH = "/providers/Microsoft.ResourceGraph/resources"
BATCH = "/subscriptions/s1/metrics:getBatch"
START, END = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture
def fake() -> Iterator[FakeAzure]:
    with FakeAzure() as server:
        yield server


@pytest.fixture
def azure(fake: FakeAzure) -> Iterator[Azure]:
    with connected(fake, max_pages=10) as gateway:
        yield gateway


def rows(*names: str, total: int, token: str | None = None, **more: Any) -> Reply:
    body = {"data": [{"id": n} for n in names], "count": len(names), "totalRecords": total, "resultTruncated": "false"}
    return ok(body | ({"$skipToken": token} if token else {}) | more)


def test_every_page_of_a_graph_query_is_read(fake: FakeAzure, azure: Azure):
    fake.on("POST", GRAPH, rows("a", "b", total=3, token="t1"), rows("c", total=3))

    found = azure.graph("resources | project id", ["s1"])

    assert [row["id"] for row in found] == ["a", "b", "c"]
    assert [asked.json["options"].get("$skipToken") for asked in fake.asked] == [None, "t1"]


def test_partial_scopes_are_never_asked_for(fake: FakeAzure, azure: Azure):
    fake.on("POST", GRAPH, rows(total=0))

    azure.graph("resources", ["s1"])

    assert fake.asked[0].json["options"]["allowPartialScopes"] is False


def test_no_subscription_asks_nothing_because_azure_would_answer_for_all(fake: FakeAzure, azure: Azure):
    assert azure.graph("resources", []) == []
    assert fake.count() == 0


@pytest.mark.parametrize(
    ("reply", "complaint"),
    [
        (rows("a", total=2, resultTruncated="true"), "left rows out"),
        (rows("a", total=2), "told of 2 rows and gave 1"),
        (rows("a", total=1, count=2), "counts 2 rows and holds 1"),
        (ok({}), "has no 'data'"),
        (ok({"data": [], "count": 0}), "no whole number in 'totalRecords'"),
        (
            Reply(200, {"data": [], "count": 0, "totalRecords": 0}, {"x-ms-tenant-subscription-limit-hit": "true"}),
            "10,000",
        ),
    ],
)
def test_a_graph_answer_that_is_not_whole_is_an_error(fake: FakeAzure, azure: Azure, reply: Reply, complaint: str):
    fake.on("POST", GRAPH, reply)

    with pytest.raises(AzureError, match=complaint):
        azure.graph("resources", ["s1"])


def test_a_skip_token_that_comes_again_is_a_loop(fake: FakeAzure, azure: Azure):
    fake.on("POST", GRAPH, rows("a", total=9, token="t"))

    with pytest.raises(AzureError, match="circle"):
        azure.graph("resources", ["s1"])


def test_a_used_up_quota_makes_the_next_query_wait_until_it_resets(fake: FakeAzure):
    clock = StillTime()
    quota = {"x-ms-user-quota-remaining": "0", "x-ms-user-quota-resets-after": "00:00:04"}
    fake.on("POST", GRAPH, Reply(200, {"data": [], "count": 0, "totalRecords": 0}, quota), rows(total=0))
    with connected(fake, clock) as azure:
        azure.graph("resources", ["s1"])
        azure.graph("resources", ["s1"])

    assert clock.slept == [4.0]


def test_sixteen_queries_keep_to_fifteen_in_five_seconds(fake: FakeAzure):
    clock = StillTime()
    fake.on("POST", GRAPH, rows(total=0))
    with connected(fake, clock, limits=AZURE_LIMITS) as azure:
        for _ in range(16):
            azure.graph("resources", ["s1"])

    assert clock.slept == [5.0]


def metrics(azure: Azure, ids: list[str], **more: Any) -> dict[str, Any]:
    return azure.metrics(ids, "ns", ["RequestsPerMinute"], START, END, region="westeurope", subscription="s1", **more)


def test_metrics_are_asked_fifty_resources_at_a_time(fake: FakeAzure, azure: Azure):
    fake.on(
        "POST", BATCH, lambda asked: ok({"values": [{"resourceid": i, "value": []} for i in asked.json["resourceids"]]})
    )

    found = metrics(azure, [f"/R/{n}" for n in range(120)])

    assert [len(asked.json["resourceids"]) for asked in fake.asked] == [50, 50, 20]
    assert len(found) == 120
    assert "/r/0" in found


def test_a_resource_that_monitor_leaves_out_is_absent_and_not_idle(fake: FakeAzure, azure: Azure):
    fake.on("POST", BATCH, ok({"values": [{"resourceid": "/r/a", "value": []}]}))

    assert "/r/b" not in metrics(azure, ["/r/a", "/r/b"])


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ({}, "has no 'values'"),
        ({"values": [{"resourceid": "/r/z", "value": []}]}, "not asked for"),
        ({"values": [{"resourceid": "/r/a"}]}, "has no 'value'"),
    ],
)
def test_metrics_that_cannot_be_right_are_an_error(fake: FakeAzure, azure: Azure, body: Any, complaint: str):
    fake.on("POST", BATCH, ok(body))

    with pytest.raises(AzureError, match=complaint):
        metrics(azure, ["/r/a"])


def test_a_full_answer_to_a_filtered_metric_query_is_not_trusted(fake: FakeAzure, azure: Azure):
    full = [{"timeseries": [{}] * 1000}]
    fake.on("POST", BATCH, ok({"values": [{"resourceid": "/r/a", "value": full}]}))

    with pytest.raises(AzureError, match="some may be missing"):
        metrics(azure, ["/r/a"], filter="deployment eq '*'")

    assert "top=1000" in fake.asked[0].query


def test_an_overloaded_monitor_is_asked_again(fake: FakeAzure, azure: Azure):
    fake.on("POST", BATCH, Reply(529), ok({"values": []}))

    assert metrics(azure, ["/r/a"]) == {}


def test_nodes_are_listed_over_all_pages(fake: FakeAzure, azure: Azure):
    fake.on("POST", "/c/listNodes", ok({"nodes": [{"nodeId": "1"}], "nextLink": "{url}/c/listNodes?t=1"}))
    fake.on("GET", "/c/listNodes", ok({"nodes": [{"nodeId": "2"}]}))

    assert [node["nodeId"] for node in azure.nodes("/c")] == ["1", "2"]


def test_policy_states_are_posted_page_by_page(fake: FakeAzure, azure: Azure):
    path = "/subscriptions/s1/providers/Microsoft.PolicyInsights/policyStates/latest/queryResults"
    fake.on(
        "POST",
        path,
        ok({"value": [{"n": 1}], "@odata.nextLink": f"{{url}}{path}?$skiptoken=x"}),
        ok({"value": [{"n": 2}]}),
    )

    assert [state["n"] for state in azure.policy_states("s1")] == [1, 2]


def test_a_configured_subscription_that_cannot_be_seen_is_listed_all_the_same(fake: FakeAzure):
    fake.on("GET", "/subscriptions", ok({"value": [{"subscriptionId": "s1", "state": "Enabled"}]}))
    with connected(fake, subscriptions=["S1", "s2"]) as azure:
        found = {s["subscriptionId"]: s["state"] for s in azure.subscriptions()}

    assert found == {"s1": "Enabled", "s2": "NotVisible"}


def test_an_identity_that_sees_no_subscription_is_told_so(fake: FakeAzure, azure: Azure):
    fake.on("GET", "/subscriptions", ok({"value": []}))

    with pytest.raises(AzureError, match="sees no subscription"):
        azure.subscriptions()


def test_a_changed_estate_between_pages_is_temporary(fake: FakeAzure, azure: Azure):
    fake.on("POST", GRAPH, rows("a", total=3, token="t1"), rows("b", total=3))

    with pytest.raises(TemporaryError):
        azure.graph("resources", ["s1"])
