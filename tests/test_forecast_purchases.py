"""Purchases stand apart: one-off dates are no run rate, and a monthly one comes once."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from forecasting import daily

from finops.forecast import Outlook, Purchase, outlook

MARCH = date(2026, 3, 1)


def seen_with(*bought: tuple[date, float], day: int = 14) -> Outlook:
    """$100 a day, and these purchases of CC-4300."""
    purchases = [Purchase("CC-4300", when, Decimal(str(amount)), "support plan") for when, amount in bought]
    return outlook([daily(lambda _: 100, 120)], MARCH, date(2026, 3, day), purchases)


def test_a_yearly_commitment_paid_this_month_counts_once():
    seen = seen_with((date(2026, 3, 2), 12000))

    assert seen.so_far == 13400
    assert float(seen.total.middle) == pytest.approx(15100)
    assert seen.purchases == 12000


def test_a_purchase_of_another_month_counts_nothing():
    assert float(seen_with((date(2026, 2, 2), 12000)).total.middle) == pytest.approx(3100)


def test_a_purchase_that_came_in_each_of_three_months_is_due_once_more():
    seen = seen_with((date(2025, 12, 20), 50), (date(2026, 1, 20), 50), (date(2026, 2, 20), 60))

    assert (seen.purchases, seen.due) == (0, 60)
    assert float(seen.total.middle) == pytest.approx(3160)
    assert seen.so_far == 1400


def test_a_monthly_purchase_that_came_is_not_due_again():
    months = [(date(2025, 12, 10), 50), (date(2026, 1, 10), 50), (date(2026, 2, 10), 50), (date(2026, 3, 10), 50)]

    seen = seen_with(*months)

    assert (seen.purchases, seen.due) == (50, 0)


def test_a_monthly_purchase_that_is_long_overdue_is_taken_for_cancelled():
    assert seen_with((date(2025, 12, 3), 50), (date(2026, 1, 3), 50), (date(2026, 2, 3), 50)).due == 0


def test_a_monthly_purchase_that_is_a_day_late_is_still_due():
    assert seen_with((date(2025, 12, 13), 50), (date(2026, 1, 13), 50), (date(2026, 2, 13), 50)).due == 50


def test_a_renewal_on_the_31st_comes_on_the_last_day_of_a_shorter_month():
    bought = [
        Purchase("CC-4300", day, Decimal(80)) for day in (date(2026, 1, 31), date(2026, 2, 28), date(2026, 3, 31))
    ]

    seen = outlook([daily(lambda _: 100, 120)], date(2026, 4, 1), date(2026, 4, 20), bought)

    assert seen.due == 80


def test_a_monthly_purchase_is_due_in_a_month_that_has_not_begun():
    days = (date(2025, 12, 20), date(2026, 1, 20), date(2026, 2, 20), date(2026, 3, 20))
    bought = [Purchase("CC-4300", day, Decimal(50)) for day in days]

    before_it_came = outlook([daily(lambda _: 100, 120)], date(2026, 4, 1), date(2026, 3, 14), bought)
    after_it_came = outlook([daily(lambda _: 100, 120)], date(2026, 4, 1), date(2026, 3, 22), bought)

    assert before_it_came.due == after_it_came.due == 50


def test_purchases_on_any_day_are_no_habit():
    assert seen_with((date(2025, 12, 3), 50), (date(2026, 1, 25), 50), (date(2026, 2, 18), 50)).due == 0


def test_nothing_is_due_when_the_month_is_over():
    assert seen_with((date(2025, 12, 31), 50), (date(2026, 1, 31), 50), (date(2026, 2, 28), 50), day=31).due == 0


def test_a_purchase_of_a_cost_centre_without_usage_has_a_row_of_its_own():
    seen = outlook([daily(lambda _: 100, 73)], MARCH, date(2026, 3, 14), {"CC-9": Decimal(70)})

    assert seen.by["CC-9"] == 70


def test_the_path_steps_up_on_the_day_of_a_purchase():
    seen = seen_with((date(2026, 3, 10), 500))

    assert [point.middle for point in seen.path[8:10]] == [900, 1500]
