"""The workbook that finance works in: every figure of the report, and every line behind it."""

from __future__ import annotations

import io
import re
import tempfile
import zipfile
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from finops.errors import FinopsError
from finops.report import workbook_sheets as cost
from finops.report import workbook_trust as trust
from finops.report.model import Report
from finops.report.workbook_cells import Cell, Sheets, add_sheet
from finops.report.workbook_pivot import pivot

if TYPE_CHECKING:
    from openpyxl import Workbook

# How openpyxl writes the cells of a sheet that has none.
EMPTY = re.compile(rb"<sheetData ?/>|<sheetData></sheetData>")


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
    book = Sheets(empty_book())
    book.book.properties.title = f"{model.organisation}: {model.wording.title}"
    book.book.properties.created = model.made.replace(tzinfo=None, microsecond=0)
    trust.summary(book, model, warnings)
    cost.by_line(book, "By cost centre", "Cost centre", model, model.by_cost_centre)
    cost.by_line(book, "By service", "Service", model, model.by_service)
    cost.daily(book, model)
    trust.budgets(book, model)
    cost.movers(book, model)
    trust.anomalies(book, model)
    cost.savings(book, model, model.savings)
    trust.reconciliation(book, model)
    trust.restatements(book, model)
    trust.units(book, model)
    trust.governance(book, model)
    header, lines = cost.details(book, model)
    pivot(book, model, header, lines)
    _notes(book, model, [*warnings, *notes])
    return saved(book, model.made)


def empty_book() -> Workbook:
    """A workbook without sheets."""
    from openpyxl import Workbook

    book = Workbook()
    assert book.active is not None
    book.remove(book.active)
    book.properties.creator = "aml-finops"
    return book


def _notes(book: Sheets, model: Report, notes: Sequence[str]) -> None:
    data = model.completeness
    rows: list[Sequence[Cell]] = [("Note", note) for note in notes]
    rows += [("Missing", f"{gap.scope}: {gap.reason}") for gap in data.gaps]
    rows += [("Row not readable", f"{row.scope}: {row.reason}") for row in data.rejected[:1000]]
    rows += [("Source", source) for source in model.sources]
    rows.append(("Made", f"{model.made:%Y-%m-%d %H:%M} UTC by aml-finops {model.version}"))
    add_sheet(book, "Notes", ["What", "Text"], rows)


def saved(book: Sheets, made: datetime) -> bytes:
    """The file, with the sheets' cells in it, and the report's time in place of the clock's, which openpyxl and zip
    write."""
    drawn, fixed = io.BytesIO(), io.BytesIO()
    book.book.save(drawn)
    stamp = f"{made:%Y-%m-%dT%H:%M:%SZ}"
    rows = {f"xl/worksheets/sheet{n}.xml": book.rows[name] for n, name in enumerate(book.book.sheetnames, 1)}
    with zipfile.ZipFile(drawn) as source, zipfile.ZipFile(fixed, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            content: Any = source.read(name)
            if name == "docProps/core.xml":
                content = re.sub(rb"(<dcterms:modified[^>]*>)[^<]*", rb"\g<1>" + stamp.encode(), content)
            if name in rows:
                before, after = EMPTY.split(content)
                content = b"".join([before, b"<sheetData>", "".join(rows[name]).encode(), b"</sheetData>", after])
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(entry, content)
    return fixed.getvalue()
