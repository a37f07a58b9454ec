"""Which published price applies to a thing, and when none does."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from fake_azure import FakeAzure, connected, ok

from finops.errors import DataError
from finops.prices import Price, UnknownPrice, priority_of, tiered_cost, units, vm_filter, vm_hour

SUMMER = datetime(2026, 8, 22, tzinfo=UTC)


def item(price: str = "0.768", **changes: Any) -> dict[str, Any]:
    return {
        "currencyCode": "USD",
        "tierMinimumUnits": 0.0,
        "retailPrice": Decimal(price),
        "armRegionName": "westus2",
        "effectiveStartDate": "2021-11-01T00:00:00Z",
        "meterId": "m1",
        "meterName": "D16as v4",
        "productName": "Virtual Machines Dasv4 Series",
        "skuName": "D16as v4",
        "serviceName": "Virtual Machines",
        "unitOfMeasure": "1 Hour",
        "type": "Consumption",
        "isPrimaryMeterRegion": True,
        "armSkuName": "Standard_D16as_v4",
    } | changes


def hour(*items: dict[str, Any], **asked: Any) -> Price | UnknownPrice:
    return vm_hour(items, "Standard_D16as_v4", "westus2", **({"at": SUMMER} | asked))


def amount(price: Price | UnknownPrice) -> Decimal:
    assert isinstance(price, Price), price
    return price.amount


def reason(price: Price | UnknownPrice) -> str:
    assert isinstance(price, UnknownPrice), price
    return price.reason


SPOT = {"skuName": "D16as v4 Spot", "meterName": "D16as v4 Spot", "meterId": "m2"}
LOW = {"skuName": "D16as v4 Low Priority", "meterName": "D16as v4 Low Priority", "meterId": "m3"}
WINDOWS = {"productName": "Virtual Machines Dasv4 Series Windows", "meterId": "m4"}


def test_dedicated_spot_and_low_priority_are_three_prices():
    items = [item("0.768"), item("0.15", **SPOT), item("0.16", **LOW)]

    assert [amount(hour(*items, priority=p)) for p in ("dedicated", "spot", "low-priority")] == [
        Decimal("0.768"),
        Decimal("0.15"),
        Decimal("0.16"),
    ]


def test_windows_costs_its_own_price():
    items = [item("0.768"), item("1.504", **WINDOWS)]

    assert (amount(hour(*items)), amount(hour(*items, windows=True))) == (Decimal("0.768"), Decimal("1.504"))


@pytest.mark.parametrize("kind", ["DevTestConsumption", "Reservation"])
def test_only_pay_as_you_go_items_are_an_hourly_price(kind: str):
    assert amount(hour(item("0.768"), item("0.1", type=kind))) == Decimal("0.768")
    assert reason(hour(item("0.1", type=kind))).endswith(f"(only {kind})")


@pytest.mark.parametrize(
    "product", ["Dasv4 Series Dedicated Host", "Dasv4 Series CloudServices", "Dasv4 Series Cloud Services"]
)
def test_hosts_and_cloud_services_of_the_same_size_are_not_the_vm(product: str):
    assert amount(hour(item("0.768"), item("9", productName=product, meterId="x"))) == Decimal("0.768")


def test_a_price_that_starts_tomorrow_is_not_in_force():
    later = item("0.9", effectiveStartDate="2026-08-23T00:00:00Z")

    assert amount(hour(item("0.768"), later)) == Decimal("0.768")
    assert "in force on 2026-08-22" in reason(hour(later))


def test_a_price_that_ended_is_not_in_force():
    assert "in force" in reason(hour(item(effectiveEndDate="2026-08-21T23:59:00Z")))


def test_the_newest_of_two_prices_in_force_wins():
    items = [item("0.5", effectiveStartDate="2026-01-01T00:00:00Z"), item("0.768")]

    assert amount(hour(*items)) == Decimal("0.5")


def test_two_prices_at_the_same_time_are_unknown():
    assert "several prices" in reason(hour(item("0.7"), item("0.8", meterId="m9")))


def test_the_primary_meter_wins_over_a_copy_of_another_region():
    items = [item("0.7", isPrimaryMeterRegion=False, meterId="m9"), item("0.8")]

    assert amount(hour(*items)) == Decimal("0.8")


def test_a_published_zero_is_a_placeholder_and_no_price():
    assert "placeholder" in reason(hour(item("0")))


def test_another_currency_is_no_price():
    assert "no price in EUR" in reason(hour(item(), currency="EUR"))


def test_a_size_nobody_publishes_is_unknown_and_not_free():
    assert reason(hour()) == "no price is published for Standard_D16as_v4 in westus2"


def test_sizes_and_regions_are_compared_without_case():
    assert isinstance(vm_hour([item()], "STANDARD_D16AS_V4", "WestUS2", at=SUMMER), Price)


@pytest.mark.parametrize(
    ("written", "published"),
    [
        ("STANDARD_DS3_V2", "Standard_DS3_v2"),
        ("STANDARD_NC24ADS_A100_V4", "Standard_NC24ads_A100_v4"),
        ("standard_e16-4s_v3", "Standard_E16-4s_v3"),
        ("Standard_M64-32ms", "Standard_M64-32ms"),
    ],
)
def test_the_filter_spells_sizes_as_the_api_does(written: str, published: str):
    assert f"armSkuName eq '{published}'" in vm_filter(written, "westus2")


def test_a_quote_in_a_size_cannot_change_the_filter():
    assert vm_filter("X' or 'a' eq 'a", "eu").endswith("armSkuName eq 'X'' or ''a'' eq ''a'")


@pytest.mark.parametrize(
    ("day", "priority"),
    [(datetime(2026, 3, 30, tzinfo=UTC), "low-priority"), (datetime(2026, 3, 31, tzinfo=UTC), "spot")],
)
def test_low_priority_nodes_are_spot_nodes_since_march_31(day: datetime, priority: str):
    assert priority_of("LowPriority", day) == priority


def test_an_unknown_priority_is_refused():
    with pytest.raises(DataError, match="'Cheap' is no VM priority"):
        priority_of("Cheap", SUMMER)


def tier(minimum: float, price: str) -> dict[str, Any]:
    return item(price, tierMinimumUnits=minimum, meterName="Data at Rest")


def test_each_tier_prices_only_its_own_units():
    tiers = [tier(1000, "0.01"), tier(0, "0.04"), tier(100, "0.02")]

    assert tiered_cost(tiers, Decimal(1500), at=SUMMER) == 100 * Decimal("0.04") + 900 * Decimal(
        "0.02"
    ) + 500 * Decimal("0.01")


def test_a_missing_first_tier_makes_the_cost_unknown():
    cost = tiered_cost([tier(10, "0.3")], Decimal(20), at=SUMMER)

    assert cost == UnknownPrice("the items lack the first tier of Data at Rest")


@pytest.mark.parametrize(
    ("text", "count", "what"),
    [("1 Hour", 1, "Hour"), ("10K", 10_000, ""), ("1 MB", 1, "MB"), ("1M", 1_000_000, ""), ("1 Month", 1, "Month"),
     ("10K/Month", 10_000, "Month"), ("100 Seconds", 100, "Seconds"), ("1 GB/Month", 1, "GB/Month")],
)  # fmt: skip
def test_units_of_measure_are_read(text: str, count: int, what: str):
    assert units(text) == (count, what)


def test_prices_come_from_the_api_page_by_page_as_decimals():
    with FakeAzure() as azure:
        azure.on(
            "GET",
            "/api/retail/prices",
            ok({"Items": [{"retailPrice": 0.1}], "NextPageLink": azure.url + "/api/retail/prices?$skip=1000"}),
            ok({"Items": [{"retailPrice": 0.2}], "NextPageLink": None}),
        )
        with connected(azure) as gateway:
            found = [p["retailPrice"] for p in gateway.retail_prices(vm_filter("Standard_D16as_v4", "westus2"))]

    assert found == [Decimal("0.1"), Decimal("0.2")]


@pytest.fixture(scope="module")
def published(shared_data: Path) -> list[dict[str, Any]]:
    with gzip.open(shared_data / "prices" / "retail_api_items_2026-08-22.json.gz", "rt", encoding="utf-8") as file:
        return json.load(file, parse_float=Decimal)


def test_every_real_pay_as_you_go_vm_item_is_found_again(published: list[dict[str, Any]]):
    vms = [i for i in published if i["serviceName"] == "Virtual Machines" and i["type"] == "Consumption"]
    outcomes = Counter()
    for vm in vms:
        name = vm["skuName"].lower()
        price = vm_hour(
            published, vm["armSkuName"], vm["armRegionName"], at=SUMMER,
            priority="spot" if "spot" in name else "low-priority" if "low priority" in name else "dedicated",
            windows="Windows" in vm["productName"],
        )  # fmt: skip
        outcomes["same" if isinstance(price, Price) and price.amount == vm["retailPrice"] else str(price)[:60]] += 1

    unknown = sum(count for outcome, count in outcomes.items() if outcome != "same")
    others = sum(1 for vm in vms if any(word in vm["productName"] for word in ("Host", "Services")))
    assert (outcomes["same"], unknown) == (len(vms) - others, others)


def test_every_real_unit_of_measure_is_read(published: list[dict[str, Any]]):
    read = {i["unitOfMeasure"]: units(i["unitOfMeasure"]) for i in published}

    assert all(count > 0 for count, _ in read.values())


def test_real_tiers_add_up(published: list[dict[str, Any]]):
    tiers = [
        i for i in published if i["meterName"] == "Pay-as-you-go Data at Rest" and i["armRegionName"] == "japaneast"
    ]

    cost = tiered_cost(tiers, Decimal(200_000), at=SUMMER)

    assert cost == 102_400 * Decimal("0.042") + 97_600 * Decimal("0.041")
