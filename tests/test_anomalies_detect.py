"""Anomalies: which days are off, and which are not."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finops.anomalies import Bar, Planned, Raised, Scope, detect

START = date(2026, 8, 3)  # a Monday
CENTRE = Scope("cost centre", "CC-4300")
WEEK = [100, 104, 98, 102, 96, 30, 24]
# Days differ by some percent, always the same ones.
WOBBLE = [1.03, 0.97, 1.0, 1.05, 0.96, 1.02, 0.98, 1.01, 0.95, 1.04, 0.99]


def series(days: int = 90, level: float = 1.0) -> list[float]:
    return [WEEK[n % 7] * WOBBLE[n % 11] * level for n in range(days)]


def days_of(costs: list[float], start: date = START) -> list[tuple[date, Decimal]]:
    return [(start + timedelta(days=n), Decimal(f"{cost:.2f}")) for n, cost in enumerate(costs)]


def found(costs: list[float], **more):
    return detect({CENTRE: days_of(costs)}, START + timedelta(days=len(costs) - 1), **more)


def day(number: int) -> date:
    return START + timedelta(days=number)


def test_days_like_those_before_are_no_anomaly():
    assert found(series()) == ()


def test_a_spike_is_one_anomaly_over_its_days():
    costs = series()
    for n in (70, 71, 72):
        costs[n] += 200

    [one] = found(costs)

    assert (one.kind, one.first, one.last, one.going_on) == ("spike", day(70), day(72), False)


def test_the_impact_is_what_it_cost_less_what_was_expected():
    costs = series()
    costs[70] += 200

    [one] = found(costs)

    assert one.impact == one.actual - one.expected.middle
    assert abs(one.impact - 200) < 10
    assert one.expected.low < one.expected.middle < one.expected.high


def test_it_is_told_by_the_first_day():
    costs = series(71)
    costs[70] += 200

    [one] = found(costs)

    assert (one.seen, one.going_on) == (day(70), True)


def test_two_days_in_a_row_tell_on_the_second_what_one_could_not():
    costs = series(level=3)
    first = found([*costs[:71], costs[71] + 84])
    both = found([*costs[:71], costs[71] + 84, costs[72] + 84])

    assert first == ()
    assert [(one.first, one.last, one.seen) for one in both] == [(day(71), day(72), day(72))]


def test_two_days_of_a_fall_tell_on_the_second():
    steady = Scope("service", "Storage"), days_of([50.0] * 90)
    costs = series()
    for n in range(71, 75):
        costs[n] *= 0.6

    [one] = [one for one in detect({CENTRE: days_of(costs), steady[0]: steady[1]}, day(74)) if one.scope == CENTRE]

    assert (one.first, one.impact < 0) == (day(71), True)


def test_two_days_in_a_row_as_there_were_before_are_none():
    costs = series(level=3)
    for n, more in ((30, 90), (31, 90), (71, 84), (72, 84)):
        costs[n] += more

    assert [one.first for one in found(costs) if one.first > day(60)] == []


def test_what_was_said_to_be_none_is_none_on_two_days_either():
    costs = series(level=3)
    for n in (71, 72):
        costs[n] += 84

    assert len(found(costs)) == 1
    assert found(costs, raised=[Raised(CENTRE, day(60), day(80), Decimal(120))]) == ()


def test_a_batch_within_the_first_weeks_of_a_new_level_is_no_weekday():
    costs = [100 * WOBBLE[n % 11] + (400 if n >= 50 else 0) for n in range(80)]
    costs[60] += 3000

    assert [one.first for one in found(costs) if one.first >= day(65)] == []


def test_a_monthly_batch_that_grew_as_all_did_is_no_surprise():
    costs = [(100 + (300 if day(n).day == 1 else 0)) * WOBBLE[n % 11] * (3 if n >= 62 else 1) for n in range(122)]
    at = next(n for n in range(80, 122) if day(n).day == 1)

    assert [one.first for one in found(costs) if day(at - 1) <= one.first <= day(at + 1)] == []


def test_what_stays_is_a_step():
    costs = [cost + (150 if n >= 60 else 0) for n, cost in enumerate(series())]

    [one] = found(costs)

    assert (one.kind, one.first) == ("step", day(60))


def test_after_two_weeks_a_step_is_the_usual():
    costs = [cost + (150 if n >= 60 else 0) for n, cost in enumerate(series())]

    [one] = found(costs)

    assert one.last == day(73)


def test_what_fell_to_another_shape_and_stayed_is_told_once():
    # What rests at weekends is gone; what is left runs day and night.
    costs = [cost if n < 60 else 20 * WOBBLE[n % 11] for n, cost in enumerate(series(110, 3.0))]

    firsts = [one.first for one in found(costs)]

    assert firsts == [day(60)]


def test_a_burst_on_a_sunday_like_those_on_weekdays_is_none():
    costs = series()
    for n in (17, 29, 45, 58):
        costs[n] += 60
    costs[83] += 54  # a Sunday

    told = [one.first for one in found(costs) if one.first > day(60)]

    assert told == []


def test_bursts_now_and_then_do_not_move_what_is_expected():
    costs = series()
    for n in range(4, 90, 8):
        costs[n] += 70
    costs[86] += 400

    [one] = [one for one in found(costs) if one.first == day(86)]

    assert abs(one.expected.middle - 98) < 6


def test_little_a_day_does_not_add_up_to_an_anomaly():
    costs = [4.0 * WOBBLE[n % 11] + (6 if 60 <= n < 73 else 0) for n in range(90)]

    assert found(costs) == ()


def test_a_monthly_batch_half_as_large_again_is_no_surprise():
    batch = [20.0 + (300 if day(n).day == 1 else 0) for n in range(119)]
    at = next(n for n in range(80, 119) if day(n).day == 1)
    batch[at] += 150

    firsts = [one.first for one in found(batch)]

    assert day(at) not in firsts


def test_nodes_left_on_over_a_weekend_are_found_on_saturday():
    costs = series()
    costs[75] += 120  # a Saturday
    costs[76] += 120

    [one] = found(costs)

    assert (one.first, one.last) == (day(75), day(76))


def test_what_was_not_there_before_is_new_and_has_no_percent():
    other = days_of([50.0] * 90)
    fresh = days_of([0.0] * 60 + [80.0] * 30)

    [one] = detect({Scope("service", "VM"): other, CENTRE: fresh}, day(89))

    assert (one.kind, one.first, one.percent, one.expected.middle) == ("new", day(60), None, 0)


def test_what_is_gone_is_gone_on_the_first_day():
    costs = series()
    costs[85:] = [0.0] * 5

    [one] = detect({CENTRE: days_of(costs), Scope("service", "VM"): days_of([50.0] * 90)}, day(89))

    assert (one.kind, one.first, one.seen, one.impact < 0) == ("gone", day(85), day(85), True)


def test_steady_growth_is_found_though_no_day_stands_out():
    costs = [cost * (1.016 ** max(0, n - 50)) for n, cost in enumerate(series(100))]

    [one] = found(costs)

    assert one.kind in {"growth", "step"}
    assert one.kind == "growth"


def test_slow_growth_is_none():
    assert found([cost * 1.0015**n for n, cost in enumerate(series())]) == ()


def test_a_cost_of_every_month_end_is_no_surprise():
    costs = series(119)
    for n in range(119):
        if (day(n) + timedelta(days=1)).day == 1:
            costs[n] += 300

    firsts = [one.first for one in found(costs)]

    assert firsts == [date(2026, 8, 31)]


def test_a_holiday_on_which_all_rest_is_none():
    scopes = {Scope("cost centre", f"CC-{n}"): series(level=1 + n / 3) for n in range(8)}
    for costs in scopes.values():
        costs[80] *= 0.35

    assert detect({scope: days_of(costs) for scope, costs in scopes.items()}, day(89)) == ()


def test_days_after_the_last_complete_one_are_not_judged():
    costs = series()
    costs[89] = 3.0

    assert detect({CENTRE: days_of(costs)}, day(88)) == ()


def test_a_day_without_any_charges_says_nothing():
    costs = series()
    costs[80] = 0.0

    assert found(costs) == ()


def test_a_missing_day_says_nothing():
    costs = series()
    costs[80] = 2.0

    assert found(costs, missing=[day(80)]) == ()


def test_the_same_money_in_four_scopes_is_one_anomaly():
    scopes = {
        CENTRE: series(), Scope("workspace", "mlw"): series(), Scope("service", "VM"): series(level=3),
        Scope("meter", "NC24"): series(level=0.5),
    }  # fmt: skip
    for costs in scopes.values():
        for n in (70, 71):
            costs[n] += 400

    [one] = detect({scope: days_of(costs) for scope, costs in scopes.items()}, day(89))

    assert one.scope == CENTRE
    assert {scope.kind for scope in one.also} == {"workspace", "service", "meter"}


def test_two_cost_centres_are_two_anomalies_even_on_one_day():
    first, second, service = series(), series(), series(level=2)
    first[70] += 300
    second[70] += 260
    service[70] += 560
    days = {
        Scope("cost centre", "A"): days_of(first), Scope("cost centre", "B"): days_of(second),
        Scope("service", "VM"): days_of(service),
    }  # fmt: skip

    assert [one.scope.key for one in detect(days, day(89))] == ["A", "B"]


def test_what_comes_to_more_a_day_later_explains_the_scope_that_showed_it_first():
    centre, workspace = series(level=3), series()
    for costs in (centre, workspace):
        costs[71] += 300
    workspace[70] += 330
    days = {CENTRE: days_of(centre), Scope("workspace", "mlw"): days_of(workspace)}

    assert len(detect(days, day(71))) == 1


def test_growth_in_two_scopes_of_one_cost_centre_is_one_anomaly():
    days = {
        CENTRE: days_of(series(100, 40.0)), Scope("workspace", "mlw"): days_of(GROWING),
        Scope("meter", "NC24"): days_of([cost * 2 for cost in GROWING]),
    }  # fmt: skip

    cells = {(CENTRE, scope): own for scope, own in days.items() if scope != CENTRE}

    assert [one.kind for one in detect(days, day(99), cells=cells)] == ["growth"]


def test_a_spike_at_the_first_of_a_month_need_not_pass_chance_and_habit_together():
    costs = [cost + (40 if day(n).day == 1 else 0) for n, cost in enumerate(series(121))]
    costs[120] += 75

    assert [one.first for one in found(costs) if one.first > day(100)] == [day(120)]


def test_scopes_that_share_no_charges_are_told_apart():
    first, second = series(), series()
    first[70] += 300
    second[70] += 300
    meter = Scope("meter", "NC24")
    days = {CENTRE: days_of(first), meter: days_of(second)}
    cells = {(CENTRE,): days_of(first), (Scope("cost centre", "CC-4310"), meter): days_of(second)}

    assert len(detect(days, day(89), cells=cells)) == 2


def test_less_than_the_minimum_is_not_told():
    costs = series()
    costs[70] += 200

    assert found(costs, bar=Bar(minimum=Decimal(300))) == ()


def test_a_planned_change_is_found_as_planned():
    costs = series()
    costs[70] += 200
    plan = Planned(CENTRE, day(69), day(72), "load test")

    [one] = found(costs, planned=[plan])

    assert (one.state, one.why) == ("planned", "load test")


def test_what_goes_on_after_its_plan_is_open():
    costs = [cost + (150 if n >= 70 else 0) for n, cost in enumerate(series())]

    [one] = found(costs, planned=[Planned(CENTRE, day(69), day(72), "load test")])

    assert one.state == "open"


@pytest.mark.parametrize(("least", "count"), [(250, 0), (150, 1)])
def test_a_raised_bar_hides_what_is_below_it(least: int, count: int):
    costs = series()
    costs[70] += 200

    assert len(found(costs, raised=[Raised(CENTRE, day(60), day(80), Decimal(least))])) == count


def test_a_raised_bar_ends():
    costs = series()
    costs[70] += 200

    assert len(found(costs, raised=[Raised(CENTRE, day(30), day(69), Decimal(250))])) == 1


GROWING = [cost * (1.016 ** max(0, n - 50)) for n, cost in enumerate(series(100))]


def test_a_raised_bar_that_is_over_hides_no_growth():
    kinds = [one.kind for one in found(GROWING, raised=[Raised(CENTRE, day(-300), day(-270), Decimal(5000))])]

    assert kinds == ["growth"]


@pytest.mark.parametrize(("least", "count"), [(500, 0), (10, 1)])
def test_growth_is_told_where_it_comes_to_more_a_day_than_the_raised_bar(least: int, count: int):
    assert len(found(GROWING, raised=[Raised(CENTRE, day(50), day(120), Decimal(least))])) == count


def test_two_weeks_of_history_are_too_few():
    assert found([100.0] * 13 + [500.0]) == ()


def test_no_days_have_no_anomaly():
    assert detect({}, day(0)) == detect({CENTRE: []}, day(0)) == ()


# -- what holds for all series ----------------------------------------------------------------------------------------

amounts = st.integers(0, 4000).map(lambda n: n / 10)
histories = st.lists(amounts, min_size=7, max_size=80)


@settings(max_examples=30, deadline=None)
@given(st.lists(amounts, min_size=7, max_size=7), st.integers(3, 16))
def test_a_perfect_week_repeated_has_no_anomaly(week: list[float], weeks: int):
    assert found(week * weeks) == ()


@settings(max_examples=30, deadline=None)
@given(st.lists(histories, min_size=1, max_size=4), st.randoms())
def test_the_order_of_scopes_and_days_means_nothing(rows: list[list[float]], dice):
    days = {Scope("cost centre", f"CC-{n}"): days_of(row) for n, row in enumerate(rows)}
    mixed = {scope: dice.sample(own, len(own)) for scope, own in dice.sample(list(days.items()), len(days))}

    assert detect(mixed, day(80)) == detect(days, day(80))


@settings(max_examples=30, deadline=None)
@given(histories, st.sampled_from([2, 16, 1024]))
def test_another_unit_of_money_finds_the_same_days(row: list[float], factor: int):
    times = {CENTRE: [(d, cost * factor) for d, cost in days_of(row)]}

    here = detect({CENTRE: days_of(row)}, day(80))
    there = detect(times, day(80), Bar(Decimal(50) * factor))

    assert [(one.id, one.kind, one.last) for one in here] == [(one.id, one.kind, one.last) for one in there]


@settings(max_examples=30, deadline=None)
@given(histories, st.lists(amounts, max_size=10))
def test_days_to_come_change_nothing(row: list[float], later: list[float]):
    through = day(len(row) - 1)

    assert detect({CENTRE: days_of(row + later)}, through) == detect({CENTRE: days_of(row)}, through)


@settings(max_examples=30, deadline=None)
@given(histories)
def test_figures_add_up(row: list[float]):
    for one in found(row):
        assert one.impact == one.actual - one.expected.middle
        assert one.expected.low <= one.expected.middle <= one.expected.high
        assert one.first <= one.last
        assert abs(one.impact) >= 50
