"""The workbook's pivot table over its lines: cost centres, in each its services. It computes itself anew when opened.

Its cells are filled in as well, so that what computes no pivots (phones, previews) shows figures, no blanks.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from finops.report.model import Money, Report
from finops.report.workbook_cells import Cell, Sheets, Style, add_sheet, printable_in_xml

CENTRE, SERVICE = "Cost centre", "Service"
FIRST_ROW = 3
# ECMA-376 part 1, 18.10: what a pivot table made by Excel 2010 and later says of itself.
VERSION, MINIMUM = 6, 3
COMMA_AND_CENTS = 4  # the built-in number format #,##0.00


def pivot(book: Sheets, model: Report, header: Sequence[str], lines: Sequence[Sequence[Cell]]) -> None:
    """The sheet "Pivot": `lines` of the sheet "Lines" (under `header`), added up in the report's basis."""
    value = next(place for place, name in enumerate(header) if name.startswith(model.basis.capitalize()))
    if not lines:
        add_sheet(book, "Pivot", [CENTRE, header[value]], [], empty="There are no charges in this period.")
        return
    names = {name: _distinct(lines, header.index(name)) for name in (CENTRE, SERVICE)}
    sums = _sums(lines, header, names, value)
    sheet = book.add("Pivot")
    book.put(sheet, 1, [f"{header[value]}, from the sheet Lines. Drag other fields in as you like."])
    rows: list[tuple[str, Decimal, int]] = []
    for centre in sorted({at[0] for at in sums}):
        inside = {at[1]: amount for at, amount in sums.items() if at[0] == centre}
        rows.append((names[CENTRE][centre], sum(inside.values(), Decimal(0)), 0))
        rows += [(names[SERVICE][service], inside[service], 1) for service in sorted(inside)]
    rows.append(("Grand Total", sum(sums.values(), Decimal(0)), 0))
    caption = f"Sum of {header[value]}"
    book.put(sheet, FIRST_ROW, ["Row Labels", caption])
    for line, (name, amount, depth) in enumerate(rows, FIRST_ROW + 1):
        book.put(sheet, line, [name, Money(amount, model.currency)], Style(indent=depth))
    sheet.column_dimensions["A"].width = min(60, 4 + max(len(name) for name, *_ in rows))
    sheet.column_dimensions["B"].width = len(caption) + 4
    sheet.freeze_panes = f"A{FIRST_ROW + 1}"
    place = f"A{FIRST_ROW}:B{FIRST_ROW + len(rows)}"
    sheet.add_pivot(_table(place, caption, value, header, lines, names, sorted(sums)))


def _distinct(lines: Sequence[Sequence[Cell]], column: int) -> list[str]:
    """What the column holds, sorted. To Excel, names that differ in case alone are one: the first spelling wins."""
    found: dict[str, str] = {}
    for line in sorted(lines, key=lambda line: str(line[column])):
        name = printable_in_xml(str(line[column]))
        found.setdefault(name.casefold(), name)
    return [found[name] for name in sorted(found)]


def _sums(
    lines: Sequence[Sequence[Cell]], header: Sequence[str], names: dict[str, list[str]], value: int
) -> dict[tuple[int, int], Decimal]:
    """The cost of each pair of a cost centre and a service, by their places in `names`."""
    places = {name: {one.casefold(): n for n, one in enumerate(kept)} for name, kept in names.items()}
    columns = {name: header.index(name) for name in names}
    sums: dict[tuple[int, int], Decimal] = {}
    for line in lines:
        centre, service = (
            places[name][printable_in_xml(str(line[columns[name]])).casefold()] for name in (CENTRE, SERVICE)
        )
        amount = line[value]
        assert isinstance(amount, Money)
        sums[centre, service] = sums.get((centre, service), Decimal(0)) + amount.amount
    return sums


def _table(
    place: str,
    caption: str,
    value: int,
    header: Sequence[str],
    lines: Sequence[Sequence[Cell]],
    names: dict[str, list[str]],
    pairs: Sequence[tuple[int, int]],
) -> Any:
    """The definition that Excel and LibreOffice read: which fields, where, added up how."""
    from openpyxl.pivot.fields import Index
    from openpyxl.pivot.table import (
        DataField,
        FieldItem,
        Location,
        PivotField,
        PivotTableStyle,
        RowColField,
        RowColItem,
        TableDefinition,
    )

    def field(name: str) -> PivotField:
        if name in names:
            items = [*(FieldItem(x=n, t="data") for n in range(len(names[name]))), FieldItem(t="default")]
            return PivotField(axis="axisRow", items=items, showAll=False)
        return PivotField(dataField=name == header[value], showAll=False)

    rows: list[RowColItem] = []
    for centre in sorted({pair[0] for pair in pairs}):
        rows.append(RowColItem(x=[Index(v=centre)]))
        rows += [RowColItem(r=1, x=[Index(v=service)]) for at, service in pairs if at == centre]
    rows.append(RowColItem(t="grand", x=[Index(v=0)]))
    table = TableDefinition(
        name="PivotLines",
        cacheId=1,
        dataCaption="Values",
        updatedVersion=VERSION,
        minRefreshableVersion=MINIMUM,
        createdVersion=VERSION,
        useAutoFormatting=True,
        itemPrintTitles=True,
        indent=0,
        outline=True,
        outlineData=True,
        multipleFieldFilters=False,
        location=Location(ref=place, firstHeaderRow=1, firstDataRow=1, firstDataCol=1),
        pivotFields=[field(name) for name in header],
        rowFields=[RowColField(x=header.index(CENTRE)), RowColField(x=header.index(SERVICE))],
        rowItems=rows,
        colItems=[RowColItem()],
        dataFields=[
            DataField(name=caption, fld=value, subtotal="sum", baseField=0, baseItem=0, numFmtId=COMMA_AND_CENTS)
        ],
        pivotTableStyleInfo=PivotTableStyle(
            name="PivotStyleLight16", showRowHeaders=True, showColHeaders=True, showRowStripes=False
        ),
    )
    table.cache = _cache(header, len(lines), names)
    return table


def _cache(header: Sequence[str], count: int, names: dict[str, list[str]]) -> Any:
    """Where the figures come from. Nothing of them is kept here: they are read anew when the file is opened."""
    from openpyxl.pivot.cache import CacheDefinition, CacheField, CacheSource, SharedItems, WorksheetSource
    from openpyxl.pivot.fields import Text
    from openpyxl.utils import get_column_letter

    def shared(name: str) -> SharedItems:
        return SharedItems(_fields=[Text(v=one) for one in names[name]]) if name in names else SharedItems()

    return CacheDefinition(
        saveData=False,
        refreshOnLoad=True,
        refreshedBy="aml-finops",
        createdVersion=VERSION,
        refreshedVersion=VERSION,
        minRefreshableVersion=MINIMUM,
        cacheSource=CacheSource(
            type="worksheet",
            worksheetSource=WorksheetSource(ref=f"A1:{get_column_letter(len(header))}{count + 1}", sheet="Lines"),
        ),
        cacheFields=[CacheField(name=name, numFmtId=0, sharedItems=shared(name)) for name in header],
    )
