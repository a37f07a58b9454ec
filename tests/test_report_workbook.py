"""The workbook: real tables, exact numbers, and no text that can become a formula."""

from __future__ import annotations

import io
import tempfile
from decimal import Decimal
from pathlib import Path

import pytest
from openpyxl import load_workbook
from openpyxl.workbook import Workbook
from report_data import charge, daily, rendered, report_of
from test_report_build import two_weeks

from finops.errors import FinopsError
from finops.report.workbook import workbook

SHEETS = ["Summary", "By cost centre", "By service", "Movers", "Daily", "Lines", "Notes"]
FORMULAS = ["=1+1", '=HYPERLINK("http://x","y")', "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "＝1+1"]


def opened(content: bytes) -> Workbook:
    return load_workbook(io.BytesIO(content))


def test_it_holds_every_sheet_as_an_excel_table(tmp_path: Path) -> None:
    book = opened(rendered(tmp_path, *two_weeks("CC-1", "1", "2")).workbook)

    assert book.sheetnames == SHEETS
    for sheet in book:
        assert len(sheet.tables) == 1
        assert sheet.freeze_panes == "A2"


def test_amounts_are_numbers_with_their_cents(tmp_path: Path) -> None:
    book = opened(rendered(tmp_path, *two_weeks("CC-1", "1000.10", "2000.27")).workbook)

    cost = book["By cost centre"]["B2"]
    assert cost.data_type == "n"
    assert Decimal(str(cost.value)) == Decimal("14001.89")
    assert book["By cost centre"]["B1"].value == "Cost (USD)"


def test_all_cost_centres_are_there_and_the_total_is_their_sum(tmp_path: Path) -> None:
    rows = [row for n in range(30) for row in two_weeks(f"CC-{n:02}", "1", f"{n}.25", f"vm-{n}")]

    sheet = opened(rendered(tmp_path, *rows, top=3).workbook)["By cost centre"]

    costs = [row[1].value for row in sheet.iter_rows(min_row=2) if row[0].value and row[0].value != "Total"]
    total = next(row[1].value for row in sheet.iter_rows() if row[0].value == "Total")
    assert len(costs) == 31  # with (untagged)
    assert sum(costs) == pytest.approx(total, abs=1e-9)


def test_no_name_becomes_a_formula(tmp_path: Path) -> None:
    rows = [
        charge(f"2026-11-{day:02}", name, "5", name, ServiceName=name, SubAccountName=name)
        for name in FORMULAS
        for day in (8, 15, 22)
    ]

    book = opened(rendered(tmp_path, *rows, organisation=FORMULAS[0]).workbook)

    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    texts = {str(cell.value) for cell in cells}
    assert not [cell for cell in cells if cell.data_type == "f"]
    assert {" ".join(name.split()) for name in FORMULAS} <= texts


def test_the_mail_s_order_holds_and_every_mover_says_where_it_lies(tmp_path: Path) -> None:
    place = "/subscriptions/S/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/vision"
    rows = [*two_weeks("CC-1", "1", "1"), *two_weeks(None, "9", "90", "gpu", f"{place}/computes/gpu")]

    book = opened(rendered(tmp_path, *rows).workbook)

    centres = [row[0].value for row in book["By cost centre"].iter_rows(min_row=2, max_row=3)]
    assert centres == ["CC-1", "(untagged)"]
    assert [cell.value for cell in book["Movers"][2]][2:4] == ["vision", "ml-dev"]


def test_what_a_number_cannot_hold_stands_as_text(tmp_path: Path) -> None:
    rows = daily("2026-11-15", "2026-11-22", "CC-1", "12345678901234.567891")

    summary = opened(rendered(tmp_path, *rows).workbook)["Summary"]

    values = {row[0].value: row[1].value for row in summary.iter_rows(min_row=2)}
    assert values["Cost (effective), to the last digit"] == "86419752308641.975237"


def test_lines_without_a_name_of_the_subscription_have_its_id(tmp_path: Path) -> None:
    rows = daily("2026-11-15", "2026-11-22", "CC-1", "2", SubAccountName="", SubAccountId="/subscriptions/4a9a")

    sheet = opened(rendered(tmp_path, *rows).workbook)["Lines"]

    assert sheet["C2"].value == "4a9a"


def test_a_full_folder_for_temporary_files_is_said_and_not_a_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = report_of(tmp_path, *two_weeks("CC-1", "1", "2"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))

    with pytest.raises(FinopsError, match="TMPDIR"):
        workbook(model, [], [])


def test_the_lines_hold_both_cost_bases_by_day(tmp_path: Path) -> None:
    rows = daily("2026-11-08", "2026-11-22", "CC-1", "2", billed="3")

    sheet = opened(rendered(tmp_path, *rows).workbook)["Lines"]

    assert sheet.max_row == 8
    assert [cell.value for cell in sheet[2]][6:8] == [2, 3]


def test_a_week_without_charges_says_so_on_its_lines(tmp_path: Path) -> None:
    rows = [charge("2026-11-08", "CC-1", "2"), charge("2026-11-22", "CC-1", "2")]

    sheet = opened(rendered(tmp_path, *rows).workbook)["Lines"]

    assert sheet["A2"].value == "There are no charges in this period."
