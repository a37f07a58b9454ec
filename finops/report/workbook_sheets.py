"""The workbook's sheets of cost: by cost centre and service, by day, movers, savings, and the lines behind them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

from finops.report.model import EffectKind, Effects, Line, Money, Report, Savings, Table
from finops.report.workbook_cells import Cell, Sheets, add_sheet

EFFECTS: tuple[EffectKind, ...] = get_args(EffectKind)
NO_SERVICE = "(no service named)"


def by_line(book: Sheets, title: str, first: str, model: Report, table: Table) -> None:
    """Every row, also those that the mail gathers under "Other"; the total last, outside the sortable table."""
    currency = model.currency
    with_plan = table is model.by_cost_centre
    of = model.movers.by_centre if model.movers else {}
    whole = model.movers.effects if model.movers else None

    def row(line: Line) -> Sequence[Cell]:
        amounts: list[Cell] = [line.cost, line.before, line.change, line.percent, line.month]
        if not with_plan:
            return [line.name, *amounts, line.charges, line.figure]
        budget = line.budget
        plan: list[Cell] = [line.forecast, budget.amount if budget else None]
        plan += [budget.spent_percent if budget else None, budget.status.word if budget else "No budget"]
        effects = whole if line.role == "total" else of.get(line.key) if line.role != "other" else None
        return [line.name, *amounts, *plan, *_effects(effects), line.charges, line.figure]

    header = [first, f"Cost ({currency})", f"Before ({currency})", f"Change ({currency})", "Change (%)"]
    header += [f"Month to date ({currency})"]
    if with_plan:
        header += [f"Forecast, mean ({currency})", f"Budget ({currency})", "Budget spent (%)", "Status"]
        header += _effect_names(currency)
    header += ["Charges", "Figure"]
    add_sheet(book, title, header, [row(line) for line in _untagged_last(table)], total=row(table.total))


def _untagged_last(table: Table) -> list[Line]:
    """The mail's order."""
    return sorted(table.all, key=lambda line: line.role == "untagged")


def _effect_names(currency: str) -> list[str]:
    return [f"Of that {kind} ({currency})" for kind in EFFECTS] + ["Lasts"]


def _effects(effects: Effects | None) -> list[Cell]:
    """The parts of a change; empty where the change was not taken apart."""
    if effects is None:
        return [None] * (len(EFFECTS) + 1)
    parts = {part.kind: part.amount for part in effects.parts}
    return [*(parts.get(kind) for kind in EFFECTS), effects.lasts]


def movers(book: Sheets, model: Report) -> None:
    currency = model.currency
    header = ["Cost centre", "Resource", "Workspace", "Subscription", "Service"]
    header += [f"Cost ({currency})", f"Before ({currency})"]
    header += [f"Change ({currency})", "Change (%)", "What happened", *_effect_names(currency), "Resource id"]
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
            *_effects(mover.effects),
            mover.resource_id,
        )
        for mover in (model.movers.all if model.movers else ())
    ]
    add_sheet(book, "Movers", header, rows, empty=_nothing_compared(model))


def _nothing_compared(model: Report) -> str:
    why = model.completeness.not_compared
    return f"Not compared with {model.wording.before}: {why}." if why else "There is nothing before it to compare with."


def savings(book: Sheets, model: Report, found: Savings | None) -> None:
    """Every act, decision and finding. What is counted elsewhere has no amount here, so that columns add up."""
    currency = model.currency
    header = ["Finding", "Found by", "Kind", "Resource", "What", "Held by", "Rule", "Action", "Since", "Undone"]
    header += [f"Realised ({currency})", f"Expected a month ({currency})", "Expected by", f"Cost before ({currency})"]
    header += ["Days before", f"Cost since ({currency})", "Days since", "How", "Why", "Resource id"]
    rows: list[Sequence[Cell]] = []
    for one in found.all if found else ():
        counts = one.counted_with is None
        rows.append(
            (
                int(one.ref) if one.ref.isdecimal() else one.ref or one.number,
                one.source,
                one.kind if counts else f"in {one.counted_with}",
                one.name,
                one.what,
                one.holder,
                one.rule,
                one.did if one.is_done else one.does,
                one.since,
                one.until,
                one.realised,
                one.expected if counts else None,
                one.basis if one.expected and counts else "",
                one.before,
                one.days_before or None,
                one.after,
                one.days_after or None,
                one.how,
                one.why,
                one.resource_id,
            )
        )
    add_sheet(book, "Savings", header, rows, empty="Nothing was found to be saved, or nobody looked.")


def daily(book: Sheets, model: Report) -> None:
    """Each day's cost in both bases; from the month's first day on also where it was heading."""
    currency = model.currency
    first, second = ("Effective", "Billed") if model.basis == "effective" else ("Billed", "Effective")
    known = {day.day: day for day in (*model.curve.before_days, *model.curve.days, *model.days)}
    ahead = {point.day: point for point in model.outlook.path} if model.outlook else {}
    has_range = model.outlook is not None and model.outlook.range is not None
    rows: list[Sequence[Cell]] = []
    for day in sorted({*known, *ahead}):
        there, point = known.get(day), ahead.get(day)
        row: list[Cell] = [day, there.cost if there else None]
        if len(model.bases) == 2:
            row.append(there.other_basis if there else None)
        if ahead:
            low, high = (point.low, point.high) if point and has_range else (None, None)
            row += [low, point.middle if point else None, high]
        rows.append(row)
    header = ["Day", f"{first} cost ({currency})", f"{second} cost ({currency})"][: 1 + len(model.bases)]
    if ahead:
        header += [f"Month so far, {end} ({currency})" for end in ("low", "mean", "high")]
    add_sheet(book, "Daily", header, rows)


def details(book: Sheets, model: Report) -> tuple[list[str], list[Sequence[Cell]]]:
    """The lines, and as header and rows what the pivot is made from."""
    currency, found = model.currency, model.details
    header = ["Day", "Cost centre", "Subscription", "Resource", "Service", "Kind of charge"]
    header += [*(f"{basis.capitalize()} cost ({currency})" for basis in model.bases), "Charges", "Resource id"]
    rows: list[Sequence[Cell]] = [
        (
            line.day,
            line.cost_centre,
            line.subscription,
            line.resource,
            line.service or NO_SERVICE,
            line.category,
            *(getattr(line, basis) for basis in model.bases),
            line.charges,
            line.resource_id,
        )
        for line in found.lines
    ]
    if found.left_out:
        name = f"{found.left_out:,} other charges together"
        rest: list[Money] = [getattr(found, f"left_out_{basis}") for basis in model.bases]
        rows.append((None, name, None, None, "(several)", None, *rest, None, None))
    add_sheet(book, "Lines", header, rows, empty="There are no charges in this period.")
    return header, rows
