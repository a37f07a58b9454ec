"""The workbook: real tables, exact numbers, and no text that can become a formula."""

from __future__ import annotations

import csv
import io
import re
import shutil
import subprocess
import tempfile
import zipfile
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from openpyxl import load_workbook
from openpyxl.workbook import Workbook
from report_data import charge, daily, rendered, report_of
from report_sample import closed, sample
from test_report_build import two_weeks

from finops.errors import FinopsError
from finops.report.model import Money
from finops.report.workbook import empty_book, saved, workbook
from finops.report.workbook_cells import Price, Sheets, add_sheet
from finops.report.workbook_csv import FORMULA, lines_file

SHEETS = ["Summary", "By cost centre", "By service", "Daily", "Budgets", "Movers", "Anomalies", "Savings"]
SHEETS += ["Reconciliation", "Restatements", "Lines", "Pivot", "Notes"]
FORMULAS = ["=1+1", '=HYPERLINK("http://x","y")', "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "＝1+1"]


def opened(content: bytes) -> Workbook:
    return load_workbook(io.BytesIO(content))


def test_it_holds_every_sheet_as_an_excel_table(tmp_path: Path) -> None:
    book = opened(rendered(tmp_path, *two_weeks("CC-1", "1", "2")).workbook)

    assert book.sheetnames == SHEETS
    for sheet in book:
        if sheet.title != "Pivot":
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


def test_what_is_written_into_a_cell_is_what_is_read_from_it() -> None:
    whole = ["a < b & c > d", ' "quoted" ', "two\nlines", "]]>", "=1+1", "😀 مرحبا"]
    cut = ["x" * 40_000, "bell\x07", "\ud800half"]
    numbers = [0, -7, 12_345, Decimal("33.3"), Money(Decimal("-1234567.89"), "USD")]
    price = Price(Money(Decimal("0.0042"), "USD"))
    now = datetime(2026, 11, 21, 23, 59, tzinfo=UTC)
    book = Sheets(empty_book())

    rows = [[*whole, *cut], [*numbers, price, now.date(), now], [None, "", 1]]
    add_sheet(book, "Cells", [f"Column {n}" for n in range(30)], rows)

    texts, figures, nothing = opened(saved(book, now))["Cells"].iter_rows(min_row=2, values_only=True)
    assert list(texts[:9]) == [*whole, "x" * 32_000, "bell", "half"]
    assert list(figures[:6]) == [0, -7, 12345, 33.3, -1234567.89, 0.0042]
    assert [f"{moment:%Y-%m-%d %H:%M}" for moment in figures[6:8]] == ["2026-11-21 00:00", "2026-11-21 23:59"]
    assert list(nothing[:3]) == [None, None, 1]


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


def test_a_change_stands_with_its_parts_and_they_add_up(tmp_path: Path) -> None:
    model = sample(tmp_path)

    sheet = opened(workbook(model, [], []))["By cost centre"]

    header = [cell.value for cell in sheet[1]]
    parts = [place for place, name in enumerate(header) if str(name).startswith("Of that ")]
    for row in sheet.iter_rows(min_row=2, max_row=4, values_only=True):
        assert sum(row[place] or 0 for place in parts) == pytest.approx(row[3], abs=1)


def test_every_part_of_the_report_has_its_sheet(tmp_path: Path) -> None:
    book = opened(workbook(closed(sample(tmp_path)), ["a note"], ["a warning"]))

    assert {"Unit costs", "Governance"} <= set(book.sheetnames)
    assert [cell.value for cell in book["Anomalies"][2]][:3] == ["open", "cost centre", "CC-4300 LLM Platform"]
    assert book["Restatements"]["F2"].value == 7513
    lines = {row[1]: row[2] for row in book["Reconciliation"].iter_rows(min_row=2, values_only=True)}
    assert lines["Billed for the same days"] == pytest.approx(8061.93)
    assert lines["Invoice total (the invoice)"] == pytest.approx(33180.22)
    figures = {row[0]: (row[1], row[3]) for row in book["Summary"].iter_rows(min_row=2, values_only=True)}
    assert figures["Forecast of November, low end (8 in 10)"] == (pytest.approx(34312.40), "month/forecast")
    assert figures["Head of the audit trail"] == ("412:9f2c6b1e", None)


def test_days_to_come_have_a_range_and_no_cost(tmp_path: Path) -> None:
    sheet = opened(workbook(sample(tmp_path), [], []))["Daily"]

    last = [cell.value for cell in sheet[sheet.max_row]]
    assert last[0].date() == date(2026, 11, 30)
    assert last[1] is None
    assert last[3] < last[4] < last[5]


def test_the_pivot_is_one_and_its_cells_are_filled_in(tmp_path: Path) -> None:
    model = sample(tmp_path)

    sheet = opened(workbook(model, [], []))["Pivot"]

    (pivot,) = sheet._pivots
    rows = {sheet.cell(line, 1).value: sheet.cell(line, 2).value for line in range(4, sheet.max_row + 1)}
    assert pivot.cache.refreshOnLoad
    assert pivot.cache.cacheSource.worksheetSource.sheet == "Lines"
    assert rows["Grand Total"] == pytest.approx(float(model.total.cost.amount))
    assert rows["CC-4300"] == pytest.approx(565.20 * 7)


def test_names_that_differ_in_case_alone_are_one_in_the_pivot(tmp_path: Path) -> None:
    rows = [*daily("2026-11-08", "2026-11-22", "CC-1", "2"), *daily("2026-11-08", "2026-11-22", "cc-1", "3")]

    sheet = opened(rendered(tmp_path, *rows).workbook)["Pivot"]

    rows_there = {sheet.cell(line, 1).value: sheet.cell(line, 2).value for line in range(4, sheet.max_row + 1)}
    assert rows_there == {"CC-1": 35, "Virtual Machines": 35, "Grand Total": 35}


@pytest.mark.skipif(not shutil.which("soffice"), reason="LibreOffice is not installed")
def test_libreoffice_computes_the_pivot_to_the_same_totals(tmp_path: Path) -> None:
    model = sample(tmp_path)
    (tmp_path / "x.xlsx").write_bytes(workbook(model, [], []))

    profile = f"-env:UserInstallation=file://{tmp_path / 'profile'}"
    command = [
        "soffice",
        "--headless",
        profile,
        "--convert-to",
        "ods",
        "--outdir",
        str(tmp_path),
        str(tmp_path / "x.xlsx"),
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=180)

    content = zipfile.ZipFile(tmp_path / "x.ods").read("content.xml").decode()
    pivot = content[content.index('table:name="Pivot"') :]
    total = pivot[pivot.index("Total Result") :]
    assert "data-pilot-table" in content
    assert float(re.search(r'office:value="([0-9.]+)"', total)[1]) == pytest.approx(float(model.total.cost.amount))


def test_the_lines_as_csv_hold_every_amount_exactly_and_no_formula(tmp_path: Path) -> None:
    rows = [charge(f"2026-11-{day:02}", name, "5.123456789", name) for name in FORMULAS for day in (8, 15, 22)]
    model = report_of(tmp_path, *rows)

    name, content = lines_file(model)

    found = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
    assert name == "cost-week-2026-11-21-lines.csv"
    assert sum(Decimal(row["EffectiveCost"]) for row in found) == model.total.cost.amount
    assert not [cell for row in found for cell in row.values() if cell.lstrip().startswith(FORMULA)]


def test_a_large_csv_is_zipped(tmp_path: Path) -> None:
    model = report_of(tmp_path, *two_weeks("CC-1", "1", "2"))
    line = model.details.lines[0]
    many = replace(model, details=replace(model.details, lines=(line,) * 9_000))

    name, content = lines_file(many)

    assert name == "cost-week-2026-11-21-lines.csv.zip"
    assert zipfile.ZipFile(io.BytesIO(content)).namelist() == ["cost-week-2026-11-21-lines.csv"]
    assert lines_file(many) == (name, content)
