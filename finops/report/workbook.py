"""The workbook that finance works in: real tables, exact numbers, and text that can never become a formula."""

from __future__ import annotations

import io
import re
import tempfile
import zipfile
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from finops.errors import FinopsError
from finops.report.model import Line, Money, Report, Savings, Table
from finops.report.periods import last_day

if TYPE_CHECKING:
    from openpyxl import Workbook
    from openpyxl.worksheet.worksheet import Worksheet

Cell = str | int | Decimal | date | Money | None
Rows = Iterable[Sequence[Cell]]

AMOUNT = "#,##0.00;[Red]-#,##0.00"
PERCENT = "0.0"
DATE = "yyyy-mm-dd"
WIDEST = 60


def workbook(model: Report, notes: Sequence[str], warnings: Sequence[str]) -> bytes:
    """The report as .xlsx; equal figures give equal bytes. Raises FinopsError where temporary files have no room."""
    try:
        return _made(model, notes, warnings)
    except OSError as fault:
        raise FinopsError(
            f"The workbook could not be made in {fault.filename or tempfile.gettempdir()}: {fault.strerror or fault}.",
            "Make room there, or set TMPDIR to a folder that has some.",
        ) from fault


def _made(model: Report, notes: Sequence[str], warnings: Sequence[str]) -> bytes:
    from openpyxl import Workbook

    book = Workbook()
    assert book.active is not None
    book.remove(book.active)
    book.properties.creator = "aml-finops"
    book.properties.title = f"{model.organisation}: {model.wording.title}"
    book.properties.created = model.made.replace(tzinfo=None, microsecond=0)
    _summary(book, model, warnings)
    _lines(book, "By cost centre", "Cost centre", model, model.by_cost_centre)
    _lines(book, "By service", "Service", model, model.by_service)
    _movers(book, model)
    if model.savings:
        _savings(book, model, model.savings)
    _daily(book, model)
    _details(book, model)
    _notes(book, model, [*warnings, *notes])
    return _saved(book, model.made)


def _summary(book: Workbook, model: Report, warnings: Sequence[str]) -> None:
    total, data = model.total, model.completeness
    other = "billed" if model.basis == "effective" else "effective"
    rows: list[Sequence[Cell]] = [
        ("Organisation", model.organisation),
        ("Period", model.wording.title),
        ("First day", model.period.start.date()),
        ("Last day", last_day(model.period)),
        ("Status", ", ".join(status.word for status in model.statuses)),
        ("Currency", model.currency),
        ("Cost basis", model.basis),
        (f"Cost ({model.basis})", total.cost),
        (f"Cost ({model.basis}), to the last digit", f"{total.cost.amount.normalize():f}"),
        *([(f"Cost ({other})", model.other_total)] if other in model.bases else []),
        (f"Cost in {model.wording.before}", total.before),
        ("Change", total.change),
        ("Change on the period before", total.percent),
        ("Without a cost centre", model.untagged.cost),
    ]
    if model.month:
        rows.append((model.month.label, model.month.cost))
        if model.month.budget:
            budget = model.month.budget
            rows += [
                ("Budget of the month", budget.amount),
                ("Budget left", budget.left),
                ("Budget spent", budget.spent_percent),
                ("Month gone", budget.month_gone_percent),
            ]
    if model.savings:
        rows += [
            (f"Savings realised, to {model.savings.to:%Y-%m-%d}", model.savings.realised.amount),
            ("Savings approved, a month", model.savings.approved.amount),
            ("Savings identified, a month", model.savings.identified.amount),
        ]
    rows += [
        ("Charges counted", total.charges),
        ("Data complete to (UTC)", data.until.strftime("%Y-%m-%d %H:%M") if data.until else "not stated"),
        ("Rows not readable", len(data.rejected)),
        ("Parts missing", len(data.gaps)),
    ]
    rows += [("Warning", warning) for warning in warnings]
    _sheet(book, "Summary", ["Figure", "Value", "Unit"], [(name, value, _unit(value)) for name, value in rows])


def _unit(value: Cell) -> str:
    """What a number of the Summary is in."""
    if isinstance(value, Money):
        return value.currency
    return "%" if isinstance(value, Decimal) else "rows" if isinstance(value, int) else ""


def _lines(book: Workbook, title: str, first: str, model: Report, table: Table) -> None:
    """Every row, also those that the mail gathers under "Other"; the total last, outside the sortable table."""

    def row(line: Line) -> Sequence[Cell]:
        return (line.name, line.cost, line.before, line.change, line.percent, line.month, line.charges)

    currency = model.currency
    header = [first, f"Cost ({currency})", f"Before ({currency})", f"Change ({currency})", "Change (%)"]
    header += [f"Month to date ({currency})", "Charges"]
    _sheet(book, title, header, [row(line) for line in _untagged_last(table)], total=row(table.total))


def _untagged_last(table: Table) -> list[Line]:
    """The mail's order."""
    return sorted(table.all, key=lambda line: line.role == "untagged")


def _movers(book: Workbook, model: Report) -> None:
    currency = model.currency
    header = ["Cost centre", "Resource", "Workspace", "Subscription", "Service"]
    header += [f"Cost ({currency})", f"Before ({currency})"]
    header += [f"Change ({currency})", "Change (%)", "What happened", "Resource id"]
    movers = model.movers.all if model.movers else ()
    rows = [
        (
            mover.cost_centre,
            mover.name,
            mover.workspace,
            mover.subscription,
            mover.service,
            mover.cost,
            mover.before,
            mover.change,
            mover.percent,
            "new" if mover.is_new else "gone" if mover.is_gone else "",
            mover.resource_id,
        )
        for mover in movers
    ]
    _sheet(book, "Movers", header, rows, empty=_nothing_compared(model))


def _savings(book: Workbook, model: Report, savings: Savings) -> None:
    """Every act, decision and finding. What is counted elsewhere has no amount here, so that columns add up."""
    currency = model.currency
    header = ["Finding", "Kind", "Resource", "What", "Held by", "Rule", "Action", "Since", "Undone"]
    header += [f"Realised ({currency})", f"Expected a month ({currency})", f"Cost before ({currency})", "Days before"]
    header += [f"Cost since ({currency})", "Days since", "Why", "Resource id"]
    rows: list[Sequence[Cell]] = []
    for one in savings.all:
        counts = one.counted_with is None
        rows.append(
            (
                one.number,
                one.kind if counts else f"in finding {one.counted_with}",
                one.name,
                one.what,
                one.holder,
                one.rule,
                one.did if one.is_done else one.does,
                one.since,
                one.until,
                one.realised,
                one.expected if counts else None,
                one.before,
                one.days_before or None,
                one.after,
                one.days_after or None,
                one.why,
                one.resource_id,
            )
        )
    _sheet(book, "Savings", header, rows)


def _nothing_compared(model: Report) -> str:
    why = model.completeness.not_compared
    return f"Not compared with {model.wording.before}: {why}." if why else "There is nothing before it to compare with."


def _daily(book: Workbook, model: Report) -> None:
    currency = model.currency
    first, second = ("Effective", "Billed") if model.basis == "effective" else ("Billed", "Effective")
    known = {day.day: day for day in (*model.curve.before_days, *model.curve.days, *model.days)}
    rows = [(day, known[day].cost, known[day].other_basis) for day in sorted(known)]
    header = ["Day", f"{first} cost ({currency})", f"{second} cost ({currency})"]
    width = 1 + len(model.bases)
    _sheet(book, "Daily", header[:width], [row[:width] for row in rows])


def _details(book: Workbook, model: Report) -> None:
    currency, details = model.currency, model.details
    header = ["Day", "Cost centre", "Subscription", "Resource", "Service", "Kind of charge"]
    header += [*(f"{basis.capitalize()} cost ({currency})" for basis in model.bases), "Charges", "Resource id"]
    rows: list[Sequence[Cell]] = [
        (
            line.day,
            line.cost_centre,
            line.subscription,
            line.resource,
            line.service,
            line.category,
            *(getattr(line, basis) for basis in model.bases),
            line.charges,
            line.resource_id,
        )
        for line in details.lines
    ]
    if details.left_out:
        name = f"{details.left_out:,} other charges together"
        rows.append(
            (
                None,
                name,
                None,
                None,
                None,
                None,
                *(getattr(details, f"left_out_{basis}") for basis in model.bases),
                None,
                None,
            )
        )
    _sheet(book, "Lines", header, rows, empty="There are no charges in this period.")


def _notes(book: Workbook, model: Report, notes: Sequence[str]) -> None:
    data = model.completeness
    rows: list[Sequence[Cell]] = [("Note", note) for note in notes]
    rows += [("Missing", f"{gap.scope}: {gap.reason}") for gap in data.gaps]
    rows += [("Row not readable", f"{row.scope}: {row.reason}") for row in data.rejected[:1000]]
    rows += [("Source", source) for source in model.sources]
    rows.append(("Made", f"{model.made:%Y-%m-%d %H:%M} UTC by aml-finops {model.version}"))
    _sheet(book, "Notes", ["What", "Text"], rows)


def _sheet(
    book: Workbook,
    title: str,
    header: Sequence[str],
    rows: Rows,
    total: Sequence[Cell] | None = None,
    empty: str = "Nothing to show.",
) -> None:
    """A sheet that holds one Excel table, its header frozen; `total` stands below it, a row apart."""
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter
    from openpyxl.worksheet.table import Table as ExcelTable
    from openpyxl.worksheet.table import TableStyleInfo

    sheet = book.create_sheet(title)
    rows = list(rows)
    widths = [len(name) + 3 for name in header]
    for column, name in enumerate(header, 1):
        _put(sheet, 1, column, name)
    for place, row in enumerate([*rows, *([(), total] if total else [])], 2):
        for column, value in enumerate(row, 1):
            widths[column - 1] = max(widths[column - 1], _put(sheet, place, column, value) + 2)
    if total:
        for cell in sheet[len(rows) + 3]:
            cell.font = Font(bold=True)
    if not rows:
        _put(sheet, 2, 1, empty)
    last = f"{get_column_letter(len(header))}{max(len(rows), 1) + 1}"
    shown = ExcelTable(displayName=title.replace(" ", ""), ref=f"A1:{last}")
    shown.tableStyleInfo = TableStyleInfo(name="TableStyleLight9", showRowStripes=True)
    sheet.add_table(shown)
    sheet.freeze_panes = "A2"
    for column, width in enumerate(widths, 1):
        sheet.column_dimensions[get_column_letter(column)].width = min(width, WIDEST)


def _put(sheet: Worksheet, row: int, column: int, value: Cell) -> int:
    """Write one cell and say how wide it is."""
    cell = sheet.cell(row, column)
    if value is None:
        return 0
    if isinstance(value, str):
        cell.value = _printable(value)
        # openpyxl takes "=..." for a formula: a tag such as =HYPERLINK(...) would come alive.
        cell.data_type = "s"
        return len(value)
    if isinstance(value, Money):
        cell.value = value.amount
        cell.number_format = AMOUNT
        return len(f"{value.amount:,.2f}")
    cell.value = value
    if isinstance(value, date):
        cell.number_format = DATE
        return 10
    if isinstance(value, Decimal):
        cell.number_format = PERCENT
    return len(f"{value:,}")


def _printable(text: str) -> str:
    """`text` without what XML cannot hold, and not longer than a cell (32,767)."""
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    return ILLEGAL_CHARACTERS_RE.sub("", text)[:32_000]


def _saved(book: Workbook, made: datetime) -> bytes:
    """The file, with the report's time in place of the clock's, which openpyxl and zip write into it."""
    drawn, fixed = io.BytesIO(), io.BytesIO()
    book.save(drawn)
    stamp = f"{made:%Y-%m-%dT%H:%M:%SZ}"
    with zipfile.ZipFile(drawn) as source, zipfile.ZipFile(fixed, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            content: Any = source.read(name)
            if name == "docProps/core.xml":
                content = re.sub(rb"(<dcterms:modified[^>]*>)[^<]*", rb"\g<1>" + stamp.encode(), content)
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(entry, content)
    return fixed.getvalue()
