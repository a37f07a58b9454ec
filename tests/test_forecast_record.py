"""The record of past months: made only from what was known, and heeded."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from forecasting import START, came, daily, office, wandering

from finops.forecast import Daily, Purchase, Said, backtest, outlook


def test_each_whole_month_is_asked_on_its_days_7_14_and_21():
    track = backtest([daily(office, 95)])

    assert [(row.month.month, row.day) for row in track.rows] == [
        (month, day) for month in (1, 2, 3) for day in (7, 14, 21)
    ]
    assert (track.inside, track.of) == (8, 8)


def test_no_range_was_given_in_the_first_week_so_none_counts():
    track = backtest([daily(office, 59)])

    assert track.rows[0].is_inside is None
    assert track.of == len(track.rows) - 1


def test_looks_at_one_month_are_looks_at_one_month():
    assert backtest([daily(office, 59)]).months == 2


def test_the_miss_is_of_the_looks_whose_range_is_counted():
    usage = [daily(lambda day: office(day) * (5 if day < date(2026, 1, 8) else 1), 59)]

    track = backtest(usage)

    counted = [row.miss_percent for row in track.rows if row.is_inside is not None]
    assert (track.rows[0].miss_percent or 0) > 100
    assert track.median_miss_percent == sorted(counted)[len(counted) // 2]


def test_what_came_is_exact():
    usage = wandering(5, days=70)

    track = backtest(usage)

    assert {row.month: row.came for row in track.rows} == {
        month: came(usage, month) for month in (date(2026, 1, 1), date(2026, 2, 1))
    }


def test_the_record_says_what_the_forecast_said_then():
    usage = wandering(6, days=160)

    said = backtest(usage).rows[7]
    then = outlook(usage, said.month, through=date(said.month.year, said.month.month, said.day)).total

    assert (said.month, said.day) == (date(2026, 3, 1), 14)
    assert abs(said.middle - then.middle) < Decimal("0.001")
    assert abs(said.low - then.low) < Decimal("0.001")
    assert abs(said.high - then.high) < Decimal("0.001")


def test_a_forecast_carries_the_record_of_the_months_before_it():
    usage = wandering(7, days=160)

    seen = outlook(usage, date(2026, 5, 1), through=date(2026, 5, 20))

    assert seen.track == backtest(usage, through=date(2026, 4, 30))


def test_a_month_that_lacks_a_day_is_no_part_of_the_record():
    gap = date(2026, 2, 10)

    track = backtest([daily(lambda day: 0 if day == gap else 100, 90)], missing=[gap])

    assert {row.month.month for row in track.rows} == {1, 3}


def test_the_record_can_begin_later():
    track = backtest([daily(office, 120)], first_month=date(2026, 3, 1))

    assert {row.month.month for row in track.rows} == {3, 4}


def test_a_month_not_yet_over_is_no_part_of_the_record():
    track = backtest([daily(office, 120)], through=date(2026, 3, 30))

    assert {row.month.month for row in track.rows} == {1, 2}


def test_ranges_are_wider_where_past_ranges_held_too_seldom():
    # Quiet days until the 22nd, then twice the cost, or next to nothing: nothing that happens tells which.
    wild = [2, 0.1, 0.2, 2.4, 0.1, 2.2, 2, 0.1]
    usage = [daily(lambda day: 100 * (1 if day.day <= 21 else wild[day.month % 8]), 300)]

    seen = outlook(usage, date(2026, 10, 1), through=date(2026, 10, 14))
    first = outlook(usage, date(2026, 1, 1), through=date(2026, 1, 20))

    assert "times as wide, as past ranges held too seldom" in seen.method
    assert "times as wide" not in first.method
    assert seen.total.high - seen.total.low > first.total.high - first.total.low


def test_a_month_without_cost_has_no_percentage_to_miss_by():
    track = backtest([daily(lambda day: 0, 59)])

    assert track.median_miss_percent is None
    assert (track.inside, track.of) == (5, 5)


def test_a_miss_is_in_percent_of_what_came():
    said = Said(START, 7, Decimal(90), Decimal(100), Decimal(130), Decimal(125))

    assert said.miss_percent == 20
    assert said.is_inside is True


def test_there_is_no_record_of_half_a_month():
    usage = Daily("a", date(2026, 1, 10), (Decimal(10),) * 20)

    assert backtest([usage]).rows == ()


def test_a_centre_that_began_later_is_looked_at_as_it_was_then():
    old = daily(office, 120, "old")
    new = Daily("new", START + timedelta(days=100), (Decimal(500),) * 20)

    assert backtest([old, new]).rows[:6] == backtest([old]).rows[:6]


def test_the_record_is_of_the_total_with_its_purchases():
    bought = [Purchase("CC-4300", date(2026, 3, 18), Decimal(1180), "tracker")]
    usage = [daily(lambda _: 100, 95)]

    rows = {(row.month.month, row.day): row for row in backtest(usage, purchases=bought).rows}

    assert rows[3, 14].came == 3100 + 1180
    assert [rows[3, day].is_inside for day in (7, 14, 21)] == [False, False, True]
    assert rows[2, 14] == {(row.month.month, row.day): row for row in backtest(usage).rows}[2, 14]


def test_the_record_expects_the_purchases_that_the_forecast_expected_then():
    days = [date(2026, month, 18) for month in (1, 2, 3, 4)]
    bought = [Purchase("CC-4300", day, Decimal(1180), "tracker") for day in days]
    usage = [daily(lambda _: 100, 125)]

    said = {(row.month.month, row.day): row for row in backtest(usage, purchases=bought).rows}[4, 14]
    then = outlook(usage, date(2026, 4, 1), date(2026, 4, 14), bought).total

    assert (said.low, said.middle, said.high, said.is_inside) == (then.low, then.middle, then.high, True)


def test_purchases_that_nobody_foresaw_widen_the_ranges_that_follow():
    usage = wandering(7, days=300)
    size = sum((sum(one.amounts, Decimal(0)) for one in usage), Decimal(0)) / 30
    bought = [Purchase("CC-0", date(2026, month, 25), size * month, str(month)) for month in range(2, 9)]

    usual, seen = (outlook(usage, date(2026, 9, 1), date(2026, 9, 14), given).total for given in ((), bought))

    assert seen.high - seen.low > 1.5 * float(usual.high - usual.low)
