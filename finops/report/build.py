"""Compute the report's every figure from the charges."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from finops import __version__
from finops.charges import Period
from finops.errors import DataError, MixedCurrencies
from finops.report import periods
from finops.report.details import details
from finops.report.gather import ZERO, Asked, Spent, cost_in
from finops.report.model import (
    UNTAGGED,
    Budget,
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
from finops.report.movers import movers
from finops.report.periods import DAY, last_day, length
from finops.report.rounding import percent_of, printable, rounded
from finops.report.table import Amounts, digits_for, table, worth_saying

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
) -> Report:
    """The report of `period`, by default of the last full week, as of `now` (UTC).

    estate: an Estate whose gaps count as well; gaps: what else could not be read (scope, what, reason).
    Raises DataError when there are no charges to report, MixedCurrencies when no single currency is chosen.
    """
    currency, other_currencies = _currency(book, settings)
    chosen = periods.choose(book, now, settings.week_ends, period)
    period, before = chosen.period, chosen.before
    asked = Asked(book, settings.basis, currency)
    month_period = periods.month_to(period)
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
    month = None if chosen.wording.kind == "days" else _month(asked, month_period, settings, now, book)
    completeness = _completeness(book, chosen, estate, gaps)
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
        basis=settings.basis,
        statuses=_statuses(month, completeness),
        total=centres.total,
        other_total=money(asked.total(period, asked.other_basis)),
        by_cost_centre=centres,
        by_service=services,
        untagged=untagged,
        untagged_percent=percent_of(untagged.cost.amount, totals.cost) if totals.cost > 0 else None,
        movers=movers(asked, period, before, centres, digits),
        month=month,
        curve=_curve(asked, chosen, month_period, month, book, now),
        days=in_period,
        dearest_day=max(in_period, key=lambda day: day.cost.amount),
        categories=_categories(asked, period),
        details=details(asked, period),
        completeness=completeness,
        other_currencies=other_currencies,
        sources=tuple(printable(source, longest=300) for source in book.sources),
        remarks=tuple(printable(note, longest=500) for note in book.notes),
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


def _name(kind: str, period: Period) -> str:
    end = last_day(period)
    if kind == "month":
        return f"cost-{end:%Y-%m}" + ("" if periods.is_whole_month(period) else f"-to-{end:%d}")
    if kind == "week":
        return f"cost-week-{end:%Y-%m-%d}"
    first = period.start.date()
    return f"cost-{first}" if first == end else f"cost-{first}-to-{end}"


def _month(asked: Asked, period: Period, settings: ReportSettings, now: datetime, book: Charges) -> Month:
    """The month so far, against the same days of the month before and against the budget."""
    cost = asked.total(period)
    previous = periods.month_before(period)
    known = previous.start.date() >= book.span.start.date()
    before = asked.total(previous) if known else None
    start, end = period.start.date(), last_day(period)
    budget = None
    if settings.monthly_budget:
        in_month = (periods.next_month(start) - start).days
        budget = Budget(
            amount=Money(settings.monthly_budget, asked.currency),
            spent=Money(cost, asked.currency),
            left=Money(settings.monthly_budget - cost, asked.currency),
            spent_percent=rounded(cost / settings.monthly_budget * 100, 0),
            month_gone_percent=rounded(Decimal(length(period)) / in_month * 100, 0),
        )
    return Month(
        name=periods.month_name(end, now),
        short_name=f"{end:%b}",
        period=period,
        cost=Money(cost, asked.currency),
        change=None if before is None else Money(cost - before, asked.currency),
        percent=None if before is None else worth_saying(cost, before),
        before_name=periods.month_name(previous.start.date(), now),
        budget=budget,
    )


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
    asked: Asked, chosen: periods.Chosen, month_period: Period, month: Month | None, book: Charges, now: datetime
) -> Curve:
    """The month's cost day by day; that of the reported days where a month would not fit."""
    if month is None:
        period, before, before_name = chosen.period, chosen.before, chosen.wording.before
        title = f"Cost added up, {period.label}"
    else:
        period = month_period
        start = period.start.date()
        whole = Period((start - DAY).replace(day=1), start)
        before = whole if whole.start.date() >= book.span.start.date() else None
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
            name=printable(key[0], "(no category)"),
            effective=Money(cost_in(effective, key), asked.currency),
            billed=Money(cost_in(billed, key), asked.currency),
        )
        for key in keys
    )


def _completeness(book: Charges, chosen: periods.Chosen, estate: Any, gaps: Iterable[Any]) -> Completeness:
    until = book.complete_until
    unread = [*book.gaps, *(estate.gaps if estate is not None else ()), *gaps]
    return Completeness(
        until=until,
        data=Period(book.span.start, max(periods.last_complete_day(book), book.span.start.date()) + DAY),
        covers_period=last_day(chosen.period) <= periods.last_complete_day(book),
        gaps=tuple(
            Gap(f"{printable(gap.what)} of {printable(gap.scope)}", printable(gap.reason, longest=300))
            for gap in unread
        ),
        rejected=tuple(
            Gap(f"{printable(row.file)}, line {row.line}", printable(row.reason, longest=300)) for row in book.rejected
        ),
        days_old=chosen.days_old,
        fallback=chosen.fallback,
    )
