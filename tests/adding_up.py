"""Whether the parts of every table of a report add up to its whole, to the last digit: what does not, in words."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from finops.report import Report
from finops.report.model import Effects, Money, Sum, Table
from finops.report.rounding import rounded

NIL = Decimal(0)


def amiss(model: Report) -> list[str]:
    """Every table whose parts are not its whole; empty: all add up."""
    found = [*_table("cost centres", model.by_cost_centre), *_table("services", model.by_service)]
    found += [*_time(model), *_movers(model), *_budgets(model), *_savings(model), *_trust(model)]
    return found


def _same(what: str, parts: Iterable[Decimal], whole: Decimal) -> list[str]:
    added = sum(parts, NIL)
    return [] if added == whole else [f"{what}: {added} is not {whole}"]


def _some(what: str, parts: Iterable[Money | None], whole: Money | None) -> list[str]:
    """A column: where its total is known every row is, and the other way round."""
    rows = list(parts)
    known = [one.amount for one in rows if one is not None]
    if whole is None:
        return [f"{what} has rows and no total"] if known else []
    if len(known) < len(rows):
        return [f"{what} has a total and rows without an amount"]
    return _same(what, known, whole.amount)


def _table(name: str, table: Table) -> list[str]:
    found: list[str] = []
    for column in ("cost", "before", "change", "month", "forecast"):
        whole = getattr(table.total, column)
        found += _some(f"{column} of all {name}", [getattr(row, column) for row in table.all], whole)
    for column in ("shown_cost", "shown_change", "shown_month", "shown_forecast"):
        whole = getattr(table.total, column)
        found += _some(f"{column} of {name}", [getattr(row, column) for row in table.rows], whole)
    for row in (*table.all, table.total):
        if row.before and row.change:
            found += _same(f"before and change of {row.name}", [row.before.amount, row.change.amount], row.cost.amount)
    return found


def _time(model: Report) -> list[str]:
    total = model.total.cost.amount
    found = _same("services and cost centres", [model.by_service.total.cost.amount], total)
    found += _same("the days", [one.cost.amount for one in model.days], total)
    found += _same("the days' other basis", [one.other_basis.amount for one in model.days], model.other_total.amount)
    ours, theirs = (total, model.other_total.amount)
    effective, billed = (ours, theirs) if model.basis == "effective" else (theirs, ours)
    found += _same("kinds of charges", [one.effective.amount for one in model.categories], effective)
    found += _same("billed kinds of charges", [one.billed.amount for one in model.categories], billed)
    lines, left = model.details.lines, model.details
    found += _same("the lines", [*(one.effective.amount for one in lines), left.left_out_effective.amount], effective)
    found += _same("the billed lines", [*(one.billed.amount for one in lines), left.left_out_billed.amount], billed)
    if model.month:
        within = [one.cost.amount for one in model.curve.days if one.day in set(model.month.period.days)]
        found += _same("the month's days", within, model.month.cost.amount)
        if model.by_cost_centre.total.month:  # a period that is the month itself has no such column
            rows = [row.month for row in model.by_cost_centre.all]
            found += _some("the month's cost centres", rows, model.month.cost)
    seen = model.outlook
    if seen:
        found += _same("the forecast's means", [one.amount for one in seen.by.values()], seen.middle.amount)
        if seen.over and seen.budget:
            found += _same("budget and what is over it", [seen.budget.amount, seen.over.amount], seen.middle.amount)
    return found


def _movers(model: Report) -> list[str]:
    """What movers are called by is printed: the lines, the resources below them, and what is left of both."""
    movers, total = model.movers, model.total
    if not movers or not total.change or not total.shown_change:
        return []
    named = [one.line.shown_change.amount for one in movers.drivers if one.line.shown_change]
    found = _same("the movers", [*named, movers.everything_else.amount], total.shown_change.amount)
    for one in movers.drivers:
        assert one.line.change
        assert one.line.shown_change
        resources = [rounded(each.change.amount, model.digits) for each in one.resources]
        found += _same(f"the resources of {one.line.name}", [*resources, one.rest.amount], one.line.shown_change.amount)
        found += _effects(one.line.name, one.effects, one.line.change.amount)
    found += _same("every mover", [one.change.amount for one in movers.all], total.change.amount) if movers.all else []
    found += _effects("the whole change", movers.effects, total.change.amount)
    if movers.by_centre:
        of = [part.amount.amount for one in movers.by_centre.values() for part in one.parts]
        found += _same("price and quantity of all cost centres", of, total.change.amount)
    for centre, effects in movers.by_centre.items():
        mine = [one for one in movers.all if one.cost_centre == centre and one.change.amount]
        if all(one.effects for one in mine):
            for part in effects.parts:
                each = [of_kind.amount.amount for one in mine if one.effects and (of_kind := one.effects.of(part.kind))]
                found += _same(f"{part.kind} of the resources of {centre}", each, part.amount.amount)
    return found


def _effects(name: str, effects: Effects | None, change: Decimal) -> list[str]:
    return _same(f"the parts of {name}", [one.amount.amount for one in effects.parts], change) if effects else []


def _budgets(model: Report) -> list[str]:
    found: list[str] = []
    for one in model.budgets:
        parts = [one.spent, *([one.later] if one.later else []), one.left]
        found += _same(f"spent and left of {one.name}", [part.amount for part in parts], one.amount.amount)
    return found


def _savings(model: Report) -> list[str]:
    saved = model.savings
    if saved is None:
        return []
    found: list[str] = []
    for kind in ("realised", "approved", "identified"):
        whole: Sum = getattr(saved, kind)
        parts: list[Sum] = [getattr(one, kind) for one in saved.sources]
        found += _same(f"{kind} of all sources", [one.amount.amount for one in parts], whole.amount.amount)
        found += _same(f"acts {kind}", [Decimal(one.count) for one in parts], Decimal(whole.count))
        mine = [one for one in saved.all if one.kind == kind and one.counted_with is None]
        amounts = [one.realised if kind == "realised" else one.expected for one in mine]
        found += _same(f"{kind} one by one", [one.amount for one in amounts if one], whole.amount.amount)
    shown = [*(one.shown.amount for one in saved.rows if one.shown), saved.others_shown.amount]
    found += _same("printed savings", shown, saved.shown.amount)
    return found


def _trust(model: Report) -> list[str]:
    found: list[str] = []
    if model.bridge:
        one = model.bridge
        found += [] if one.closes and one.gap.amount == 0 else [f"the bridge is open by {one.gap.amount}"]
        found += _same("the bridge", [one.start.amount, *(line.amount.amount for line in one.lines)], one.end.amount)
        printed = [one.shown_start.amount, *(line.shown.amount for line in one.lines)]
        found += _same("the printed bridge", printed, one.shown_end.amount)
    for row in model.restatements.rows:
        found += _same(f"restated {row.label}", [row.published.amount, row.change.amount], row.now.amount)
    for strange in model.anomalies.all if model.anomalies else ():
        parts = [strange.expected.middle.amount, strange.impact.amount]
        found += _same(f"anomaly {strange.id}", parts, strange.actual.amount)
    if model.close:
        close = model.close
        found += _same("the statement", [close.ours.amount, close.difference.amount], close.invoice.amount)
    return found
