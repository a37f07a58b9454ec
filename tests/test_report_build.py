"""The report's figures: exact, adding up, and never compared with what is not there."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from report_data import NOW, book, charge, daily, report_of

from finops import charges
from finops.charges import Gap, Period
from finops.config.model import ReportSettings, Settings
from finops.errors import DataError, MixedCurrencies
from finops.report import build, render
from finops.report.details import details
from finops.report.gather import Asked
from finops.report.model import Absent, Report


def two_weeks(
    centre: str | None, before: str, after: str, resource: str = "vm", resource_id: str = ""
) -> list[dict[str, str]]:
    other = {"ResourceId": resource_id} if resource_id else {}
    return [
        *daily("2026-11-08", "2026-11-14", centre, before, resource, **other),
        *daily("2026-11-15", "2026-11-22", centre, after, resource, **other),
    ]


def test_the_last_full_week_is_reported_when_nobody_asks_for_another(tmp_path: Path) -> None:
    report = report_of(tmp_path, *two_weeks("CC-1", "10", "12"))

    assert report.wording.title == "Week of 15 to 21 Nov 2026"
    assert report.total.cost.amount == 84
    assert report.total.before is not None
    assert report.total.before.amount == 70


def test_the_sample_report_equals_its_file_to_the_last_decimal(shared_data: Path) -> None:
    september = Period(date(2024, 9, 1), date(2024, 10, 1))

    with charges.load([shared_data / "cost_exports/focus/focus_sample_1000.csv"]) as sample:
        report = build(sample, NOW, ReportSettings(), period=september)

    assert report.total.cost.amount == Decimal("14.97651418586")
    assert report.other_total.amount == Decimal("20.52022672899")
    assert sum(line.cost.amount for line in report.by_cost_centre.all) == Decimal("14.97651418586")
    assert sum(line.effective.amount for line in report.details.lines) == Decimal("14.97651418586")
    assert sum(line.billed.amount for line in report.details.lines) == Decimal("20.52022672899")


def test_a_short_archive_is_reported_whole_and_called_stale(shared_data: Path) -> None:
    with charges.load([shared_data / "cost_exports/focus/focus_sample_1000.csv"]) as sample:
        report = build(sample, NOW, ReportSettings())

    assert report.total.cost.amount == Decimal("14.97651418586")
    assert "STALE data" in [status.word for status in report.statuses]
    assert "all of them are shown" in report.completeness.fallback


def test_old_data_of_a_whole_month_is_that_month(tmp_path: Path) -> None:
    report = report_of(tmp_path, *daily("2025-06-01", "2025-06-30", "CC-1", "1"))

    assert (report.name, report.total.cost.amount) == ("cost-2025-06", 30)


def test_long_old_data_is_reported_by_its_last_week_and_called_stale(tmp_path: Path) -> None:
    report = report_of(tmp_path, *daily("2025-06-01", "2025-08-31", "CC-1", "1"))

    assert report.wording.title == "Week of 24 to 30 Aug 2025"
    assert [status.word for status in report.statuses] == ["STALE data"]
    assert "last full week" in report.completeness.fallback


def test_days_that_lack_inside_the_week_are_named_and_the_week_is_not_compared(tmp_path: Path) -> None:
    rows = [row for row in two_weeks("CC-1", "10", "12") if row["ChargePeriodStart"][:10] not in {"2026-11-17"}]

    report = report_of(tmp_path, *rows, period=Period.week_ending(date(2026, 11, 21)))

    assert [status.word for status in report.statuses] == ["Data incomplete"]
    assert [each.when for each in report.completeness.missing] == ["17 Nov 2026"]
    assert (report.total.change, report.movers) == (None, None)
    assert report.completeness.not_compared == "charges of the week are missing"


def test_a_week_before_that_lacks_days_is_not_compared_with(tmp_path: Path) -> None:
    rows = [row for row in two_weeks("CC-1", "10", "12") if row["ChargePeriodStart"][:10] not in {"2026-11-10"}]

    report = report_of(tmp_path, *rows)

    assert report.total.change is None
    assert report.completeness.not_compared == "charges of the week before are missing"


def test_a_refused_subscription_is_one_line_in_words(tmp_path: Path) -> None:
    refused = "(RBACAccessDenied) needs Microsoft.CostManagement/query/action [403]"
    gaps = [Gap("/subscriptions/S", f"charges of {month}", refused) for month in ("2026-10", "2026-11")]

    report = report_of(tmp_path, *two_weeks("CC-1", "1", "1"), gaps=gaps)

    assert report.completeness.absent == (Absent("ml-dev", "no permission", "Oct, Nov"),)
    assert "RBACAccessDenied" in report.completeness.gaps[0].reason


def test_actual_cost_alone_is_never_called_effective(shared_data: Path) -> None:
    with charges.load([shared_data / "cost_exports/finops_toolkit/EA_ActualCost_Small.csv"]) as actual:
        report = build(actual, NOW, ReportSettings())
        mail = render(report, Settings())

    assert (report.basis, report.bases, report.basis_wanted) == ("billed", ("billed",), "effective")
    assert "billed $8.55" in mail.subject
    assert "Effective (amortised)" not in mail.page
    assert "states billed cost only" in mail.text


@pytest.mark.parametrize("top", [1, 3, 12])
def test_printed_rows_add_up_to_the_printed_total(tmp_path: Path, top: int) -> None:
    rows = [row for n in range(9) for row in two_weeks(f"CC-{n}", f"{n * 31}.49", f"{n * 33}.51", f"vm-{n}")]

    table = report_of(tmp_path, *rows, *two_weeks(None, "7.49", "3.333"), top=top).by_cost_centre

    assert sum(row.shown_cost.amount for row in table.rows) == table.total.shown_cost.amount
    assert sum(row.shown_change.amount for row in table.rows if row.shown_change) == table.total.shown_change.amount  # type: ignore[union-attr]
    assert sum(row.shown_month.amount for row in table.rows if row.shown_month) == table.total.shown_month.amount  # type: ignore[union-attr]


def test_what_is_not_shown_by_name_is_other_and_the_untagged_part_has_its_own_row(tmp_path: Path) -> None:
    rows = [row for n in range(5) for row in two_weeks(f"CC-{n}", "10", f"{10 + n}", f"vm-{n}")]

    table = report_of(tmp_path, *rows, top=2).by_cost_centre

    assert [row.name for row in table.rows] == ["CC-4", "CC-3", "Other (3)", "(untagged)"]


def test_the_untagged_row_is_there_even_at_zero(tmp_path: Path) -> None:
    report = report_of(tmp_path, *two_weeks("CC-1", "1", "1"))

    assert report.untagged.cost.amount == 0
    assert report.by_cost_centre.rows[-1] == report.untagged


def test_a_cost_centre_is_printed_with_the_name_that_finance_gave_it(tmp_path: Path) -> None:
    report = report_of(tmp_path, *two_weeks("CC-1", "1", "1"), cost_centres={"CC-1": "LLM Platform"})

    assert report.by_cost_centre.rows[0].name == "CC-1 LLM Platform"


def test_a_first_week_is_not_compared_with_the_empty_time_before_it(tmp_path: Path) -> None:
    report = report_of(tmp_path, *daily("2026-11-15", "2026-11-22", "CC-1", "10"))

    assert report.before is None
    assert report.total.change is None
    assert report.movers is None


def test_a_percentage_is_left_out_where_the_base_is_under_fifty(tmp_path: Path) -> None:
    report = report_of(tmp_path, *two_weeks("CC-small", "7", "14"), *two_weeks("CC-large", "8", "10", "vm-2"))

    percents = {line.key: line.percent for line in report.by_cost_centre.all}
    assert percents["CC-small"] is None
    assert percents["CC-large"] == 25


def test_the_mover_is_followed_down_to_the_resource(tmp_path: Path) -> None:
    new = daily("2026-11-17", "2026-11-21", "CC-1", "206.2", "llm-sft-117")

    report = report_of(tmp_path, *two_weeks("CC-1", "100", "101"), *two_weeks("CC-2", "100", "100", "other"), *new)

    assert report.movers is not None
    driver = report.movers.drivers[0]
    assert (driver.line.key, driver.resources[0].name, driver.resources[0].is_new) == ("CC-1", "llm-sft-117", True)
    assert driver.resources[0].change.amount == Decimal("1031.0")
    assert report.movers.everything_else.amount == 0
    assert report.movers.nothing_above_minor_elsewhere


def test_what_drivers_and_the_rest_moved_is_what_the_total_moved(tmp_path: Path) -> None:
    rows = [row for n in range(12) for row in two_weeks(f"CC-{n}", "100.4", f"{80 + n * 5}.7", f"vm-{n}")]

    report = report_of(tmp_path, *rows)

    assert report.movers is not None
    assert report.total.shown_change is not None
    named = sum(driver.line.shown_change.amount for driver in report.movers.drivers if driver.line.shown_change)
    assert named + report.movers.everything_else.amount == report.total.shown_change.amount


def month_spent(folder: Path, cost: str, budget: str) -> Report:
    return report_of(folder, *daily("2026-11-01", "2026-11-22", "CC-1", cost), monthly_budget=Decimal(budget))


def test_a_month_that_keeps_its_pace_is_on_plan(tmp_path: Path) -> None:
    report = month_spent(tmp_path, "10", "300")  # 21 of 30 days, 210 of 300

    assert [status.word for status in report.statuses] == ["On plan"]


def test_the_pace_is_a_run_rate_of_at_least_seven_days(tmp_path: Path) -> None:
    early = report_of(
        tmp_path,
        *daily("2026-10-01", "2026-11-06", "CC-1", "10"),
        monthly_budget=Decimal(250),
        period=Period.week_ending(date(2026, 11, 6)),
    )
    later = month_spent(tmp_path, "10", "250")

    assert early.month is not None
    assert early.month.budget is not None
    assert early.month.budget.pace is None
    assert later.month is not None
    assert later.month.budget is not None
    assert later.month.budget.pace is not None
    assert (later.month.budget.pace.end.amount, later.month.budget.pace.over.amount) == (300, 50)


def test_resources_of_one_name_are_told_apart_by_their_workspace(tmp_path: Path) -> None:
    def cluster(workspace: str, cost: str) -> list[dict[str, str]]:
        place = f"/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/{workspace}"
        return daily("2026-11-15", "2026-11-22", "CC-1", cost, "gpu", ResourceId=f"{place}/computes/gpu")

    report = report_of(tmp_path, *two_weeks("CC-1", "1", "1"), *cluster("vision", "90"), *cluster("speech", "80"))

    assert report.movers is not None
    named = report.movers.all[:2]
    assert [(mover.label, mover.workspace, mover.subscription) for mover in named] == [
        ("gpu in vision", "vision", "ml-dev"),
        ("gpu in speech", "speech", "ml-dev"),
    ]


def test_a_change_spread_over_many_singles_nobody_out(tmp_path: Path) -> None:
    rows = [row for n in range(40) for row in two_weeks(f"CC-{n}", "1", "21", f"vm-{n}")]

    report = report_of(tmp_path, *rows)

    assert report.movers is not None
    assert (report.movers.drivers, report.movers.moved) == ((), 40)


def test_a_month_that_runs_ahead_of_the_calendar_is_watched(tmp_path: Path) -> None:
    report = month_spent(tmp_path, "12", "300")  # 84 % spent, 70 % gone

    assert [status.word for status in report.statuses] == ["Watch"]


def test_a_month_above_its_budget_says_so_first(tmp_path: Path) -> None:
    gap = Gap("/subscriptions/9f6c", "charges", "access denied")

    report = report_of(
        tmp_path, *daily("2026-11-01", "2026-11-22", "CC-1", "20"), monthly_budget=Decimal(300), gaps=[gap]
    )

    assert [status.word for status in report.statuses] == ["Over budget", "Data incomplete"]


def test_without_a_budget_there_is_no_plan_to_be_on(tmp_path: Path) -> None:
    report = report_of(tmp_path, *two_weeks("CC-1", "1", "1"))

    assert report.month is not None
    assert report.month.budget is None
    assert [status.word for status in report.statuses] == ["No budget set"]


def test_days_that_are_not_in_yet_make_the_data_incomplete(tmp_path: Path) -> None:
    rows = daily("2026-11-01", "2026-11-19", "CC-1", "10")

    report = report_of(tmp_path, *rows, period=Period.week_ending(date(2026, 11, 21)))

    assert not report.completeness.covers_period
    assert "Data incomplete" in [status.word for status in report.statuses]


def test_a_running_month_is_reported_to_its_last_complete_day_and_against_as_many_days(tmp_path: Path) -> None:
    rows = [*daily("2026-10-01", "2026-10-31", "CC-1", "5"), *daily("2026-11-01", "2026-11-21", "CC-1", "10")]

    report = report_of(tmp_path, *rows, period=Period.month("2026-11"))

    assert report.total.cost.amount == 210
    assert report.total.before is not None
    assert report.total.before.amount == 105
    assert report.completeness.is_whole


def test_a_whole_month_is_compared_with_the_whole_month_before(tmp_path: Path) -> None:
    rows = [*daily("2026-09-01", "2026-09-30", "CC-1", "1"), *daily("2026-10-01", "2026-11-02", "CC-1", "1")]

    report = report_of(tmp_path, *rows, period=Period.month("2026-10"))

    assert report.total.cost.amount == 31
    assert report.total.before is not None
    assert report.total.before.amount == 30


def test_a_week_of_credits_is_negative_and_reported(tmp_path: Path) -> None:
    report = report_of(tmp_path, *two_weeks("CC-1", "1", "-5"))

    assert report.total.cost.amount == -35
    assert report.untagged_percent is None


def test_a_period_outside_of_the_data_is_refused_with_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no charges in 1 to 7 Jan 2026; the cost data covers 8 to 22 Nov 2026"):
        report_of(tmp_path, *two_weeks("CC-1", "1", "1"), period=Period.week_ending(date(2026, 1, 7)))


def test_two_currencies_are_refused_until_one_is_chosen(tmp_path: Path) -> None:
    rows = [*two_weeks("CC-1", "1", "1"), *daily("2026-11-15", "2026-11-22", "CC-2", "5", BillingCurrency="EUR")]

    with pytest.raises(MixedCurrencies, match=r"report\.currency"):
        report_of(tmp_path, *rows)


def test_the_chosen_currency_stands_alone_and_the_other_is_named(tmp_path: Path) -> None:
    rows = [*two_weeks("CC-1", "1", "1"), *daily("2026-11-08", "2026-11-22", "CC-2", "5", BillingCurrency="EUR")]

    report = report_of(tmp_path, *rows, currency="EUR")

    assert report.total.cost.amount == 35
    assert report.total.cost.currency == "EUR"
    assert report.other_currencies == ("USD",)


def test_days_without_charges_are_days_of_zero(tmp_path: Path) -> None:
    report = report_of(
        tmp_path,
        charge("2026-11-08", "CC-1", "1"),
        charge("2026-11-16", "CC-1", "3"),
        charge("2026-11-22", "CC-1", "1"),
    )

    assert [day.cost.amount for day in report.days] == [0, 3, 0, 0, 0, 0, 0]
    assert report.days[-1].so_far.amount == 3


def test_less_than_a_week_of_data_is_shown_whole_and_says_so(tmp_path: Path) -> None:
    with book(tmp_path, *daily("2026-11-20", "2026-11-22", "CC-1", "2")) as three_days:
        report = build(three_days, datetime(2026, 11, 23, 6, tzinfo=UTC), ReportSettings())

    assert report.total.cost.amount == 6
    assert "no full week" in report.completeness.fallback


def test_both_cost_bases_close_by_kind_of_charge(tmp_path: Path) -> None:
    bought = charge("2026-11-16", None, "0", "", billed="700", ChargeCategory="Purchase")

    report = report_of(tmp_path, *two_weeks("CC-1", "10", "10"), bought)

    assert {kind.name: (kind.effective.amount, kind.billed.amount) for kind in report.categories} == {
        "Usage": (70, 70),
        "Purchase": (0, 700),
    }
    assert report.other_total.amount == 770


def test_what_the_list_of_lines_leaves_out_is_added_up_in_both_bases(tmp_path: Path) -> None:
    rows = [
        row for n in range(5) for row in daily("2026-11-15", "2026-11-22", "CC-1", f"{n + 1}", f"vm-{n}", billed="2")
    ]

    with book(tmp_path, *rows) as loaded:
        found = details(
            Asked(loaded, "effective", "USD"), Period.week_ending(date(2026, 11, 21)), {}, longest=10, resources=2
        )

    assert {line.resource for line in found.lines} <= {
        "vm-0",
        "vm-1",
        "vm-3",
        "vm-4",
    }  # dearest by one basis or the other
    assert len(found.lines) == 10
    assert sum(line.effective.amount for line in found.lines) + found.left_out_effective.amount == 7 * 15
    assert sum(line.billed.amount for line in found.lines) + found.left_out_billed.amount == 7 * 10
    assert found.left_out == 25
