"""The statement of a month: its invoice, our total, the difference, and what was forecast of it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal

from finops.charges import Period
from finops.forecast import DAYS
from finops.report.foreseeing import foreseen
from finops.report.gather import NONE, Asked
from finops.report.known import Said
from finops.report.model import Close, Foretold, Money, Range
from finops.report.periods import last_complete_day, last_day
from finops.report.restated import closes_on, state_of
from finops.report.rounding import percent_of


def close(
    asked: Asked, month: Period, now: datetime, invoice: Decimal | None = None, said: Iterable[Said] = ()
) -> Close:
    """The statement of `month`, in its billed cost. invoice: its total, where somebody has the paper.

    said: forecasts as they were sent. For a day of which none was, the same forecast is made again from what the
    charges say today, and marked so.
    """
    currency = asked.currency
    book = asked.book
    name = f"{month.start:%Y-%m}"
    billed = book.total("billed", None, currency, asked.only({"BillingMonth": [name]}))
    billed += book.total("billed", month, currency, asked.only({"BillingMonth": [NONE]}))
    ours = asked.total(month, "billed")
    total = billed if invoice is None else invoice
    forecasts = tuple(_foretold(asked, month, said))
    why = "" if forecasts else "no forecast was sent, and the charges do not reach back far enough to make one again"
    if last_complete_day(book) < last_day(month):
        forecasts, why = (), f"the charges of {month.label} are not all in yet"
    return Close(
        month=month,
        label=month.label,
        state=state_of(month, now),
        closes_on=closes_on(month),
        invoice=Money(total, currency),
        invoice_from="charges" if invoice is None else "given",
        ours=Money(ours, currency),
        difference=Money(total - ours, currency),
        effective=Money(asked.total(month, "effective"), currency),
        forecasts=forecasts,
        why_no_forecasts=why,
    )


def _foretold(asked: Asked, month: Period, said: Iterable[Said]) -> Iterable[Foretold]:
    came = asked.total(month)
    first = month.start.date()
    sent = {
        one.through: one
        for one in said
        if (one.month, one.currency, one.basis, one.audience) == (first, asked.currency, asked.basis, asked.share or "")
    }
    for number in DAYS:
        day = first + timedelta(days=number - 1)
        if day in sent:
            one = sent[day]
            yield _compared(asked, day, (one.low, one.middle, one.high), came, said_then=True)
            continue
        if asked.book.span.start.date() >= day:
            continue
        seen, _ = foreseen(asked.book, asked.basis, asked.currency, day, asked.share)
        if seen is not None:
            reach = (seen.total.low, seen.total.middle, seen.total.high)
            if seen.why_no_range:
                reach = (None, seen.total.middle, None)
            yield _compared(asked, day, reach, came, said_then=False)


def _compared(
    asked: Asked, day: date, said: tuple[Decimal | None, Decimal, Decimal | None], came: Decimal, said_then: bool
) -> Foretold:
    low, middle, high = said

    def money(amount: Decimal) -> Money:
        return Money(amount, asked.currency)

    reach = None if low is None or high is None else Range(money(low), money(middle), money(high))
    return Foretold(
        day=day,
        said=reach,
        middle=money(middle),
        miss=money(middle - came),
        miss_percent=percent_of(middle - came, came) if came > 0 else None,
        inside=None if low is None or high is None else low <= came <= high,
        said_then=said_then,
    )
