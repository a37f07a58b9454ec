"""Ask the forecast where the month of a report ends, and say why that cannot be told."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from finops.budget import going_on, set_aside, without_refuted_range
from finops.charges import Period
from finops.forecast.charged import by_charges
from finops.report.gather import Basis
from finops.report.periods import DAY, last_complete_day, next_month

if TYPE_CHECKING:
    from collections.abc import Sequence

    from finops.anomalies.cases import Case
    from finops.budget import GoesOn
    from finops.charges import Charges
    from finops.forecast import Outlook


def foreseen(
    book: Charges,
    basis: Basis,
    currency: str,
    through: date | None = None,
    share: str | None = None,
    strange: Sequence[Case] = (),
    month: date | None = None,
) -> tuple[Outlook | None, str]:
    """Where the month of `through` (by default the last complete day) ends, and why that cannot be told.

    share: of one cost centre only. strange: cases, of which those that we ended ourselves say nothing of what comes.
    month: its first day, where it is another one.
    """
    through = min(through or last_complete_day(book), last_complete_day(book))
    month = month or through.replace(day=1)
    if through < book.span.start.date():
        return None, "no day of it is complete"
    if through + DAY >= next_month(month):
        return None, "the month is over"
    where = None if share is None else {"CostCenter": [share]}
    aside = set_aside(strange, book, basis, currency)
    return by_charges(book, basis, currency, Period(month, next_month(month)), through, where, aside=aside), ""


def lasting(
    seen: Outlook | None,
    strange: Sequence[Case],
    book: Charges,
    basis: Basis,
    currency: str,
    share: str | None = None,
) -> tuple[Outlook | None, tuple[GoesOn, ...]]:
    """What goes on beyond `seen`, and `seen` without a range that this refutes. share: of one cost centre only."""
    if seen is None or not strange:
        return seen, ()
    where = None if share is None else {"CostCenter": (share,)}
    month = Period(seen.month, next_month(seen.month))
    found = going_on(seen, strange, book, basis, currency, month, where)
    return without_refuted_range(seen, found), found


__all__ = ["foreseen", "lasting"]
