"""Cost over time: days, the month so far, its budget and pace, and what the first chart draws."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from finops.report.model.lines import Money
from finops.report.rounding import rounded

if TYPE_CHECKING:
    from finops.charges import Period
    from finops.report.model.planned import Range, Record


@dataclass(frozen=True)
class Day:
    day: date
    cost: Money
    so_far: Money
    other_basis: Money


@dataclass(frozen=True)
class Budget:
    """A month's budget, how much of it is spent, and how much of the month is gone (both in percent).

    later: charged after the days of `spent`; what is left is left after that, too.
    """

    amount: Money
    spent: Money
    left: Money
    spent_percent: Decimal
    month_gone_percent: Decimal
    pace: Pace | None
    name: str = ""  # in the settings
    basis: Literal["effective", "billed"] = "effective"  # of `spent`
    later: Money | None = None
    figure: str = "month/budget"
    begins: date | None = None  # the first charged day, where it comes after the month's first

    @property
    def known(self) -> Money:
        """All that is charged, of incomplete days too."""
        return Money(self.spent.amount + self.later.amount, self.spent.currency) if self.later else self.spent

    def later_shown(self, digits: int) -> Money:
        """`later` as printed, so that it adds up with the printed `spent` to the printed sum of both."""
        return Money(rounded(self.known.amount, digits) - rounded(self.spent.amount, digits), self.spent.currency)

    @property
    def over_with_later(self) -> Money | None:
        """What is charged above the budget, where the later days have a part in it."""
        is_so = self.left.amount < 0 and self.later is not None and self.later.amount > 0
        return Money(-self.left.amount, self.left.currency) if is_so else None


@dataclass(frozen=True)
class Pace:
    """Where a month ends at its run rate: cost a day so far, times its days. No forecast."""

    end: Money
    over: Money  # below zero: under the budget


@dataclass(frozen=True)
class Begun:
    """The month after one that has ended, as far as its days are known, and where it leads against the same budget.

    period: its complete days; None before the first of them. over: the mean above the budget; runs_out: the day by
    whose end that is so. record: how such ranges held before.
    """

    first: date
    period: Period | None
    cost: Money
    figure: str = "month/next"
    range: Range | None = None
    budget: Money | None = None
    over: Money | None = None
    runs_out: date | None = None
    record: Record | None = None
    chance_over: Decimal | None = None  # 0 to 1


@dataclass(frozen=True)
class Moved:
    """Why a month costs what it does: `before` in the whole month before, `base` of it over the budget of this one
    already, and the cost centre and the resource in it that moved most since; no key where none did.
    """

    before: Money
    base: Money | None
    key: str | None
    change: Money
    resource: str
    resource_id: str = ""


@dataclass(frozen=True)
class Month:
    """The month of the reported period, as far as it is known, beside the same days of the month before.

    ended: all of its days are known, so that nothing of it is forecast; next: the month that has begun since.
    """

    name: str  # "November"
    short_name: str  # "Nov"
    label: str  # "November, 1 to 14 Nov"; the name alone when the month is whole
    period: Period
    cost: Money
    change: Money | None
    percent: Decimal | None
    before_name: str
    budget: Budget | None
    ended: bool = False
    next: Begun | None = None
    moved: Moved | None = None
    is_new: bool = False
    is_gone: bool = False
    bought: bool = False


@dataclass(frozen=True)
class Jump:
    """A day that stands out, and the one thing that cost so much more on it than on the day before."""

    day: date
    name: str
    amount: Money


@dataclass(frozen=True)
class Curve:
    """What the first chart draws: cost added up day by day, the same for the time before, and the budget."""

    title: str
    period: Period
    days: tuple[Day, ...]
    before_name: str
    before_days: tuple[Day, ...]
    budget: Money | None
    jumps: tuple[Jump, ...] = ()  # at most one of these days, and one of those before
