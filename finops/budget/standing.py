"""Where a budget stands: what is spent of it, where it leads, and what is not known of that."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from finops.budget.foresee import NOTHING, Foreseen
from finops.budget.model import BEGINS, Basis, Before, Budget, Standing, Threshold
from finops.budget.periods import DAY, calendar_start, days_gone, label_of, period_of
from finops.charges import Period
from finops.errors import DataError, UsageError
from finops.forecast.charged import midnight

if TYPE_CHECKING:
    from finops.charges import Charges, Gap
    from finops.forecast import Outlook

STALE = timedelta(days=3)
_MONTH = re.compile(r"\b(\d{4}-\d{2})\b(?!-)")


def standing(
    budget: Budget,
    book: Charges,
    now: datetime,
    outlook: Outlook | Foreseen | None = None,
    period: Period | None = None,
    gaps: Sequence[str] = (),
) -> Standing:
    """Where `budget` stands in `period`, by default in the one of `now`, by the charges in `book`.

    outlook: where it leads, see `foreseen`; the Outlook of a month will do for a budget of that month.
    gaps: what else could not be read, as sentences.
    Raises DataError where the charges are in another currency than the budget, or of several and it names none;
    UsageError where no period of it is on.
    """
    period = period or period_of(budget, now)
    if period is None:
        raise UsageError(f"The {budget.called} is not on at {now:%Y-%m-%d}.", "Look at its start and end.")
    currency, foreign = currency_of(budget, book, period)
    basis, note = basis_of(budget, book)
    # To one day, as the calendar and the forecast are: what is charged of later days is a part of what will be.
    until = _known_to(book, period, now)
    spent, later = (
        _charged(budget, book, one, basis, currency) for one in ((period.start, until), (until, period.end))
    )
    lacking = (*gaps, *_lacking(budget, book, period, until), *_stale(book, period, now), *foreign)
    ended = now >= period.end
    seen = outlook if isinstance(outlook, Foreseen) else Foreseen.of(outlook) if outlook else NOTHING
    if ended:
        seen = Foreseen(None, None, "the period is over")
    found = Standing(
        budget=budget,
        period=period,
        currency=currency,
        spent=spent,
        percent=percent_of(spent, budget.amount),
        gone_percent=days_gone(period, until),
        forecast=seen.total,
        no_forecast=seen.why,
        chance_over=seen.chance_over(budget.amount),
        basis=basis,
        basis_note=note,
        complete_until=book.complete_until,
        gaps=lacking,
        begins=_begins(book, period, until),
        crossed=(),
        ended=ended,
        label=label_of(budget, period),
        later=later,
        until=until,
        runs_out=_runs_out(seen, budget.amount) if spent + later <= budget.amount else None,
        track=seen.outlook.track if seen.outlook else None,
        before=None if ended else _before(budget, book, period, basis, currency),
    )
    return _with_crossed(found)


def _known_to(book: Charges, period: Period, now: datetime) -> datetime:
    """The end of the last day of `period` whose charges are all known; its start where none is."""
    known = midnight(min(now, book.complete_until or book.span.end).date())
    return min(max(known, period.start), period.end)


def _charged(budget: Budget, book: Charges, between: tuple[datetime, datetime], basis: Basis, currency: str) -> Decimal:
    if between[0] >= between[1] or currency not in book.currencies:
        return Decimal(0)
    return book.total(basis, Period(*between), currency, budget.scope.where)


def _runs_out(seen: Foreseen, amount: Decimal) -> date | None:
    points = seen.outlook.path if seen.total and seen.outlook else ()
    return next((point.day for point in points if point.middle > amount), None)


def _before(budget: Budget, book: Charges, period: Period, basis: Basis, currency: str) -> Before | None:
    """What the calendar's period before came to, where all of it is known and this one is a whole one, too."""
    first = period.start.date()
    if any(calendar_start(budget, day) != day for day in (first, period.end.date())):
        return None
    before = Period(calendar_start(budget, first - DAY), first)
    if before.start < book.span.start or book.missing(before):
        return None
    cost = _charged(budget, book, (before.start, before.end), basis, currency)
    return Before(label_of(budget, before), before.start.date(), cost)


def percent_of(amount: Decimal, whole: Decimal) -> Decimal:
    """`amount` in percent of `whole`, to one place, never rounded up to a limit that it has not reached."""
    exact = amount * 100 / whole
    return exact.quantize(Decimal("0.1"), rounding="ROUND_FLOOR")


def currency_of(budget: Budget, book: Charges, period: Period) -> tuple[str, tuple[str, ...]]:
    """The budget's currency, and in sentences what of its scope is charged in others. Never is one added to another."""
    held = _held(budget, book, period)
    wanted = budget.currency
    if wanted is None:
        known = held or book.currencies
        if len(known) != 1:
            raise DataError(
                f"The {budget.called} names no currency, and its charges are in {' and '.join(known)}.",
                f"Write the one it is in, such as budgets.{budget.name}.currency: {known[0]}.",
            )
        return known[0], ()
    others = [one for one in held if one != wanted]
    if others and wanted not in held:
        raise DataError(
            f"The {budget.called} is in {wanted}, and its charges are in {' and '.join(others)}: these are never "
            "converted.",
            f"Give it an amount in {others[0]}, and budgets.{budget.name}.currency: {others[0]}.",
        )
    if not held and book.currencies and wanted not in book.currencies:
        raise DataError(
            f"The {budget.called} is in {wanted}, and all charges are in {' and '.join(book.currencies)}.",
            f"Give it an amount in {book.currencies[0]}, and budgets.{budget.name}.currency: {book.currencies[0]}.",
        )
    return wanted, tuple(f"charges in {one} are not counted: currencies are never added" for one in others)


def basis_of(budget: Budget, book: Charges) -> tuple[Basis, str]:
    """The basis that is counted, and a sentence where it is not the one that was asked for."""
    if budget.basis in book.bases:
        return budget.basis, ""
    other: Basis = "billed" if budget.basis == "effective" else "effective"
    return other, f"the charges state no {budget.basis} cost, so {other} cost is counted"


def _held(budget: Budget, book: Charges, period: Period) -> list[str]:
    """The currencies of the charges that count; the only one that there is, whether or not any count."""
    if len(book.currencies) == 1:
        return list(book.currencies)
    found = []
    for currency in book.currencies:
        rows = book.by([], "billed", period, currency, budget.scope.where)
        if len(rows) and int(rows["Charges"].sum()):
            found.append(currency)
    return found


def _lacking(budget: Budget, book: Charges, period: Period, until: datetime) -> tuple[str, ...]:
    """Charges of the budget's scope and period that ought to be here and are not, as sentences."""
    months = {f"{day:%Y-%m}" for day in period.days}
    found = []
    for gap in book.gaps:
        named = set(_MONTH.findall(gap.what))
        if _concerns(gap, budget) and (not named or named & months):
            found.append(_said(gap, book))
    refused = {gap.scope for gap in book.gaps}
    if until > period.start:
        past = Period(period.start, min(until, period.end))
        found += [_said(gap, book) for gap in book.missing(past) if _concerns(gap, budget) and gap.scope not in refused]
        first = _begins(book, period, until)
        if first:
            found.append(f"{BEGINS} {first:%-d %b %Y}, after the period did")
    if book.rejected:
        found.append(f"{len(book.rejected)} rows of the cost data could not be read")
    return tuple(dict.fromkeys(found))


def _begins(book: Charges, period: Period, until: datetime) -> date | None:
    """The day of the first charge, where it comes after the period's first, and some day of it is known."""
    return book.span.start.date() if until > period.start and book.span.start > period.start else None


def _stale(book: Charges, period: Period, now: datetime) -> tuple[str, ...]:
    """Whether the charges end longer ago than Azure takes to publish them, or whoever loads them to do so."""
    until = min(book.complete_until or book.span.end, now)
    if until >= period.end or min(now, period.end) - until <= STALE:
        return ()
    return (f"the charges end on {until - timedelta(days=1):%-d %b %Y}: of the days since nothing is known",)


def _concerns(gap: Gap, budget: Budget) -> bool:
    """Whether what is missing may be of this budget's scope: only another subscription surely is not."""
    scope = gap.scope.lower()
    return (
        not (budget.scope.id and scope.startswith("/subscriptions/"))
        or scope.split("/")[2] == budget.scope.id.split("/")[2]
    )


def _said(gap: Gap, book: Charges) -> str:
    name = book.names.get(gap.scope.lower(), gap.scope.rpartition("/")[2] if "/" in gap.scope else gap.scope)
    return f"{gap.what} of {name}: {gap.reason}"


def _with_crossed(found: Standing) -> Standing:
    return replace(found, crossed=tuple(_crossed(found, found.budget.thresholds)))


def _crossed(found: Standing, thresholds: Iterable[Threshold]) -> Iterable[Threshold]:
    for threshold in thresholds:
        if found.ended and threshold.on == "forecast":
            continue  # what came is known
        reached = found.known if threshold.on == "actual" else found.likely
        if reached >= threshold.limit(found.budget.amount):
            yield threshold
