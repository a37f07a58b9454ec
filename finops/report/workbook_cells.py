"""Cells and tables of the workbook: real numbers and dates, and text that can never become a formula."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from finops.report.model import Money

if TYPE_CHECKING:
    from openpyxl import Workbook
    from openpyxl.worksheet.worksheet import Worksheet


@dataclass(frozen=True)
class Price:
    """An amount for one unit: too small for two digits."""

    money: Money


Cell = str | int | Decimal | date | datetime | Money | Price | None
Rows = Iterable[Sequence[Cell]]

AMOUNT = "#,##0.00;[Red]-#,##0.00"
PRICE = "#,##0.00####"
PERCENT = "0.0"
DATE = "yyyy-mm-dd"
MOMENT = "yyyy-mm-dd hh:mm"
WIDEST = 60


def add_sheet(
    book: Workbook,
    title: str,
    header: Sequence[str],
    rows: Rows,
    total: Sequence[Cell] | None = None,
    empty: str = "Nothing to show.",
) -> Worksheet:
    """A sheet that holds one Excel table, its header frozen; `total` stands below it, a row apart."""
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter
    from openpyxl.worksheet.table import Table, TableStyleInfo

    sheet: Worksheet = book.create_sheet(title)
    kept = list(rows)
    widths = [len(name) + 3 for name in header]
    for column, name in enumerate(header, 1):
        put(sheet, 1, column, name)
    for place, row in enumerate([*kept, *([(), total] if total else [])], 2):
        for column, value in enumerate(row, 1):
            widths[column - 1] = max(widths[column - 1], put(sheet, place, column, value) + 2)
    if total:
        for cell in sheet[len(kept) + 3]:
            cell.font = Font(bold=True)
    if not kept:
        put(sheet, 2, 1, empty)
    last = f"{get_column_letter(len(header))}{max(len(kept), 1) + 1}"
    shown = Table(displayName=title.replace(" ", ""), ref=f"A1:{last}")
    shown.tableStyleInfo = TableStyleInfo(name="TableStyleLight9", showRowStripes=True)
    sheet.add_table(shown)
    sheet.freeze_panes = "A2"
    for column, width in enumerate(widths, 1):
        sheet.column_dimensions[get_column_letter(column)].width = min(width, WIDEST)
    return sheet


def put(sheet: Worksheet, row: int, column: int, value: Cell) -> int:
    """Write one cell and say how wide it is."""
    cell: Any = sheet.cell(row, column)
    if value is None:
        return 0
    if isinstance(value, str):
        cell.value = printable_in_xml(value)
        # openpyxl takes "=..." for a formula: a tag such as =HYPERLINK(...) would come alive.
        cell.data_type = "s"
        return len(value)
    if isinstance(value, Money | Price):
        amount = value.amount if isinstance(value, Money) else value.money.amount
        cell.value = amount
        cell.number_format = AMOUNT if isinstance(value, Money) else PRICE
        return len(f"{amount:,.2f}")
    if isinstance(value, datetime):  # Excel knows no time zones: all of ours are UTC, and headers say so
        cell.value = value.replace(tzinfo=None, second=0, microsecond=0)
        cell.number_format = MOMENT
        return 16
    cell.value = value
    if isinstance(value, date):
        cell.number_format = DATE
        return 10
    if isinstance(value, Decimal):
        cell.number_format = PERCENT
    return len(f"{value:,}")


def printable_in_xml(text: str) -> str:
    """`text` without what XML cannot hold, and not longer than a cell (32,767)."""
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    return ILLEGAL_CHARACTERS_RE.sub("", text)[:32_000]
