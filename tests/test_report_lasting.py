"""Whether a change lasts: what goes on is never said to pass, in no report after it began."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_data import daily, hours, report_of

from finops.charges import Period
from finops.report.lasting import lasting

FIRST = date(2026, 9, 6)  # a Sunday
WEEKS = 8
DAYS = [FIRST + timedelta(days=number) for number in range(7 * WEEKS)]


def week(number: int) -> Period:
    return Period(DAYS[7 * number], DAYS[7 * number] + timedelta(days=7))


def word(costs: dict[date, Decimal], number: int) -> str:
    """What the report of that week says of its change."""
    change = sum(costs[day] for day in week(number).days) - sum(costs[day] for day in week(number - 1).days)
    return lasting(costs, week(number - 1), week(number), Decimal(change), earlier=week(number - 2))[0]


def stepping(on: int, more: Decimal, times: Decimal, shape: list[int]) -> dict[date, Decimal]:
    """Days of that shape, each of which costs `times` as much and `more` from day `on` on."""
    usual = {day: Decimal(shape[number % 7]) for number, day in enumerate(DAYS)}
    return {day: cost * times + more if day >= DAYS[on] else cost for day, cost in usual.items()}


SHAPES = st.one_of(
    st.lists(st.integers(50, 150), min_size=7, max_size=7),
    st.sampled_from([[0, 100, 100, 100, 100, 100, 0], [100] * 7, [20, 90, 100, 110, 100, 60, 10]]),
)


@given(st.integers(15, 45), st.integers(10, 2000), SHAPES)
def test_a_step_up_that_stays_never_passes(on: int, more: int, shape: list[int]) -> None:
    costs = stepping(on, Decimal(more), Decimal(1), shape)

    assert "temporary" not in {word(costs, number) for number in range(2, WEEKS)}


@given(st.integers(15, 45), st.decimals("0.1", "9", places=1).filter(lambda times: times != 1), SHAPES)
def test_days_that_cost_so_many_times_as_much_for_good_never_pass(on: int, times: Decimal, shape: list[int]) -> None:
    costs = stepping(on, Decimal(0), times, shape)

    assert "temporary" not in {word(costs, number) for number in range(2, WEEKS)}


@given(st.integers(15, 45), st.integers(1, 50), st.lists(st.integers(50, 150), min_size=7, max_size=7))
def test_a_step_down_that_stays_never_passes(on: int, less: int, shape: list[int]) -> None:
    costs = stepping(on, Decimal(-less), Decimal(1), shape)

    assert "temporary" not in {word(costs, number) for number in range(2, WEEKS)}


@given(st.integers(2, WEEKS - 1), st.integers(0, 4), st.integers(10, 2000), SHAPES)
def test_a_day_that_cost_more_and_is_over_does_not_last(number: int, day: int, more: int, shape: list[int]) -> None:
    costs = stepping(0, Decimal(0), Decimal(1), shape)
    costs[DAYS[7 * number + day]] += more

    assert word(costs, number) != "structural"


@pytest.mark.parametrize("on", range(21, 28))
def test_a_step_in_the_middle_of_a_week_lasts_in_the_report_of_the_week_after(on: int) -> None:
    costs = stepping(on, Decimal(350), Decimal(1), [100] * 7)

    assert word(costs, 4) == ("not known" if on == 21 else "structural")  # on the first day: no change since


@pytest.mark.parametrize("months", [(date(2026, 7, 1), date(2026, 8, 1), date(2026, 9, 1), date(2026, 10, 1))])
@pytest.mark.parametrize("on", range(92))
def test_a_step_that_stays_does_not_pass_in_the_report_of_a_month(months: tuple[date, ...], on: int) -> None:
    days = [months[0] + timedelta(days=number) for number in range(92)]
    costs = {day: Decimal(450 if day >= days[on] else 100) for day in days}
    earlier, before, period = (Period(*pair) for pair in pairwise(months))
    change = sum(costs[day] for day in period.days) - sum(costs[day] for day in before.days)

    assert lasting(costs, before, period, Decimal(change), earlier=earlier)[0] != "temporary"


def test_a_week_after_one_that_was_cheap_for_some_days_has_nothing_that_passes() -> None:
    costs = stepping(0, Decimal(0), Decimal(1), [100] * 7)
    for day in week(3).days[:3]:
        costs[day] = Decimal(10)

    assert word(costs, 4) == "structural"


def test_without_the_days_before_nothing_is_said_to_have_passed() -> None:
    costs = stepping(10, Decimal(350), Decimal(1), [100] * 7)

    word, why = lasting(costs, week(1), week(2), Decimal(1050))

    assert word == "not known"
    assert why == "the days before those that it is compared with are not known"


def test_the_report_of_the_week_after_a_step_does_not_say_that_it_was_gone(tmp_path: Path) -> None:
    # The step is on Wednesday, 11 November; the report is of 15 to 21 November.
    rows = [*daily("2026-11-01", "2026-11-10", "CC-1", "100", "gpu", **hours("10"))]
    rows += daily("2026-11-11", "2026-11-22", "CC-1", "450", "gpu", **hours("45"))

    movers = report_of(tmp_path, *rows).movers

    assert movers is not None
    effects = movers.drivers[0].effects
    assert effects is not None
    assert (effects.lasts, effects.why) == ("structural", "it began before, and is there on each of the last 3 days")
