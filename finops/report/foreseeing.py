"""Ask the forecast where the month ends: its daily usage by cost centre, what was bought, and what is still to come."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from finops import forecast
from finops.charges import Period
from finops.report.gather import ZERO, Asked, Basis, the_day
from finops.report.periods import DAY, last_complete_day, next_month

if TYPE_CHECKING:
    from finops.charges import Charges
    from finops.forecast import Daily, Outlook, Purchase

# Weekday shapes and levels of longer ago say little of this month, and reading them takes time.
MONTHS = 13


def foreseen(
    book: Charges, basis: Basis, currency: str, through: date | None = None, share: str | None = None
) -> tuple[Outlook | None, str]:
    """Where the month of `through` (by default the last complete day) ends, and why that cannot be told.

    share: of one cost centre only.
    """
    asked = Asked(book, basis, currency, share)
    through = min(through or last_complete_day(book), last_complete_day(book))
    month = through.replace(day=1)
    first = book.span.start.date()
    if through < first:
        return None, "no day of it is complete"
    if through + DAY >= next_month(month):
        return None, "the month is over"
    days = Period(max(first, _back(month)), through + DAY)
    rows = list(_rows(asked, days))
    bought = _bought(asked, days, rows)
    return forecast.outlook(_dailies(rows, days), month, through, bought, missing=missing(book, days)), ""


def missing(book: Charges, days: Period) -> tuple[date, ...]:
    """The days on which nothing at all was charged though there must have been something."""
    if not book.missing(days):
        return ()
    there: set[date] = set()
    for currency in book.currencies:
        there |= {the_day(day) for day in book.by(["Day"], period=days, currency=currency)["Day"].tolist()}
    return tuple(day for day in days.days if day not in there)


def _rows(asked: Asked, days: Period) -> Iterable[tuple[str, date, str, Decimal]]:
    for (centre, day, category), spent in asked.by(["CostCenter", "Day", "ChargeCategory"], days).items():
        yield centre, the_day(day), category or "Usage", spent.cost


def _dailies(rows: Iterable[tuple[str, date, str, Decimal]], days: Period) -> list[Daily]:
    costs: dict[str, dict[date, Decimal]] = defaultdict(dict)
    for centre, day, category, cost in rows:
        mine = costs[centre]
        mine[day] = mine.get(day, ZERO) + (cost if category == "Usage" else ZERO)
    return [
        forecast.Daily(centre, days.start.date(), tuple(mine.get(day, ZERO) for day in days.days))
        for centre, mine in sorted(costs.items())
    ]


def _bought(asked: Asked, days: Period, rows: Iterable[tuple[str, date, str, Decimal]]) -> list[Purchase]:
    """What is booked and not used, one by one: purchases, credits, taxes. What comes every month comes again."""
    kinds = sorted({category for _, _, category, _ in rows} - {"Usage"})
    if not kinds:
        return []
    found = asked.by(["CostCenter", "Day", "ChargeCategory", "ResourceName", "SkuId"], days)
    return [
        forecast.Purchase(centre, the_day(day), spent.cost, f"{category} {name} {sku}".strip())
        for (centre, day, category, name, sku), spent in found.items()
        if category in kinds
    ]


def _back(month: date) -> date:
    count = month.year * 12 + month.month - 1 - MONTHS
    return date(count // 12, count % 12 + 1, 1)


__all__ = ["foreseen"]
