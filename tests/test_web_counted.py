"""What the report counts with another decision is not in the amount of the approvals page either."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from approvals_page import NOW, Browser, opened, put, text
from deciding import cluster, request, waste
from report_data import NOW as TODAY
from report_data import book, daily, report_of

from finops.charges import Period
from finops.config.model import ReportSettings
from finops.jobs import published
from finops.report import build
from finops.report.known import Known
from finops.report.model import Report
from finops.state import State


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with opened(tmp_path) as found:
        yield found


# The first of two requests is about a cluster that the guard found as well.
TWICE = Known(
    requests=(request(1, "100"), request(2, "40")),
    claims=(waste(1, "gpu", "100"), waste(2, "old", "40"), cluster("gpu", "730", "scale")),
)


def reported(folder: Path, **other: str) -> Report:
    return report_of(folder, *daily("2026-11-08", "2026-11-22", "CC-1", "10"), known=TWICE, **other)


def test_the_page_counts_what_the_report_counts(state: State, tmp_path: Path):
    put(state, name="gpu", saving=Decimal(100))
    put(state, name="old", saving=Decimal(40))
    report = reported(tmp_path)
    published.keep(state, report, NOW)

    said = text(Browser(state).get("/findings"))

    [asked] = [one for one in report.decisions if one.kind == "approvals"]
    assert asked.amount is not None
    assert asked.amount.amount == 40
    assert "$40.00 a month in 2 open findings" in said
    assert "$100.00 a month more counts with what else is asked of the same resource: 1 of them." in said


def test_a_list_without_such_a_finding_says_nothing_of_it(state: State, tmp_path: Path):
    put(state, name="gpu", saving=Decimal(100))
    put(state, name="old", saving=Decimal(40))
    published.keep(state, reported(tmp_path), NOW)

    said = text(Browser(state).get("/findings?q=old"))

    assert "$40.00 a month in 1 open finding" in said
    assert "counts with what else" not in said


def test_without_a_report_every_finding_counts(state: State):
    put(state, name="gpu", saving=Decimal(100))

    assert "$100.00 a month in 1 open finding" in text(Browser(state).get("/findings"))


def test_the_statement_of_a_month_changes_nothing_on_the_page(state: State, tmp_path: Path):
    put(state, name="gpu", saving=Decimal(100))
    with book(tmp_path, *daily("2026-10-01", "2026-11-22", "CC-1", "10")) as loaded:
        closing = build(loaded, TODAY, ReportSettings(), Period.month("2026-10"), known=TWICE, closing=True)
    published.keep(state, closing, NOW)

    assert "$100.00 a month in 1 open finding" in text(Browser(state).get("/findings"))


def test_the_report_of_one_cost_centre_changes_nothing_on_the_page(state: State, tmp_path: Path):
    put(state, name="gpu", saving=Decimal(100))
    published.keep(state, reported(tmp_path, share="CC-1"), NOW)

    assert "$100.00 a month in 1 open finding" in text(Browser(state).get("/findings"))
