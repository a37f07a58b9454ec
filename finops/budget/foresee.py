"""Where a budget's period ends: the forecast of its scope, from its first day to its last."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from finops.budget.going_on import set_aside
from finops.budget.model import Basis, Budget
from finops.charges import Period
from finops.forecast import Outlook, Reach
from finops.forecast.charged import DAY, by_charges, last_complete, midnight

if TYPE_CHECKING:
    from finops.anomalies.cases import Case
    from finops.charges import Charges

TOO_OLD = timedelta(days=7)


def _unknown(amount: Decimal) -> Decimal | None:
    return None


@dataclass(frozen=True)
class Foreseen:
    """Where a period ends; None with the reason `why`. chance_over: of an amount, 0 to 1; None where not known."""

    total: Reach | None
    outlook: Outlook | None
    why: str = ""
    chance_over: Callable[[Decimal], Decimal | None] = _unknown

    @classmethod
    def of(cls, seen: Outlook) -> Foreseen:
        """Of an outlook. Fewer days than a range takes are no forecast: alerts would cry wolf."""
        if seen.why_no_range:
            return cls(None, seen, seen.why_no_range.rstrip("."))
        return cls(seen.total, seen, "", seen.chance_over)


NOTHING = Foreseen(None, None, "no forecast was made")


def foreseen(
    budget: Budget,
    book: Charges,
    period: Period,
    now: datetime,
    basis: Basis,
    currency: str,
    strange: Sequence[Case] = (),
) -> Foreseen:
    """Where `period` of `budget` ends, by the charges in `book` up to the last complete day.

    strange: cases, of which those that we ended ourselves say nothing of what comes.
    """
    if now >= period.end:
        return Foreseen(None, None, "the period is over")
    through = last_complete(book, now)
    if currency not in book.currencies or through < book.span.start.date():
        return Foreseen(None, None, "there are no charges to foresee anything by")
    if now - midnight(through + DAY) > TOO_OLD:
        return Foreseen(None, None, f"the charges end on {through:%-d %b %Y}, too long ago to foresee anything by")
    aside = set_aside(strange, book, basis, currency)
    return Foreseen.of(by_charges(book, basis, currency, period, through, budget.scope.where, aside=aside))


__all__ = ["NOTHING", "Foreseen", "foreseen"]
