"""The two pictures, drawn for data of every shape: a warning of the drawing library is an error here."""

from __future__ import annotations

import io
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from PIL import Image
from report_data import charge, daily, report_of

from finops.charges import Period
from finops.report.charts import charts
from finops.report.model import Report


def drawn(report: Report) -> dict[str, tuple[int, int]]:
    """Each picture's size in pixels."""
    return {name: Image.open(io.BytesIO(png)).size for name, png in charts(report).items()}


@pytest.mark.parametrize("cost", ["0", "-5", "0.0000008", "12345678901.5"])
def test_any_amount_is_drawn(tmp_path: Path, cost: str) -> None:
    report = report_of(
        tmp_path, *daily("2026-11-01", "2026-11-14", "CC-1", "3"), *daily("2026-11-15", "2026-11-22", "CC-1", cost)
    )

    assert [width for width, _ in drawn(report).values()] == [1120, 1120]


def test_a_single_day_in_the_middle_of_a_month_is_drawn(tmp_path: Path) -> None:
    day = Period(date(2026, 11, 18), date(2026, 11, 19))

    report = report_of(tmp_path, charge("2026-11-18", "CC-1", "0"), period=day)

    assert drawn(report)["cost"] == (1120, 580)


def test_a_year_of_days_is_drawn(tmp_path: Path) -> None:
    year = Period(date(2025, 11, 1), date(2026, 11, 1))

    report = report_of(tmp_path, *daily("2025-11-01", "2026-11-01", "CC-1", "3"), period=year)

    assert drawn(report)["cost"] == (1120, 580)


def test_a_budget_far_above_and_one_far_below_are_drawn(tmp_path: Path) -> None:
    for budget in ("1", "1000000"):
        report = report_of(tmp_path, *daily("2026-11-01", "2026-11-22", "CC-1", "30"), monthly_budget=Decimal(budget))

        assert drawn(report)["cost"] == (1120, 580)


def test_names_that_look_like_formulas_or_have_no_letters_of_ours_are_drawn(tmp_path: Path) -> None:
    names = ["$34.3k-$36.3k", "$\\frac{1}{2}$", "研究", "🚀", "שלום", "x" * 200, "_^{"]
    rows = [row for name in names for row in (charge("2026-11-09", name, "5"), charge("2026-11-16", name, "7"))]

    report = report_of(tmp_path, charge("2026-11-08", None, "1"), *rows, charge("2026-11-22", None, "1"))

    assert drawn(report)["movers"][0] == 1120


def test_dollars_are_money_and_no_mathematics(tmp_path: Path) -> None:
    """matplotlib reads what stands between two dollars as TeX: this name it could not even parse."""
    name = "$_^{$"
    rows = [charge("2026-11-08", name, "1"), charge("2026-11-16", name, "7"), charge("2026-11-22", name, "1")]

    assert drawn(report_of(tmp_path, *rows))["movers"][0] == 1120


def test_more_cost_centres_than_fit_are_drawn_as_one_bar(tmp_path: Path) -> None:
    rows = [
        row
        for n in range(30)
        for row in (
            charge("2026-11-08", f"CC-{n}", "1"),
            charge("2026-11-16", f"CC-{n}", "500" if n == 29 else f"{n + 2}"),
        )
    ]

    report = report_of(tmp_path, *rows, charge("2026-11-22", "CC-1", "1"))

    assert report.movers is not None
    assert report.movers.bars[-1].name == "Other (22)"
    assert drawn(report)["movers"][1] < 800
