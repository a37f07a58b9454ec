"""What a range promises: where earlier ones held less often than that, every form says how often they did."""

from __future__ import annotations

import io
from dataclasses import dataclass

import pytest
from budgeting import mails, settings
from openpyxl import load_workbook
from report_data import NOW, book
from test_report_record import ROWS

from finops.jobs import budgeting
from finops.jobs.knowing import known_by_charges
from finops.report import build, render
from finops.state import State


@dataclass
class Told:
    """The weekly report and the budget mail of one forecast, whose ranges missed October twice."""

    held: str
    weekly: str
    sheets: dict[str, list[tuple[object, ...]]]
    plain: str
    html: str


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    folder = tmp_path_factory.mktemp("promise")
    dev = "{scope: {tag: {CostCenter: CC-0}}, amount: 9000, thresholds: [99]}"
    given = settings(folder, f"{{all: {{amount: 9000, thresholds: [5]}}, dev: {dev}}}")
    with book(folder, *ROWS) as costs, State.open(folder / "state.db") as state:
        report = build(costs, NOW, given.report, known=known_by_charges(costs, given, NOW))
        budgeting.check(costs, given, state, NOW)
        budgeting.deliver(state, given, NOW)
    assert report.outlook
    record = report.outlook.record
    assert record
    assert record.inside < report.outlook.level * record.of
    forms = render(report, given)
    workbook = load_workbook(io.BytesIO(forms.workbook))
    (mailed,) = mails(folder / "outbox")
    plain, html = (
        " ".join(str(part.get_content()).split()) for kind in ("plain", "html") if (part := mailed.get_body((kind,)))
    )
    return Told(
        held=f"held {record.inside} of {record.of} times",
        weekly=" ".join(forms.text.split()),
        sheets={name: list(workbook[name].iter_rows(values_only=True)) for name in ("Summary", "Budgets")},
        plain=plain,
        html=html,
    )


def test_the_budget_mail_promises_no_more_than_the_record_holds(told: Told) -> None:
    for part in (told.plain, told.html):
        assert told.held in part
        assert "8 in 10" not in part


def test_the_workbook_promises_no_more_than_the_record_holds(told: Told) -> None:
    names = [str(row[0]) for row in told.sheets["Summary"]]

    assert f"Forecast of November, low end ({told.held})" in names
    assert f"Forecast of November, high end ({told.held})" in names


def test_the_mail_the_workbook_and_the_tile_say_it_in_the_same_words(told: Told) -> None:
    assert f"Month-end forecast, {told.held}" in told.weekly


def test_the_workbook_calls_budgets_as_people_do(told: Told) -> None:
    header, *rows = told.sheets["Budgets"]

    named = [(row[header.index("Budget")], row[header.index("Figure")]) for row in rows]
    assert ("Everything", "budget/all") in named
    assert "all" not in [name for name, _ in named]
