"""Compute the report's every figure from the charges, and from what is known besides them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from babel.numbers import get_currency_precision

from finops import __version__
from finops.charges import Period
from finops.errors import DataError, MixedCurrencies
from finops.forecast.charged import last_complete
from finops.report import periods
from finops.report.anomalous import anomalies
from finops.report.bridge import bridge
from finops.report.bridge import remarks as bridge_remarks
from finops.report.claim import Claim
from finops.report.close import close
from finops.report.completeness import completeness_of, subscription_names
from finops.report.decisions import Sources, decisions
from finops.report.details import details
from finops.report.gather import BASES, ZERO, Asked, Basis, cost_in
from finops.report.governed import compliance, exemptions
from finops.report.jumps import jump_of
from finops.report.known import NOTHING, Known
from finops.report.missing import source_names, without_paths
from finops.report.model import (
    EVERYTHING,
    UNTAGGED,
    Audience,
    Category,
    Curve,
    Day,
    Line,
    Money,
    Month,
    Report,
    Table,
)
from finops.report.month import month_so_far, with_running
from finops.report.movers import movers
from finops.report.periods import DAY, last_day, length
from finops.report.plans import budgeted, month_budget, not_comparable, outlook_shown, statuses, with_plans
from finops.report.restated import restatements
from finops.report.rounding import percent_of, printable
from finops.report.savings import savings
from finops.report.shares import share_of
from finops.report.table import Amounts, digits_for, table
from finops.report.units import units

if TYPE_CHECKING:
    from finops.charges import Charges
    from finops.config.model import ReportSettings

# Rows of the service table at most: with 40 cost centres the mail stays under what Gmail shows.
SERVICES = 12


def build(
    book: Charges,
    now: datetime,
    settings: ReportSettings,
    period: Period | None = None,
    estate: Any = None,
    gaps: Iterable[Any] = (),
    claims: Collection[Claim] = (),
    *,
    known: Known = NOTHING,
    share: str | None = None,
    invoice: Decimal | None = None,
    closing: bool = False,
) -> Report:
    """The report of `period`, by default of the last full week, as of `now` (UTC).

    estate: an Estate whose gaps count as well; gaps: what else could not be read (scope, what, reason).
    known: everything that is no charge; claims: what was found to be saved, decided and done, beside known.claims.
    share: the cost centre whose charges alone are reported; closing: with the statement of the month, and its invoice.
    Raises DataError when there are no charges to report, MixedCurrencies when no single currency is chosen.
    """
    currency, other_currencies = currency_of(book, settings)
    chosen = periods.choose(book, now, settings.week_ends, period)
    period = chosen.period
    basis = basis_of(book, settings)
    asked = Asked(book, basis, currency, share)
    known = replace(known, claims=(*known.claims, *claims))
    # As far as is known today: what is spent, the calendar and the forecast are of one day, here and in budget mails.
    newest = last_complete(book, now)
    month_period = periods.month_to(period, newest)
    if share is not None:
        known = share_of(known, book, share, basis, currency, periods.last_day(month_period))
    completeness = completeness_of(book, chosen, estate, gaps)
    before = None if completeness.not_compared else chosen.before
    compared = periods.days_before(chosen.before or period)
    earliest = min(each.start for each in (compared, periods.month_before(month_period)))
    asked = replace(asked, window=Period(earliest, max(period.end, month_period.end)))
    names = subscription_names(book, period)
    with_month = chosen.wording.kind == "week"

    totals = Amounts(
        cost=asked.total(period),
        before=asked.total(before) if before else None,
        month=asked.total(month_period) if with_month else None,
    )
    digits = digits_for(totals, currency)

    def tabled(key: str, top: int, names: Mapping[str, str], untagged: str | None, figure: str) -> Table:
        spent = asked.by([key], period)
        was = asked.by([key], before) if before else None
        month = asked.by([key], month_period) if with_month else None
        bought = asked.bought(key, before, period) if before else ()
        return table(spent, was, month, totals, currency, digits, top, names, untagged, figure, bought)

    centres = tabled("CostCenter", settings.top, settings.cost_centres, UNTAGGED, "cost-centre")
    services = tabled("ServiceName", min(settings.top, SERVICES), {"": "(no service named)"}, None, "service")
    budgets = budgeted(known.standings, asked, month_period, now, known.outlook)
    lost = not_comparable(known.standings, known.not_standing, asked)
    month = None
    if chosen.wording.kind != "days":
        is_whole = completeness.covers_period and not completeness.gaps and not book.missing(month_period)
        month = month_so_far(asked, month_period, month_budget(budgets), now, is_whole, newest)
        # Without a word on it, nobody looked for a forecast.
        if known.no_outlook:
            month = with_running(month, asked, newest, known.strange)
    ahead = month is not None and not month.ended and (with_month or not periods.is_whole_month(period))
    outlook = None
    if known.outlook and ahead and known.outlook.month == month_period.start.date():
        lasting = [one for one in known.goes_on if share is None or one.key == share]
        outlook = outlook_shown(known.outlook, currency, digits, budgets, now, lasting)
    centres = with_plans(centres, outlook, budgets)
    untagged = next(line for line in centres.all if line.role == "untagged")
    if share is not None and share != UNTAGGED:
        centres = _without(centres, untagged)
    untagged_percent = percent_of(untagged.cost.amount, totals.cost) if totals.cost > 0 else None
    found = known.anomalies
    if found is not None and (closing or period.end < periods.choose(book, now, settings.week_ends, None).period.end):
        found = tuple(one for one in found if one.first < period.end.date())  # what is over knows nothing of later days
    strange = anomalies(found, known.anomalies_of, known.no_anomalies, currency, settings.cost_centres, share)
    saved = savings(known.claims, book, currency, digits, now, told=known.told) if known.claims else None
    saved = replace(saved, lacks=known.not_read) if saved else None
    in_period = days_of(asked, period)
    cents = get_currency_precision(currency)
    return Report(
        organisation=printable(settings.organisation, "Your organisation"),
        made=now,
        version=__version__,
        name=_name(chosen.wording.kind, period, share, closing),
        period=period,
        before=before,
        wording=chosen.wording,
        currency=currency,
        digits=digits,
        basis=asked.basis,
        bases=tuple(basis for basis in BASES if basis in book.bases),
        basis_wanted=settings.basis,
        kinds_told=book.kinds_told,
        statuses=statuses(budgets, completeness, lost),
        total=centres.total,
        other_total=Money(asked.total(period, asked.other_basis), currency),
        by_cost_centre=centres,
        by_service=services,
        untagged=untagged,
        untagged_percent=untagged_percent,
        movers=movers(asked, period, before, centres, digits, names),
        month=month,
        curve=_curve(asked, chosen, before, month_period, month, book),
        days=in_period,
        dearest_day=max(in_period, key=lambda day: day.cost.amount),
        categories=_categories(asked, period),
        details=details(asked, period, names),
        savings=saved,
        completeness=completeness,
        other_currencies=other_currencies,
        sources=source_names(book),
        remarks=tuple(without_paths(note, 500) for note in (*bridge_remarks(asked), *book.notes, *known.remarks)),
        audience=_audience(settings, share),
        outlook=outlook,
        no_outlook="" if outlook or not ahead else known.no_outlook,
        budgets=budgets,
        not_comparable=lost,
        decisions=decisions(
            known,
            Sources(
                asked,
                period,
                now,
                budgets,
                strange,
                saved,
                untagged,
                untagged_percent,
                settings.untagged_target,
                month,
                known.owners,
            ),
        ),
        anomalies=strange,
        units=units(asked, period, before, known.work),
        bridge=bridge(asked, period, cents),
        restatements=restatements(asked, known.published, period, now, digits),
        compliance=compliance(asked, period, known.verdicts),
        exemptions=exemptions(asked, period, known.exemptions, now),
        audit_head=known.audit_head,
        close=close(asked, _whole_month(period), now, invoice, known.said) if closing else None,
    )


def currency_of(book: Charges, settings: ReportSettings) -> tuple[str, tuple[str, ...]]:
    held = list(book.currencies)
    if not held:
        raise DataError("There are no charges to report.", "Load cost data that holds at least one charge.")
    if settings.currency is None and len(held) > 1:
        raise MixedCurrencies(
            f"The charges are in {' and '.join(held)}, which cannot be added.",
            f"Choose one: set report.currency (FINOPS_REPORT__CURRENCY), such as {held[0]}.",
        )
    currency = settings.currency or held[0]
    if currency not in held:
        raise DataError(
            f"There are no charges in {currency}; the cost data is in {' and '.join(held)}.",
            f"Set report.currency to {held[0]}, or leave it out.",
        )
    return currency, tuple(other for other in held if other != currency)


def basis_of(book: Charges, settings: ReportSettings) -> Basis:
    """The wanted basis, where the data states it: what only stands in for it is not to carry its name."""
    return settings.basis if settings.basis in book.bases else next(basis for basis in BASES if basis in book.bases)


def _name(kind: str, period: Period, share: str | None, closing: bool = False) -> str:
    """What the report and its files are called. A share has a mark of its own: different keys never share a name. A
    statement is another mail than the report of its month."""
    name = _period_name(kind, period)
    if closing:
        name = f"close-{name.removeprefix('cost-')}"
    if share is None:
        return name
    plain = re.sub(r"[^a-z0-9]+", "-", share.lower()).strip("-")[:40]
    return f"{name}-{plain}-{hashlib.sha256(share.encode()).hexdigest()[:6]}".replace("--", "-")


def _audience(settings: ReportSettings, share: str | None) -> Audience:
    if share is None:
        return EVERYTHING
    named = printable(settings.cost_centres.get(share, ""))
    to = next((tuple(who) for one, who in settings.audiences.items() if one.lower() == share.lower()), ())
    return Audience(share, f"{printable(share)} {named}".strip(), to)


def _without(table: Table, line: Line) -> Table:
    """The table without a line that is of nothing in it."""
    rows, everything = (tuple(one for one in lines if one.role != line.role) for lines in (table.rows, table.all))
    return Table(rows=rows, all=everything, total=table.total)


def _whole_month(period: Period) -> Period:
    start = last_day(period).replace(day=1)
    return Period(start, periods.next_month(start))


def _period_name(kind: str, period: Period) -> str:
    end = last_day(period)
    if kind == "month":
        return f"cost-{end:%Y-%m}" + ("" if periods.is_whole_month(period) else f"-to-{end:%d}")
    if kind == "week":
        return f"cost-week-{end:%Y-%m-%d}"
    first = period.start.date()
    return f"cost-{first}" if first == end else f"cost-{first}-to-{end}"


def _curve(
    asked: Asked,
    chosen: periods.Chosen,
    compared: Period | None,
    month_period: Period,
    month: Month | None,
    book: Charges,
) -> Curve:
    """The month's cost day by day; that of the reported days where a month would not fit."""
    if month is None:
        period, before, before_name = chosen.period, compared, chosen.wording.before
        title = f"Cost added up, {period.label}"
    else:
        period = month_period
        start = period.start.date()
        whole = Period((start - DAY).replace(day=1), start)
        before = whole if whole.start.date() >= book.span.start.date() and not book.missing(whole) else None
        before_name = month.before_name
        title = f"{month.name}, cost added up" + (" against budget" if month.budget else "")
    days, earlier = days_of(asked, period), days_of(asked, before) if before else ()
    return Curve(
        title=title,
        period=period,
        days=days,
        before_name=before_name,
        before_days=earlier,
        jumps=tuple(jump for each in (days, earlier) if (jump := jump_of(asked, each))),
        budget=month.budget.amount if month and month.budget else None,
    )


def days_of(asked: Asked, period: Period) -> tuple[Day, ...]:
    """Every day of the period, those without charges too."""
    cost, other = asked.by_day(period), asked.by_day(period, asked.other_basis)
    found, so_far = [], ZERO
    for offset in range(length(period)):
        day = period.start.date() + timedelta(days=offset)
        so_far += cost.get(day, ZERO)
        found.append(
            Day(
                day=day,
                cost=Money(cost.get(day, ZERO), asked.currency),
                so_far=Money(so_far, asked.currency),
                other_basis=Money(other.get(day, ZERO), asked.currency),
            )
        )
    return tuple(found)


def _categories(asked: Asked, period: Period) -> tuple[Category, ...]:
    both = asked.both(["ChargeCategory"], period)
    effective, billed = both["effective"], both["billed"]
    order = ["Usage", "Purchase", "Credit", "Adjustment", "Tax"]  # FOCUS 1.2, ChargeCategory
    keys = sorted({*effective, *billed}, key=lambda key: (order.index(key[0]) if key[0] in order else 9, key))
    return tuple(
        Category(
            name=asked.kind(key[0]),
            effective=Money(cost_in(effective, key), asked.currency),
            billed=Money(cost_in(billed, key), asked.currency),
        )
        for key in keys
    )
