"""What the charges show already of something that runs now, which decides what a mail may say of the bill."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from finops.budget.reckoning import SERVICE
from finops.charges import Period
from finops.estate.ids import key, scopes
from finops.forecast.charged import last_complete
from finops.report.model import Money

if TYPE_CHECKING:
    from datetime import datetime

    from finops.charges import Charges

DAY = timedelta(days=1)
LOOKS_BACK = 30  # days


@dataclass(frozen=True)
class Billed:
    """What was charged for it day after day up to `through`, the last complete day; first: None where that has none.

    for_long: it has been charged for longer than was looked at.
    """

    amount: Money
    first: date | None
    through: date
    for_long: bool = False


def billed(resource_id: str, book: Charges | None, now: datetime) -> Billed | None:
    """None where nobody can tell: no charges at hand, several currencies, or charges that name only what holds it."""
    if book is None or len(book.currencies) != 1:
        return None
    through = last_complete(book, now)
    first = max(book.span.start.date(), through - timedelta(days=LOOKS_BACK - 1))
    if through < first:
        return None
    basis = "effective" if "effective" in book.bases else "billed"
    frame = book.by(["ResourceId", "Day"], basis, Period(first, through + DAY), where={"ServiceName": SERVICE})
    rows = list(zip(*(frame[name].tolist() for name in ("ResourceId", "Day", "Cost")), strict=True))
    names = {key(str(row[0])) for row in rows}
    if key(resource_id) not in names and not names.isdisjoint(scopes(resource_id)):
        return None
    days: dict[date, Decimal] = {}
    for name, day, cost in rows:
        if key(str(name)) == key(resource_id):
            days[_date(day)] = days.get(_date(day), Decimal(0)) + cost
    since = through
    while days.get(since, Decimal(0)) > 0:
        since -= DAY
    since += DAY
    amount = sum((cost for day, cost in days.items() if day >= since), Decimal(0))
    return Billed(
        Money(amount, book.currencies[0]), since if since <= through else None, through, since == first < through
    )


def together(found: Sequence[Billed | None] | Collection[Billed | None]) -> Billed | None:
    """Of several things; None where one of them is not known."""
    known = [one for one in found if one is not None]
    if not known or len(known) < len(found):
        return None
    firsts = [one.first for one in known if one.first is not None]
    amount = sum((one.amount.amount for one in known), Decimal(0))
    return Billed(
        Money(amount, known[0].amount.currency),
        min(firsts, default=None),
        known[0].through,
        any(one.for_long for one in known),
    )


def _date(day: object) -> date:
    return date.fromisoformat(str(day)[:10])
