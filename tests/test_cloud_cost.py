"""A cost query is whole, exact and about what was asked, or an error."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from fake_azure import FakeAzure, Reply, StillTime, connected, error, ok

from finops.cloud import Azure, Table
from finops.cloud.budgets import AZURE_LIMITS
from finops.cloud.cost import months
from finops.errors import AccessDenied, AzureError, DataError

SCOPE = "/subscriptions/s1"
QUERY = f"{SCOPE}/providers/Microsoft.CostManagement/query"
DAILY = {
    "type": "ActualCost",
    "timeframe": "Custom",
    "timePeriod": {"from": "2024-09-01T00:00:00Z", "to": "2024-09-30T23:59:59Z"},
    "dataset": {
        "granularity": "Daily",
        "aggregation": {"totalCost": {"name": "Cost", "function": "Sum"}},
        "grouping": [{"type": "Dimension", "name": "ResourceId"}, {"type": "TagKey", "name": "CostCenter"}],
    },
}
NAMES = ["Cost", "UsageDate", "ResourceId", "CostCenter", "Currency"]
ROW = [0.1, 20240901, "/r/a", "ml", "USD"]


@pytest.fixture
def fake() -> Iterator[FakeAzure]:
    with FakeAzure() as server:
        yield server


@pytest.fixture
def azure(fake: FakeAzure) -> Iterator[Azure]:
    with connected(fake) as gateway:
        yield gateway


def table(*rows: list[Any], names: list[str] = NAMES, link: str | None = None) -> Reply:
    columns = [{"name": name, "type": "Number" if name in {"Cost", "UsageDate"} else "String"} for name in names]
    return ok({"properties": {"columns": columns, "rows": list(rows), "nextLink": link}})


def test_every_page_is_posted_with_the_same_question(fake: FakeAzure, azure: Azure):
    second = f"{{url}}{QUERY}?api-version=2025-03-01&$skiptoken=AQ%3D%3D"
    fake.on("POST", QUERY, table(ROW, link=second), table([0.2, *ROW[1:]]))

    found = azure.query_cost(SCOPE, DAILY)

    assert [row[0] for row in found.rows] == [Decimal("0.1"), Decimal("0.2")]
    assert [(asked.json, asked.headers["clienttype"]) for asked in fake.asked] == [(DAILY, "aml-finops")] * 2
    assert fake.asked[1].query.endswith("$skiptoken=AQ==")


def test_amounts_are_exact(fake: FakeAzure, azure: Azure):
    fake.on(
        "POST",
        QUERY,
        Reply(200, b'{"properties":{"columns":[{"name":"Cost","type":"Number"}],"rows":[[0.1],[1e-05],[3]]}}'),
    )

    found = azure.query_cost(
        SCOPE, {"type": "ActualCost", "timeframe": "MonthToDate", "dataset": {"granularity": "None"}}
    )

    assert sum(row[0] for row in found.rows) == Decimal("3.10001")


@pytest.mark.parametrize(
    ("reply", "complaint"),
    [
        (ok({}), "has no 'properties'"),
        (ok({"properties": {"rows": []}}), "has no 'columns'"),
        (ok({"properties": {"columns": []}}), "has no 'rows'"),
        (table(ROW[:-1]), "a row of 4 cells under 5 columns"),
        (table([*ROW, "x"]), "a row of 6 cells under 5 columns"),
        (table(["0.1", *ROW[1:]]), "'0.1' in the number column Cost"),
        (table([0.1, 20240901, "ml", "USD"], names=[*NAMES[:2], *NAMES[3:]]), "lacks the column ResourceId"),
        (table([20240901, "/r/a", "ml", "USD"], names=NAMES[1:]), "lacks the column Cost "),
        (table([0.1, "/r/a", "ml", "USD"], names=["Cost", *NAMES[2:]]), "lacks the column UsageDate"),
        (table([0.1, 0.1, *ROW[1:]], names=["Cost", *NAMES]), "names a column twice"),
        (table([0.1, 20230901, *ROW[2:]]), "speaks of 2023-09-01 to 2023-09-01"),
        (table([0.1, 20240931, *ROW[2:]]), "no day"),
    ],
)  # fmt: skip
def test_a_table_that_cannot_be_right_is_an_error(fake: FakeAzure, azure: Azure, reply: Reply, complaint: str):
    fake.on("POST", QUERY, reply)

    with pytest.raises(AzureError, match=complaint):
        azure.query_cost(SCOPE, DAILY)


def test_columns_that_change_between_pages_are_an_error(fake: FakeAzure, azure: Azure):
    other = ["Cost", "UsageDate", "CostCenter", "ResourceId", "Currency"]
    fake.on("POST", QUERY, table(ROW, link=f"{{url}}{QUERY}?t=1"), table(ROW, names=other))

    with pytest.raises(AzureError, match="changes its columns"):
        azure.query_cost(SCOPE, DAILY)


def test_a_page_that_comes_twice_is_not_counted_twice(fake: FakeAzure, azure: Azure):
    fake.on("POST", QUERY, table(ROW, link=f"{{url}}{QUERY}?t=1"), table(ROW))

    with pytest.raises(AzureError, match="same page of 1 rows twice"):
        azure.query_cost(SCOPE, DAILY)


def test_a_scope_that_never_cost_anything_is_an_empty_table(fake: FakeAzure, azure: Azure):
    fake.on("POST", QUERY, Reply(204))

    assert azure.query_cost(SCOPE, DAILY) == Table([], [])


def test_a_refused_scope_names_the_permission(fake: FakeAzure, azure: Azure):
    fake.on("POST", QUERY, error(403, "RBACAccessDenied", "The client does not have authorization to perform action."))

    with pytest.raises(AccessDenied, match=r"Microsoft\.CostManagement/query/action at /subscriptions/s1"):
        azure.query_cost(SCOPE, DAILY)


def test_days_without_a_row_can_be_told():
    found = Table(["Cost", "UsageDate"], [[1, 20240901], [1, 20240903]])

    assert found.missing_days(date(2024, 9, 1), date(2024, 9, 5)) == [date(2024, 9, 2), date(2024, 9, 4)]


@pytest.mark.parametrize(
    ("start", "end", "units"),
    [("2024-09-01", "2024-09-30", 1), ("2024-09-30", "2024-10-01", 2), ("2023-12-15", "2024-12-14", 13)],
)
def test_a_query_costs_a_unit_for_each_month_it_touches(start: str, end: str, units: int):
    assert months({"timePeriod": {"from": start, "to": end}}) == units


def test_swapped_dates_are_refused_before_azure_swaps_them_silently():
    with pytest.raises(DataError, match=r"ends .* before it starts"):
        months({"timePeriod": {"from": "2024-10-01", "to": "2024-09-01"}})


def test_five_queries_of_one_scope_keep_to_four_a_minute(fake: FakeAzure):
    clock = StillTime()
    fake.on("POST", QUERY, table(ROW))
    with connected(fake, clock, limits=AZURE_LIMITS) as azure:
        for _ in range(5):
            azure.query_cost(SCOPE, DAILY)

    assert clock.slept == [60.0]


def test_thirteen_scopes_keep_to_twelve_units_in_ten_seconds(fake: FakeAzure):
    clock = StillTime()
    for n in range(13):
        fake.on("POST", f"/subscriptions/s{n}/providers/Microsoft.CostManagement/query", table(ROW))
    with connected(fake, clock, limits=AZURE_LIMITS) as azure:
        for n in range(13):
            azure.query_cost(f"/subscriptions/s{n}", DAILY)

    assert clock.slept == [10.0]


@pytest.mark.parametrize(
    "name",
    [
        "test_cm_query_in_subscription_scope",
        "test_data_aggregation_in_subscription_scope",
        "test_data_grouping_in_subscription_scopde",
    ],
)
def test_recorded_queries_are_read_whole_and_without_a_wait(fake: FakeAzure, shared_data: Path, name: str):
    file = shared_data / "recorded" / "azure_cli_ext_cost_query" / f"{name}.json"
    first = json.loads(file.read_text("utf-8"))["interactions"][0]
    text = json.dumps(first["body"]).replace("https://management.azure.com", "{url}").encode()
    rate = {name: value for name, value in first["headers"].items() if name.startswith("x-ms-ratelimit")}
    scope = "/subscriptions/00000000-0000-0000-0000-000000000000"
    page = first["body"]["properties"]
    last = ok({"properties": {**page, "nextLink": None, "rows": page["rows"][:1]}})  # the recording stops after page 1
    fake.on("POST", f"{scope}/providers/Microsoft.CostManagement/query", Reply(200, text, rate), last)
    clock = StillTime()

    with connected(fake, clock) as azure:
        found = azure.query_cost(scope, first["request_body"])

    assert len(found.rows) == len(page["rows"]) + (1 if page["nextLink"] else 0)
    assert (any("retry-after" in name for name in rate), clock.slept) == (True, [])
