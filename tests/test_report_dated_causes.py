"""An anomaly is told in a report whose days it is of, and explains only a change of its own sign on its own days."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from report_data import NOW, book, daily, report_of

from finops.anomalies import Anomaly, Reach, Scope
from finops.charges import Period
from finops.config.model import ReportSettings
from finops.report import build
from finops.report.known import Known
from finops.report.telling import cause_of

# 10 a day in September, 20 in October, 50 in November: each month drives the change on the one before.
ROWS = [
    *daily("2026-09-01", "2026-09-30", "CC-1", "10"),
    *daily("2026-10-01", "2026-10-31", "CC-1", "20"),
    *daily("2026-11-01", "2026-11-14", "CC-1", "20"),
    *daily("2026-11-15", "2026-11-22", "CC-1", "50"),
]
OCTOBER = Period.month("2026-10")


def strange(first: str, last: str, impact: str = "300") -> Anomaly:
    reach = Reach(Decimal(10), Decimal(20), Decimal(30))
    return Anomaly(
        f"A-{first}", Scope("cost centre", "CC-1"), "step", date.fromisoformat(first), date.fromisoformat(last),
        Decimal(impact) + 20, reach, Decimal(impact), None, cause="it keeps at least 4 nodes",
    )  # fmt: skip


def told(folder: Path, one: Anomaly, period: Period | None = None, **other: Any) -> str | None:
    """The anomaly that is said to be behind what drove the change."""
    report = report_of(folder, *ROWS, known=Known(anomalies=(one,)), period=period, **other)
    assert report.movers is not None
    found = cause_of(report.movers.drivers[0], report)
    return found.id if found else None


def test_an_anomaly_of_the_compared_days_is_behind_the_change(tmp_path: Path) -> None:
    assert told(tmp_path, strange("2026-11-15", "2026-11-21")) == "A-2026-11-15"
    assert told(tmp_path, strange("2026-11-11", "2026-11-21")) == "A-2026-11-11"


@pytest.mark.parametrize(
    ("first", "last"), [("2026-11-22", "2026-11-22"), ("2026-11-09", "2026-11-13"), ("2026-10-30", "2026-11-21")]
)
def test_an_anomaly_of_other_days_is_behind_no_change(tmp_path: Path, first: str, last: str) -> None:
    assert told(tmp_path, strange(first, last)) is None


def test_what_cost_less_is_behind_no_rise(tmp_path: Path) -> None:
    assert told(tmp_path, strange("2026-11-15", "2026-11-21", "-300")) is None


def test_novembers_anomaly_is_not_behind_octobers_rise(tmp_path: Path) -> None:
    assert told(tmp_path, strange("2026-11-11", "2026-11-21"), OCTOBER) is None


def listed(folder: Path, *found: Anomaly, **asked: Any) -> list[str]:
    with book(folder, *ROWS) as loaded:
        report = build(loaded, NOW, ReportSettings(), known=Known(anomalies=found), **asked)
    assert report.anomalies is not None
    assert report.anomalies.open == len(report.anomalies.all)
    return [one.id for one in report.anomalies.all]


def test_a_report_of_a_month_that_is_over_lists_no_anomaly_that_began_after_it(tmp_path: Path) -> None:
    then, since = strange("2026-10-28", "2026-11-03"), strange("2026-11-11", "2026-11-21")

    assert listed(tmp_path, then, since, period=OCTOBER) == [then.id]
    assert listed(tmp_path, then, since, period=OCTOBER, closing=True) == [then.id]


def test_the_report_of_the_last_week_lists_what_began_since(tmp_path: Path) -> None:
    since = strange("2026-11-22", "2026-11-22")

    assert listed(tmp_path, since) == [since.id]
