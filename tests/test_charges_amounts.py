"""Cost and quantity in two periods: exact, by what is new, gone or in both."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from charges_files import charge, focus

from finops import charges
from finops.charges import Charges, Period

ML = '{"CostCenter": "ml"}'
AUGUST, SEPTEMBER = Period.month("2024-08"), Period.month("2024-09")


@pytest.fixture
def book(tmp_path: Path):
    """ml on /a: 2 h for 10, then 5 h for 30 and 9 without a quantity. /b: 1 h for 7 in September. /c: gone."""
    hour = {"Tags": ML, "ConsumedUnit": "Hours"}
    file = focus(
        tmp_path / "a.csv",
        charge("2024-08-10", "10", ConsumedQuantity="2", ResourceId="/a", **hour),
        charge("2024-08-10", "4", ConsumedQuantity="1", ResourceId="/c", **hour),
        charge("2024-09-10", "30", ConsumedQuantity="5", ResourceId="/A", **hour),
        charge("2024-09-10", "7", ConsumedQuantity="1", ResourceId="/b", **hour),
        charge("2024-09-10", "9", ResourceId="/a", **hour),
    )
    with charges.load([file]) as book:
        yield book


def rows(book: Charges, **asked: object) -> list[tuple[str, ...]]:
    frame = book.amounts(["CostCenter"], AUGUST, SEPTEMBER, **asked)  # type: ignore[arg-type]
    return [tuple(str(cell) for cell in row) for row in frame.itertuples(index=False)]


def test_cost_and_quantity_of_both_periods_stand_in_one_row(book: Charges) -> None:
    assert rows(book) == [("ml", "Hours", "both", "3.00", "6.00", "14.00", "37.00", "0.00", "9.00")]


def test_what_is_new_or_gone_stands_apart(book: Charges) -> None:
    assert rows(book, apart=["CostCenter", "ResourceId"]) == [
        ("ml", "Hours", "both", "2.00", "5.00", "10.00", "30.00", "0.00", "9.00"),
        ("ml", "Hours", "gone", "1.00", "0.00", "4.00", "0.00", "0.00", "0.00"),
        ("ml", "Hours", "new", "0.00", "1.00", "0.00", "7.00", "0.00", "0.00"),
    ]


def test_all_rows_add_up_to_both_totals(book: Charges) -> None:
    frame = book.amounts(["MeterName"], AUGUST, SEPTEMBER, apart=["ResourceId"])

    assert sum(frame["Before"] + frame["OtherBefore"], Decimal(0)) == book.total("effective", AUGUST)
    assert sum(frame["After"] + frame["OtherAfter"], Decimal(0)) == book.total("effective", SEPTEMBER)


def test_only_wanted_charges_are_in_it(book: Charges) -> None:
    assert rows(book, where={"ResourceId": ["/b"]}) == [
        ("ml", "Hours", "both", "0.00", "1.00", "0.00", "7.00", "0.00", "0.00")
    ]


def test_the_month_of_the_invoice_is_a_key_of_its_own(tmp_path: Path) -> None:
    file = focus(
        tmp_path / "b.csv",
        charge("2024-08-31", "3", BillingPeriodStart="2024-09-01", BillingPeriodEnd="2024-10-01"),
        charge("2024-08-31", "5", BillingPeriodStart="2024-08-01", BillingPeriodEnd="2024-09-01"),
    )

    with charges.load([file]) as book:
        frame = book.by(["BillingMonth"])

    assert list(zip(frame["BillingMonth"], map(str, frame["Cost"]), strict=True)) == [
        ("2024-08", "5.00"),
        ("2024-09", "3.00"),
    ]
