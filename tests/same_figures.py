"""Whether all forms of a report say the same figures: mail, text, page, workbook, archive and JSON."""

from __future__ import annotations

import html
import io
import json
import re
from decimal import Decimal
from email.message import EmailMessage
from typing import Any

from openpyxl import load_workbook

from finops.report import Rendered, Report
from finops.report.figures import figures
from finops.report.model import Line, Money
from finops.report.words import Words

# An amount or a percentage as the house writes it: "$8,601", "−$237.10", "$34.3k", "CHF 12", "70.1%".
_FIGURE = re.compile(
    r"(?:[$€£¥]|\b(?:CHF|SEK|NOK|DKK|PLN)\s?)\s?\d{1,3}(?:,?\d{3})*(?:\.\d+)?(?:k|m|bn)?|\d{1,3}(?:,?\d{3})*(?:\.\d+)?%"
)


def said_in(text: str) -> set[str]:
    """Every amount and percentage that people read in it."""
    plain = text.replace("\N{WORD JOINER}", "").replace("\N{NO-BREAK SPACE}", " ")
    return {" ".join(found.split()) for found in _FIGURE.findall(plain)}


def read(markup: str) -> str:
    """What a page shows, the words beside its pictures included, without its head."""
    body = markup.partition("<body")[2]
    alts = " ".join(re.findall(r'alt="([^"]*)"', body))
    return html.unescape(f"{re.sub(r'<[^>]+>', ' ', body)} {alts}")


def differences(model: Report, bundle: Rendered, message: EmailMessage | None = None) -> list[str]:
    """What one form says and another does not, and what the workbook or the JSON hold otherwise; empty: all agree."""
    found = _forms(bundle, message)
    found += _workbook(model, bundle)
    found += _json(model, bundle)
    found += _parts(model)
    return found


def _forms(bundle: Rendered, message: EmailMessage | None) -> list[str]:
    """The text, the mail and the page say one and the same."""
    mail, text, page = said_in(read(bundle.html)), said_in(bundle.text), said_in(read(bundle.page))
    found = [f"the text lacks {figure} of the mail" for figure in sorted(mail - text)]
    found += [f"the page lacks {figure} of the mail" for figure in sorted(mail - page)]
    found += [f"the page lacks {figure} of the text" for figure in sorted(text - page)]
    head = said_in(f"{bundle.verdict} {bundle.preheader}")
    found += [f"the text lacks {figure} of the first lines" for figure in sorted(head - text)]
    if message is not None:
        plain, markup = message.get_body(("plain",)), message.get_body(("html",))
        assert plain is not None
        assert markup is not None
        found += [] if said_in(plain.get_content()) == text else ["the mail's text part is another"]
        found += [] if said_in(read(markup.get_content())) == mail else ["the mail's HTML part is another"]
    return found


def _workbook(model: Report, bundle: Rendered) -> list[str]:
    """Every exact amount of the tables, as a number, and every figure of the Summary."""
    book = load_workbook(io.BytesIO(bundle.workbook))
    found: list[str] = []
    for sheet, table in (("By cost centre", model.by_cost_centre), ("By service", model.by_service)):
        rows = {row[0]: row for row in book[sheet].iter_rows(min_row=2, values_only=True) if row[0]}
        for line in (*table.all, table.total):
            found += _row(sheet, line, rows.get(line.name))
    ids = {one.id: one for one in figures(model)}
    for what, value, unit, figure in book["Summary"].iter_rows(min_row=2, values_only=True):
        known = ids.get(str(figure)) if figure else None
        is_ends = any(word in str(what) for word in ("end (", "pent", "above"))
        if known is None or known.value is None or not isinstance(value, int | float) or is_ends:
            continue
        if unit == known.unit and str(what).startswith(("Cost", "Change", "Forecast", "Savings", "Decision")):
            found += _same(f"Summary, {what}", value, known.value)
    days = sum(Decimal(str(row[1])) for row in _lines_of(book, model))
    found += _same("the sum of Lines", days, model.total.cost.amount)
    pivot = {row[0]: row[1] for row in book["Pivot"].iter_rows(min_row=4, values_only=True)}
    if "Grand Total" in pivot:
        found += _same("the pivot's total", pivot["Grand Total"], model.total.cost.amount)
    return found


def _lines_of(book: Any, model: Report) -> list[tuple[str, Any]]:
    sheet = book["Lines"]
    header = [cell.value for cell in sheet[1]]
    place = next(n for n, name in enumerate(header) if str(name).startswith(model.basis.capitalize()))
    rows = sheet.iter_rows(min_row=2, values_only=True)
    return [(str(row[1]), row[place]) for row in rows if isinstance(row[place], int | float)]


def _row(sheet: str, line: Line, row: tuple[Any, ...] | None) -> list[str]:
    if row is None:
        return [f"{sheet} lacks {line.name}"]
    found: list[str] = []
    for place, amount in ((1, line.cost), (2, line.before), (3, line.change), (5, line.month)):
        found += _amount(f"{sheet}, {line.name}, column {place + 1}", row[place], amount)
    return found


def _amount(where: str, cell: Any, amount: Money | None) -> list[str]:
    if amount is None:
        return [] if cell is None else [f"{where} says {cell} of what is not known"]
    return _same(where, cell, amount.amount)


def _same(where: str, cell: Any, amount: Decimal) -> list[str]:
    """A spreadsheet keeps 15 digits."""
    if cell is None:
        return [f"{where} is empty, and not {amount}"]
    close = abs(Decimal(str(cell)) - amount) <= max(abs(amount), Decimal(1)) * Decimal("1e-13")
    return [] if close else [f"{where} is {cell}, and not {amount}"]


def _json(model: Report, bundle: Rendered) -> list[str]:
    """Every figure of the report by its id, to the last digit."""
    told = json.loads(bundle.figures)
    there = {one["id"]: one for one in told["figures"]}
    found = [f"the JSON lacks {one.id}" for one in figures(model) if one.id not in there]
    for one in figures(model):
        value = there.get(one.id, {}).get("value")
        if (None if value is None else Decimal(value)) != one.value:
            found.append(f"the JSON says {value} of {one.id}, and not {one.value}")
    if (told["subject"], told["verdict"]) != (bundle.subject, bundle.verdict):
        found.append("the JSON has other sentences")
    return found


def _parts(model: Report) -> list[str]:
    """Printed rows make printed totals, and parts make the whole, to the last digit."""
    found: list[str] = []
    for name, table in (("cost centres", model.by_cost_centre), ("services", model.by_service)):
        total = table.total
        for column in ("shown_cost", "shown_change", "shown_month", "shown_forecast"):
            whole = getattr(total, column)
            parts = [getattr(row, column) for row in table.rows]
            if whole is not None and all(part is not None for part in parts):
                found += _adds(f"{column} of {name}", [part.amount for part in parts], whole.amount)
        found += _adds(f"cost of {name}", [line.cost.amount for line in table.all], total.cost.amount)
    if model.bridge:
        bridge = model.bridge
        lines = [line.amount.amount for line in bridge.lines]
        found += _adds("the bridge", [bridge.start.amount, *lines, bridge.gap.amount], bridge.end.amount)
        shown = [bridge.shown_start.amount, *(line.shown.amount for line in bridge.lines), bridge.shown_gap.amount]
        found += _adds("the printed bridge", shown, bridge.shown_end.amount)
    if model.movers:
        for driver in model.movers.drivers:
            if driver.effects and driver.line.change and driver.line.shown_change:
                exact = [part.amount.amount for part in driver.effects.parts]
                printed = [part.shown.amount for part in driver.effects.parts]
                found += _adds(f"the parts of {driver.line.name}", exact, driver.line.change.amount)
                found += _adds(f"the printed parts of {driver.line.name}", printed, driver.line.shown_change.amount)
    if model.outlook:
        found += _adds("the means", [one.amount for one in model.outlook.by.values()], model.outlook.middle.amount)
    return found


def _adds(what: str, parts: list[Decimal], whole: Decimal) -> list[str]:
    added = sum(parts, Decimal(0))
    return [] if added == whole else [f"{what}: {added} is not {whole}"]


def printed(model: Report) -> set[str]:
    """The figures that a report must not be without, as its forms write them."""
    words = Words(model.digits)
    lines = [*model.by_cost_centre.with_total]
    wanted = {words.money(line.shown_cost) for line in lines}
    wanted |= {words.money(line.shown_month) for line in lines if line.shown_month}
    wanted |= {words.size(line.shown_change) for line in lines if line.shown_change and line.shown_change.amount}
    if model.outlook and model.outlook.range:
        wanted |= said_in(words.range(model.outlook.range))
    if model.bridge:
        wanted |= {words.cents(line.shown) for line in model.bridge.lines}
    return {one.lstrip("−\N{WORD JOINER}") for one in wanted}
