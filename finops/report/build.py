"""Compute the report's every figure from the charges."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from finops import __version__
from finops.charges import Period
from finops.errors import DataError, MixedCurrencies
from finops.report import periods
from finops.report.details import details
from finops.report.gather import BASES, NONE, ZERO, Asked, Basis, Spent, cost_in
from finops.report.missing import absent, in_full, not_compared, source_names, without_paths
from finops.report.model import (
    UNTAGGED,
    Category,
    Completeness,
    Curve,
    Day,
    Gap,
    Money,
    Month,
    Report,
    Status,
)
from finops.report.month import month_so_far
from finops.report.movers import movers
from finops.report.periods import DAY, last_day, length
from finops.report.rounding import percent_of, printable
from finops.report.savings import Claim, savings
from finops.report.table import Amounts, digits_for, table

if TYPE_CHECKING:
    from finops.charges import Charges
    from finops.config.model import ReportSettings

# Spending this many points of the budget ahead of the calendar is worth watching.
WATCH_POINTS = 5
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
) -> Report:
    """The report of `period`, by default of the last full week, as of `now` (UTC).

    estate: an Estate whose gaps count as well; gaps: what else could not be read (scope, what, reason).
    claims: what was found to be saved, decided and done.
    Raises DataError when there are no charges to report, MixedCurrencies when no single currency is chosen.
    """
    currency, other_currencies = _currency(book, settings)
    chosen = periods.choose(book, now, settings.week_ends, period)
    period = chosen.period
    asked = Asked(book, _basis(book, settings), currency)
    completeness = _completeness(book, chosen, estate, gaps)
    before = None if completeness.not_compared else chosen.before
    month_period = periods.month_to(period)
    names = _names(book, period)
    with_month = chosen.wording.kind == "week"

    totals = Amounts(
        cost=asked.total(period),
        before=asked.total(before) if before else None,
        month=asked.total(month_period) if with_month else None,
    )
    digits = digits_for(totals, currency)

    def ask(key: str) -> tuple[Mapping[Any, Spent], Mapping[Any, Spent] | None, Mapping[Any, Spent] | None]:
        return (
            asked.by([key], period),
            asked.by([key], before) if before else None,
            asked.by([key], month_period) if with_month else None,
        )

    def money(amount: Decimal) -> Money:
        return Money(amount, currency)

    centres = table(*ask("CostCenter"), totals, currency, digits, settings.top, settings.cost_centres, UNTAGGED)
    services = table(
        *ask("ServiceName"), totals, currency, digits, min(settings.top, SERVICES), {"": "(no service named)"}, None
    )
    untagged = next(line for line in centres.all if line.role == "untagged")
    month = None
    if chosen.wording.kind != "days":
        is_whole = completeness.covers_period and not completeness.gaps and not book.missing(month_period)
        month = month_so_far(asked, month_period, settings.monthly_budget, now, is_whole)
    in_period = _days(asked, period)
    return Report(
        organisation=printable(settings.organisation, "Your organisation"),
        made=now,
        version=__version__,
        name=_name(chosen.wording.kind, period),
        period=period,
        before=before,
        wording=chosen.wording,
        currency=currency,
        digits=digits,
        basis=asked.basis,
        bases=tuple(basis for basis in BASES if basis in book.bases),
        basis_wanted=settings.basis,
        kinds_told=book.kinds_told,
        statuses=_statuses(month, completeness),
        total=centres.total,
        other_total=money(asked.total(period, asked.other_basis)),
        by_cost_centre=centres,
        by_service=services,
        untagged=untagged,
        untagged_percent=percent_of(untagged.cost.amount, totals.cost) if totals.cost > 0 else None,
        movers=movers(asked, period, before, centres, digits, names),
        month=month,
        curve=_curve(asked, chosen, before, month_period, month, book),
        days=in_period,
        dearest_day=max(in_period, key=lambda day: day.cost.amount),
        categories=_categories(asked, period),
        details=details(asked, period, names),
        savings=savings(claims, book, currency, digits, now) if claims else None,
        completeness=completeness,
        other_currencies=other_currencies,
        sources=source_names(book),
        remarks=tuple(without_paths(note, 500) for note in book.notes),
    )


def _currency(book: Charges, settings: ReportSettings) -> tuple[str, tuple[str, ...]]:
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


def _basis(book: Charges, settings: ReportSettings) -> Basis:
    """The wanted basis, where the data states it: what only stands in for it is not to carry its name."""
    return settings.basis if settings.basis in book.bases else next(basis for basis in BASES if basis in book.bases)


def _names(book: Charges, period: Period) -> dict[str, str]:
    """What the subscriptions of `period` are called, by id."""
    told: dict[str, str] = {}
    for currency in book.currencies:
        frame = book.by(["SubAccountId", "SubAccountName"], period=period, currency=currency)
        told |= dict(zip(frame["SubAccountId"].tolist(), frame["SubAccountName"].tolist(), strict=True))
    return {str(one).lower(): str(name) for one, name in told.items() if name != NONE} | book.names


def _name(kind: str, period: Period) -> str:
    end = last_day(period)
    if kind == "month":
        return f"cost-{end:%Y-%m}" + ("" if periods.is_whole_month(period) else f"-to-{end:%d}")
    if kind == "week":
        return f"cost-week-{end:%Y-%m-%d}"
    first = period.start.date()
    return f"cost-{first}" if first == end else f"cost-{first}-to-{end}"


def _statuses(month: Month | None, data: Completeness) -> tuple[Status, ...]:
    """What the reader must know first, worst first."""
    budget = month.budget if month else None
    found = []
    if budget and budget.left.amount < 0:
        found.append(Status("Over budget", "bad"))
    if not data.is_whole:
        found.append(Status("Data incomplete", "watch"))
    if data.days_old is not None:
        found.append(Status("STALE data", "watch"))
    if budget and not any(status.tone == "bad" for status in found):
        if budget.spent_percent - budget.month_gone_percent > WATCH_POINTS:
            found.append(Status("Watch", "watch"))
        elif not found:
            found.append(Status("On plan", "good"))
    return tuple(found) or (Status("No budget set", "plain"),)


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
    return Curve(
        title=title,
        period=period,
        days=_days(asked, period),
        before_name=before_name,
        before_days=_days(asked, before) if before else (),
        budget=month.budget.amount if month and month.budget else None,
    )


def _days(asked: Asked, period: Period) -> tuple[Day, ...]:
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
    effective = asked.by(["ChargeCategory"], period, "effective")
    billed = asked.by(["ChargeCategory"], period, "billed")
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


def _completeness(book: Charges, chosen: periods.Chosen, estate: Any, gaps: Iterable[Any]) -> Completeness:
    until = book.complete_until
    unread = [*book.gaps, *(estate.gaps if estate is not None else ()), *gaps]
    refused = {gap.scope for gap in unread}
    lacking = [gap for gap in book.missing(chosen.period) if gap.scope not in refused]
    covers = last_day(chosen.period) <= periods.last_complete_day(book)
    names = _names(book, book.span) if unread or lacking else {}
    why = ""
    if chosen.before:
        why = not_compared(book, chosen.period, chosen.before, chosen.wording, covers)
    return Completeness(
        until=until,
        data=Period(book.span.start, max(periods.last_complete_day(book), book.span.start.date()) + DAY),
        covers_period=covers,
        gaps=(*in_full(unread), *in_full(lacking)),
        absent=absent(unread, names),
        missing=absent(lacking, names),
        not_compared=why,
        rejected=tuple(
            Gap(f"{without_paths(row.file)}, line {row.line}", without_paths(row.reason, 300)) for row in book.rejected
        ),
        days_old=chosen.days_old,
        fallback=chosen.fallback,
    )
