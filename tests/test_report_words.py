"""How figures read."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as some

from finops.report.model import Money
from finops.report.rounding import adding_up, printable, rounded
from finops.report.words import Words, cents, compact, exact, left, percent, right, shortened, until


@pytest.mark.parametrize(
    ("amount", "currency", "digits", "text"),
    [
        ("8601.4", "USD", 0, "$8,601"),
        ("8601.5", "USD", 0, "$8,602"),
        ("-237.2", "USD", 0, "−\u2060$237"),
        ("-0.2", "USD", 0, "$0"),
        ("5120", "JPY", 0, "¥5,120"),
        ("12.5", "EUR", 2, "€12.50"),
        ("12.5", "CHF", 2, "CHF\N{NO-BREAK SPACE}12.50"),
    ],
)
def test_money_reads(amount: str, currency: str, digits: int, text: str) -> None:
    assert Words(digits).money(Money(Decimal(amount), currency)) == text


def test_what_is_unknown_is_a_dash_and_never_zero() -> None:
    assert Words(0).money(None) == "—"


@pytest.mark.parametrize(("amount", "text"), [("1246", "+$1,246"), ("-237", "−\u2060$237"), ("0.3", "no change")])
def test_a_change_says_its_direction(amount: str, text: str) -> None:
    assert Words(0).signed(Money(Decimal(amount), "USD")) == text


def test_exact_keeps_every_digit() -> None:
    assert exact(Money(Decimal("14.976514185860"), "USD")) == "14.97651418586 USD"


def test_cents_are_what_the_currency_has() -> None:
    assert cents(Money(Decimal("6658.479884"), "USD")) == "$6,658.48"
    assert cents(Money(Decimal("6658.479884"), "JPY")) == "¥6,658"


@pytest.mark.parametrize(
    ("amount", "step", "text"),
    [
        ("40000", "10000", "$40k"),
        ("7500", "2500", "$7.5k"),
        ("0", "5", "$0"),
        ("0.5", "0.5", "$0.50"),
        ("3000000", "1000000", "$3m"),
    ],
)
def test_neighbours_on_an_axis_read_differently(amount: str, step: str, text: str) -> None:
    assert compact(Decimal(amount), Decimal(step), "USD") == text


def test_midnight_is_the_end_of_the_day_before() -> None:
    assert until(datetime(2026, 11, 22, tzinfo=UTC)) == "the end of 21 Nov 2026"
    assert until(datetime(2026, 11, 22, 8, tzinfo=UTC)) == "22 Nov 2026 08:00 UTC"


def test_columns_of_text_stay_straight_with_wide_and_invisible_characters() -> None:
    assert left("研究", 6) == "研究  "
    assert right("−\u2060$5", 5) == "  −\u2060$5"
    assert left("a long name", 6) == "a lon…"


def test_a_long_name_keeps_both_of_its_ends() -> None:
    assert shortened("vm-" + "0" * 60 + "-42", 20).startswith("vm-")
    assert shortened("vm-" + "0" * 60 + "-42", 20).endswith("-42")


def test_a_name_is_one_line_without_control_characters() -> None:
    assert printable("a\nb\x00\x1b[31mc\u202e") == "a b[31mc"
    assert printable(None, "(none)") == "(none)"


@given(some.lists(some.decimals(-(10**9), 10**9, allow_nan=False, places=6), max_size=30), some.sampled_from([0, 2]))
def test_rounded_parts_make_the_rounded_whole(amounts: list[Decimal], digits: int) -> None:
    parts = adding_up(amounts, digits)

    assert sum(parts) == rounded(sum(amounts, Decimal(0)), digits)
    assert all(abs(part - amount) < Decimal(1).scaleb(-digits) for part, amount in zip(parts, amounts, strict=True))


@pytest.mark.parametrize(
    ("value", "text"), [("3.3", "3.3%"), ("0.0", "0%"), ("-32.2", "−\u2060" + "32.2%"), ("2206.0", "2,206%")]
)
def test_a_percentage_has_a_decimal_only_where_it_says_something(value: str, text: str) -> None:
    assert percent(Decimal(value)) == text
