"""Charges from Azure without an export: Cost Management queries, put together as FOCUS rows and kept in a store.

A query can group by two things. So the cost of each day and resource is asked twice, by service and by the tag
CostCenter, and both splits are kept exactly; see `split`. docs/charges.md says what this cannot tell.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from finops.charges import answers, split, store
from finops.charges.answers import Answer
from finops.charges.book import Charges
from finops.charges.loading import LATE_HOURS, load
from finops.charges.period import Period
from finops.charges.rows import Row, merged
from finops.charges.store import Entry, Index, Missing
from finops.errors import AzureError, DataError

if TYPE_CHECKING:
    from finops.cloud import Azure


@dataclass(frozen=True)
class Asked:
    """One subscription and one month, or the asked part of it: [first, last], days that Azure may know."""

    scope: str
    first: date
    last: date

    @property
    def month(self) -> str:
        return f"{self.first:%Y-%m}"


@dataclass(frozen=True)
class Told:
    """What Azure answered. units: Cost Management's QPU, one for each query and month."""

    rows: tuple[Row, ...]
    units: int


def ingest(
    azure: Azure,
    subscriptions: Sequence[str],
    period: Period,
    store_folder: Path,
    now: datetime,
    late_hours: int = LATE_HOURS,
) -> Charges:
    """Ask Cost Management for `period` and keep the charges in `store_folder`, in place of those of the same days.

    subscriptions: ids. One that Azure refuses keeps the charges it had and is named in `gaps`; the others are kept.
    All of the store comes back, older months included. Raises DataError where no subscription could be read at all.
    """
    if not subscriptions:
        raise DataError(
            "There is no subscription to ask.", "Check azure.subscriptions, or grant Cost Management Reader."
        )
    wanted = list(_wanted(subscriptions, period, now))
    if not wanted:
        raise DataError(f"{period.label} lies in the future.", "Ask for days that have begun.")
    with store.writing(store_folder):
        index = store.read(store_folder)
        for asked, told in azure.each(wanted, lambda one: _ask(azure, one)):
            index = _noted(index, asked, told, store_folder, now, late_hours)
        store.write(store_folder, index)
    if not index.entries:
        first = index.missing[0]
        raise DataError(f"No subscription could be read. {first.scope}: {first.reason}", "Nothing was stored.")
    if not any(entry.file for entry in index.entries):
        raise DataError(f"Azure has no charges for {period.label}.", "Ask for another period, or other subscriptions.")
    return load([store_folder], store_folder, late_hours=late_hours)


def _wanted(subscriptions: Sequence[str], period: Period, now: datetime) -> Iterator[Asked]:
    last = min(period.days[-1], now.astimezone(UTC).date())
    for subscription in dict.fromkeys(subscriptions):
        scope = "/subscriptions/" + subscription.lower().removeprefix("/subscriptions/")
        first = period.start.date()
        while first <= last:
            end = date(first.year + first.month // 12, first.month % 12 + 1, 1) - timedelta(days=1)
            yield Asked(scope, first, min(end, last))
            first = end + timedelta(days=1)


def _ask(azure: Azure, asked: Asked) -> Told:
    """The charges of `asked`, whose sums were checked against totals asked for on their own.

    Where both costs have the same total on every day there are no commitments, and one split serves both: four queries,
    which is what Azure lets through a minute for one scope. Otherwise six.
    """
    amortized = answers.totals(azure, asked, "AmortizedCost")
    actual = answers.totals(azure, asked, "ActualCost")
    if not amortized and not actual:
        return Told((), 2)
    effective = _split(azure, asked, "AmortizedCost", amortized)
    if actual == amortized:
        return Told(merged(effective, effective), 4)
    return Told(merged(_split(azure, asked, "ActualCost", actual), effective), 6)


def _split(azure: Azure, asked: Asked, kind: str, totals: Answer) -> split.Costs:
    by_service = answers.grouped(azure, asked, kind, "ServiceName")
    by_centre = answers.grouped(azure, asked, kind, "CostCenter", tag=True)
    for name, found in (("service", by_service), ("CostCenter", by_centre)):
        answers.check(found, totals, f"the {kind} of {asked.scope} in {asked.month} by {name}")
    return split.both(by_service, by_centre)


def _noted(index: Index, asked: Asked, told: Told | AzureError, folder: Path, now: datetime, late_hours: int) -> Index:
    """`index` with what was told about `asked`."""
    others = tuple(one for one in index.missing if (one.scope, one.month) != (asked.scope, asked.month))
    if isinstance(told, AzureError):
        return replace(index, missing=(*others, Missing(asked.scope, asked.month, str(told), now)))
    from finops.charges import rows

    old = next((one for one in index.entries if (one.scope, one.month) == (asked.scope, asked.month)), None)
    file = f"ingested/{asked.scope.rpartition('/')[2]}-{asked.month}-{now.astimezone(UTC):%Y%m%dT%H%M%S%f}.parquet"
    before = folder / old.file if old and old.file else None
    if not rows.write(told.rows, asked, before, folder / file):
        file = ""  # asked, and nothing was charged
    published = (now.astimezone(UTC) - timedelta(hours=late_hours)).replace(hour=0, minute=0, second=0, microsecond=0)
    until = min(datetime.combine(asked.last + timedelta(days=1), datetime.min.time(), UTC), published)
    entry = Entry(asked.scope, asked.month, file, now, max(until, old.until) if old else until)
    kept = tuple(one for one in index.entries if one is not old)
    return replace(index, entries=(*kept, entry), missing=others)
