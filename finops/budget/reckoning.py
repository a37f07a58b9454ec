"""What the watch said against what was charged: per day and resource, and how far off it was."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from statistics import median
from typing import TYPE_CHECKING

from finops.budget.rate import Recorded
from finops.charges import Period
from finops.estate.ids import scopes
from finops.forecast.charged import last_complete

if TYPE_CHECKING:
    from datetime import datetime

    from finops.charges import Charges

# Nodes, instances and deployments are billed as this service (Azure's names in cost data); disks and load balancers
# beside them are other services, and the watch says nothing of them.
SERVICE = "Virtual Machines"
LEAST_COVERED = Decimal("0.95")
LEAST = Decimal("0.10")  # USD; below it the percentage of a miss says nothing


@dataclass(frozen=True)
class Row:
    """One resource on one day: what was predicted and what was charged. None: it is not on the bill at all."""

    day: date
    id: str
    predicted: Decimal
    charged: Decimal

    @property
    def error(self) -> Decimal:
        return self.predicted - self.charged

    @property
    def error_percent(self) -> Decimal | None:
        """How far off it was in percent of the charge; None where next to nothing was charged."""
        return abs(self.error) * 100 / self.charged if self.charged >= LEAST else None


@dataclass(frozen=True)
class Reckoned:
    """All rows, and the median of their errors in percent; of days too, which is what finance pays.

    left_out: days that cannot be compared, as sentences.
    """

    rows: tuple[Row, ...]
    median_error_percent: Decimal | None
    median_day_error_percent: Decimal | None
    predicted: Decimal
    charged: Decimal
    left_out: tuple[str, ...]

    @property
    def days(self) -> int:
        return len({row.day for row in self.rows})


NONE = Reckoned((), None, None, Decimal(0), Decimal(0), ())


def reckon(records: Iterable[Recorded], book: Charges, now: datetime, currency: str = "USD") -> Reckoned:
    """The record of the watch over all days that were looked at throughout and whose charges are complete.

    A compute whose charges name only its workspace is compared with the others of that workspace together.
    """
    if currency not in book.currencies:
        return NONE if not book.currencies else Reckoned(
            (), None, None, Decimal(0), Decimal(0),
            (f"the charges are in {' and '.join(book.currencies)}, the list of prices in {currency}",),
        )  # fmt: skip
    through, span = last_complete(book, now), book.span
    rows: list[Row] = []
    left_out = []
    for record in sorted(records, key=lambda one: one.day):
        if record.day > through or record.day < span.start.date():
            continue
        if record.covered < LEAST_COVERED:
            left_out.append(f"{record.day:%-d %b}: {record.covered * 100:.0f}% of the day was looked at")
            continue
        day = Period(record.day, record.day + timedelta(days=1))
        if book.missing(day):
            left_out.append(f"{record.day:%-d %b}: charges are missing")
            continue
        frame = book.by(["ResourceId"], "effective", day, currency, {"ServiceName": SERVICE})
        charged = dict(zip((str(one).lower() for one in frame["ResourceId"]), frame["Cost"].tolist(), strict=True))
        if record.without:
            names = ", ".join(sorted(one.rpartition("/")[2] for one in record.without))
            left_out.append(f"{record.day:%-d %b}: {names} could not be read")
        rows += _rows(record, charged)
    by_day: dict[date, list[Row]] = {}
    for row in rows:
        by_day.setdefault(row.day, []).append(row)
    whole = [Row(day, "", _sum(r.predicted for r in of), _sum(r.charged for r in of)) for day, of in by_day.items()]
    return Reckoned(
        tuple(rows),
        _median(row.error_percent for row in rows),
        _median(row.error_percent for row in whole),
        _sum(row.predicted for row in rows),
        _sum(row.charged for row in rows),
        tuple(left_out),
    )


def _rows(record: Recorded, charged: dict[str, Decimal]) -> Iterable[Row]:
    """Each predicted resource beside its charge; what its charges name only by its workspace, or endpoint, together."""
    predicted: dict[str, Decimal] = {}
    for name, amount in record.amounts.items():
        at = name
        while at not in charged and "/providers/" in at and at.rpartition("/")[0].rpartition("/")[0].count("/") >= 8:
            at = at.rpartition("/")[0].rpartition("/")[0]
        at = at if at in charged else name
        predicted[at] = predicted.get(at, Decimal(0)) + amount / record.covered
    machines = {name for name in charged if "/providers/microsoft.machinelearningservices/workspaces/" in name}
    for name in sorted({*predicted, *machines}):
        if not record.without.isdisjoint(scopes(name)):
            continue
        yield Row(record.day, name, predicted.get(name, Decimal(0)), charged.get(name, Decimal(0)))


def _median(errors: Iterable[Decimal | None]) -> Decimal | None:
    found = [one for one in errors if one is not None]
    return median(found).quantize(Decimal("0.1")) if found else None


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, Decimal(0))
