"""Cost Management queries, asked with Microsoft's own client."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from wire_cost_estate import OTHER, SCOPE, SUBSCRIPTION, VM, an_estate, asked, charge, cost_client

from finops.simulator import serving

SUM = {"totalCost": {"name": "Cost", "function": "Sum"}}


def definition(timeframe: str = "MonthToDate", **dataset: Any) -> dict[str, Any]:
    kind = dataset.pop("type", "ActualCost")
    period = dataset.pop("period", None)
    body = {"type": kind, "timeframe": timeframe, "dataset": {"granularity": "None", "aggregation": SUM, **dataset}}
    return body if period is None else {**body, "timePeriod": {"from": period[0], "to": period[1]}}


def by(*names: str) -> list[dict[str, str]]:
    return [{"type": "Dimension", "name": name} for name in names]


def answer(folder: Path, body: dict[str, Any], scope: str = SCOPE) -> Any:
    """Columns and rows of one query, amounts as exact decimals."""
    reply = asked(folder, "POST", f"{scope}/providers/Microsoft.CostManagement/query", body)
    assert reply.status_code == 200, reply.text
    properties = json.loads(reply.text, parse_float=Decimal)["properties"]
    return [column["name"] for column in properties["columns"]], properties["rows"]


def refusal(folder: Path, body: dict[str, Any], scope: str = SCOPE) -> tuple[int, str]:
    reply = asked(folder, "POST", f"{scope}/providers/Microsoft.CostManagement/query", body)
    return reply.status_code, reply.json()["error"]["message"]


def test_microsofts_client_reads_a_month_by_day(tmp_path: Path):
    an_estate(tmp_path, [charge("2026-11-02", "4.25"), charge("2026-11-01", "1.5"), charge("2026-10-31", "99")])

    with serving(tmp_path) as server:
        result = cost_client(server.url).query.usage(SCOPE, definition(granularity="Daily"))

    assert [column.name for column in result.properties.columns] == ["Cost", "UsageDate", "Currency"]
    assert result.properties.rows == [[1.5, 20261101, "USD"], [4.25, 20261102, "USD"]]


def test_the_clients_loop_over_pages_finds_every_row(tmp_path: Path):
    from azure.core.rest import HttpRequest

    an_estate(tmp_path, [charge(f"2026-11-{day:02}", f"{day}.01") for day in range(1, 8)])
    body = definition(granularity="Daily")
    rows: list[Any] = []

    with serving(tmp_path, page_size=3) as server:
        client = cost_client(server.url)
        first = client.query.usage(SCOPE, body)
        rows, following = list(first.properties.rows), first.properties.next_link
        pages = 1
        while following:
            page = client.send_request(HttpRequest("POST", following, json=body)).json()
            rows += page["properties"]["rows"]
            following = page["properties"]["nextLink"]
            pages += 1

    assert pages == 3
    assert [row[1] for row in rows] == [20261101 + day for day in range(7)]


@pytest.mark.parametrize(("charges", "pages"), [(999, 1), (1000, 1), (1001, 2)])
def test_a_page_holds_a_thousand_rows(tmp_path: Path, charges: int, pages: int):
    an_estate(tmp_path, [charge("2026-11-01", "1", ResourceId=f"{VM}{n}") for n in range(charges)])

    with serving(tmp_path) as server:
        url = f"{server.url}{SCOPE}/providers/Microsoft.CostManagement/query"
        seen = 0
        while url:
            properties = httpx.post(url, json=definition(grouping=by("ResourceId"))).json()["properties"]
            seen, url = seen + 1, properties["nextLink"]

    assert seen == pages


def test_a_skip_token_that_was_never_given_is_refused(tmp_path: Path):
    an_estate(tmp_path, [charge("2026-11-01", "1")])

    reply = asked(
        tmp_path, "POST", f"{SCOPE}/providers/Microsoft.CostManagement/query?$skiptoken=elephant", definition()
    )

    assert reply.status_code == 400


def test_amounts_keep_every_digit(tmp_path: Path):
    an_estate(
        tmp_path, [charge("2026-11-01", "0.009865586851323632"), charge("2026-11-01", "12345678901.000000000000000001")]
    )

    _, rows = answer(tmp_path, definition())

    assert rows == [[Decimal("12345678901.009865586851323633"), "USD"]]


def test_parts_add_up_to_the_whole_to_the_last_digit(tmp_path: Path):
    owners = [None, {"CostCenter": "ml"}, {"costcenter": "data"}, {"CostCenter": "ml", "costcenter": "twice"}]
    an_estate(tmp_path, [charge(f"2026-11-{1 + n % 9:02}", f"0.1{n:09}7", tags=owners[n % 4]) for n in range(500)])

    _, whole = answer(tmp_path, definition())
    _, parts = answer(tmp_path, definition(grouping=[{"type": "TagKey", "name": "CostCenter"}, *by("ResourceId")]))

    assert sum(row[0] for row in parts) == whole[0][0]


def test_untagged_cost_has_a_row_of_its_own(tmp_path: Path):
    an_estate(tmp_path, [charge("2026-11-01", "3", tags={"CostCenter": "ml"}), charge("2026-11-01", "2")])

    columns, rows = answer(tmp_path, definition(grouping=[{"type": "TagKey", "name": "CostCenter"}]))

    assert columns == ["Cost", "TagKey", "TagValue", "Currency"]
    assert rows == [[2, "costcenter", None, "USD"], [3, "costcenter", "ml", "USD"]]


def test_tags_without_their_braces_are_read(tmp_path: Path):
    an_estate(tmp_path, [charge("2026-11-01", "3", Tags='"CostCenter": "ml","env": "prod"')])

    _, rows = answer(tmp_path, definition(grouping=[{"type": "TagKey", "name": "CostCenter"}]))

    assert rows == [[3, "costcenter", "ml", "USD"]]


def test_a_tag_may_be_called_anything(tmp_path: Path):
    name = 'it\'s "50%" ? {0} -- ;'
    an_estate(tmp_path, [charge("2026-11-01", "3", tags={name: "'; DROP TABLE charges; --"})])

    _, rows = answer(tmp_path, definition(grouping=[{"type": "TagKey", "name": name}]))

    assert rows == [[3, name.lower(), "'; DROP TABLE charges; --", "USD"]]


def test_currencies_are_rows_of_their_own(tmp_path: Path):
    an_estate(tmp_path, [charge("2026-11-01", "3"), charge("2026-11-01", "2", BillingCurrency="EUR")])

    _, rows = answer(tmp_path, definition())

    assert rows == [[2, "EUR"], [3, "USD"]]


def test_actual_cost_is_billed_and_amortized_cost_is_effective(tmp_path: Path):
    bought = charge("2026-11-01", "100", EffectiveCost="0", ChargeCategory="Purchase")
    an_estate(tmp_path, [bought, charge("2026-11-01", "0", EffectiveCost="3.25"), charge("2026-11-01", "7")])

    spent = {
        kind: answer(tmp_path, definition(type=kind))[1][0][0] for kind in ("ActualCost", "AmortizedCost", "Usage")
    }

    assert spent == {"ActualCost": 107, "AmortizedCost": Decimal("10.25"), "Usage": 7}


def test_without_an_aggregation_there_is_no_cost_column(tmp_path: Path):
    an_estate(tmp_path, [charge("2026-11-01", "3")])

    columns, rows = answer(tmp_path, definition(granularity="Daily", aggregation={}))

    assert (columns, rows) == (["UsageDate", "Currency"], [[20261101, "USD"]])


def test_months_are_named_by_their_first_day(tmp_path: Path):
    an_estate(tmp_path, [charge("2026-10-31", "3"), charge("2026-11-01", "4")])

    body = definition("Custom", granularity="Monthly", period=("2026-10-01T00:00:00Z", "2026-11-30T23:59:59Z"))

    assert answer(tmp_path, body) == (
        ["Cost", "BillingMonth", "Currency"],
        [[3, "2026-10-01T00:00:00", "USD"], [4, "2026-11-01T00:00:00", "USD"]],
    )


@pytest.mark.parametrize(
    ("timeframe", "spent"),
    [
        ("MonthToDate", 1 + 2 + 4),
        ("WeekToDate", 4),
        ("TheLastMonth", 8),
        ("TheLastBillingMonth", 8),
        ("TheCurrentMonth", 7),
    ],
)
def test_a_timeframe_covers_its_days(tmp_path: Path, timeframe: str, spent: int):
    """Sunday 2026-11-22: a week begins on Sunday, and today is part of it."""
    days = {"2026-11-01": "1", "2026-11-21": "2", "2026-11-22": "4", "2026-10-31": "8", "2026-09-30": "16"}
    an_estate(tmp_path, [charge(day, cost) for day, cost in days.items()])

    assert answer(tmp_path, definition(timeframe))[1] == [[spent, "USD"]]


@pytest.mark.parametrize(
    ("granularity", "period", "days"),
    [
        ("Daily", ("2026-08-01", "2026-10-31"), ("20261001", "20261031")),
        ("Daily", ("2026-11-05", "2026-11-03"), ("20261103", "20261105")),
        ("Daily", ("2026-11-15", "2027-02-01"), ("20261115", "20261122")),
        ("Daily", ("2027-09-03", "2027-09-05"), ("20260903", "20260905")),
    ],
)
def test_azures_silent_edits_of_the_period_are_made(tmp_path: Path, granularity: str, period: Any, days: Any):
    from datetime import date, timedelta

    every = [date(2026, 8, 1) + timedelta(days=n) for n in range(120)]
    an_estate(tmp_path, [charge(str(day), "1") for day in every])

    _, rows = answer(tmp_path, definition("Custom", granularity=granularity, period=period))

    assert (str(rows[0][1]), str(rows[-1][1])) == days


def test_a_filter_keeps_what_it_names_whatever_the_letter_case(tmp_path: Path):
    spot, other = charge("2026-11-01", "3", tags={"env": "Prod"}), charge("2026-11-01", "5", x_SkuMeterName="D4s v5")
    an_estate(
        tmp_path, [spot, other, charge("2026-11-01", "7", x_ResourceGroupName="data-rg", x_SkuMeterName="D4s v5")]
    )
    meter = {"dimensions": {"name": "Meter", "operator": "Contains", "values": ["SPOT"]}}
    tag = {"tags": {"name": "ENV", "operator": "In", "values": ["prod"]}}
    group = {"dimensions": {"name": "ResourceGroupName", "operator": "In", "values": ["DATA-RG"]}}

    spent = [answer(tmp_path, definition(filter=one))[1][0][0] for one in (meter, tag, {"or": [tag, group]})]

    assert spent == [3, 3, 10]
    assert answer(tmp_path, definition(filter={"and": [tag, group]}))[1] == []


def test_a_resource_group_sees_its_own_charges_only(tmp_path: Path):
    an_estate(tmp_path, [charge("2026-11-01", "3"), charge("2026-11-01", "5", x_ResourceGroupName="data-rg")])

    assert answer(tmp_path, definition(), f"{SCOPE}/resourceGroups/DATA-RG")[1] == [[5, "USD"]]


def test_a_management_group_sees_all_subscriptions(tmp_path: Path):
    an_estate(tmp_path, [charge("2026-11-01", "3"), charge("2026-11-01", "5", SubAccountId=f"/subscriptions/{OTHER}")])
    everything = "/providers/Microsoft.Management/managementGroups/root"

    _, rows = answer(tmp_path, definition(grouping=by("SubscriptionId")), everything)

    assert rows == [[3, SUBSCRIPTION, "USD"], [5, OTHER, "USD"]]


def test_what_belongs_to_no_subscription_is_on_the_billing_account_only(tmp_path: Path):
    an_estate(tmp_path, [charge("2026-11-01", "3"), charge("2026-11-01", "500", SubAccountId="")])
    scopes = (
        SCOPE,
        "/providers/Microsoft.Management/managementGroups/m",
        "/providers/Microsoft.Billing/billingAccounts/1",
    )

    assert [answer(tmp_path, definition(), scope)[1][0][0] for scope in scopes] == [3, 3, 503]


def test_ids_come_back_in_lower_case(tmp_path: Path):
    an_estate(tmp_path, [charge("2026-11-01", "3"), charge("2026-11-01", "5", ResourceId=VM.upper())])

    assert answer(tmp_path, definition(grouping=by("ResourceId")))[1] == [[8, VM.lower(), "USD"]]


def test_a_scope_that_never_had_a_charge_has_no_content(tmp_path: Path):
    an_estate(tmp_path, [charge("2026-11-01", "3")])

    with serving(tmp_path) as server:
        result = cost_client(server.url).query.usage(f"/subscriptions/{OTHER}", definition())

    assert result is None


def test_a_period_without_charges_has_no_rows(tmp_path: Path):
    an_estate(tmp_path, [charge("2026-09-01", "3")])

    assert answer(tmp_path, definition())[1] == []


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"grouping": by("Meter", "ResourceType", "ServiceName")}, "at most 2"),
        ({"grouping": by("Meter", "Meter")}, "Duplicate"),
        ({"grouping": by("Elephant")}, "Invalid dimension 'Elephant'"),
        ({"aggregation": {"c": {"name": "Cost", "function": "Avg"}}}, "function 'Avg'"),
        ({"aggregation": {"c": {"name": "Price", "function": "Sum"}}}, "column 'Price'"),
        ({"filter": {"and": [{"tags": {"name": "a", "operator": "In", "values": ["b"]}}]}}, "at least 2"),
        ({"filter": {"dimensions": {"name": "Meter", "operator": "StartsWith", "values": ["b"]}}}, "operator"),
        ({"granularity": "Hourly"}, "granularity"),
        ({"type": "Forecast"}, "type"),
        ({"period": ("2022-01-01", "2026-11-01")}, "37 months"),
    ],
)
def test_what_azure_refuses_is_refused(tmp_path: Path, change: dict[str, Any], why: str):
    an_estate(tmp_path, [charge("2026-11-01", "3")])
    timeframe = "Custom" if "period" in change else "MonthToDate"

    status, message = refusal(tmp_path, definition(timeframe, **change))

    assert status == 400
    assert why in message


def test_resources_cannot_be_told_apart_above_a_subscription(tmp_path: Path):
    an_estate(tmp_path, [charge("2026-11-01", "3")])
    everything = "/providers/Microsoft.Management/managementGroups/root"

    assert refusal(tmp_path, definition(grouping=by("ResourceId")), everything)[0] == 400


def test_an_unknown_subscription_is_not_found(tmp_path: Path):
    an_estate(tmp_path)

    assert refusal(tmp_path, definition(), "/subscriptions/00000000-0000-0000-0000-00000000000f")[0] == 404


def test_the_dimensions_say_what_there_is_to_group_by(tmp_path: Path):
    an_estate(
        tmp_path,
        [charge("2026-11-01", "3"), charge("2026-11-01", "5", ServiceName="Storage", x_SkuMeterCategory="Storage")],
    )

    with serving(tmp_path) as server:
        found = cost_client(server.url).dimensions.list(SCOPE, expand="properties/data")
        values = {one.properties.category: one.properties.data for one in found}

    assert values["ServiceName"] == ["Storage", "Virtual Machines"]
