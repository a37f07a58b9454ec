"""How far the data reaches into the reported period, and what is missing from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from finops.charges import Period
from finops.report import periods
from finops.report.gather import NONE
from finops.report.missing import absent, in_full, not_compared, without_paths
from finops.report.model import Completeness, Gap
from finops.report.periods import DAY, last_day
from finops.report.rounding import printable

if TYPE_CHECKING:
    from finops.charges import Charges


def completeness_of(book: Charges, chosen: periods.Chosen, estate: Any, gaps: Iterable[Any]) -> Completeness:
    until = book.complete_until
    unread = [*book.gaps, *(estate.gaps if estate is not None else ()), *gaps]
    refused = {gap.scope for gap in unread}
    lacking = [gap for gap in book.missing(chosen.period) if gap.scope not in refused]
    covers = last_day(chosen.period) <= periods.last_complete_day(book)
    names = subscription_names(book, book.span if unread or lacking else chosen.period)
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
        charged_to=_charged_to(book, names),
        fallback=chosen.fallback,
    )


def _charged_to(book: Charges, names: Mapping[str, str]) -> tuple[tuple[str, date], ...]:
    """How far the charges of each subscription reach, in the order of their names."""
    last = periods.last_complete_day(book)
    named = [(scope.rpartition("/")[2], min(max(days), last)) for scope, days in book.charged_days.items()]
    return tuple(
        sorted(
            (printable(names.get(f"/subscriptions/{one}", names.get(one, one)), "(none)"), day) for one, day in named
        )
    )


def subscription_names(book: Charges, period: Period) -> dict[str, str]:
    """What the subscriptions of `period` are called, by id."""
    told: dict[str, str] = {}
    for currency in book.currencies:
        frame = book.by(["SubAccountId", "SubAccountName"], period=period, currency=currency)
        told |= dict(zip(frame["SubAccountId"].tolist(), frame["SubAccountName"].tolist(), strict=True))
    return {str(one).lower(): str(name) for one, name in told.items() if name != NONE} | book.names
