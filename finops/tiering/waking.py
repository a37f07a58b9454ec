"""What bringing blobs out of Archive takes, in hours and money, at both priorities; what rules do after today."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from finops.tiering.rates import read_back

if TYPE_CHECKING:
    from finops.tiering.model import Rates
    from finops.tiering.optimum import Move

ARCHIVE = "Archive"
# https://learn.microsoft.com/azure/storage/blobs/archive-rehydrate-overview#rehydration-priority (2025-06)
HIGH = "often under an hour at high priority, below 10 GB a blob"
GOES_ON = (
    "Rules go on: what grows as old later is moved too, without being asked about again. What that costs once, and at "
    "worst, is neither in these figures nor held against tiering.max_once and tiering.max_worst."
)
APPROVAL = "Whatever archives needs a person's approval: finops tier apply --execute asks for it."
_GB, _TEN_THOUSAND = 2**30, 10_000


@dataclass(frozen=True)
class Waking:
    """Prices for 10,000 blobs and for a GB. high: at high priority, None where no price of it is published."""

    currency: str
    standard: tuple[Decimal, Decimal]
    high: tuple[Decimal, Decimal] | None

    @property
    def said(self) -> str:
        blobs, gb = self.standard
        urgent = f" (for {_money(self.high[0])} and {_money(self.high[1])})" if self.high else ""
        unknown = "" if self.high else ", whose price is not published here"
        return (
            f"What is in Archive cannot be read: it must be brought back first, which takes up to 15 hours at standard "
            f"priority (for {_money(blobs)} {self.currency} per 10,000 blobs and {_money(gb)} a GB), and {HIGH}"
            f"{urgent}{unknown}. The worst case is at standard priority."
        )

    def urgent(self, moves: Iterable[Move]) -> Decimal | None:
        """What reading back all of `moves` costs more than now with those to Archive at high priority; None where none
        goes there, or that has no price."""
        told = list(moves)
        down = [move for move in told if move.after == ARCHIVE]
        if not down or self.high is None:
            return None
        blobs = Decimal(sum(move.blobs for move in down)) / _TEN_THOUSAND
        gb = Decimal(sum(move.bytes for move in down)) / _GB
        more = blobs * (self.high[0] - self.standard[0]) + gb * (self.high[1] - self.standard[1])
        return (sum((move.worst for move in told), Decimal(0)) + more).quantize(Decimal("0.000001"))


def waking(rates: Rates) -> Waking | None:
    """None where Archive has no price."""
    if ARCHIVE not in rates.tiers:
        return None
    of = rates.tiers[ARCHIVE]
    both = of.high_read_10k is not None and of.high_retrieval_gb is not None

    def priced(high: bool) -> tuple[Decimal, Decimal]:
        return (
            read_back(rates, ARCHIVE, 0, _TEN_THOUSAND, high).operations,
            read_back(rates, ARCHIVE, _GB, 0, high).retrieval,
        )

    return Waking(rates.currency, priced(False), priced(True) if both else None)


def _money(amount: Decimal) -> str:
    """With two digits or, for prices of a GB, as many as it has."""
    exact = amount.normalize()
    return f"{exact:,f}" if -int(exact.as_tuple().exponent) > 2 else f"{amount:,.2f}"
