"""What the tiers of an account cost, by published prices; and what has no price is never free."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tier_prices import ARCHIVING, AUTUMN, ESTIMATES, OLD_ACCOUNT, price_item, price_list, sample_rates

from finops.errors import DataError
from finops.tiering import GB, Rates, Step, TierRates, UnknownRates
from finops.tiering.rates import (
    SMALLEST_BILLED,
    billed_bytes,
    early_cost,
    filter_for,
    keep_cost,
    move_cost,
    rates,
    read_back,
    smallest_billed,
    tags_cost,
    tier_rates,
)

HNS = "General Block Blob v2 Hierarchical Namespace"
LAKE = "Azure Data Lake Storage Gen2 Hierarchical Namespace"
NEW_ACCOUNT = datetime(2026, 7, 1, tzinfo=UTC)
NEXT_SUMMER = datetime(2027, 7, 1, tzinfo=UTC)


def read(items: list[dict[str, Any]], redundancy: str = "LRS", **asked: Any) -> Rates:
    found = rates(items, **({"region": "westus", "hns": False, "at": AUTUMN} | asked), redundancy=redundancy)
    assert isinstance(found, Rates), found
    return found


def unknown(items: list[dict[str, Any]], **asked: Any) -> str:
    found = rates(items, **({"region": "westus", "redundancy": "LRS", "hns": False, "at": AUTUMN} | asked))
    assert isinstance(found, UnknownRates), found
    return found.reason


def without(items: list[dict[str, Any]], ending: str) -> list[dict[str, Any]]:
    return [item for item in items if not item["meterName"].endswith(ending)]


# Reading the list


def test_every_tier_has_its_prices():
    found = read(price_list())

    assert found.tiers["Cool"] == TierRates(
        tier="Cool",
        stored=(Step(Decimal(0), Decimal("0.0115")),),
        write_10k=Decimal("0.1"),
        read_10k=Decimal("0.01"),
        other_10k=Decimal("0.0044"),
        retrieval_gb=Decimal("0.01"),
        early_days=30,
        min_bytes=SMALLEST_BILLED,
    )
    assert [(tier, of.early_days) for tier, of in found.tiers.items()] == [
        ("Hot", 0),
        ("Cool", 30),
        ("Cold", 90),
        ("Archive", 180),
    ]


def test_hot_gets_cheaper_from_50_tb_on():
    assert read(price_list()).tiers["Hot"].stored == (
        Step(Decimal(0), Decimal("0.0208")),
        Step(Decimal(51200), Decimal("0.02")),
    )


def test_a_step_that_ended_is_no_step():
    ended = price_item("Hot", "Data Stored above 51200", 0.019, effectiveEndDate="2025-01-01T00:00:00Z")

    assert len(read([*without(price_list(), "Data Stored"), *_stored_flat(), ended]).tiers["Hot"].stored) == 1


def test_a_step_of_another_meter_is_no_step():
    other = price_item("Hot", "Data Stored above 51200", 0.019, meterId="m9", effectiveStartDate="2020-01-01T00:00:00Z")

    assert len(read([*without(price_list(), "Data Stored"), *_stored_flat(), other]).tiers["Hot"].stored) == 1


def _stored_flat() -> list[dict[str, Any]]:
    return [price_item(tier, "Data Stored", meters["Data Stored"]) for tier, meters in ESTIMATES.items()]


def test_geo_redundant_reads_are_found_under_the_sku_whatever_the_meter_calls_them():
    items = price_list(redundancy="RA-GRS")
    for item in items:
        if item["meterName"].endswith("Write Operations"):
            item["meterName"] = item["meterName"].replace("RA-GRS", "GRS")

    assert read(items, "RAGRS").tiers["Cool"].write_10k == Decimal("0.1")


@pytest.mark.parametrize("redundancy", ["RAGRS", "RA-GRS", "Standard_RAGRS"])
def test_redundancy_may_be_written_as_arm_or_as_the_list_does(redundancy: str):
    assert read(price_list(redundancy="RA-GRS"), redundancy).redundancy == "RAGRS"


def test_a_region_may_be_written_as_people_do():
    assert read(price_list(region="westus"), region="West US").region == "westus"


@pytest.mark.parametrize("redundancy", ["ZRS", "GZRS", "RA-GZRS"])
def test_zone_redundant_accounts_have_no_archive_and_nobody_misses_it(redundancy: str):
    found = read(price_list(redundancy=redundancy), redundancy)

    assert tuple(found.tiers) == ("Hot", "Cool", "Cold")
    assert found.missing == ()


def test_iterative_operations_are_no_operations():
    iterative = price_item("Hot", "Read Operations", 9.0, meterName="Hot Iterative Read Operations")

    assert read([*price_list(), iterative]).tiers["Hot"].read_10k == Decimal("0.0044")


def test_priority_retrieval_is_not_retrieval():
    found = read(price_list(ARCHIVING)).tiers["Archive"]

    assert (found.read_10k, found.high_read_10k) == (5, 50)
    assert (found.retrieval_gb, found.high_retrieval_gb) == (Decimal("0.02"), Decimal("0.1"))


def test_hierarchical_accounts_have_prices_of_their_own():
    items = price_list() + price_list(
        {"Hot": {"Data Stored": 0.021, "Write Operations": 1, "Read Operations": 1}}, product=HNS
    )

    assert tuple(read(items, hns=True).tiers) == ("Hot",)
    assert read(items, hns=True).tiers["Hot"].stored_gb == Decimal("0.021")


def test_a_meter_that_one_product_lacks_is_found_in_the_other():
    items = without(price_list(), "Hot Read Operations")
    legacy = price_item("Hot", "Read Operations", 0.0044, product="Blob Storage")

    assert "Hot" not in read(items).tiers
    assert read([*items, legacy]).tiers["Hot"].read_10k == Decimal("0.0044")


def test_of_both_products_the_first_wins():
    dearer = price_item(
        "Hot", "Read Operations", 0.5, product="Blob Storage", effectiveStartDate="2026-01-01T00:00:00Z"
    )

    assert read([*price_list(), dearer]).tiers["Hot"].read_10k == Decimal("0.0044")


def test_operations_priced_by_another_number_are_reckoned_to_ten_thousand():
    items = without(price_list(), "Cool Read Operations")
    per_100 = price_item("Cool", "Read Operations", 0.0001, unitOfMeasure="100")

    assert read([*items, per_100]).tiers["Cool"].read_10k == Decimal("0.01")


def test_watching_by_smart_tier_costs_what_the_list_or_else_the_page_says():
    listed = price_item(
        "Hot", "Index Tags", 0.05, product="Blob Features", meterName="Smart Tier Monitoring Operations"
    )

    assert read(price_list()).smart_10k_month == Decimal("0.04")
    assert read([*price_list(), listed]).smart_10k_month == Decimal("0.05")


def test_in_another_currency_watching_has_no_price_but_the_list_s():
    items = [item | {"currencyCode": "EUR"} for item in price_list()]

    assert read(items, currency="EUR").smart_10k_month is None


# What has no price


def test_a_tier_without_a_price_is_left_out_and_named():
    found = read(without(price_list(), "Cool Data Retrieval"))

    assert "Cool" not in found.tiers
    assert found.missing[0].startswith("Cool is left out: no price of Data Retrieval of Cool LRS in westus")


@pytest.mark.parametrize("meter", ["Data Stored", "Write Operations", "Read Operations", "Data Retrieval"])
def test_a_price_of_zero_is_a_placeholder(meter: str):
    items = price_list()
    for item in items:
        if item["meterName"].startswith("Cool") and item["meterName"].endswith(meter):
            item["retailPrice"] = 0.0

    assert "which is a placeholder" in " ".join(read(items).missing)


def test_two_prices_that_differ_make_a_tier_unknown():
    twice = price_item("Cold", "Read Operations", 0.2)

    assert "several prices of Read Operations of Cold LRS" in " ".join(read([*price_list(), twice]).missing)


def test_a_price_in_an_unknown_unit_is_no_price():
    items = without(price_list(), "Cold LRS Data Stored")
    yearly = price_item("Cold", "Data Stored", 0.05, unitOfMeasure="1 GB/Year")

    assert "is for '1 GB/Year'" in " ".join(read([*items, yearly]).missing)


def test_a_price_that_starts_tomorrow_does_not_hold_yet():
    items = [item | {"effectiveStartDate": "2026-11-24T00:00:00Z"} for item in price_list()]

    assert "Hot is left out" in unknown(items)


def test_an_unknown_region_has_no_rates():
    assert unknown(price_list(), region="atlantis") == "no price is published for blob storage in atlantis"


def test_another_currency_is_not_the_one_asked_for():
    assert unknown(price_list(), currency="EUR").startswith("no price in EUR")


def test_reservations_are_no_pay_as_you_go_prices():
    assert unknown([item | {"type": "Reservation"} for item in price_list()]).startswith("no price is published")


def test_a_tier_without_a_price_is_never_free():
    found = sample_rates(ARCHIVING)

    with pytest.raises(DataError, match="No price of the tier Hot is known in westus"):
        move_cost(found, "Hot", "Cool", GB, None)


def test_high_priority_without_a_price_is_refused():
    with pytest.raises(DataError, match="No price of rehydration at high priority"):
        read_back(sample_rates(), "Archive", GB, 1, high=True)


def test_high_priority_is_nothing_to_an_online_tier():
    found = sample_rates()

    assert read_back(found, "Cool", GB, 1, high=True) == read_back(found, "Cool", GB, 1)


def test_a_missing_price_of_high_priority_is_named_and_archive_stays():
    found = read(price_list())

    assert "Archive" in found.tiers
    assert sum(line.startswith("Rehydration at high priority") for line in found.missing) == 2


# The smallest size that is billed


@pytest.mark.parametrize(
    ("created", "at", "smallest"),
    [
        (OLD_ACCOUNT, AUTUMN, 0),
        (NEW_ACCOUNT, AUTUMN, SMALLEST_BILLED),
        (None, AUTUMN, SMALLEST_BILLED),
        (OLD_ACCOUNT, NEXT_SUMMER, SMALLEST_BILLED),
        (None, datetime(2026, 6, 30, tzinfo=UTC), 0),
    ],
)
def test_small_blobs_are_billed_as_128_kib_in_new_accounts_and_from_july_2027_in_all(
    created: datetime | None, at: datetime, smallest: int
):
    assert smallest_billed(created, at) == smallest


def test_a_plan_reckons_with_what_will_hold_at_its_end():
    found = read(price_list(), created=OLD_ACCOUNT, until=NEXT_SUMMER)

    assert [of.min_bytes for of in found.tiers.values()] == [0, SMALLEST_BILLED, SMALLEST_BILLED, SMALLEST_BILLED]


def test_zero_byte_blobs_are_billed_for_cool_room_but_not_for_retrieval():
    found = read(price_list(), created=NEW_ACCOUNT)

    assert billed_bytes(found.tiers["Cool"], 0, 8192) == GB
    assert keep_cost(found, "Cool", 0, blobs=8192) == found.tiers["Cool"].stored_gb
    assert move_cost(found, "Cool", "Hot", 0, 30, blobs=8192).retrieval == 0


def test_blobs_of_several_sizes_are_billed_as_their_reader_reckoned():
    found = read(price_list(), created=NEW_ACCOUNT)

    assert keep_cost(found, "Cool", GB, blobs=2, billed=GB + 100) > keep_cost(found, "Cool", GB, blobs=2)


# Reckoning


def test_to_a_cooler_tier_the_target_is_written():
    cost = move_cost(sample_rates(), "Hot", "Cold", 100 * GB, 400, blobs=10_000)

    assert (cost.operations, cost.retrieval, cost.early) == (Decimal("0.18"), 0, 0)


def test_to_a_warmer_tier_the_source_is_read_and_retrieved():
    cost = move_cost(sample_rates(), "Cold", "Cool", 100 * GB, 400, blobs=10_000)

    assert (cost.operations, cost.retrieval, cost.early) == (Decimal("0.10"), 3, 0)


def test_an_early_move_to_a_cooler_tier_is_charged_too():
    found = sample_rates()

    assert move_cost(found, "Cool", "Archive", 100 * GB, 10).early == keep_cost(found, "Cool", 100 * GB) * 20 / 30


@pytest.mark.parametrize(("days", "charged"), [(29, 1), (29.5, 0.5), (30, 0), (400, 0)])
def test_early_deletion_ends_with_the_last_day_of_the_minimum(days: float, charged: float):
    found = sample_rates()

    assert early_cost(found, "Cool", 100 * GB, days) == keep_cost(found, "Cool", 100 * GB) * Decimal(str(charged)) / 30


def test_small_blobs_are_charged_for_leaving_early_as_they_are_billed():
    found = read(price_list(), created=NEW_ACCOUNT)

    assert move_cost(found, "Cool", "Hot", 0, 0, blobs=8192).early == found.tiers["Cool"].stored_gb


def test_an_inferred_tier_has_no_minimum():
    assert move_cost(sample_rates(), "Cool", "Archive", 100 * GB, None).early == 0


def test_a_blob_from_the_future_owes_no_more_than_the_whole_minimum():
    found = sample_rates()

    assert early_cost(found, "Cold", GB, -3) == 3 * keep_cost(found, "Cold", GB)


def test_the_meter_of_early_deletion_wins_over_that_of_storing():
    found = read([*price_list(), price_item("Cool", "Early Delete", 0.02)], created=OLD_ACCOUNT)

    assert early_cost(found, "Cool", GB, 0) == Decimal("0.02")


def test_staying_costs_nothing():
    assert move_cost(sample_rates(), "Cool", "Cool", GB, 1).total == 0


def test_data_write_is_charged_where_it_has_a_price():
    found = read([*price_list(), price_item("Cool", "Data Write", 0.0025)])

    assert move_cost(found, "Hot", "Cool", 4 * GB, None).retrieval == Decimal("0.01")


def test_room_is_charged_by_the_steps_it_falls_into():
    found = sample_rates()

    both = keep_cost(found, "Hot", 200 * GB, above_gb=Decimal(51_100))

    assert both == 100 * Decimal("0.0208") + 100 * Decimal("0.02")
    assert keep_cost(found, "Hot", 200 * GB, above_gb=Decimal(60_000)) == 200 * Decimal("0.02")


def test_a_gb_more_costs_by_the_step_it_falls_into():
    hot = tier_rates(sample_rates(), "Hot")

    assert (hot.stored_at(Decimal(51_199)), hot.stored_at(Decimal(51_200))) == (Decimal("0.0208"), Decimal("0.02"))


def test_a_hierarchical_account_counts_a_read_for_every_4_mib():
    found = read(price_list(product=HNS), hns=True)

    assert read_back(found, "Cool", GB, 1).operations == 256 * Decimal("0.01") / 10_000
    assert read_back(found, "Archive", GB, 1).operations == Decimal("5.5") / 10_000


def test_index_tags_are_charged_by_the_month_where_they_have_a_price():
    found = read([*price_list(), price_item("Hot", "Index Tags", 0.039)])

    assert tags_cost(found, "Hot", 20_000) == Decimal("0.078")
    assert tags_cost(found, "Cool", 20_000) is None


# The real list

REAL = [
    ("australiacentral", "Archive GRS", "GRS Index Tags", "tags_10k_month", "0.0872"),
    ("brazilsouth", "Cool GRS", "Cool Data Retrieval", "retrieval_gb", "0.01"),
    ("centralindia", "Cool GRS", "Cool GRS Write Operations", "write_10k", "0.26"),
    ("eastasia", "Archive LRS", "Archive LRS Early Delete", "early_gb", "0.002"),
    ("indiasouthcentral", "Cold LRS", "Cold LRS Data Stored", "stored_gb", "0.0045"),
    ("israelcentral", "Cold ZRS", "Cold ZRS Write Operations", "write_10k", "0.26"),
    ("koreacentral", "Cool GRS", "Cool GRS Read Operations", "read_10k", "0.013"),
    ("northcentralus", "Cool RA-GRS", "Cool GRS Write Operations", "write_10k", "0.2"),
    ("southafricanorth", "Cold RA-GRS", "Cold RA-GRS Early Delete", "early_gb", "0.0129"),
    ("southafricawest", "Cold RA-GRS", "Cold RA-GRS Data Write", "write_gb", "0.0"),
    ("southeastasia", "Cold LRS", "Cold LRS Index Tags", "tags_10k_month", "0.039"),
    ("switzerlandwest", "Hot RA-GRS", "Hot GRS Write Operations", "write_10k", "0.108"),
    ("westcentralus", "Cold RA-GRS", "Cold RA-GRS Data Stored", "stored_gb", "0.0099"),
    ("westus2", "Archive GRS", "Archive Data Write", "write_gb", "0.0"),
    ("eastus", "Cool LRS", "Cool Read Operations", "read_10k", "0.01"),
    ("centralindia", "Archive LRS", "Archive Priority Read Operations", "high_read_10k", "70.0"),
]


@pytest.fixture(scope="module")
def real(shared_data: Path) -> list[dict[str, Any]]:
    with gzip.open(shared_data / "prices" / "retail_api_items_2026-08-22.json.gz", "rt") as file:
        items: list[dict[str, Any]] = json.load(file, parse_float=Decimal)
    return items


@pytest.mark.parametrize(("region", "sku", "meter", "field", "amount"), REAL)
def test_real_items_are_read(real: list[dict[str, Any]], region: str, sku: str, meter: str, field: str, amount: str):
    """The recorded items hold no tier whole, so the rest of it comes from the sample prices."""
    [item] = [i for i in real if (i["armRegionName"], i["skuName"], i["meterName"]) == (region, sku, meter)]
    tier, _, redundancy = sku.partition(" ")
    product = item["productName"]
    rest = price_list({tier: ESTIMATES[tier]}, region, redundancy, product)
    if field in ("stored_gb", "write_10k", "read_10k", "retrieval_gb"):
        words = " ".join(meter.split()[-2:])
        rest = without(rest, words)

    found = read([item, *rest], redundancy, region=region, hns="Hierarchical" in product).tiers[tier]

    assert getattr(found, field) == Decimal(amount)


def test_the_filter_selects_what_is_read(real: list[dict[str, Any]]):
    asked = filter_for("West US 2")

    assert "armRegionName eq 'westus2'" in asked
    assert all(
        f"productName eq '{product}'" in asked for product in ("General Block Blob v2", "Blob Storage", HNS, LAKE)
    )
    assert {"General Block Blob v2", "Blob Storage", HNS, LAKE} <= {item["productName"] for item in real}
