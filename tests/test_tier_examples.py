"""Microsoft's published worked examples, reckoned anew; where a page's arithmetic slips, what it says is shown too."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tier_prices import ARCHIVING, ESTIMATES, Sheet, sample_rates

from finops.tiering import GB
from finops.tiering.rates import early_cost, keep_cost, move_cost, read_back, tier_rates

CENT = Decimal("0.01")


def cents(amount: Decimal) -> Decimal:
    return amount.quantize(CENT)


def writes(sheet: Sheet, tier: str, number: int) -> Decimal:
    return tier_rates(sample_rates(sheet), tier).write_10k * number / 10_000


# https://learn.microsoft.com/azure/storage/blobs/access-tiers-overview


def test_deleting_after_21_days_in_cool_is_charged_9_days_of_cool():
    rates = sample_rates()

    assert early_cost(rates, "Cool", 1000 * GB, 21) == keep_cost(rates, "Cool", 1000 * GB) * 9 / 30


def test_leaving_archive_after_45_days_is_charged_135_days_of_archive():
    rates = sample_rates()

    assert early_cost(rates, "Archive", 1000 * GB, 45) == keep_cost(rates, "Archive", 1000 * GB) * 135 / 30


# https://learn.microsoft.com/azure/storage/blobs/archive-cost-estimation (2023-08-10)


def test_ten_tb_in_archive_cost_10_14_a_month():
    assert cents(keep_cost(sample_rates(ARCHIVING), "Archive", 10 * 1024 * GB)) == Decimal("10.14")


def test_rehydrating_1000_blobs_of_one_gb_in_all_costs_0_52():
    assert read_back(sample_rates(ARCHIVING), "Archive", GB, 1000).total == Decimal("0.52")


def test_the_same_at_high_priority_costs_5_10():
    """The page gives the two prices, and says only that the rates increase: 1000 * $0.005 + 1 * $0.10."""
    assert read_back(sample_rates(ARCHIVING), "Archive", GB, 1000, high=True).total == Decimal("5.10")


def test_one_time_backup_costs_151_86_in_january_and_131_86_in_february():
    rates = sample_rates(ARCHIVING)
    month = keep_cost(rates, "Archive", 102_400 * GB) + read_back(rates, "Archive", 1024 * GB, 20_000).total
    written = writes(ARCHIVING, "Archive", 2_000_000)

    assert (cents(written + month), cents(month), cents(written + 12 * month)) == (
        Decimal("151.86"),
        Decimal("131.86"),
        Decimal("1602.27"),
    )


def test_continuous_tiering_costs_what_the_table_says():
    """Its March row says 39,720 GB; the $30.41 beside it are for 30,720 GB, three months' ingest of 10,240."""
    rates = sample_rates(ARCHIVING)

    def month(number: int) -> Decimal:
        stored = keep_cost(rates, "Archive", number * 10_240 * GB)
        read = read_back(rates, "Archive", number * 10_240 * GB // 100, number * 2_000).total
        return writes(ARCHIVING, "Archive", 200_000) + stored + read

    assert [cents(month(number)) for number in (1, 2, 3)] == [Decimal("15.19"), Decimal("28.37"), Decimal("41.56")]
    assert cents(sum((month(number) for number in range(1, 13)), Decimal(0))) == Decimal("1052.48")
    assert cents(keep_cost(rates, "Archive", 30_720 * GB)) == Decimal("30.41")
    assert cents(keep_cost(rates, "Archive", 39_720 * GB)) == Decimal("39.32")


@pytest.mark.parametrize(("tier", "said"), [("Archive", "42.62"), ("Cold", "71.38"), ("Cool", "167.91")])
def test_archive_cold_and_cool_compared_cost_what_the_table_says(tier: str, said: str):
    rates = sample_rates(ARCHIVING)
    written, kept = writes(ARCHIVING, tier, 200_000), keep_cost(rates, tier, 10_240 * GB)

    assert cents(written + kept + read_back(rates, tier, 1024 * GB, 20_000).total) == Decimal(said)


@pytest.mark.parametrize(("tier", "said"), [("Archive", "90.62"), ("Cool", "175.99")])
def test_a_million_files_of_which_a_tenth_is_read_cost_what_the_chart_says(tier: str, said: str):
    rates = sample_rates(ARCHIVING)
    written, kept = writes(ARCHIVING, tier, 1_000_000), keep_cost(rates, tier, 10_240 * GB)

    assert cents(written + kept + read_back(rates, tier, 1024 * GB, 100_000).total) == Decimal(said)


def test_archive_and_cool_break_even_when_about_a_quarter_is_read_a_month():
    """The chart says "at or around the 25% read level"; exactly it is 24.2 %."""
    rates = sample_rates(ARCHIVING)

    def month(tier: str, percent: float) -> Decimal:
        size, files = int(10_240 * GB * percent / 100), int(1_000_000 * percent / 100)
        return keep_cost(rates, tier, 10_240 * GB) + read_back(rates, tier, size, files).total

    assert month("Archive", 24.1) < month("Cool", 24.1)
    assert month("Archive", 24.3) > month("Cool", 24.3)


# https://learn.microsoft.com/azure/storage/blobs/cost-estimate-archive-retrieval-set-tier (2025-05-29)


def test_moving_a_fifth_out_of_archive_after_three_months_costs_112_22():
    """The page multiplies "4,000 blobs" by prices of a GB: 4,000 GB of 400 blobs are meant. 20 TB are 20,000 GB."""
    cost = move_cost(sample_rates(), "Archive", "Hot", 4_000 * GB, 90, blobs=400)

    assert (cost.operations, cost.retrieval, cost.early) == (Decimal("0.22"), Decimal("88.00"), Decimal("24.00"))
    assert cost.total == Decimal("112.22")


# https://learn.microsoft.com/azure/storage/blobs/cost-estimate-archive-retrieval-copy-blob (2025-06-13)


def test_copying_the_same_out_of_archive_costs_88_22():
    """Its last row writes "$0.22 + $88 + $24 + $0.0002": a copy pays no early deletion, and its $88.22 has none."""
    rates = sample_rates()
    copied = read_back(rates, "Archive", 4_000 * GB, 400).total + writes(ESTIMATES, "Hot", 400)

    assert cents(copied + read_back(rates, "Hot", 4_000 * GB, 400).total) == Decimal("88.22")


# Azure Blob Storage pricing, questions (as quoted on 2022-09-09 at inthetechpit.com)


def test_a_blob_of_1000_gb_after_90_days_in_archive_costs_28_to_read():
    """The answer writes $5.40 for the early deletion; its own factors, and its own total of $28, make $6.00."""
    rates = sample_rates()

    moved = move_cost(rates, "Archive", "Hot", 1000 * GB, 90)

    assert (moved.retrieval, moved.early) == (Decimal("22.000"), Decimal("6.00"))
    assert cents(moved.total + read_back(rates, "Hot", 1000 * GB, 1).total) == Decimal("28.00")


# https://learn.microsoft.com/answers/questions/211213/storage-account-archive-tier


def test_rehydrating_300_000_objects_of_100_gb_costs_150_for_reads_and_2_for_retrieval():
    cost = read_back(sample_rates(ARCHIVING), "Archive", 100 * GB, 300_000)

    assert (cost.operations, cost.retrieval) == (150, 2)


# https://learn.microsoft.com/azure/storage/blobs/blob-storage-estimate-costs (2024-07-26)


def test_ten_tb_in_cool_cost_117_76_a_month():
    """The page writes $117.78 for 0.0115 * 10 * 1024."""
    assert keep_cost(sample_rates(), "Cool", 10 * 1024 * GB) == Decimal("117.76")


@pytest.mark.parametrize(
    ("tier", "right", "said"),
    [
        ("Hot", "2088.96", "2130"),  # the page leaves out that the second 50 TB cost $0.020
        ("Cool", "1177.60", "963"),  # at $0.0115; so its year of reserved capacity at $966 does pay
        ("Archive", "204.80", "205"),
    ],
)
def test_a_hundred_tb_a_month_by_the_sample_prices(tier: str, right: str, said: str):
    assert keep_cost(sample_rates(), tier, 100 * 1024 * GB) == Decimal(right)
    assert (abs(Decimal(right) - Decimal(said)) < 1) == (tier == "Archive")


@pytest.mark.parametrize(("tier", "reserved", "said_tb"), [("Cool", 966, 82), ("Archive", 183, 89)])
def test_reserved_capacity_breaks_even_where_the_page_says(tier: str, reserved: int, said_tb: int):
    month = keep_cost(sample_rates(), tier, 1024 * GB)

    assert int(reserved / month) == said_tb


def test_reserved_hot_capacity_breaks_even_at_84_tb_by_both_steps():
    rates = sample_rates()

    assert keep_cost(rates, "Hot", 83 * 1024 * GB) < 1747 < keep_cost(rates, "Hot", 84 * 1024 * GB)


@pytest.mark.parametrize(("blobs", "said"), [(1000, "0.01"), (1050, "0.0105"), (1077.5, "0.010775")])
def test_four_months_setting_blobs_to_cool_is_billed_as_writes_to_cool(blobs: float, said: str):
    """April's "1078" blobs are 1077.5, as its price shows."""
    moved = move_cost(sample_rates(), "Hot", "Cool", 5000 * GB, 30, blobs=2)

    assert moved.operations / 2 * Decimal(str(blobs)) == Decimal(said)
    assert moved.total == moved.operations


@pytest.mark.parametrize(
    ("tier", "gb", "said"),
    [
        ("Hot", 5000, "104.00"),
        ("Hot", 5500, "114.40"),
        ("Hot", 5775, "120.12"),
        ("Cool", 4500, "51.75"),
        ("Cool", 4725, "54.34"),
        ("Cool", 4849, "55.76"),
    ],
)
def test_four_months_of_storing_cost_what_the_table_says(tier: str, gb: int, said: str):
    """But the table forgets in March what was left in Cool in February: 900 + 1,050 blobs lie there, not 1,050."""
    assert cents(keep_cost(sample_rates(), tier, gb * GB)) == Decimal(said)


def test_four_months_reading_100_blobs_from_cool_and_moving_them_back_costs_5_dollars_more():
    """The table counts two reads a blob, $0.0002, and leaves out the retrieval of 500 GB, once for each of the two."""
    rates = sample_rates()

    read, moved = read_back(rates, "Cool", 500 * GB, 100), move_cost(rates, "Cool", "Hot", 500 * GB, 30, blobs=100)

    assert read.operations + moved.operations == Decimal("0.0002")
    assert (read.retrieval, moved.retrieval) == (5, 5)


def test_four_months_the_early_deletion_of_april_is_2_07():
    """The table says $0.41: it multiplies 107.75 blobs, of 5 GB each, by the price of a GB; and April's total of
    $182.57 leaves even that out."""
    size = Decimal("107.75") * 5 * GB

    assert cents(early_cost(sample_rates(), "Cool", int(size), 20)) == Decimal("2.07")
    assert cents(early_cost(sample_rates(), "Cool", int(size / 5), 20)) == Decimal("0.41")
    assert sum(map(Decimal, ("3.53", "0.01", "55.76", "0.41", "123.27"))) == Decimal("182.98")
