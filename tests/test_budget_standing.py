"""Where a budget stands: exact sums of its own charges, and what is not known of them said."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from budgeting import GPU, NOW, WORKSPACE, book, budget, charge, days

from finops.budget import Foreseen, Standing, Threshold, foreseen, period_of, standing
from finops.charges import Gap, Period
from finops.errors import DataError
from finops.forecast import Reach
from finops.forecast.charged import by_charges

DAY = timedelta(days=1)
TAGGED = '{"CostCenter": "CC-4300", "env": "dev"}'


def stands(tmp_path: Path, text: str, *rows: dict[str, str], name: str = "all", now: datetime = NOW) -> Standing:
    return standing(budget(text, name), book(tmp_path, *rows, now=now), now)


def test_what_is_spent_is_the_sum_of_the_periods_charges_to_the_last_digit(tmp_path: Path):
    rows = [charge("2026-10-31", "50"), charge("2026-11-01", "0.1"), charge("2026-11-02", "0.2000001")]

    assert stands(tmp_path, "{all: 1}", *rows).spent == Decimal("0.3000001")


@pytest.mark.parametrize(
    ("scope", "spent"),
    [
        ("all", "11"),
        ("{workspace: WS}", "3"),
        ("{group: ML-RG}", "11"),
        ("{tag: {CostCenter: CC-4300}}", "2"),
        ("{tag: {env: [dev, none]}}", "2"),
        ("/subscriptions/11111111-2222-3333-4444-555555555555", "11"),
        ("/subscriptions/99999999-2222-3333-4444-555555555555", "0"),
    ],
)
def test_each_scope_counts_its_own_charges(tmp_path: Path, scope: str, spent: str):
    rows = [
        charge("2026-11-01", "1", ResourceId=GPU),
        charge("2026-11-01", "2", ResourceId=f"{WORKSPACE}/onlineEndpoints/e", Tags=TAGGED),
        charge("2026-11-01", "8"),
    ]

    assert stands(tmp_path, f"{{one: {{amount: 5, scope: {scope}}}}}", *rows, name="one").spent == Decimal(spent)


def test_the_basis_that_is_named_is_the_one_that_is_counted(tmp_path: Path):
    row = charge("2026-11-01", "10", BilledCost="99")
    text = "{cash: {scope: all, amount: 50, basis: billed}, plan: {scope: all, amount: 50, basis: effective}}"

    found = {name: stands(tmp_path, text, row, name=name) for name in ("cash", "plan")}

    assert {name: (one.spent, one.basis) for name, one in found.items()} == {
        "cash": (Decimal("99.00"), "billed"),
        "plan": (Decimal("10.00"), "effective"),
    }


def test_a_budget_in_another_currency_than_its_charges_is_refused(tmp_path: Path):
    with pytest.raises(DataError, match=r"in EUR, and .* in USD"):
        stands(tmp_path, "{all: {amount: 5, currency: EUR}}", charge("2026-11-01", "1"))


def test_a_budget_without_a_currency_is_refused_where_charges_have_several(tmp_path: Path):
    rows = [charge("2026-11-01", "1"), charge("2026-11-02", "1", BillingCurrency="EUR")]

    with pytest.raises(DataError, match=r"budgets\.all\.currency"):
        stands(tmp_path, "{all: 5}", *rows)


def test_of_two_currencies_only_the_budgets_own_counts_and_the_other_is_said(tmp_path: Path):
    rows = [*days("2026-11-01", "2026-11-19", "1"), charge("2026-11-02", "4", BillingCurrency="EUR")]

    found = stands(tmp_path, "{all: {amount: 5, currency: EUR}}", *rows)

    assert (found.spent, found.gaps) == (
        Decimal("4.00"),
        ("charges in USD are not counted: currencies are never added",),
    )


def test_a_scope_in_one_currency_needs_none_named_though_others_have_another(tmp_path: Path):
    rows = [charge("2026-11-01", "1"), charge("2026-11-02", "4", BillingCurrency="EUR", Tags=TAGGED)]
    text = "{one: {scope: {tag: {CostCenter: CC-4300}}, amount: 5}}"

    assert stands(tmp_path, text, *rows, name="one").currency == "EUR"


@pytest.mark.parametrize(
    ("spent", "status"), [("1000.01", "over"), ("700", "watch"), ("600", "on plan"), ("-50", "on plan")]
)
def test_the_status_is_the_worst_that_is_true(tmp_path: Path, spent: str, status: str):
    rows = [*days("2026-11-01", "2026-11-19", "0"), charge("2026-11-01", spent)]

    assert stands(tmp_path, "{all: 1000}", *rows).status == status


def test_with_charges_missing_a_budget_is_never_on_plan(tmp_path: Path):
    rows = [*days("2026-11-01", "2026-11-09", "1"), *days("2026-11-13", "2026-11-19", "1")]

    found = stands(tmp_path, "{all: 1000}", *rows)

    assert (found.status, found.at_least) == ("data incomplete", True)


def test_with_charges_missing_what_is_over_already_is_over(tmp_path: Path):
    rows = [*days("2026-11-01", "2026-11-09", "200"), *days("2026-11-13", "2026-11-19", "1")]

    assert stands(tmp_path, "{all: 1000}", *rows).status == "over"


def test_another_subscription_that_was_not_read_says_nothing_against_a_budget_of_this_one(tmp_path: Path):
    rows = days("2026-11-01", "2026-11-19", "1")
    costs = book(tmp_path, *rows)
    mine = budget(
        "{/subscriptions/11111111-2222-3333-4444-555555555555: 1000}",
        "/subscriptions/11111111-2222-3333-4444-555555555555",
    )
    costs._known = replace(costs._known, gaps=(Gap("/subscriptions/other", "charges of 2026-11", "403"),))

    found = [standing(one, costs, NOW).at_least for one in (mine, budget("{all: 1000}"))]

    assert found == [False, True]


def test_percent_is_rounded_down_so_that_99_99_is_not_100(tmp_path: Path):
    found = stands(tmp_path, "{all: 1000}", charge("2026-11-01", "999.99"))

    assert (found.percent, [one.key for one in found.crossed if one.on == "actual"]) == (
        Decimal("99.9"),
        ["actual 80%"],
    )


def test_a_threshold_is_crossed_at_its_very_amount(tmp_path: Path):
    found = stands(
        tmp_path, "{all: {amount: 1000, thresholds: [80, {actual_amount: 800.01}]}}", charge("2026-11-01", "800")
    )

    assert found.crossed == (Threshold("actual", Decimal(80)),)


def test_a_budget_of_one_cent_is_over_at_two(tmp_path: Path):
    found = stands(tmp_path, "{all: 0.01}", charge("2026-11-01", "0.02"))

    assert (found.status, found.percent) == ("over", Decimal("200.0"))


def test_a_month_of_credits_only_crosses_nothing(tmp_path: Path):
    found = stands(tmp_path, "{all: 100}", charge("2026-11-01", "-500", ChargeCategory="Credit"))

    assert (found.crossed, found.percent) == ((), Decimal("-500.0"))


def test_a_period_before_all_charges_says_that_they_begin_later(tmp_path: Path):
    found = stands(tmp_path, "{all: {amount: 100, every: year}}", *days("2026-11-01", "2026-11-19", "1"))

    assert "the charges begin on 1 Nov 2026" in " ".join(found.gaps)


def test_charges_that_end_long_ago_are_no_plan_that_is_kept(tmp_path: Path):
    found = stands(tmp_path, "{all: 1000}", *days("2026-09-01", "2026-09-30", "1"))

    assert (found.status, found.spent) == ("data incomplete", 0)
    assert "the charges end on 30 Sep 2026" in found.gaps[0]


def test_charges_that_end_two_days_ago_are_as_late_as_always(tmp_path: Path):
    assert stands(tmp_path, "{all: 1000}", *days("2026-11-01", "2026-11-18", "1")).gaps == ()


def test_what_is_spent_and_the_calendar_end_on_the_same_day(tmp_path: Path):
    found = stands(tmp_path, "{all: 1000}", *days("2026-11-01", "2026-11-20", "10"))

    assert (found.spent, found.gone_percent, found.until) == (180, Decimal("60.0"), datetime(2026, 11, 19, tzinfo=UTC))


def test_charges_of_incomplete_days_are_told_apart_and_cross_thresholds_at_once(tmp_path: Path):
    rows = [*days("2026-11-01", "2026-11-18", "10"), charge("2026-11-19", "700"), charge("2026-11-20", "1")]

    found = stands(tmp_path, "{all: {amount: 1000, thresholds: [80]}}", *rows)

    assert (found.spent, found.later, found.crossed) == (180, 701, (Threshold("actual", Decimal(80)),))


# -- where it leads -----------------------------------------------------------------------------------------------


def led(tmp_path: Path, text: str, *rows: dict[str, str], now: datetime = NOW) -> tuple[Foreseen, Standing]:
    one, costs = budget(text), book(tmp_path, *rows, now=now)
    period = period_of(one, now)
    assert period
    seen = foreseen(one, costs, period, now, "effective", "USD")
    return seen, standing(one, costs, now, seen)


def test_steady_cost_is_foreseen_as_such(tmp_path: Path):
    seen, found = led(tmp_path, "{all: 1000}", *days("2026-08-01", "2026-11-19", "40"))

    assert seen.total
    assert abs(seen.total.middle - 1200) < 5
    assert found.status == "over likely"


def test_without_fourteen_days_there_is_no_forecast_and_it_says_why(tmp_path: Path):
    _, found = led(tmp_path, "{all: 1000}", *days("2026-11-12", "2026-11-19", "40"))

    assert (found.forecast, "14" in found.no_forecast) == (None, True)
    assert [one.on for one in found.crossed] == []


def test_a_quarter_is_the_months_gone_and_the_outlooks_of_those_to_come(tmp_path: Path):
    seen, _ = led(tmp_path, "{all: {amount: 1000, every: quarter}}", *days("2026-08-01", "2026-11-19", "40"))

    assert seen.total
    assert abs(seen.total.middle - 92 * 40) < 20


def test_a_year_that_begins_in_october_is_foreseen_to_september(tmp_path: Path):
    text = "{all: {amount: 1000, every: year, year_starts: 10}}"

    seen, _ = led(tmp_path, text, *days("2026-08-01", "2026-11-19", "40"))

    assert seen.total
    assert abs(seen.total.middle - 365 * 40) < 150


def test_a_budget_that_ends_in_mid_month_is_foreseen_to_its_end(tmp_path: Path):
    seen, _ = led(tmp_path, "{all: {amount: 1000, end: 2026-11-25}}", *days("2026-08-01", "2026-11-19", "40"))

    assert seen.total
    assert abs(seen.total.middle - 25 * 40) < 5


def test_a_budget_that_began_in_mid_month_is_foreseen_from_its_first_day(tmp_path: Path):
    seen, _ = led(tmp_path, "{all: {amount: 1000, start: 2026-11-11}}", *days("2026-08-01", "2026-11-19", "40"))

    assert seen.total
    assert abs(seen.total.middle - 20 * 40) < 5


def test_credits_so_far_are_in_the_forecast_once(tmp_path: Path):
    rows = [*days("2026-08-01", "2026-11-19", "40"), charge("2026-11-05", "-300", ChargeCategory="Credit")]

    seen, _ = led(tmp_path, "{all: 1000}", *rows)

    assert seen.total
    assert abs(seen.total.middle - 900) < 5


def test_a_purchase_is_counted_once_and_is_no_pace(tmp_path: Path):
    rows = [*days("2026-08-01", "2026-11-19", "40"), charge("2026-11-05", "500", ChargeCategory="Purchase")]

    seen, _ = led(tmp_path, "{all: 1000}", *rows)

    assert seen.total
    assert abs(seen.total.middle - 1700) < 5


def test_on_the_first_of_a_month_that_month_is_foreseen_before_it_has_any_charge(tmp_path: Path):
    now = datetime(2026, 12, 1, 6, tzinfo=UTC)

    seen, found = led(tmp_path, "{all: 1000}", *days("2026-08-01", "2026-11-30", "40"), now=now)

    assert seen.total
    assert abs(seen.total.middle - 1240) < 10
    assert found.spent == 0


def test_the_forecast_is_never_less_than_what_is_spent(tmp_path: Path):
    found = stands(tmp_path, "{all: 1000}", charge("2026-11-01", "900"))
    low = replace(found, forecast=Reach(Decimal(1), Decimal(2), Decimal(3)))

    assert low.likely == Decimal(900)


def test_charges_that_end_long_ago_foresee_nothing(tmp_path: Path):
    seen, _ = led(tmp_path, "{all: 10}", *days("2026-06-01", "2026-09-30", "40"))

    assert (seen.total, seen.why) == (None, "the charges end on 30 Sep 2026, too long ago to foresee anything by")


def test_a_period_that_is_over_is_not_foreseen(tmp_path: Path):
    costs = book(tmp_path, *days("2026-08-01", "2026-11-19", "40"))

    found = standing(budget("{all: 1000}"), costs, NOW, None, Period(date(2026, 10, 1), date(2026, 11, 1)))

    assert (found.ended, found.no_forecast) == (True, "the period is over")


def test_a_quarters_range_is_drawn_in_one_and_not_added_up_from_its_months(tmp_path: Path):
    rows = [row for n in range(150) for row in days(str(date(2026, 6, 23) + n * DAY), str(date(2026, 6, 23) + n * DAY),
                                                    str(40 + 17 * (n * 7 % 5)))]  # fmt: skip
    costs = book(tmp_path, *rows)

    quarter, november, december = (
        by_charges(costs, "effective", "USD", Period(first, after), date(2026, 11, 18)).total
        for first, after in (
            (date(2026, 10, 1), date(2027, 1, 1)),
            (date(2026, 11, 1), date(2026, 12, 1)),
            (date(2026, 12, 1), date(2027, 1, 1)),
        )
    )

    assert quarter.high - quarter.low < (november.high - november.low + december.high - december.low) * Decimal("0.95")


def test_a_quarter_has_a_chance_to_end_over_its_budget(tmp_path: Path):
    _, found = led(tmp_path, "{all: {amount: 3680, every: quarter}}", *days("2026-08-01", "2026-11-19", "40"))

    assert found.chance_over is not None
    assert Decimal("0.2") < found.chance_over < Decimal("0.8")


def test_the_day_on_which_a_budget_runs_out_is_that_by_which_the_mean_is_over_it(tmp_path: Path):
    _, found = led(tmp_path, "{all: 1000}", *days("2026-08-01", "2026-11-19", "40"))

    assert found.runs_out == date(2026, 11, 26)


def test_what_it_ends_over_is_split_into_what_was_there_before_and_what_is_new(tmp_path: Path):
    _, found = led(
        tmp_path, "{all: 1000}", *days("2026-08-01", "2026-11-19", "40"), *days("2026-11-01", "2026-11-19", "10")
    )

    assert found.gap
    assert (found.gap.before.label, found.gap.before.cost, found.gap.base) == ("October 2026", 1240, 240)
    assert found.gap.base + found.gap.new == found.likely - 1000


def test_a_budget_that_the_month_before_kept_is_exceeded_by_what_is_new(tmp_path: Path):
    _, found = led(
        tmp_path, "{all: 1300}", *days("2026-08-01", "2026-11-19", "40"), *days("2026-11-01", "2026-11-19", "10")
    )

    assert found.gap
    assert (found.gap.base, found.gap.new) == (0, found.likely - 1300)
