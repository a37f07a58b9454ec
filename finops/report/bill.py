"""What was charged for some resources day by day, and on which days that is known."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from finops.charges import Period
from finops.charges.book import added
from finops.estate.ids import key, scopes
from finops.report.gather import the_day

if TYPE_CHECKING:
    from finops.charges import Charges

DAY = timedelta(days=1)
STORED = "data stored"  # how the meters of what is kept end, such as Cool LRS Data Stored
HOURS = {"hour", "hours"}
_MONTH = re.compile(r"\b(\d{4})-(\d{2})\b(?!-)")


class Bill:
    """EffectiveCost in one currency, by resource and day; a resource stands for everything below its id."""

    def __init__(
        self, book: Charges, resources: Collection[str], first: date, to: date, currency: str,
        timed: Collection[str] = (), stored: Collection[str] = (),
    ) -> None:  # fmt: skip
        """timed: those of `resources` whose hours are asked for. stored: those whose blobs are."""
        self.unusable = "" if "effective" in book.bases else "the cost data states billed cost only"
        self._costs: dict[str, dict[str, dict[date, Decimal]]] = defaultdict(dict)
        self._others: dict[str, set[str]] = defaultdict(set)
        self._charged: dict[str, set[date]] = defaultdict(set)
        self._hours: dict[str, dict[date, tuple[Decimal, Decimal]]] = defaultdict(dict)
        self._stored: dict[str, dict[date, tuple[Decimal, Decimal]]] = defaultdict(dict)
        self._units: dict[str, set[str]] = defaultdict(set)  # in which stored bytes are counted
        self._lacking: dict[str, set[date]] = defaultdict(set)  # "": of every subscription
        first = max(first, book.span.start.date())
        if not resources or first > to:
            return
        period = Period(first, to + DAY)
        self._read_charges(book, {key(one) for one in resources}, period, currency)
        self._read_days(book, period)
        if timed:
            self._read_hours(book, {key(one) for one in timed}, period, currency)
        if stored:
            self._read_stored(book, {key(one) for one in stored}, period, currency)

    def complete(self, subscription: str) -> list[date]:
        """Days whose charges are all there, in order: nothing of them is missing, and the subscription was charged."""
        lacking = self._lacking[""] | self._lacking[subscription]
        return sorted(self._charged[subscription] - lacking)

    def cost(self, resource: str, days: Iterable[date], without: Collection[str] = ()) -> Decimal:
        """What the resource cost on `days`, less the ids in `without` and what is below them."""
        wanted = set(days)
        return added(cost for day, cost in self._rows(resource, without) if day in wanted)

    def names(self, resource: str, days: Iterable[date], without: Collection[str] = ()) -> bool:
        """Whether there is any charge for it, or below it, on `days`."""
        wanted = set(days)
        return any(day in wanted for day, _ in self._rows(resource, without))

    def hours(self, resource: str, days: Iterable[date]) -> tuple[Decimal, Decimal]:
        """Hours of machines that were charged for the resource itself on `days`, and what they cost."""
        known = self._hours[key(resource)]
        mine = [known[day] for day in days if day in known]
        return added(hours for hours, _ in mine), added(cost for _, cost in mine)

    def stored(self, resource: str, days: Iterable[date]) -> tuple[Decimal, Decimal]:
        """What a storage account kept in blobs on `days`, in the unit of its charges, and all that its blobs cost."""
        known = self._stored[key(resource)]
        mine = [known[day] for day in days if day in known]
        return added(kept for kept, _ in mine), added(cost for _, cost in mine)

    def odd_units(self, resource: str) -> str:
        """Why what it stored cannot be added; "" where it can."""
        units = self._units[key(resource)]
        return f"what it stores is charged in {' and '.join(sorted(units))}" if len(units) > 1 else ""

    def mixed(self, resource: str) -> str:
        """Why its charges cannot be added; "" where they can."""
        others = self._others[key(resource)]
        return f"it is charged in {' and '.join(sorted(others))} as well, which cannot be added" if others else ""

    def _rows(self, resource: str, without: Collection[str]) -> Iterator[tuple[date, Decimal]]:
        for name, days in self._costs[key(resource)].items():
            if not any(scope in without for scope in scopes(name)):
                yield from days.items()

    def _read_charges(self, book: Charges, wanted: set[str], period: Period, currency: str) -> None:
        for each in book.currencies:
            ids = [str(one) for one in book.by(["ResourceId"], "effective", period, each)["ResourceId"].tolist()]
            mine = {one: [scope for scope in scopes(one) if scope in wanted] for one in ids if one.startswith("/")}
            mine = {one: held for one, held in mine.items() if held}
            if each != currency:
                for held in mine.values():
                    for scope in held:
                        self._others[scope].add(each)
                continue
            if not mine:
                continue
            frame = book.by(["ResourceId", "Day"], "effective", period, each, where={"ResourceId": sorted(mine)})
            columns = [frame[name].tolist() for name in ("ResourceId", "Day", "Cost")]
            for one, day, cost in zip(*columns, strict=True):
                for scope in mine.get(str(one), ()):
                    self._costs[scope].setdefault(key(str(one)), {})[the_day(day)] = cost

    def _read_hours(self, book: Charges, wanted: set[str], period: Period, currency: str) -> None:
        frame = book.quantities(
            ["ResourceId", "Day", "ChargeCategory", "ConsumedUnit"], period, "effective", currency,
            where={"ResourceId": sorted(wanted)},
        )  # fmt: skip
        for row in frame.to_dict("records"):
            if row["ChargeCategory"] == "Usage" and str(row["ConsumedUnit"]).lower() in HOURS:
                days, day = self._hours[key(str(row["ResourceId"]))], the_day(row["Day"])
                hours, cost = days.get(day, (Decimal(0), Decimal(0)))
                days[day] = (hours + row["Quantity"], cost + row["Cost"])

    def _read_stored(self, book: Charges, wanted: set[str], period: Period, currency: str) -> None:
        frame = book.quantities(
            ["ResourceId", "Day", "MeterSubcategory", "MeterName", "ConsumedUnit"], period, "effective", currency,
            where={"ResourceId": sorted(wanted)},
        )  # fmt: skip
        for row in frame.to_dict("records"):
            kind = str(row["MeterSubcategory"]).lower()
            if "blob" not in kind and not kind.startswith("("):
                continue  # files, queues and tables of the same account
            one = key(str(row["ResourceId"]))
            days, day = self._stored[one], the_day(row["Day"])
            kept, cost = days.get(day, (Decimal(0), Decimal(0)))
            if str(row["MeterName"]).lower().endswith(STORED):
                kept += row["Quantity"]
                self._units[one].add(str(row["ConsumedUnit"]))
            days[day] = (kept, cost + row["Cost"])

    def _read_days(self, book: Charges, period: Period) -> None:
        for each in book.currencies:
            frame = book.by(["SubAccountId", "Day"], "effective", period, each)
            for scope, day in zip(frame["SubAccountId"].tolist(), frame["Day"].tolist(), strict=True):
                self._charged[_subscription(str(scope))].add(the_day(day))
        for scope, day in _missing(book, period):
            self._lacking[_subscription(scope) if scope.startswith("/subscriptions/") else ""].add(day)
        for gap in book.gaps:
            months = {(int(one[1]), int(one[2])) for one in _MONTH.finditer(gap.what)}
            days = {day for day in period.days if not months or (day.year, day.month) in months}
            known = gap.scope.lower().startswith("/subscriptions/")
            self._lacking[_subscription(gap.scope) if known else ""] |= days


def _missing(book: Charges, period: Period) -> Iterator[tuple[str, date]]:
    """(scope, day) that lack, looked for by halves: as a rule nothing does."""
    gaps = book.missing(period)
    days = period.days
    if not gaps:
        return
    if len(days) == 1:
        yield from ((gap.scope.lower(), days[0]) for gap in gaps)
        return
    middle = days[len(days) // 2]
    yield from _missing(book, Period(days[0], middle))
    yield from _missing(book, Period(middle, days[-1] + DAY))


def _subscription(scope: str) -> str:
    # FOCUS leaves the shape to the provider: "/subscriptions/GUID", or the GUID alone.
    return key(scope).rpartition("/")[2]
