"""The record of the forecast: what the weekly report says of past looks is what the statements of those months say."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from report_data import NOW, book, charge

from finops.charges import Period
from finops.config.model import ReportSettings, Settings
from finops.report import build, render
from finops.report.foreseeing import foreseen
from finops.report.known import Known
from finops.report.model import Report

FIRST = date(2026, 8, 1)
# Usage that wanders a little, and what is bought on days that nobody could know of.
ROWS = [
    *(
        charge(
            f"{FIRST + timedelta(days=n)}", f"CC-{n % 2}", f"{100 + n % 7 * 3 + n * n % 11}", ResourceId=f"/r/{n % 2}"
        )
        for n in range(114)
    ),
    charge("2026-09-03", "CC-1", "300", ChargeCategory="Purchase", SkuId="a"),
    charge("2026-10-18", "CC-1", "1180", ChargeCategory="Purchase", SkuId="tracker"),
]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Report, list[Report]]:
    """The weekly report, and the statements of the months that its record is of."""
    with book(tmp_path_factory.mktemp("record"), *ROWS) as costs:
        outlook, why = foreseen(costs, "effective", "USD", date(2026, 11, 21))
        weekly = build(costs, NOW, ReportSettings(), known=Known(outlook=outlook, no_outlook=why))
        months = [Period.month(name) for name in ("2026-08", "2026-09", "2026-10")]
        return weekly, [build(costs, NOW, ReportSettings(), month, closing=True) for month in months]


def test_the_weekly_record_counts_the_looks_that_the_statements_show(told: tuple[Report, list[Report]]) -> None:
    weekly, statements = told
    assert weekly.outlook
    assert weekly.outlook.record

    looks = [look for each in statements if each.close for look in each.close.forecasts if look.inside is not None]
    held = [look.inside for look in looks]
    assert (weekly.outlook.record.inside, weekly.outlook.record.of) == (held.count(True), len(held))
    assert held.count(False) == 2  # October's days 7 and 14, on which nobody knew of the tracker


def test_the_median_miss_of_the_record_is_that_of_the_statements(told: tuple[Report, list[Report]]) -> None:
    weekly, statements = told
    assert weekly.outlook
    assert weekly.outlook.record

    misses = sorted(
        abs(look.miss_percent)
        for each in statements
        if each.close
        for look in each.close.forecasts
        if look.inside is not None and look.miss_percent is not None
    )
    middle = (misses[(len(misses) - 1) // 2] + misses[len(misses) // 2]) / 2
    assert weekly.outlook.record.median_miss_percent
    assert abs(weekly.outlook.record.median_miss_percent - middle) < Decimal("0.1")


def test_the_tile_promises_no_more_than_the_record_holds(told: tuple[Report, list[Report]]) -> None:
    weekly, _ = told
    assert weekly.outlook
    assert weekly.outlook.record
    held = replace(weekly.outlook.record, inside=weekly.outlook.record.of)
    texts = [
        " ".join(render(one, Settings()).text.split())
        for one in (weekly, replace(weekly, outlook=replace(weekly.outlook, record=held)))
    ]

    record = weekly.outlook.record
    assert record.inside < weekly.outlook.level * record.of
    assert [f"held {record.inside} of {record.of} times" in text for text in texts] == [True, False]
    assert ["Month-end forecast, 8 in 10" in text for text in texts] == [False, True]
    assert "8 in 10 outcomes are to fall into; fewer did so far." in texts[0]
