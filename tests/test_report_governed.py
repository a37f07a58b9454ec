"""What does not follow a policy, and what is exempt, each with its cost, no charge counted twice."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from report_data import NOW, daily, report_of

from finops.exemptions import Exemption, Listed
from finops.report.known import Known, Verdicts
from finops.report.model import Report

GROUP = "/subscriptions/s/resourceGroups/g"
WORKSPACE = f"{GROUP}/providers/Microsoft.MachineLearningServices/workspaces/ws"
WEEK = ("2026-11-08", "2026-11-22")
ROWS = [
    *daily(*WEEK, "CC-1", "2", "ws", ResourceId=WORKSPACE),
    *daily(*WEEK, "CC-1", "3", "gpu", ResourceId=f"{WORKSPACE}/computes/gpu"),
    *daily(*WEEK, "CC-2", "5", "gpu2", ResourceId=f"{WORKSPACE}2/computes/gpu"),
]


def reported(folder: Path, **known: object) -> Report:
    return report_of(folder, *ROWS, known=Known(**known))  # type: ignore[arg-type]


def exempt(scope: str, until: date | None = date(2026, 12, 31), status: str = "in force") -> Listed:
    return Listed(Exemption(scope, until, "a reason", "me@contoso.com", "file"), None, status, 1)


def test_what_breaks_a_policy_costs_what_it_and_all_below_it_costs(tmp_path: Path) -> None:
    found = reported(tmp_path, verdicts=Verdicts(NOW, 4, {"sizes": (WORKSPACE,)})).compliance

    assert found is not None
    assert found.cost is not None
    assert (found.cost.amount, found.non_compliant, found.percent) == (35, 1, 75)  # 7 x (2 + 3)


def test_what_breaks_two_policies_is_counted_once(tmp_path: Path) -> None:
    broken = {"sizes": (WORKSPACE,), "tags": (f"{WORKSPACE}/computes/GPU", WORKSPACE.upper())}

    found = reported(tmp_path, verdicts=Verdicts(NOW, 4, broken)).compliance

    assert found is not None
    assert found.cost is not None
    assert found.cost.amount == 35
    assert [(row.policy, row.cost.amount, row.resources) for row in found.rows if row.cost] == [
        ("tags", 35, 2),
        ("sizes", 35, 1),
    ]


def test_a_workspace_whose_name_begins_alike_is_another(tmp_path: Path) -> None:
    found = reported(tmp_path, exemptions=(exempt(WORKSPACE),)).exemptions

    assert found is not None
    assert found.cost.amount == 35


def test_overlapping_exemptions_cost_each_charge_once_in_all(tmp_path: Path) -> None:
    found = reported(tmp_path, exemptions=(exempt(WORKSPACE), exempt(GROUP), exempt("/subscriptions/s"))).exemptions

    assert found is not None
    assert [row.cost.amount for row in found.rows] == [35, 70, 70]
    assert found.cost.amount == 70


def test_an_exemption_that_ended_keeps_nothing_and_is_still_listed(tmp_path: Path) -> None:
    found = reported(tmp_path, exemptions=(exempt(WORKSPACE, date(2026, 11, 1), "expired"),)).exemptions

    assert found is not None
    assert (found.cost.amount, found.expired, len(found.rows)) == (0, 1, 1)


@pytest.mark.parametrize("scope", [f"{GROUP}/providers/Microsoft.X/y/never-charged", "/subscriptions/other"])
def test_what_was_never_charged_costs_nothing(tmp_path: Path, scope: str) -> None:
    found = reported(tmp_path, exemptions=(exempt(scope),)).exemptions

    assert found is not None
    assert found.rows[0].cost.amount == Decimal(0)


def test_nobody_looked_is_not_all_is_well(tmp_path: Path) -> None:
    report = reported(tmp_path)

    assert (report.compliance, report.exemptions, report.anomalies) == (None, None, None)
