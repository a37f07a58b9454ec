"""Anomalies in the report: open ones first, each incident once, and what a person is to answer."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from report_data import daily, rendered, report_of

from finops.anomalies import Anomaly, Reach, Scope
from finops.charges import Period
from finops.report.known import Known
from finops.report.model import Report

ROWS = daily("2026-11-08", "2026-11-22", "CC-1", "100")


def strange(number: int, impact: str, scope: Scope, **other: Any) -> Anomaly:
    amount = Decimal(impact)
    return Anomaly(
        **{
            "id": f"A{number}",
            "scope": scope,
            "kind": "spike",
            "first": date(2026, 11, 17),
            "last": date(2026, 11, 19),
            "actual": amount + 30,
            "expected": Reach(Decimal(20), Decimal(30), Decimal(40)),
            "impact": amount,
            "percent": Decimal("33.333"),
            **other,
        }
    )


CENTRE = Scope("cost centre", "CC-1")
FOUND = (
    strange(1, "900", Scope("workspace", "ws"), also=(CENTRE,), state="resolved"),
    strange(2, "70", CENTRE, cause="1 node more of gpu", owner="p@contoso.com"),
    strange(3, "500", Scope("meter", "NC6s v3"), also=(Scope("cost centre", "CC-2"),)),
    strange(4, "-40", Scope("service", "Storage"), kind="gone"),
)


def reported(folder: Path, share: str | None = None) -> Report:
    known = Known(anomalies=FOUND, anomalies_of=Period.week_ending(date(2026, 11, 21)))
    return report_of(folder, *ROWS, known=known, cost_centres={"CC-1": "LLM"}, share=share)


def test_open_ones_come_first_the_largest_before_the_others(tmp_path: Path) -> None:
    found = reported(tmp_path).anomalies

    assert found is not None
    assert [one.id for one in found.all] == ["A3", "A2", "A4", "A1"]
    assert (found.open, found.impact.amount) == (3, 530)


def test_an_incident_of_a_workspace_is_its_cost_centres_too(tmp_path: Path) -> None:
    found = reported(tmp_path, share="CC-1").anomalies

    assert found is not None
    assert [(one.id, one.cost_centre) for one in found.all] == [("A2", "CC-1"), ("A1", "CC-1")]
    assert found.all[0].name == "CC-1 LLM"


def test_an_open_one_that_costs_money_waits_for_an_answer(tmp_path: Path) -> None:
    told = [(one.amount.amount, one.owner, one.by) for one in reported(tmp_path).decisions if one.amount]

    assert told == [(500, "", date(2026, 11, 26)), (70, "p@contoso.com", date(2026, 11, 26))]


def test_no_anomaly_in_days_that_were_looked_at_is_said_with_the_days(tmp_path: Path) -> None:
    week = Period.week_ending(date(2026, 11, 21))

    found = report_of(tmp_path, *ROWS, known=Known(anomalies=(), anomalies_of=week)).anomalies

    assert found is not None
    assert (found.all, found.open, found.evaluated) == ((), 0, week)


@pytest.mark.parametrize(("cost", "is_told"), [("150", True), ("40", False)])
def test_what_made_a_cost_rise_is_no_reason_for_its_fall(tmp_path: Path, cost: str, is_told: bool) -> None:
    rows = [*daily("2026-11-08", "2026-11-14", "CC-1", "100"), *daily("2026-11-15", "2026-11-22", "CC-1", cost)]
    known = Known(anomalies=FOUND, anomalies_of=Period.week_ending(date(2026, 11, 21)))

    text = " ".join(rendered(tmp_path, *rows, known=known).text.split())

    moved = text.partition("WHAT MOVED")[2].partition("BY COST CENTRE")[0]
    assert ("1 node more of gpu" in moved) == is_told
