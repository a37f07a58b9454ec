"""Ask the forecast by charges: their daily usage by cost centre, what was bought, and the days that are missing.

The one place where a forecast is made from charges, so that all who say where something ends say the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from finops.charges import Period
from finops.forecast import Daily, Outlook, Purchase, outlook

if TYPE_CHECKING:
    from finops.charges import Charges

Basis = Literal["billed", "effective"]
DAY = timedelta(days=1)
# Weekday shapes and levels of longer ago say little of this month, and reading them takes time.
MONTHS = 13
# What charges print where a column is empty (finops.charges.keys).
NONE = "(none)"


def by_charges(
    book: Charges,
    basis: Basis,
    currency: str,
    stretch: Period,
    through: date,
    where: Mapping[str, Sequence[str]] | None = None,
    less: Mapping[tuple[str, date], Decimal] = {},
    aside: Collection[tuple[str, date]] = (),
) -> Outlook:
    """Where the whole days of `stretch` end, by the charges that `where` allows, known to the end of `through`.

    Of a cost centre, that is its row in the forecast of all: one thing has one forecast, whoever asks.
    less: usage of a cost centre and day that is left out, to see what a forecast makes of it.
    aside: days of cost centres that say nothing of what comes.
    """
    first, after = stretch.start.date(), stretch.end.date()
    days = Period(max(book.span.start.date(), _back(min(through.replace(day=1), first))), through + DAY)
    ask: dict[str, Any] = {"basis": basis, "period": days, "currency": currency, "where": where or None}
    only = None
    if where and set(where) == {"CostCenter"}:
        only = set(book.by(["CostCenter"], **ask)["CostCenter"].tolist()) or {NONE}
        ask["where"] = None
    usage: dict[str, dict[date, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    kinds = set()
    for centre, day, category, cost in _rows(book, ["CostCenter", "Day", "ChargeCategory"], ask):
        kinds.add(category)
        usage[centre][day] += cost if category in ("Usage", NONE) else 0
    for (centre, day), cost in less.items():
        usage[centre][day] -= cost
    bought: list[Purchase] = []
    if kinds - {"Usage", NONE}:
        columns = ["CostCenter", "Day", "ChargeCategory", "ResourceName", "SkuId"]
        # Credits and taxes are booked as they are, too. What comes every month comes again.
        bought = [
            Purchase(centre, day, cost, " ".join(part for part in (kind, *names) if part != NONE))
            for centre, day, kind, *names, cost in _rows(book, columns, ask)
            if kind not in ("Usage", NONE)
        ]
    if only is not None:
        bought = [one for one in bought if one.key in only]
        for centre in only:
            usage[centre] = usage[centre]  # what was only ever bought has days that cost nothing
    if not usage:
        usage[NONE] = defaultdict(Decimal)  # days that are known to have cost nothing
    dailies = [
        Daily(centre, days.start.date(), tuple(costs.get(day, Decimal(0)) for day in days.days))
        for centre, costs in sorted(usage.items())
    ]
    whole_month = first.day == 1 and after == (first + timedelta(days=32)).replace(day=1)
    until = None if whole_month else after
    return outlook(dailies, first, through, bought, missing=missing(book, days), until=until, only=only, aside=aside)


def last_complete(book: Charges, now: datetime) -> date:
    """The last day of which all charges are known; where nobody tells, the last one with charges."""
    until = book.complete_until or book.span.end
    return min(until, now, book.span.end).date() - DAY


def missing(book: Charges, days: Period) -> tuple[date, ...]:
    """The days on which nothing at all was charged though there must have been something."""
    if not book.missing(days):
        return ()
    there: set[date] = set()
    for currency in book.currencies:
        there |= {_day(day) for day in book.by(["Day"], period=days, currency=currency)["Day"].tolist()}
    return tuple(day for day in days.days if day not in there)


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _rows(book: Charges, keys: list[str], ask: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    frame = book.by(keys, **ask)
    columns = [frame[name].tolist() for name in (*keys, "Cost")]
    columns[1] = [_day(day) for day in columns[1]]
    return list(zip(*columns, strict=True))


def _day(given: Any) -> date:
    """A day, however the database writes it."""
    return given if type(given) is date else date.fromisoformat(str(given)[:10])


def _back(month: date) -> date:
    count = month.year * 12 + month.month - 1 - MONTHS
    return date(count // 12, count % 12 + 1, 1)
