"""`finops report figures`, `explain` and `close`: what is behind the figures, and the statement of a month."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from finops.cli.output import note, output_option, show
from finops.cli.report import _options, worked
from finops.cli.session import Session, reads_azure
from finops.errors import UsageError

if TYPE_CHECKING:
    from finops.report.explain import Behind
    from finops.report.model import Close

MOST = 50


@click.command()
@_options
@output_option
@reads_azure
def figures(session: Session, output: str, **asked: Any) -> None:
    """List every figure of the report with its id, for `finops report explain`. Changes nothing.

    FILES: as for `finops report render`.

    \b
    finops report figures
    finops report figures costs.csv --month 2026-10 -o json
    """
    from finops import report
    from finops.report.figures import figures as listed

    with worked(session, **asked) as of:
        made = report.build(of.book, session.now, of.settings.report, of.period, known=of.known, share=of.share)
    rows = [{"id": one.id, "figure": one.value, "unit": one.unit, "says": one.says} for one in listed(made)]
    show(rows, output, title="Figures")


@click.command()
@click.argument("figure", metavar="FIGURE_ID")
@_options
@click.option("--top", type=click.IntRange(0), default=MOST, show_default=True, help="Rows; 0: all of them.")
@output_option
@reads_azure
def explain(session: Session, figure: str, top: int, output: str, **asked: Any) -> None:
    """List what is behind one figure of the report: the charges that add up to it, or the evidence. Changes nothing.

    FIGURE_ID: as printed beside the figure, or listed by `finops report figures`.

    FILES: as for `finops report render`; give the same ones, and the same period.

    \b
    finops report explain cost-centre/CC-4300/change
    finops report explain driver/CC-4300/price costs.csv --week-ending 2026-11-21
    """
    from finops import report
    from finops.charges.book import added
    from finops.report.explain import explain as explained

    with worked(session, **asked) as of:
        made = report.build(of.book, session.now, of.settings.report, of.period, known=of.known, share=of.share)
        found = explained(made, of.book, figure, of.known)
    one = found.figure
    shown = found.rows[: top or None]
    rest = found.rows[len(shown) :]
    rows = [_behind(row) for row in shown]
    if rest:
        counts = [row.charges for row in rest if row.charges is not None]
        amount, charges = added(row.amount for row in rest), sum(counts) if counts else None
        rows.append({**dict.fromkeys(rows[0]), "name": f"{len(rest)} more", "amount": amount, "charges": charges})
    if output == "table":
        value = "not known" if one.value is None else f"{one.value:f} {one.unit}".strip()
        click.echo(f"{one.id}: {value}, {one.says}")
        for sentence in found.evidence:
            click.echo(f"  {sentence}")
    else:
        for sentence in found.evidence:
            note(sentence)
    if rows or output != "table":
        show(rows, output, title=one.says)
    if output == "table" and found.total is not None:
        click.echo(f"These add up to {found.total:f}." if found.adds_up else f"Together {found.total:f}.")


@click.command()
@click.argument("files", nargs=-1, metavar="[FILES]...")
@click.option("--month", required=True, metavar="YYYY-MM", help="The month to close.")
@click.option("--invoice", metavar="AMOUNT", help="The total of the invoice, in the report's currency.")
@click.option("--currency", metavar="CODE", help="In place of report.currency.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Write the month's report there, too.")
@output_option
@reads_azure
def close(
    session: Session,
    files: tuple[str, ...],
    month: str,
    invoice: str | None,
    currency: str | None,
    out: Path | None,
    output: str,
) -> None:
    """Hold a month against its invoice and against what was forecast of it. Changes nothing in Azure.

    FILES: as for `finops report render`. Without --invoice the billed charges of the month stand for it.

    \b
    finops report close --month 2026-10 --invoice 34120.55
    finops report close --month 2026-10 --out report
    """
    from finops import jobs
    from finops.report.files import write

    total = _amount(invoice)
    asked = {"files": files, "week_ending": None, "month": month, "first": None, "last": None, "basis": None}
    with worked(session, audience=None, charges_only=True, currency=currency, **asked) as of:
        made = jobs.make(of.book, of.settings, session.now, of.period, known=of.known, closing=True, invoice=total)
    if out:
        write(out, made.forms, jobs.message(made, of.settings))
    statement = made.figures.close
    assert statement is not None
    show([_closed(statement)] if output != "table" else _lines(statement), output, title=f"Close of {statement.label}")
    if statement.why_no_forecasts:
        note(f"Forecasts: {statement.why_no_forecasts}.")


def _behind(row: Behind) -> dict[str, Any]:
    return {
        "day": row.day,
        "name": row.name,
        "meter": row.meter,
        "amount": row.amount,
        "charges": row.charges,
        "note": row.note,
        "resourceId": row.resource_id,
    }


def _closed(one: Close) -> dict[str, Any]:
    return {
        "month": f"{one.month.start:%Y-%m}",
        "state": one.state,
        "closesOn": one.closes_on,
        "currency": one.invoice.currency,
        "invoice": one.invoice.amount,
        "invoiceFrom": one.invoice_from,
        "billed": one.ours.amount,
        "difference": one.difference.amount,
        "effective": one.effective.amount,
        "forecasts": [
            {
                "day": each.day,
                "low": each.said.low.amount if each.said else None,
                "middle": each.middle.amount,
                "high": each.said.high.amount if each.said else None,
                "miss": each.miss.amount,
                "missPercent": each.miss_percent,
                "inside": each.inside,
                "saidThen": each.said_then,
            }
            for each in one.forecasts
        ],
    }


def _lines(one: Close) -> list[dict[str, Any]]:
    source = "given" if one.invoice_from == "given" else "from the billed charges, no paper"
    rows = [
        {"line": f"Invoice of {one.label} ({source})", "amount": one.invoice.amount, "note": ""},
        {"line": "Billed for the days of the month", "amount": one.ours.amount, "note": ""},
        {"line": "Difference", "amount": one.difference.amount, "note": f"{one.state}, closes on {one.closes_on}"},
        {"line": "Effective cost of the month", "amount": one.effective.amount, "note": ""},
    ]
    for each in one.forecasts:
        said = "" if each.said_then else "made again from the charges; "
        held = "no range" if each.inside is None else "inside the range" if each.inside else "outside the range"
        line = f"Forecast of {each.day}"
        miss = f"missed by {each.miss.amount:f}"
        rows.append({"line": line, "amount": each.middle.amount, "note": f"{said}{held}, {miss}"})
    return rows


def _amount(text: str | None) -> Decimal | None:
    if text is None:
        return None
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite():
        raise UsageError(f"'{text}' is no amount.", "Write digits and a point, such as 34120.55.")
    return amount
