"""The workbook's sheets of plan and trust: summary, budgets, anomalies, reconciliation, restatements, units, policy."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from finops.report.model import Money, Range, Report, Unit
from finops.report.periods import last_day
from finops.report.promise import promise
from finops.report.words import Words
from finops.report.workbook_cells import Cell, Price, Sheets, add_sheet

Row = Sequence[Cell]


def summary(book: Sheets, model: Report, warnings: Sequence[str]) -> None:
    """Every figure of the mail's first screen, one a row, each with the id that `finops report explain` takes."""
    rows = [*_period(model), *_totals(model), *_plan(model), *_found(model), *_behind(model)]
    rows += [("Warning", warning, "") for warning in warnings]
    table = [(row[0], row[1], _unit(row[1]), row[2]) for row in rows]
    add_sheet(book, "Summary", ["What", "Value", "Unit", "Figure"], table)


def _unit(value: Cell) -> str:
    """What a number of the Summary is in."""
    if isinstance(value, Money):
        return value.currency
    return "%" if isinstance(value, Decimal) else "rows" if isinstance(value, int) else ""


def _period(model: Report) -> list[tuple[str, Cell, str]]:
    whose = model.audience.name if model.audience.key is not None else "Everything"
    return [
        ("Organisation", model.organisation, ""),
        ("For", whose, ""),
        ("Period", model.wording.title, ""),
        ("First day", model.period.start.date(), ""),
        ("Last day", last_day(model.period), ""),
        ("Status", ", ".join(status.word for status in model.statuses), ""),
        ("Currency", model.currency, ""),
        ("Cost basis", model.basis, ""),
    ]


def _totals(model: Report) -> list[tuple[str, Cell, str]]:
    total = model.total
    other = "billed" if model.basis == "effective" else "effective"
    return [
        (f"Cost ({model.basis})", total.cost, total.figure),
        (f"Cost ({model.basis}), to the last digit", f"{total.cost.amount.normalize():f}", total.figure),
        *([(f"Cost ({other})", model.other_total, "")] if other in model.bases else []),
        (f"Cost in {model.wording.before}", total.before, ""),
        ("Change", total.change, f"{total.figure}/change"),
        ("Change on the period before", total.percent, f"{total.figure}/change"),
        ("Without a cost centre", model.untagged.cost, model.untagged.figure),
    ]


def _plan(model: Report) -> list[tuple[str, Cell, str]]:
    rows: list[tuple[str, Cell, str]] = []
    if model.month:
        rows.append((model.month.label, model.month.cost, "month"))
        budget = model.month.budget
        if budget:
            rows += [
                (f"Budget of the month ({budget.basis})", budget.amount, budget.figure),
                (f"Spent of the budget ({budget.basis})", budget.spent, budget.figure),
                *([("Charged after these days", budget.later, budget.figure)] if budget.later else []),
                ("Budget left", budget.left, budget.figure),
                ("Budget spent", budget.spent_percent, budget.figure),
                ("Month gone", budget.month_gone_percent, budget.figure),
            ]
    outlook = model.outlook
    if outlook is None:
        return [*rows, ("Forecast", model.no_outlook or "none", "")] if model.no_outlook else rows
    name = f"Forecast of {outlook.month}"
    rows.append((f"{name}, mean", outlook.middle, outlook.figure))
    if outlook.range:
        share = promise(outlook.record, Words(0), outlook.level)
        rows += [
            (f"{name}, low end ({share})", outlook.range.low, outlook.figure),
            (f"{name}, high end ({share})", outlook.range.high, outlook.figure),
        ]
    else:
        rows.append((f"{name}, range", outlook.why_no_range, ""))
    if outlook.chance_over is not None:
        rows.append(("Chance over budget", outlook.chance_over * 100, outlook.figure))
    if outlook.over:
        rows.append(("Forecast above the budget", outlook.over, outlook.figure))
    rows.append(("Bought ahead this month, in both", outlook.purchases, ""))
    return rows


def _found(model: Report) -> list[tuple[str, Cell, str]]:
    rows: list[tuple[str, Cell, str]] = []
    if model.savings:
        rows += [
            (f"Savings realised, to {model.savings.to:%Y-%m-%d}", model.savings.realised.amount, "savings/realised"),
            ("Savings approved, a month", model.savings.approved.amount, "savings/approved"),
            ("Savings identified, a month", model.savings.identified.amount, "savings/identified"),
        ]
    for number, decision in enumerate(model.decisions, 1):
        by = f", by {decision.by:%Y-%m-%d}" if decision.by else ""
        owner = f"; owner: {decision.owner}" if decision.owner else ""
        per = f", {decision.per}" if decision.per else ""
        rows.append((f"Decision {number}: {decision.what}{owner}{by}{per}", decision.amount, decision.figure))
    if model.anomalies:
        rows += [
            ("Open anomalies", f"{model.anomalies.open}", "anomalies"),
            ("Impact of open anomalies", model.anomalies.impact, "anomalies"),
        ]
    return rows


def _behind(model: Report) -> list[tuple[str, Cell, str]]:
    data = model.completeness
    rows: list[tuple[str, Cell, str]] = [
        ("Charges counted", model.total.charges, ""),
        ("Data complete to (UTC)", data.until if data.until else "not stated", ""),
        ("Rows not readable", len(data.rejected), ""),
        ("Parts missing", len(data.gaps), ""),
    ]
    if model.audit_head:
        rows.append(("Head of the audit trail", model.audit_head, ""))
    return rows


def budgets(book: Sheets, model: Report) -> None:
    currency = model.currency
    header = ["Budget", "Watches", "Period", "First day", "Last day", "Basis", "Amount", "Currency", "Spent"]
    header += ["Charged after these days"]
    header += ["Left", "Spent (%)", "Period gone (%)", "Forecast, low", "Forecast, mean", "Forecast, high"]
    header += ["Chance over (%)", "Status", "Thresholds reached", "Complete to (UTC)", "Figure"]
    rows: list[Row] = [
        (
            budget.title,
            budget.scope,
            budget.period_name,
            budget.period.start.date(),
            last_day(budget.period),
            budget.basis,
            budget.amount,
            budget.amount.currency,
            budget.spent,
            budget.later,
            budget.left,
            budget.spent_percent,
            budget.gone_percent,
            *_ends(budget.forecast),
            None if budget.chance_over is None else budget.chance_over * 100,
            budget.status.word,
            ", ".join(budget.crossed),
            budget.complete_until,
            budget.figure,
        )
        for budget in model.budgets
    ]
    add_sheet(book, "Budgets", header, rows, empty=f"No budget in {currency} is set.")


def _ends(reach: Range | None) -> tuple[Cell, Cell, Cell]:
    return (reach.low, reach.middle, reach.high) if reach else (None, None, None)


def anomalies(book: Sheets, model: Report) -> None:
    """Every anomaly, the open ones first."""
    currency = model.currency
    header = ["State", "Scope", "Name", "Kind", "First day", "Last day", f"Actual ({currency})"]
    header += [f"Expected, {end} ({currency})" for end in ("low", "mean", "high")]
    header += [f"Impact ({currency})", "Impact (%)", "Cause", "Evidence", "Owner", "Found (UTC)", "Id", "Figure"]
    found = model.anomalies
    rows: list[Row] = [
        (
            one.state,
            one.scope,
            one.name,
            one.kind,
            one.first,
            one.last,
            one.actual,
            *_ends(one.expected),
            one.impact,
            one.percent,
            one.cause,
            "\n".join(one.evidence),
            one.owner or "nobody known",
            one.found_at,
            one.id,
            one.figure,
        )
        for one in (found.all if found else ())
    ]
    empty = "Nobody looked for anomalies."
    if found:
        looked = f" in {found.evaluated.label}" if found.evaluated else ""
        empty = f"No anomalies{looked}. {found.why}".strip()
    add_sheet(book, "Anomalies", header, rows, empty=empty)


def reconciliation(book: Sheets, model: Report) -> None:
    """The bridge line by line, both bases by kind of charge, and what a closed month comes to."""
    currency = model.currency
    rows: list[Row] = []
    if model.bridge:
        bridge = model.bridge
        rows.append(("bridge", "Effective cost in this report", bridge.start, model.total.charges, "", "bridge"))
        rows += [
            ("bridge", line.name, line.amount, line.charges, ", ".join(line.of), line.figure) for line in bridge.lines
        ]
        rows.append(("bridge", bridge.why_open or "Not explained", bridge.gap, None, "", "bridge"))
        rows.append(("bridge", bridge.end_name.capitalize(), bridge.end, None, "", "bridge"))
        rows += [
            ("in both alike", line.name, line.amount, line.charges, ", ".join(line.of), line.figure)
            for line in bridge.included
        ]
    for basis in model.bases:
        rows += [
            (f"{basis} cost by kind of charge", kind.name, getattr(kind, basis), None, "", "")
            for kind in model.categories
        ]
    if model.close:
        close = model.close
        origin = "the invoice" if close.invoice_from == "given" else "the charges of the month"
        rows += [
            ("close", f"Invoice total ({origin})", close.invoice, None, close.label, close.figure),
            ("close", "Billed cost in our data", close.ours, None, close.label, close.figure),
            ("close", "Difference", close.difference, None, close.label, close.figure),
            ("close", "Effective cost", close.effective, None, close.label, close.figure),
        ]
        rows += [
            ("close", f"Forecast made for day {said.day.day}", said.middle, None, close.label, close.figure)
            for said in close.forecasts
        ]
    header = ["Part", "Line", f"Amount ({currency})", "Charges", "Belongs to", "Figure"]
    add_sheet(book, "Reconciliation", header, rows)


def restatements(book: Sheets, model: Report) -> None:
    currency = model.currency
    header = ["Period", "First day", "Last day", f"Published ({currency})", "Published at (UTC)"]
    header += [f"Now ({currency})", f"Change ({currency})", "Change (%)", "State of the period", "Figure"]
    found = model.restatements
    rows: list[Row] = [
        (
            one.label,
            one.period.start.date(),
            last_day(one.period),
            one.published,
            one.published_at,
            one.now,
            one.change,
            one.percent,
            one.state,
            one.figure,
        )
        for one in found.rows
    ]
    empty = "Nothing was published before."
    if found.published:
        empty = f"None of the {found.checked:,} figures that were published before has changed."
    add_sheet(book, "Restatements", header, rows, empty=empty)


def units(book: Sheets, model: Report) -> None:
    if model.units is None:
        return
    found, currency = model.units, model.currency

    def row(unit: Unit, name: str = "") -> Row:
        value, before = (Price(one) if one else None for one in (unit.value, unit.before))
        return (name or unit.name, unit.per, value, unit.cost, unit.quantity, before, unit.why, unit.figure)

    rows: list[Row] = [*map(row, found.gpu_hours), row(found.per_job), *map(row, found.predictions)]
    rows += [
        (share.name, f"% of {share.unit}", share.percent, None, share.whole, None, share.why, share.figure)
        for share in (found.spot, found.idle)
    ]
    header = ["What", "Per", "Value", f"Cost ({currency})", "Quantity", "Value before", "Why it is not known", "Figure"]
    add_sheet(book, "Unit costs", header, rows)


def governance(book: Sheets, model: Report) -> None:
    """What follows the policies, and what is exempt, with its cost."""
    if model.compliance is None and model.exemptions is None:
        return
    currency = model.currency
    rows: list[Row] = []
    for one in model.compliance.rows if model.compliance else ():
        rows.append(("not compliant", one.policy, one.resources, one.cost, "", "", None, "", one.figure))
    for exempt in model.exemptions.rows if model.exemptions else ():
        rules = ", ".join(exempt.rules) or "all rules"
        words = (exempt.name, None, exempt.cost, exempt.owner, f"{rules}: {exempt.reason}", exempt.until)
        rows.append(("exempt", *words, exempt.status, exempt.figure))
    header = ["Kind", "Policy or scope", "Resources", f"Cost ({currency})", "Owner", "Why", "Until", "State", "Figure"]
    add_sheet(book, "Governance", header, rows, empty="Everything follows every policy, and nothing is exempt.")
