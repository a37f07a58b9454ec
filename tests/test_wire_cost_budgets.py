"""Budgets and forecasts, kept and read with Microsoft's own client."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from wire_clients import Clients
from wire_cost_estate import OTHER, SCOPE, SUBSCRIPTION, an_estate, asked, charge, cost_client

from finops.simulator import serving

EVERY_DAY = [charge(str(date(2026, 10, 1) + timedelta(days=n)), "10") for n in range(51)]


def budget(**properties: Any) -> dict[str, Any]:
    usual = {
        "category": "Cost",
        "amount": 500,
        "timeGrain": "Monthly",
        "timePeriod": {"startDate": "2026-01-01T00:00:00Z"},
        "notifications": {
            "at-80": {
                "enabled": True,
                "operator": "GreaterThan",
                "threshold": 80,
                "thresholdType": "Actual",
                "contactEmails": ["finance@contoso.com"],
            }
        },
    }
    return {"properties": {**usual, **properties}}


def forecast(first: str, last: str, **more: Any) -> dict[str, Any]:
    return {
        "type": "ActualCost",
        "timeframe": "Custom",
        "timePeriod": {"from": f"{first}T00:00:00Z", "to": f"{last}T00:00:00Z"},
        "dataset": {"granularity": "Daily", "aggregation": {"totalCost": {"name": "Cost", "function": "Sum"}}},
        "includeActualCost": True,
        "includeFreshPartialCost": False,
        **more,
    }


def test_a_budget_is_written_read_listed_and_deleted(tmp_path: Path):
    an_estate(tmp_path)

    with serving(tmp_path) as server:
        budgets = cost_client(server.url).budgets
        budgets.create_or_update(SCOPE, "research", budget())
        amount = budgets.get(SCOPE, "research").properties.amount
        names = [one.name for one in budgets.list(SCOPE)]
        elsewhere = list(budgets.list(f"/subscriptions/{OTHER}"))
        budgets.delete(SCOPE, "research")
        with pytest.raises(ResourceNotFoundError):
            budgets.get(SCOPE, "research")

    assert (amount, names, elsewhere) == (500, ["research"], [])


def test_a_budget_is_no_resource_among_others(tmp_path: Path):
    an_estate(tmp_path)

    with serving(tmp_path) as server:
        cost_client(server.url).budgets.create_or_update(SCOPE, "research", budget())
        azure = Clients(server, SUBSCRIPTION)
        resources = list(azure.resources.resources.list())
        azure.close()

    assert resources == []


def test_a_budget_knows_what_is_spent_and_what_will_be(tmp_path: Path):
    """10 USD a day, published until November 20th: 200 spent, and 10 days to come."""
    an_estate(tmp_path, EVERY_DAY)

    with serving(tmp_path) as server:
        found = cost_client(server.url).budgets.create_or_update(SCOPE, "research", budget()).properties

    assert (found.current_spend.amount, found.current_spend.unit) == (200, "USD")
    assert found.forecast_spend.amount == 300


def test_a_budget_counts_only_what_its_filter_keeps(tmp_path: Path):
    mine = charge("2026-11-02", "7", tags={"CostCenter": "ml"})
    an_estate(tmp_path, [mine, charge("2026-11-02", "5", tags={"CostCenter": "data"})])
    only = {"tags": {"name": "CostCenter", "operator": "In", "values": ["ml"]}}

    with serving(tmp_path) as server:
        found = cost_client(server.url).budgets.create_or_update(SCOPE, "ml", budget(filter=only)).properties

    assert found.current_spend.amount == 7


def test_a_quarterly_budget_counts_from_the_start_of_its_quarter(tmp_path: Path):
    an_estate(tmp_path, [charge("2026-09-30", "1"), charge("2026-10-01", "2"), charge("2026-11-01", "4")])

    with serving(tmp_path) as server:
        found = cost_client(server.url).budgets.create_or_update(SCOPE, "q", budget(timeGrain="Quarterly")).properties

    assert found.current_spend.amount == 6


def test_a_budget_of_consumption_is_the_same_budget(tmp_path: Path):
    an_estate(tmp_path)

    with serving(tmp_path) as server:
        client = cost_client(server.url)
        client.budgets.create_or_update(SCOPE, "research", budget())
        from azure.core.rest import HttpRequest

        request = HttpRequest("GET", f"{server.url}{SCOPE}/providers/Microsoft.Consumption/budgets/research")
        found = client.send_request(request).json()

    assert (found["type"], found["properties"]["amount"]) == ("Microsoft.Consumption/budgets", 500)


def test_a_stale_etag_does_not_overwrite(tmp_path: Path):
    an_estate(tmp_path)

    with serving(tmp_path) as server:
        budgets = cost_client(server.url).budgets
        old = budgets.create_or_update(SCOPE, "research", budget()).e_tag
        budgets.create_or_update(SCOPE, "research", budget(amount=600))
        with pytest.raises(HttpResponseError) as refused:
            budgets.create_or_update(SCOPE, "research", {"eTag": old, **budget(amount=700)})

    assert refused.value.status_code == 412


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": 0},
        {"amount": "many"},
        {"timeGrain": "Hourly"},
        {"timePeriod": {"startDate": "2026-01-15T00:00:00Z"}},
        {"timePeriod": {"startDate": "2026-01-01T00:00:00Z", "endDate": "2025-01-01T00:00:00Z"}},
        {"notifications": {"n": {"operator": "GreaterThan", "threshold": 1001, "contactEmails": ["a@b.c"]}}},
        {"notifications": {"n": {"operator": "GreaterThan", "threshold": 80}}},
    ],
)
def test_a_budget_that_azure_would_refuse_is_refused(tmp_path: Path, wrong: dict[str, Any]):
    an_estate(tmp_path)

    reply = asked(tmp_path, "PUT", f"{SCOPE}/providers/Microsoft.CostManagement/budgets/b", budget(**wrong))

    assert reply.status_code == 400


def test_a_forecast_goes_on_at_the_pace_of_the_last_weeks(tmp_path: Path):
    an_estate(tmp_path, EVERY_DAY)

    with serving(tmp_path) as server:
        result = cost_client(server.url).forecast.usage(SCOPE, forecast("2026-11-19", "2026-11-24"))

    assert [column.name for column in result.properties.columns] == ["Cost", "UsageDate", "CostStatus", "Currency"]
    assert result.properties.rows == [
        [10, 20261119, "Actual", "USD"],
        [10, 20261120, "Actual", "USD"],
        [10, 20261121, "Forecast", "USD"],
        [10, 20261122, "Forecast", "USD"],
        [10, 20261123, "Forecast", "USD"],
        [10, 20261124, "Forecast", "USD"],
    ]


def test_a_forecast_follows_the_days_of_the_week(tmp_path: Path):
    days = [date(2026, 10, 1) + timedelta(days=n) for n in range(51)]
    an_estate(tmp_path, [charge(str(day), "40" if day.weekday() < 5 else "1") for day in days])

    with serving(tmp_path) as server:
        result = cost_client(server.url).forecast.usage(SCOPE, forecast("2026-11-27", "2026-11-29"))

    assert [row[0] for row in result.properties.rows] == [40, 1, 1]


def test_a_forecast_without_a_past_is_unavailable(tmp_path: Path):
    an_estate(tmp_path, [charge("2026-11-19", "1")])

    with serving(tmp_path) as server, pytest.raises(HttpResponseError) as refused:
        cost_client(server.url).forecast.usage(SCOPE, forecast("2026-11-27", "2026-11-29"))

    assert refused.value.status_code == 424
