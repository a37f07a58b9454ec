"""Ask the charges for what a report needs, as plain dicts of exact amounts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from finops.charges import Period
from finops.report.rounding import printable

if TYPE_CHECKING:
    from finops.charges import Charges

Basis = Literal["effective", "billed"]
Key = tuple[str, ...]
# What charges print where a column is empty (finops.charges.keys).
NONE = "(none)"
NEVER = Period(date(1900, 1, 1), date(1900, 1, 2))
BASES: tuple[Basis, Basis] = ("effective", "billed")
ZERO = Decimal(0)


@dataclass(frozen=True)
class Spent:
    """An amount, and of how many charges it is the sum."""

    cost: Decimal
    charges: int


@dataclass(frozen=True)
class Asked:
    """The charges, in the one basis and currency of the report. share: the cost centre whose charges alone count."""

    book: Charges
    basis: Basis
    currency: str
    share: str | None = None

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
        return self.book.total(basis or self.basis, period, self.currency, self.only())

    def charges(self, period: Period) -> int:
        return sum(spent.charges for spent in self.by(["ChargeCategory"], period).values())

    def dearest(self, key: str, period: Period, top: int, basis: Basis) -> list[str]:
        """The `top` values of `key` with the largest cost or credit, as the charges spell them."""
        # side_by_side ranks inside the database; against a time without charges, the change is the cost.
        frame = self.book.side_by_side([key], NEVER, period, basis, self.currency, self.only(), top)
        return [str(value) for value in frame[key].tolist()]

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
        frame = self.book.by(keys, basis or self.basis, period, self.currency, self.only(where))
        columns = [frame[name].tolist() for name in [*keys, "Cost", "Charges"]]
        found: dict[Key, Spent] = {}
        for *key, cost, charges in zip(*columns, strict=True):
            found[tuple(_text(part) for part in key)] = Spent(cost, int(charges))
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

    def by_day(self, period: Period | None, basis: Basis | None = None) -> dict[date, Decimal]:
        if period is None:
            return {}
        frame = self.book.by(["Day"], basis or self.basis, period, self.currency, self.only())
        return {the_day(day): cost for day, cost in zip(frame["Day"].tolist(), frame["Cost"].tolist(), strict=True)}


def cost_in(found: Mapping[Key, Spent], key: Key) -> Decimal:
    return found[key].cost if key in found else ZERO


def _text(value: object) -> str:
    return "" if value is None or value != value or value == NONE else str(value)


def the_day(value: object) -> date:
    return value if type(value) is date else date.fromisoformat(str(value)[:10])
