"""Budgets, the forecast and the status that follows from them."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from report_data import NOW, book, charge, daily, standing_of

from finops.budget import Scope
from finops.budget.model import status_of
from finops.config.model import ReportSettings, Settings
from finops.report import build, render
from finops.report.foreseeing import foreseen
from finops.report.known import Known
from finops.report.model import Report
from finops.report.plans import SAID

NOVEMBER = ("2026-11-01", "2026-11-22")


def planned(folder: Path, *rows: dict[str, str], budgets: list[dict[str, Any]], share: str | None = None) -> Report:
    with book(folder, *rows) as loaded:
        outlook, why = foreseen(loaded, "effective", "USD", date(2026, 11, 21))
        standings = tuple(standing_of(loaded, Decimal(each.pop("amount")), **each) for each in budgets)
        known = Known(outlook=outlook, no_outlook=why, standings=standings)
        return build(loaded, NOW, ReportSettings(), known=known, share=share)


def test_a_purchase_that_is_due_is_said_before_it_comes(tmp_path: Path) -> None:
    rows = daily("2026-08-01", "2026-11-22", "CC-1", "100")
    rows += [charge(f"2026-{n:02}-25", "CC-1", "1180", "tracker", ChargeCategory="Purchase") for n in (8, 9, 10)]

    report = planned(tmp_path, *rows, budgets=[])

    assert report.outlook is not None
    [one] = report.outlook.coming
    assert (one.day, one.cost_centre, one.amount.amount) == (date(2026, 11, 25), "CC-1", 1180)
    said = " ".join(render(report, Settings()).text.split())
    assert "The forecast has $1,180 in it that is not charged yet: Purchase tracker of CC-1, due about 25 Nov" in said


def of_centre(key: str) -> Scope:
    return Scope("tag", name="CostCenter", values=(key,))


@pytest.mark.parametrize(
    ("spent", "percent", "gone", "chance", "word"),
    [
        ("101", "101", "50", None, "Over budget"),
        ("100", "100", "100", None, "On plan"),
        ("60", "60", "70", "0.5", "Over budget likely"),
        ("60", "60", "70", "0.499", "Watch"),
        ("60", "60", "70", "0.2", "Watch"),
        ("60", "60", "50", "0.199", "On plan"),  # the forecast knows more than the calendar
        ("60", "60", "54", None, "Watch"),
        ("60", "60", "55", None, "On plan"),
    ],
)
def test_the_status_of_a_budget(spent: str, percent: str, gone: str, chance: str | None, word: str) -> None:
    ahead = Decimal(percent) - Decimal(gone)

    found = status_of(Decimal(100), Decimal(spent), Decimal(chance) if chance else None, ahead, incomplete=False)

    assert SAID[found].word == word


def test_a_month_that_is_forecast_over_its_budget_says_so_first(tmp_path: Path) -> None:
    rows = daily("2026-09-01", "2026-11-22", "CC-1", "100")

    report = planned(tmp_path, *rows, budgets=[{"amount": 2500}])  # 21 days are 2,100; 30 are 3,000

    assert report.statuses[0].word == "Over budget likely"
    assert report.outlook is not None
    assert report.outlook.over is not None
    assert report.outlook.over.amount == report.outlook.middle.amount - 2500
    assert report.outlook.chance_over == report.budgets[0].chance_over


def test_the_forecast_of_the_rows_adds_up_to_that_of_the_whole(tmp_path: Path) -> None:
    rows = [row for n in range(15) for row in daily("2026-09-01", "2026-11-22", f"CC-{n}", f"{n * 7}.31", f"vm-{n}")]

    report = planned(tmp_path, *rows, budgets=[])

    table, total = report.by_cost_centre, report.outlook
    assert total is not None
    assert table.total.shown_forecast is not None
    assert sum(row.forecast.amount for row in table.rows if row.forecast) == total.middle.amount
    assert sum(row.shown_forecast.amount for row in table.rows if row.shown_forecast) == (
        table.total.shown_forecast.amount
    )


def test_a_budget_is_counted_to_the_last_reported_day_like_every_other_figure(tmp_path: Path) -> None:
    report = planned(tmp_path, *daily(*NOVEMBER, "CC-1", "10"), budgets=[{"amount": 1000}])

    assert report.month is not None
    assert report.month.budget is not None
    assert report.month.budget.spent == report.month.cost
    assert (report.budgets[0].spent.amount, report.budgets[0].spent_percent) == (210, 21)


def test_ninety_nine_and_a_half_percent_is_not_a_hundred(tmp_path: Path) -> None:
    report = planned(tmp_path, *daily(*NOVEMBER, "CC-1", "9.97"), budgets=[{"amount": Decimal("210")}])

    assert report.budgets[0].spent_percent == 99


def test_a_cost_centre_over_its_budget_is_worth_watching_though_the_whole_is_on_plan(tmp_path: Path) -> None:
    rows = [*daily(*NOVEMBER, "CC-1", "10"), *daily(*NOVEMBER, "CC-2", "10", "vm-2")]

    report = planned(
        tmp_path, *rows, budgets=[{"amount": 9000}, {"amount": 100, "name": "one", "scope": of_centre("CC-1")}]
    )

    assert [status.word for status in report.statuses] == ["Watch"]
    [line] = [line for line in report.by_cost_centre.rows if line.key == "CC-1"]
    assert line.budget is not None
    assert line.budget.status.word == "Over budget"


def test_without_a_budget_for_everything_the_worst_of_the_others_counts(tmp_path: Path) -> None:
    rows = daily(*NOVEMBER, "CC-1", "10")

    report = planned(tmp_path, *rows, budgets=[{"amount": 100, "name": "one", "scope": of_centre("CC-1")}])

    assert [status.word for status in report.statuses] == ["Over budget"]
    assert report.month is not None
    assert report.month.budget is None


def test_a_share_has_the_budget_and_the_forecast_of_its_cost_centre(tmp_path: Path) -> None:
    rows = [*daily("2026-09-01", "2026-11-22", "CC-1", "10"), *daily("2026-09-01", "2026-11-22", "CC-2", "30", "vm-2")]

    report = planned(
        tmp_path,
        *rows,
        budgets=[{"amount": 9000}, {"amount": 400, "name": "one", "scope": of_centre("CC-1")}],
        share="CC-1",
    )

    assert [budget.name for budget in report.budgets] == ["one"]
    assert report.month is not None
    assert report.month.budget is not None
    assert report.month.budget.amount.amount == 400
    assert report.outlook is not None
    assert set(report.outlook.by) == {"CC-1"}


def test_a_quarter_is_no_budget_of_the_month(tmp_path: Path) -> None:
    rows = daily("2026-10-01", "2026-11-22", "CC-1", "10")

    report = planned(tmp_path, *rows, budgets=[{"amount": 900, "every": "quarter"}])

    assert report.month is not None
    assert report.month.budget is None
    assert (report.budgets[0].period_name, report.budgets[0].spent.amount) == ("Oct to Dec", 520)


def test_fewer_than_fourteen_days_give_no_range_and_say_why(tmp_path: Path) -> None:
    report = planned(tmp_path, *daily("2026-11-12", "2026-11-22", "CC-1", "10"), budgets=[{"amount": 9000}])

    assert report.outlook is not None
    assert report.outlook.range is None
    assert report.outlook.why_no_range
    assert report.budgets[0].chance_over is None


def test_a_month_that_is_over_has_no_forecast(tmp_path: Path) -> None:
    with book(tmp_path, *daily("2026-10-01", "2026-11-22", "CC-1", "10")) as loaded:
        assert foreseen(loaded, "effective", "USD", date(2026, 10, 31)) == (None, "the month is over")


def test_the_forecast_of_a_share_is_its_row_in_the_forecast_of_all(tmp_path: Path) -> None:
    # The whole grows, by which no row of it can be told to grow beyond doubt.
    rows = [charge(str(date(2026, 7, 1) + timedelta(days=n)), "CC-1", str(100 + n), "one") for n in range(145)]
    rows += [charge(str(date(2026, 7, 1) + timedelta(days=n)), "CC-2", str(40 + n % 7 * 9), "two") for n in range(145)]

    whole, share = (planned(tmp_path, *rows, budgets=[], share=key) for key in (None, "CC-2"))

    assert whole.outlook is not None
    assert share.outlook is not None
    assert share.outlook.middle == whole.outlook.by["CC-2"]
    assert share.outlook.range is not None
    assert share.outlook.range.low.amount < share.outlook.middle.amount < share.outlook.range.high.amount
