"""What a forecast is made from and what it says: exact amounts in one currency, in records that never change."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

FEWEST_DAYS = 14
"""Complete days before a range is given: two of each weekday, so that shape and movement can be told apart."""

SURELY_NOT = Decimal("0.01")


@dataclass(frozen=True)
class Daily:
    """Usage of one cost centre (or of anything else) day after day from `start`: purchases apart, no day left out."""

    key: str
    start: date
    amounts: tuple[Decimal, ...]

    @property
    def end(self) -> date:
        """The day after its last amount."""
        return self.start + timedelta(days=len(self.amounts))


@dataclass(frozen=True)
class Purchase:
    """A charge of category Purchase, booked on `day`: `what` tells one from another (resource, SKU or publisher)."""

    key: str
    day: date
    amount: Decimal
    what: str = ""


@dataclass(frozen=True)
class Reach:
    """Where something ends: `middle` is the mean of what may come; `low`, `high` are None where there is no range."""

    low: Decimal | None
    middle: Decimal
    high: Decimal | None


@dataclass(frozen=True)
class Point:
    """Cost of the month added up to the end of `day`. Of days gone by, low = middle = high; without a range, None."""

    day: date
    low: Decimal | None
    middle: Decimal
    high: Decimal | None


@dataclass(frozen=True)
class Said:
    """What was said of `month` with its charges known to the end of day `day`, and how much came."""

    month: date
    day: int
    low: Decimal | None
    middle: Decimal
    high: Decimal | None
    came: Decimal

    @property
    def is_inside(self) -> bool | None:
        """Whether the range held. None: no range was given."""
        if self.low is None or self.high is None:
            return None
        return self.low <= self.came <= self.high

    @property
    def miss_percent(self) -> Decimal | None:
        """How far the middle lay from what came, in percent of it. None: nothing came, or less than nothing."""
        return abs(self.middle - self.came) / self.came * 100 if self.came > 0 else None


@dataclass(frozen=True)
class Track:
    """The record of past months: each asked again with what was known on some of its days.

    inside: looks whose range held, `of` so many that gave one, at so many `months`; the median miss is of these looks.
    rows: all looks, those too early for a range, too.
    """

    inside: int
    of: int
    months: int
    median_miss_percent: Decimal | None
    rows: tuple[Said, ...]


@dataclass(frozen=True)
class Outlook:
    """Where `month` ends, by its usage to the end of `through` and the purchases booked so far.

    so_far, total, by and path have the purchases in them, once and as booked; total, by and path also what is due.
    by: the means; they add up to total.middle to the last digit. The range is of the total only: ranges do not add.
    """

    month: date
    through: date
    level: Decimal  # the share of months in which the range should hold
    so_far: Decimal
    total: Reach
    by: Mapping[str, Decimal]
    path: tuple[Point, ...]
    purchases: Decimal  # of the month, in so_far and total already
    due: Decimal  # purchases still to come, in total already
    coming: tuple[Purchase, ...]  # one by one, to the end of the month
    method: str
    track: Track
    why_no_range: str  # empty where there is one
    ends: tuple[Decimal, ...] = field(repr=False)  # ways that the month may end, in order; empty without a range

    def chance_over(self, amount: Decimal) -> Decimal | None:
        """The share (0 to 1) of the ways that the month may end which lie above `amount`. None without a range.

        Before the last day never 0 or 1: that none of our ways led there does not mean that none does.
        """
        if not self.ends:
            return None
        above = len(self.ends) - bisect_right(self.ends, amount)
        share = (Decimal(above) / len(self.ends)).quantize(Decimal("0.001"))
        return share if self.through >= self.path[-1].day else min(max(share, SURELY_NOT), 1 - SURELY_NOT)
