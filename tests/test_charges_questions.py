"""Questions about charges: parts add up, periods stand side by side, answers are exact."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest
from charges_files import charge, focus, parquet, spend
from hypothesis import given, settings
from hypothesis import strategies as st

from finops import charges
from finops.charges import Charges, Period
from finops.charges.book import added, trimmed
from finops.errors import UsageError

ML, WEB = '{"CostCenter": "ml"}', '{"CostCenter": "web"}'


@pytest.fixture
def book(tmp_path: Path):
    """August: ml 10, web 5, untagged 1. September: ml 30, web 4, untagged 1."""
    file = focus(
        tmp_path / "a.csv",
        charge("2024-08-10", "10", Tags=ML, ConsumedQuantity="2", ConsumedUnit="Hours"),
        charge("2024-08-11", "5", Tags=WEB, ConsumedQuantity="3", ConsumedUnit="GB"),
        charge("2024-08-12", "1"),
        charge("2024-09-10", "30", Tags=ML, ConsumedQuantity="6", ConsumedUnit="Hours"),
        charge("2024-09-11", "4", Tags=WEB),
        charge("2024-09-12", "1"),
    )
    with charges.load([file]) as book:
        yield book


def test_untagged_cost_is_shown_so_the_parts_add_up(book: Charges):
    assert spend(book) == {"ml": "40.00", "web": "9.00", "(untagged)": "2.00"}
    assert added(book.by(["CostCenter"])["Cost"]) == book.total() == 51


def test_two_periods_stand_side_by_side_largest_change_first(book: Charges):
    frame = book.side_by_side(["CostCenter"], Period.month("2024-08"), Period.month("2024-09"))

    assert [tuple(map(str, row)) for row in frame.itertuples(index=False)] == [
        ("ml", "10.00", "30.00", "20.00"),
        ("web", "5.00", "4.00", "-1.00"),
        ("(untagged)", "1.00", "1.00", "0.00"),
    ]


def test_only_the_top_movers_can_be_asked_for(book: Charges):
    frame = book.side_by_side(["CostCenter"], Period.month("2024-08"), Period.month("2024-09"), top=1)

    assert list(frame["CostCenter"]) == ["ml"]


def test_the_dearest_are_those_of_either_basis_credits_among_them(tmp_path: Path):
    bought = charge("2024-09-01", "90", ResourceId="reservation", EffectiveCost="0")
    used = charge("2024-09-02", "0", ResourceId="machine", EffectiveCost="80")
    small = charge("2024-09-03", "1", ResourceId="disk", EffectiveCost="1")
    refund = charge("2024-09-04", "-85", ResourceId="refund", EffectiveCost="-85")

    with charges.load([focus(tmp_path / "a.csv", bought, used, small, refund)]) as book:
        one, two = (book.dearest("ResourceId", Period.month("2024-09"), top) for top in (1, 2))

    assert one == ["refund", "reservation"]
    assert two == ["machine", "refund", "reservation"]


def test_what_is_new_or_gone_changes_from_or_to_zero(book: Charges):
    frame = book.side_by_side(["CostCenter"], Period.month("2024-07"), Period.month("2024-08"))

    assert list(frame["Before"]) == [0, 0, 0]
    assert list(frame["Change"]) == [10, 5, 1]


def test_periods_may_lie_apart_and_overlap(book: Charges):
    day = Period(date(2024, 8, 10), date(2024, 8, 11))
    frame = book.side_by_side([], day, Period(date(2024, 8, 10), date(2024, 10, 1)))

    assert (frame["Before"][0], frame["After"][0]) == (10, 51)


def test_every_day_of_a_period_is_listed(book: Charges):
    frame = book.days(period=Period(date(2024, 8, 10), date(2024, 8, 14)))

    assert [day.isoformat() for day in frame["Day"]] == ["2024-08-10", "2024-08-11", "2024-08-12", "2024-08-13"]
    assert list(frame["Cost"]) == [10, 5, 1, 0]


def test_quantities_in_other_units_are_not_added(book: Charges):
    frame = book.quantities(["ServiceName"])

    assert {(row.ConsumedUnit, str(row.Quantity)) for row in frame.itertuples()} == {
        ("Hours", "8.00"),
        ("GB", "3.00"),
        ("(none)", "0.00"),
    }


def test_months_are_named(book: Charges):
    assert spend(book, "Month") == {"2024-09": "35.00", "2024-08": "16.00"}


def test_many_months_are_grouped_alike(tmp_path: Path):
    file = focus(tmp_path / "a.csv", *(charge(f"{2020 + n // 12}-{n % 12 + 1:02}-28", "1") for n in range(60)))

    with charges.load([file]) as book:
        assert spend(book, "Month") == {f"{2020 + n // 12}-{n % 12 + 1:02}": "1.00" for n in range(60)}


def test_a_period_without_charges_costs_nothing(book: Charges):
    assert book.total(period=Period.month("2023-01")) == 0
    assert book.by(["CostCenter"], period=Period.month("2023-01")).empty


@pytest.mark.parametrize("name", ["Costcentre", "Tags", "", "Tags.", "1; DROP TABLE x"])
def test_a_key_that_does_not_exist_is_refused(book: Charges, name: str):
    with pytest.raises(UsageError):
        book.by([name])


def test_a_misspelt_key_gets_a_hint(book: Charges):
    with pytest.raises(UsageError, match="Did you mean ServiceName"):
        book.by(["servicenam"])


def test_a_basis_that_does_not_exist_is_refused(book: Charges):
    with pytest.raises(UsageError, match="'amortized' is no cost basis"):
        book.total("amortized")


@pytest.mark.parametrize("many", [False, True])
def test_few_and_many_different_tags_give_the_same_figures(tmp_path: Path, many: bool):
    """Parquet keeps few texts once and many one by one; DuckDB is asked in another way then."""
    owner = "range" if many else "range % 3"
    filler = "repeat('x', 40) || range" if many else "'x'"
    file = parquet(
        tmp_path / "a.parquet",
        "SELECT CAST(1 AS DECIMAL(38,18)) AS BilledCost, CAST('0.1' AS DECIMAL(38,18)) AS EffectiveCost, "
        "'USD' AS BillingCurrency, TIMESTAMP '2024-09-01' AS ChargePeriodStart, "
        f"""'{{"note": "' || {filler} || '", "cost_center": "c' || ({owner}) % 3 || '"}}' AS Tags FROM range(200000)""",
    )

    with charges.load([file]) as book:
        assert book._facts.tags_repeat is not many
        assert spend(book) == {"c0": "6666.70", "c1": "6666.70", "c2": "6666.60"}


@settings(max_examples=200, deadline=None)
@given(st.decimals(-(10**12), 10**12, allow_nan=False, places=18))
def test_trimming_changes_how_an_amount_looks_and_nothing_else(amount: Decimal):
    shown = trimmed(amount)

    assert shown == amount
    exponent = shown.as_tuple().exponent
    assert isinstance(exponent, int)
    assert exponent <= -2


def test_sums_keep_all_digits():
    big, small = Decimal("12345678901234567890.00"), Decimal("0.000000000000000001")

    assert str(added([big, small])) == "12345678901234567890.000000000000000001"


def test_a_month_ends_where_the_next_begins():
    months = [Period.month(f"2024-{month:02}") for month in range(1, 13)]

    assert all(one.end == other.start for one, other in pairwise(months))
    assert sum(len(month.days) for month in months) == 366


def test_a_week_is_the_seven_days_up_to_its_last():
    week = Period.week_ending(date(2026, 11, 21))

    assert (week.days[0], week.days[-1], len(week.days)) == (date(2026, 11, 15), date(2026, 11, 21), 7)
    assert datetime(2026, 11, 21, 23, 59, tzinfo=UTC) in week
    assert datetime(2026, 11, 22, tzinfo=UTC) not in week


@pytest.mark.parametrize(
    ("start", "end", "label"),
    [
        (date(2024, 9, 1), date(2024, 10, 1), "September 2024"),
        (date(2024, 12, 1), date(2025, 1, 1), "December 2024"),
        (date(2026, 11, 15), date(2026, 11, 22), "15 to 21 Nov 2026"),
        (date(2026, 11, 29), date(2026, 12, 6), "29 Nov to 5 Dec 2026"),
        (date(2025, 12, 28), date(2026, 1, 4), "28 Dec 2025 to 3 Jan 2026"),
        (date(2026, 11, 15), date(2026, 11, 16), "15 Nov 2026"),
    ],
)
def test_a_period_is_said_as_people_say_it(start: date, end: date, label: str):
    assert Period(start, end).label == label


@pytest.mark.parametrize("text", ["2024-13", "2024-00", "2024-9", "24-09", "September", "0000-01", "2024-09-01"])
def test_a_month_that_is_none_is_refused(text: str):
    with pytest.raises(UsageError, match="is not a month"):
        Period.month(text)


def test_an_empty_period_and_a_time_without_a_zone_are_refused():
    with pytest.raises(UsageError, match="is empty"):
        Period(date(2024, 9, 1), date(2024, 9, 1))
    with pytest.raises(UsageError, match="no time zone"):
        Period(datetime(2024, 9, 1), date(2024, 9, 2))  # noqa: DTZ001 - the point of the test


def test_a_tag_that_says_untagged_is_not_taken_for_none(tmp_path: Path):
    rows = [charge("2024-09-01", "1"), charge("2024-09-01", "2", Tags='{"CostCenter": "(untagged)"}')]

    with charges.load([focus(tmp_path / "a.csv", *rows)]) as book:
        assert spend(book) == {'"(untagged)"': "2.00", "(untagged)": "1.00"}
