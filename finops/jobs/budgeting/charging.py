"""The charges that budgets need: enough months for each period and its forecast, asked from Azure only where new."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from statistics import median
from typing import TYPE_CHECKING

from finops import charges
from finops.budget import budgets_of, periods_to_check
from finops.budget.reckoning import SERVICE
from finops.charges import Charges, Period, store
from finops.errors import DataError
from finops.forecast.charged import last_complete
from finops.jobs.weekly import Connect

if TYPE_CHECKING:
    from finops.cloud import Azure
    from finops.config.model import Settings

DAY = timedelta(days=1)
MONTHS = 3  # before this one: what the forecast learns from
USUAL_DAYS = 28
CURRENCY = "USD"  # of the list prices


def book_of(settings: Settings, now: datetime, connect: Connect) -> Charges:
    """The charges of all budgets: from the configured sources, else from Cost Management through the store."""
    if settings.charges.sources:
        return charges.load(settings.charges.sources, late_hours=settings.charges.late_hours, now=now)
    with connect() as azure:
        return asked(azure, settings, now)


def asked(azure: Azure, settings: Settings, now: datetime) -> Charges:
    """Ask Cost Management for the months that can still change and for those that the store lacks."""
    names = {
        str(found["subscriptionId"]): str(found.get("displayName") or found["subscriptionId"])
        for found in azure.subscriptions()
    }
    first = _first(settings, now, list(names))
    wanted = Period(first, now.date() + DAY)
    book = charges.ingest(
        azure, list(names), wanted, settings.charges.store, now, late_hours=settings.charges.late_hours
    )
    book.names = {f"/subscriptions/{one.lower()}": name for one, name in names.items()}
    return book


def stored(settings: Settings, now: datetime) -> Charges | None:
    """The charges that are at hand without asking Azure; None where there are none."""
    sources = settings.charges.sources or [str(settings.charges.store)]
    if not settings.charges.sources and not (settings.charges.store / store.INDEX).exists():
        return None
    try:
        return charges.load(sources, late_hours=settings.charges.late_hours, now=now)
    except DataError:
        return None


@contextmanager
def opened_once(settings: Settings, now: datetime) -> Iterator[Callable[[], Charges | None]]:
    """The charges at hand, opened when somebody first asks for them, and closed at the end."""
    with ExitStack() as stack:

        @cache
        def book() -> Charges | None:
            found = stored(settings, now)
            return stack.enter_context(found) if found is not None else None

        yield book


def usual_of(book: Charges | None, now: datetime) -> Decimal | None:
    """USD that machines cost on a usual day: the median of the last four whole weeks; None where nobody can say."""
    if book is None or book.currencies != [CURRENCY]:
        return None
    through = last_complete(book, now)
    first = max(through - timedelta(days=USUAL_DAYS - 1), book.span.start.date())
    if through - first < timedelta(days=6):
        return None
    days = book.days("effective", Period(first, through + DAY), CURRENCY, {"ServiceName": SERVICE})
    found: Decimal = median(days["Cost"].tolist())
    return found if any(days["Charges"].tolist()) else None


def _first(settings: Settings, now: datetime, subscriptions: list[str]) -> date:
    """The first day to ask for: last month's where the store has all that is older and wanted."""
    wanted = _back(now.date().replace(day=1), MONTHS)
    for budget in budgets_of(settings):
        for period in periods_to_check(budget, now):
            wanted = min(wanted, period.start.date().replace(day=1))
    known = {(entry.scope, entry.month) for entry in store.read(settings.charges.store).entries}
    scopes = {store.scope_of(one) for one in subscriptions}
    month, recent = wanted, _back(now.date().replace(day=1), 1)
    while month < recent and all((scope, f"{month:%Y-%m}") in known for scope in scopes):
        month = _back(month, -1)
    return month


def _back(month: date, months: int) -> date:
    count = month.year * 12 + month.month - 1 - months
    return date(count // 12, count % 12 + 1, 1)
