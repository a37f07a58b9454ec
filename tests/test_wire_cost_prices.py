"""Retail prices over plain HTTP, and the filters that they share with policy states."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from wire_cost_estate import an_estate, asked

from finops.simulator import serving
from finops.simulator.odata import BadFilter, compiled, field_reader


def price(meter: str, amount: float, **more: Any) -> dict[str, Any]:
    return {
        "currencyCode": "USD",
        "retailPrice": amount,
        "armRegionName": "westeurope",
        "serviceName": "Virtual Machines",
        "meterName": meter,
        "skuName": meter,
        "armSkuName": "Standard_NC6s_v3",
        "type": "Consumption",
        "effectiveStartDate": "2026-01-01T00:00:00Z",
        "isPrimaryMeterRegion": True,
        **more,
    }


def found(folder: Path, query: str) -> list[str]:
    reply = asked(folder, "GET", f"/api/retail/prices?{query}")
    assert reply.status_code == 200, reply.text
    return [item["meterName"] for item in reply.json()["Items"]]


def test_a_price_is_found_by_what_it_is_for(tmp_path: Path):
    an_estate(
        tmp_path,
        prices=[price("NC6s v3", 3.06), price("NC6s v3 Spot", 0.61), price("NC6s v3", 3.4, type="DevTestConsumption")],
    )

    spot = found(tmp_path, "$filter=armRegionName eq 'westeurope' and contains(meterName, 'Spot')")
    paid = found(tmp_path, "$filter=priceType eq 'Consumption' and not (meterName eq 'NC6s v3 Spot')")

    assert (spot, paid) == (["NC6s v3 Spot"], ["NC6s v3"])


def test_values_compare_exactly_since_2023(tmp_path: Path):
    an_estate(tmp_path, prices=[price("NC6s v3", 3.06)])
    query = "$filter=serviceName eq 'virtual machines'"

    assert found(tmp_path, f"api-version=2023-01-01-preview&{query}") == []
    assert found(tmp_path, f"api-version=2021-10-01-preview&{query}") == ["NC6s v3"]


def test_pages_are_followed_to_the_last_price(tmp_path: Path):
    an_estate(tmp_path, prices=[price(f"D{n}", n) for n in range(2500)])
    meters: list[str] = []

    with serving(tmp_path) as server:
        url = f"{server.url}/api/retail/prices?$filter=serviceName eq 'Virtual Machines'"
        counts = []
        while url:
            body = httpx.get(url).json()
            counts.append(body["Count"])
            meters += [item["meterName"] for item in body["Items"]]
            url = body["NextPageLink"]

    assert counts == [1000, 1000, 500]
    assert len(set(meters)) == 2500


def test_one_currency_is_answered_in_and_dollars_unless_said(tmp_path: Path):
    an_estate(tmp_path, prices=[price("dollars", 3), price("euros", 2, currencyCode="EUR")])

    assert found(tmp_path, "") == ["dollars"]
    assert found(tmp_path, "currencyCode='EUR'") == ["euros"]


@pytest.mark.parametrize(
    "wrong", ["elephant eq 'x'", "meterName eq", "meterName like 'x'", "(meterName eq 'x'", "retailPrice gt 1"]
)
def test_a_filter_that_is_none_is_refused(tmp_path: Path, wrong: str):
    an_estate(tmp_path, prices=[price("NC6s v3", 3.06)])

    reply = asked(tmp_path, "GET", f"/api/retail/prices?$filter={wrong}")

    assert (reply.status_code, reply.json()["Error"]["Code"]) == (400, "BadRequest")


def test_recorded_prices_come_back_as_they_were(tmp_path: Path, shared_data: Path):
    with gzip.open(shared_data / "prices" / "retail_api_items_2026-08-22.json.gz") as source:
        items = json.load(source)
    an_estate(tmp_path, prices=items)
    dollars = [item for item in items if item["currencyCode"] == "USD"]

    reply = asked(tmp_path, "GET", "/api/retail/prices")

    assert reply.json()["Items"] == dollars[:1000]


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("a eq 'it''s'", True),
        ("a ne 'it''s' or n ge 2", True),
        ("a ne 'it''s' or n ge 2 and n lt 2", False),
        ("(a ne 'it''s' or n ge 2) and n lt 3", True),
        ("not (n eq 2)", False),
        ("n in (1, 2)", True),
        ("at ge 2026-01-01T00:00:00Z and at lt datetime'2026-01-03'", True),
        ("at gt 2026-01-02", False),
        ("missing eq null", True),
        ("missing gt 1", False),
        ("flag eq true", True),
        ("tolower(up) eq 'abc'", True),
        ("startswith(up, 'AB') and endswith(up, 'C')", True),
        ("substringof('B', up) eq true", True),
    ],
)
def test_a_filter_means_what_odata_says(text: str, holds: bool):
    record = {"a": "it's", "n": 2, "at": "2026-01-02T00:00:00Z", "missing": None, "flag": True, "up": "ABC"}

    assert compiled(text, field_reader(*record))(record) is holds


def test_a_filter_with_something_behind_it_is_no_filter():
    with pytest.raises(BadFilter):
        compiled("a eq 1 a", field_reader("a"))
