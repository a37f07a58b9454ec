"""Monitor as azure-mgmt-monitor and azure-monitor-querymetrics see it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from azure.core.exceptions import HttpResponseError
from estates import AS_OF, DEV, PROD, Json, nodes, points, small_bodies, workspace_id, write_estate
from wire_clients import Clients, azure

WORKSPACE = workspace_id("ml-prod")
CHAT, SILENT = (f"{WORKSPACE}/onlineEndpoints/{name}" for name in ("chat", "silent"))
DAY = f"{(AS_OF - timedelta(hours=24)).isoformat()[:19]}Z/{AS_OF.isoformat()[:19]}Z"


@pytest.fixture(scope="module")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clients]:
    measured: list[Json] = [
        *points(CHAT, "RequestsPerMinute", [4.0] * 24, deployment="blue", statusCode="200"),
        *points(CHAT, "RequestsPerMinute", [2.0] * 24, deployment="green", statusCode="200"),
        *points(SILENT, "RequestsPerMinute", [0.0] * 12 + [None] * 12, deployment="blue"),
        *points(WORKSPACE, "Idle Nodes", [2.0] * 24, ClusterName="gpu"),
        *points(WORKSPACE, "Idle Nodes", [1.0] * 24, ClusterName="cpu"),
    ]
    folder = tmp_path_factory.mktemp("monitor")
    estate = write_estate(folder / "estate", small_bodies(), [nodes(f"{WORKSPACE}/computes/gpu")], measured)
    with azure(folder, estate=estate) as made:
        yield made


def data(answer: object, series: int = 0) -> list[float | None]:
    (metric,) = answer.value  # type: ignore[attr-defined]
    return [point.average for point in metric.timeseries[series].data]


def test_a_metric_is_read_hour_by_hour(clients: Clients):
    answer = clients.monitor.metrics.list(
        WORKSPACE, metricnames="Idle Nodes", timespan=DAY, interval="PT1H", filter="ClusterName eq 'gpu'"
    )

    assert data(answer) == [2.0] * 24


def test_series_are_told_apart_by_a_dimension(clients: Clients):
    (metric,) = clients.monitor.metrics.list(
        CHAT, metricnames="RequestsPerMinute", timespan=DAY, interval="P1D", filter="deployment eq '*'"
    ).value

    split = {each.metadatavalues[0].value: each.data[-1].average for each in metric.timeseries}
    assert split == {"blue": 4.0, "green": 2.0}


def test_without_a_filter_the_series_become_one(clients: Clients):
    answer = clients.monitor.metrics.list(
        CHAT, metricnames="RequestsPerMinute", timespan=DAY, interval="PT1H", aggregation="average,total,count,maximum"
    )

    point = answer.value[0].timeseries[0].data[0]
    assert (point.average, point.total, point.count, point.maximum) == (3.0, 360.0, 120.0, 4.0)


def test_hours_gather_into_days(clients: Clients):
    answer = clients.monitor.metrics.list(
        CHAT, metricnames="RequestsPerMinute", timespan=DAY, interval="PT12H", aggregation="total"
    )

    found = [(point.time_stamp.hour, point.total) for point in answer.value[0].timeseries[0].data]
    assert found == [(6, 4320.0), (18, 4320.0)]


def test_an_hour_without_data_has_no_value_and_is_not_zero(clients: Clients):
    answer = clients.monitor.metrics.list(SILENT, metricnames="RequestsPerMinute", timespan=DAY, interval="PT1H")

    assert data(answer) == [0.0] * 12 + [None] * 12


def test_an_hour_without_data_has_no_sum_either(clients: Clients):
    answer = clients.monitor.metrics.list(
        SILENT, metricnames="RequestsPerMinute", timespan=DAY, interval="PT1H", aggregation="total,count,maximum"
    )

    last = answer.value[0].timeseries[0].data[-1]
    assert (last.total, last.count, last.maximum) == (None, None, None)


def test_a_metric_that_was_never_told_has_no_series(clients: Clients):
    answer = clients.monitor.metrics.list(SILENT, metricnames="ConnectionsActive", timespan=DAY, interval="PT1H")

    assert answer.value[0].timeseries == []


def test_a_metric_that_does_not_exist_is_refused_with_those_that_do(clients: Clients):
    with pytest.raises(HttpResponseError, match=r"metric: Calls, Valid metrics: RequestsPerMinute,"):
        clients.monitor.metrics.list(CHAT, metricnames="Calls", timespan=DAY)


def test_an_interval_that_does_not_exist_is_refused(clients: Clients):
    with pytest.raises(HttpResponseError, match="invalid time grain"):
        clients.monitor.metrics.list(CHAT, metricnames="RequestsPerMinute", interval="1h")


def test_a_subscriptions_region_is_read_at_once(clients: Clients):
    (metric,) = clients.monitor.metrics.list_at_subscription_scope(
        region="eastus",
        metricnamespace="Microsoft.MachineLearningServices/workspaces/onlineEndpoints",
        metricnames="RequestsPerMinute",
        timespan=DAY,
        interval="P1D",
        filter="Microsoft.ResourceId eq '*'",
    ).value

    assert [each.metadatavalues[0].value.rpartition("/")[2] for each in metric.timeseries] == ["chat", "silent"]


def test_a_batch_answers_in_the_order_asked(clients: Clients):
    first, second = clients.batch.query_resources(
        resource_ids=[SILENT, CHAT],
        metric_namespace="Microsoft.MachineLearningServices/workspaces/onlineEndpoints",
        metric_names=["RequestsPerMinute"],
        timespan=(AS_OF - timedelta(hours=24), AS_OF),
        granularity=timedelta(hours=1),
        aggregations=["Average"],
    )

    assert {point.average for point in first.metrics[0].timeseries[0].data} == {0.0, None}
    assert {point.average for point in second.metrics[0].timeseries[0].data} == {3.0}


@pytest.mark.parametrize(
    "ids",
    [
        [CHAT] * 51,
        [CHAT, WORKSPACE],
        [CHAT, f"{workspace_id('ml-dev', DEV, 'rg-dev')}/onlineEndpoints/x"],
        [],
    ],
    ids=["too many", "two types", "two subscriptions", "none"],
)
def test_a_batch_that_azure_would_not_take_is_refused(clients: Clients, ids: list[str]):
    answer = clients.http.post(f"/subscriptions/{PROD}/metrics:getBatch", json={"resourceids": ids})

    assert answer.status_code == 400


def test_only_ten_series_come_where_top_is_not_given(tmp_path: Path):
    measured = [p for n in range(12) for p in points(WORKSPACE, "Idle Nodes", [1.0], ClusterName=f"c{n:02}")]
    estate = write_estate(tmp_path / "e", small_bodies(), [], measured)
    asked = {"metricnames": "Idle Nodes", "timespan": DAY, "interval": "P1D", "filter": "ClusterName eq '*'"}

    with azure(tmp_path, estate=estate) as clients:
        silent = clients.monitor.metrics.list(WORKSPACE, **asked)
        asked_for = clients.monitor.metrics.list(WORKSPACE, top=100, **asked)

    assert (len(silent.value[0].timeseries), len(asked_for.value[0].timeseries)) == (10, 12)


def test_definitions_name_the_dimensions(clients: Clients):
    answer = clients.http.get(f"{CHAT}/providers/Microsoft.Insights/metricDefinitions").json()

    (found,) = [each for each in answer["value"] if each["name"]["value"] == "RequestsPerMinute"]
    assert "deployment" in [each["value"] for each in found["dimensions"]]
