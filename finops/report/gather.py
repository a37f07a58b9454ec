"""Ask the charges for what a report needs, as plain dicts of exact amounts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from finops.charges import Period
from finops.charges.book import added
from finops.report.rounding import printable

if TYPE_CHECKING:
    from finops.charges import Charges

Basis = Literal["effective", "billed"]
Key = tuple[str, ...]
# What charges print where a column is empty (finops.charges.keys).
NONE = "(none)"
PURCHASE = "Purchase"  # FOCUS 1.2, ChargeCategory
BASES: tuple[Basis, Basis] = ("effective", "billed")
ZERO = Decimal(0)


# Keys that are asked for again and again, in several times: each is asked once by day, and added up here.
DAILY = ("CostCenter", "ServiceName")


@dataclass(frozen=True)
class Spent:
    """An amount, and of how many charges it is the sum."""

    cost: Decimal
    charges: int


Sum = tuple[date, str, Spent]


@dataclass(frozen=True)
class Asked:
    """The charges, in the one basis and currency of the report. share: the cost centre whose charges alone count.

    window: the days of which cost by day and each key of DAILY is asked once, and kept.
    """

    book: Charges
    basis: Basis
    currency: str
    share: str | None = None
    window: Period | None = None

    def only(self, where: Mapping[str, list[str]] | None = None) -> Mapping[str, list[str]] | None:
        """`where`, and the share."""
        if self.share is None:
            return where
        wanted = (where or {}).get("CostCenter", [self.share])
        return {**(where or {}), "CostCenter": [self.share] if self.share in wanted else []}

    def kind(self, category: str) -> str:
        """What to call a ChargeCategory. Cost Management tells only commitments apart from all the rest."""
        if category == "Usage" and not self.book.kinds_told:
            return "Usage or purchase, not told"
        return printable(category, "(no category)")

    @property
    def other_basis(self) -> Basis:
        return "billed" if self.basis == "effective" else "effective"

    def total(self, period: Period, basis: Basis | None = None) -> Decimal:
        days = self._days(period, basis or self.basis)
        if days is not None:
            return added(spent.cost for _, _, spent in days)
        return self.book.total(basis or self.basis, period, self.currency, self.only())

    def charges(self, period: Period) -> int:
        days = self._days(period, self.basis)
        if days is not None:
            return sum(spent.charges for _, _, spent in days)
        return sum(spent.charges for spent in self.by(["ChargeCategory"], period).values())

    def dearest(self, key: str, period: Period, top: int) -> list[str]:
        """The values of `key` that are among the `top` largest costs or credits in either basis."""
        return self.book.dearest(key, period, top, self.currency, self.only())

    def by(
        self,
        keys: list[str],
        period: Period | None,
        basis: Basis | None = None,
        where: Mapping[str, list[str]] | None = None,
    ) -> dict[Key, Spent]:
        """Exact cost by `keys`; a missing value is the empty text."""
        if period is None:
            return {}
        named = [key for key in keys if key != "Day"]
        if where is None and len(named) == 1 and keys in (named, [*named, "Day"]) and named[0] in DAILY:
            days = self._days(period, basis or self.basis, named[0])
            if days is not None:
                return _by_key(days, with_day="Day" in keys)
        frame = self.book.by(keys, basis or self.basis, period, self.currency, self.only(where))
        columns = [frame[name].tolist() for name in [*keys, "Cost", "Charges"]]
        found: dict[Key, Spent] = {}
        for *key, cost, charges in zip(*columns, strict=True):
            found[tuple(_text(part) for part in key)] = Spent(cost, int(charges))
        return found

    def bought(self, key: str, before: Period, after: Period) -> frozenset[str]:
        """The values of `key` that cost something in one of both times alone, and there by purchases alone."""
        was, now = self.by([key], before), self.by([key], after)
        lone = [one for one in {*was, *now} if bool(cost_in(was, one)) != bool(cost_in(now, one))]
        where = {key: sorted(value or NONE for (value,) in lone)}
        kinds: dict[str, set[str]] = defaultdict(set)
        for period in (before, after) if lone else ():
            for (value, kind), spent in self.by([key, "ChargeCategory"], period, where=where).items():
                if spent.cost:
                    kinds[value].add(kind)
        return frozenset(value for value, found in kinds.items() if found == {PURCHASE})

    def both(
        self, keys: list[str], period: Period, where: Mapping[str, list[str]] | None = None
    ) -> dict[Basis, dict[Key, Spent]]:
        """Exact cost by `keys` in both bases, as `by` has it, asked at once."""
        frame = self.book.both(keys, period, self.currency, self.only(where))
        columns = [frame[name].tolist() for name in [*keys, "Billed", "Effective", "Charges"]]
        found: dict[Basis, dict[Key, Spent]] = {"effective": {}, "billed": {}}
        for *key, billed, effective, charges in zip(*columns, strict=True):
            name = tuple(_text(part) for part in key)
            found["billed"][name] = Spent(billed, int(charges))
            found["effective"][name] = Spent(effective, int(charges))
        return found

    def side_by_side(
        self, keys: list[str], before: Period, after: Period, top: int
    ) -> Iterator[tuple[Key, Decimal, Decimal]]:
        """Key, cost before and cost after of the `top` largest changes."""
        frame = self.book.side_by_side(keys, before, after, self.basis, self.currency, self.only(), top)
        columns = [frame[name].tolist() for name in [*keys, "Before", "After"]]
        for *key, earlier, later in zip(*columns, strict=True):
            yield tuple(_text(part) for part in key), earlier, later

    def amounts(
        self,
        keys: list[str],
        before: Period,
        after: Period,
        apart: list[str],
        where: Mapping[str, list[str]] | None = None,
    ) -> list[dict[str, Any]]:
        """Cost and quantity by `keys` in two periods, as finops.charges has them; a missing value is the empty text."""
        frame = self.book.amounts(keys, before, after, self.basis, self.currency, self.only(where), apart)
        names = list(frame.columns)
        columns = [frame[name].tolist() for name in names]
        return [
            {name: cell if isinstance(cell, Decimal) else _text(cell) for name, cell in zip(names, row, strict=True)}
            for row in zip(*columns, strict=True)
        ]

    def _days(self, period: Period, basis: Basis, key: str = "CostCenter") -> list[Sum] | None:
        """Cost by day and `key`; None where it is not at hand."""
        window = self.window
        if window is None or period.start < window.start or period.end > window.end or not _is_whole(period):
            return None
        first, last = period.start.date(), period.end.date()
        return [one for one in self._daily(basis, key) if first <= one[0] < last]

    def _daily(self, basis: Basis, key: str) -> list[Sum]:
        """Asked once, for both bases."""
        kept: dict[tuple[str, Basis], list[Sum]] = self.__dict__.setdefault("_kept", {})
        if (key, basis) not in kept:
            assert self.window is not None
            for each, found in self.both(["Day", key], self.window).items():
                kept[key, each] = [(the_day(day), name, spent) for (day, name), spent in found.items()]
        return kept[key, basis]

    def by_day(self, period: Period | None, basis: Basis | None = None) -> dict[date, Decimal]:
        if period is None:
            return {}
        days = self._days(period, basis or self.basis)
        if days is not None:
            costs: dict[date, list[Decimal]] = defaultdict(list)
            for day, _, spent in days:
                costs[day].append(spent.cost)
            return {day: added(each) for day, each in costs.items()}
        frame = self.book.by(["Day"], basis or self.basis, period, self.currency, self.only())
        return {the_day(day): cost for day, cost in zip(frame["Day"].tolist(), frame["Cost"].tolist(), strict=True)}


def _by_key(days: Iterable[Sum], with_day: bool) -> dict[Key, Spent]:
    costs: dict[Key, list[Spent]] = defaultdict(list)
    for day, name, spent in days:
        costs[(name, str(day)) if with_day else (name,)].append(spent)
    return {
        key: Spent(added(each.cost for each in spent), sum(each.charges for each in spent))
        for key, spent in costs.items()
    }


def cost_in(found: Mapping[Key, Spent], key: Key) -> Decimal:
    return found[key].cost if key in found else ZERO


def _is_whole(period: Period) -> bool:
    return period.start.time() == period.end.time() == time()


def _text(value: object) -> str:
    return "" if value is None or value != value or value == NONE else str(value)


def the_day(value: object) -> date:
    return value if type(value) is date else date.fromisoformat(str(value)[:10])
