"""Where a month ends, and what is said where that cannot be known."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import date, timedelta
from decimal import Decimal

import pytest
from forecasting import START, came, daily, office, wandering

from finops.errors import DataError, UsageError
from finops.forecast import Daily, outlook

MARCH = date(2026, 3, 1)


def test_the_shape_of_the_week_is_known_when_the_rest_of_the_month_has_more_weekends_than_its_start():
    usage = [daily(office, 90)]

    seen = outlook(usage, MARCH, through=date(2026, 3, 6))

    assert float(seen.total.middle) == pytest.approx(float(came(usage, MARCH)), rel=0.005)


def test_a_level_that_moved_ten_days_ago_is_not_averaged_away():
    usage = [daily(lambda day: office(day) * (3 if day >= date(2026, 3, 5) else 1), 90)]

    seen = outlook(usage, MARCH, through=date(2026, 3, 14))

    assert float(seen.total.middle) == pytest.approx(float(came(usage, MARCH)), rel=0.1)


def test_one_dear_day_is_no_new_level():
    usage = [daily(lambda day: 1000 if day == date(2026, 3, 8) else 100, 90)]

    seen = outlook(usage, MARCH, through=date(2026, 3, 14))

    assert float(seen.total.middle) == pytest.approx(float(came(usage, MARCH)), rel=0.25)


def test_steady_growth_goes_on():
    usage = [daily(lambda day: 100 * 1.003 ** (day - START).days, 120)]

    seen = outlook(usage, date(2026, 4, 1), through=date(2026, 4, 7))

    assert float(seen.total.middle) == pytest.approx(float(came(usage, date(2026, 4, 1))), rel=0.015)


def test_what_comes_on_the_last_days_of_every_month_is_expected_again():
    usage = [daily(lambda day: 100 + 400 * ((day + timedelta(days=2)).month != day.month), 151)]

    seen = outlook(usage, date(2026, 5, 1), through=date(2026, 5, 14))

    assert float(seen.total.middle) == pytest.approx(float(came(usage, date(2026, 5, 1))), rel=0.01)


def test_a_fee_on_the_first_of_every_month_does_not_lift_the_days_after_it():
    usage = [daily(lambda day: 100 + 5000 * (day.day == 1), 151)]

    seen = outlook(usage, date(2026, 5, 1), through=date(2026, 5, 4))

    assert float(seen.total.middle) == pytest.approx(float(came(usage, date(2026, 5, 1))), rel=0.02)


def test_a_cost_centre_that_is_gone_costs_nothing_more():
    stays = daily(office, 90, "stays")
    gone = daily(lambda day: 100 if day < date(2026, 3, 5) else 0, 90, "gone")

    seen = outlook([stays, gone], MARCH, through=date(2026, 3, 10))

    assert seen.by["gone"] == 400


def test_a_cost_centre_that_began_five_days_ago_is_not_averaged_with_the_days_before_it():
    old = daily(lambda day: 100, 90, "old")
    new = Daily("new", date(2026, 3, 9), (Decimal(70),) * 5)

    seen = outlook([old, new], MARCH, through=date(2026, 3, 13))

    assert float(seen.by["new"]) == pytest.approx(70 * 23, rel=0.05)


def test_one_credit_does_not_lower_the_days_to_come():
    usage = [daily(lambda day: -900 if day == date(2026, 3, 13) else 100, 90)]

    seen = outlook(usage, MARCH, through=date(2026, 3, 14))

    assert float(seen.total.middle) == pytest.approx(100 * 30 - 900, rel=0.01)


def test_credits_every_day_stay_below_zero():
    usage = [daily(lambda day: -10, 90)]

    seen = outlook(usage, MARCH, through=date(2026, 3, 14))

    assert float(seen.total.middle) == pytest.approx(-310, rel=0.01)


def test_nothing_at_all_ends_at_nothing():
    seen = outlook([daily(lambda day: 0, 90)], MARCH, through=date(2026, 3, 14))

    assert (seen.total.low, seen.total.middle, seen.total.high) == (0, 0, 0)


def test_there_is_no_range_before_14_complete_days_and_the_reason_is_said():
    seen = outlook([daily(office, 13)], START, through=date(2026, 1, 13))

    assert (seen.total.low, seen.total.high, seen.chance_over(Decimal(1000))) == (None, None, None)
    assert seen.why_no_range == "13 complete days are known; a range is given from 14 on."


def test_there_is_a_range_from_14_complete_days_on():
    seen = outlook([daily(office, 14)], START, through=date(2026, 1, 14))

    assert seen.total.low is not None
    assert seen.why_no_range == ""


def test_days_before_the_first_charge_are_no_complete_days():
    seen = outlook([daily(lambda day: 100 if day >= date(2026, 3, 5) else 0, 90)], MARCH, through=date(2026, 3, 14))

    assert seen.why_no_range == "10 complete days are known; a range is given from 14 on."


def test_a_middle_is_said_from_the_first_day_on():
    seen = outlook([daily(lambda day: 100, 1)], START, through=START)

    assert seen.total.middle == 3100


def test_without_any_day_nothing_is_said():
    with pytest.raises(DataError, match=r"no complete day up to 14 Mar 2026\. Forecast again"):
        outlook([], MARCH, through=date(2026, 3, 14))


def test_without_any_complete_day_nothing_is_said():
    with pytest.raises(DataError, match="no complete day"):
        outlook([daily(office, 2)], START, through=date(2026, 1, 2), missing=[START, date(2026, 1, 2)])


def test_an_amount_that_is_no_number_is_refused():
    with pytest.raises(DataError, match="not a number"):
        outlook([Daily("a", START, (Decimal("NaN"),))], START, through=START)


def test_a_range_that_always_holds_is_refused():
    with pytest.raises(UsageError, match=r"0\.8"):
        outlook([daily(office, 20)], START, through=date(2026, 1, 20), level=1)


def test_days_after_the_last_complete_one_are_not_used():
    known = daily(office, 73)
    late = Daily(known.key, known.start, (*known.amounts, Decimal(5), Decimal(0)))

    assert outlook([late], MARCH, through=date(2026, 3, 14)) == outlook([known], MARCH, through=date(2026, 3, 14))


def test_a_missing_day_is_estimated_and_not_taken_for_a_day_without_cost():
    gap = date(2026, 3, 10)
    usage = [daily(lambda day: 0 if day == gap else 100, 90)]

    seen = outlook(usage, MARCH, through=date(2026, 3, 14), missing=[gap])

    assert seen.so_far == 1300
    assert float(seen.total.middle) == pytest.approx(3100, rel=0.001)


def test_what_was_charged_on_a_day_that_lacks_charges_is_not_counted_twice():
    gap = date(2026, 3, 10)
    usage = [daily(lambda day: 60 if day == gap else 100, 90)]

    seen = outlook(usage, MARCH, through=date(2026, 3, 14), missing=[gap])

    assert seen.so_far == 1360
    assert float(seen.total.middle) == pytest.approx(3100, rel=0.001)


def test_a_month_that_is_over_ends_as_it_did():
    usage = wandering(1, days=100)

    seen = outlook(usage, MARCH, through=date(2026, 4, 5))

    assert (seen.total.low, seen.total.middle, seen.total.high) == (came(usage, MARCH),) * 3
    assert seen.chance_over(seen.total.middle - 1) == 1
    assert seen.chance_over(seen.total.middle) == 0


def test_a_month_that_has_not_begun_can_be_looked_at():
    usage = wandering(1, days=59)

    seen = outlook(usage, MARCH, through=date(2026, 2, 28))

    assert seen.so_far == 0
    assert seen.path[0].low < seen.path[0].middle < seen.path[0].high


def test_a_month_never_ends_below_what_is_spent_where_no_day_ever_cost_less_than_nothing():
    usage = [daily(lambda day: 1000 if day.day % 9 == 0 else 1, 90)]

    seen = outlook(usage, MARCH, through=date(2026, 3, 14))

    assert all(point.low >= seen.so_far for point in seen.path[14:])


def test_the_path_is_what_was_charged_and_then_a_band_that_ends_at_the_total():
    usage = wandering(2, days=100)

    seen = outlook(usage, MARCH, through=date(2026, 3, 14))

    today, last = seen.path[13], seen.path[-1]
    assert today.low == today.middle == today.high == seen.so_far
    assert (last.day, last.low, last.middle, last.high) == (
        date(2026, 3, 31),
        seen.total.low,
        seen.total.middle,
        seen.total.high,
    )
    widths = [point.high - point.low for point in seen.path[14:]]
    assert widths == sorted(widths)


def test_an_amount_in_the_middle_of_the_range_is_passed_as_often_as_not():
    seen = outlook(wandering(3, days=100), MARCH, through=date(2026, 3, 14))

    assert float(seen.chance_over(seen.total.middle)) == pytest.approx(0.5, abs=0.1)
    assert float(seen.chance_over(seen.total.low)) == pytest.approx(0.9, abs=0.01)
    assert float(seen.chance_over(seen.total.high)) == pytest.approx(0.1, abs=0.01)
    assert seen.chance_over(seen.total.middle * 10) == Decimal("0.01")


def test_one_cent_after_weeks_of_silence_gives_a_range_of_cents():
    usage = [daily(lambda day: 0.01 if day == date(2026, 2, 5) else 0, 90)]

    seen = outlook(usage, MARCH, through=date(2026, 3, 3))

    assert 0 <= seen.total.low <= seen.total.high < 1


def test_one_key_given_in_two_parts_is_added_up():
    usage = daily(office, 90, "a")
    half = Daily("a", START, tuple(amount / 2 for amount in usage.amounts))

    twice = outlook([half, half], MARCH, through=date(2026, 3, 14))

    assert twice.total == outlook([usage], MARCH, through=date(2026, 3, 14)).total


def test_amounts_are_added_to_the_last_digit_even_where_python_would_round_them():
    large = daily(lambda day: 1e14, 80, "large")
    small = Daily("small", START, (Decimal("0.000000000000000001"),) * 80)

    seen = outlook([large, small], MARCH, through=date(2026, 3, 14))

    assert seen.so_far == Decimal("1400000000000000.000000000000000014")


def test_three_hundred_cost_centres_take_less_than_a_second():
    usage = wandering(4, days=400, centres=300)

    begun = time.process_time()
    outlook(usage, date(2027, 2, 1), through=date(2027, 2, 3))

    assert time.process_time() - begun < 1


def test_importing_it_loads_no_numbers_library():
    code = "import sys, finops.forecast; sys.exit(any(name in sys.modules for name in ('numpy', 'pandas', 'scipy')))"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
