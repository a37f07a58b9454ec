"""Where things are heading and what to do: the outlook, budgets, decisions, anomalies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from finops.budget.model import title
from finops.report.model.lines import Money, Tone

if TYPE_CHECKING:
    from finops.charges import Period

DecisionKind = Literal["approvals", "anomaly", "untagged", "spot", "scale", "budget"]


@dataclass(frozen=True)
class Status:
    word: str
    tone: Tone


@dataclass(frozen=True)
class Range:
    """An amount that is not certain. `middle` is a mean: means add up, ends do not."""

    low: Money
    middle: Money
    high: Money


@dataclass(frozen=True)
class Point:
    """The month's cost added up to the end of a day; low = middle = high where the day is over and complete."""

    day: date
    low: Money
    middle: Money
    high: Money


@dataclass(frozen=True)
class Record:
    """How earlier forecasts came out: inside the range in `inside` of `of` looks at so many months that are over; the
    median miss of these looks in percent of what came."""

    inside: int
    of: int
    months: int
    median_miss_percent: Decimal | None

    def kept(self, level: Decimal) -> bool:
        """Whether they held as often as `level` promises."""
        return self.inside >= level * self.of


@dataclass(frozen=True)
class Excess:
    """What a month is to be over its budget, in two: what the month before was over already, and what is new.

    base is None where the month before stayed within; new is below zero where this one costs less than it did.
    """

    before: date  # the first day of the month before
    cost: Money  # of that month
    base: Money | None
    new: Money


@dataclass(frozen=True)
class More:
    """What an open anomaly adds to where the month ends, if it goes on: `per_day` x `days` left, less what of it is in
    the mean of the forecast already. It is in no other figure of the forecast."""

    name: str
    first: date
    until: date
    per_day: Money
    days: int
    in_mean: Money
    more: Money
    figure: str

    @property
    def whole(self) -> Money:
        return Money(self.per_day.amount * self.days, self.per_day.currency)


@dataclass(frozen=True)
class Coming:
    """A purchase that the forecast has in it: booked about that day in each of the last months, and not yet in this."""

    day: date
    name: str
    cost_centre: str
    amount: Money


@dataclass(frozen=True)
class Outlook:
    """Where the month ends. `range` is None with `why_no_range` while there are too few days for an honest one.

    by: the mean of each cost centre; they add up to the middle of the range. purchases: bought ahead, counted once in
    it and in `so_far`, never extrapolated. chance_over: of the budget for everything, 0 to 1.
    """

    month: str  # "November"
    short_name: str  # "Nov"
    through: date  # the last complete day that it knows
    level: Decimal  # 0.8: 8 in 10
    so_far: Money
    middle: Money
    range: Range | None
    why_no_range: str
    by: Mapping[str, Money]
    shown_by: Mapping[str, Money]  # add up to the shown middle
    path: tuple[Point, ...]
    purchases: Money
    method: str
    record: Record | None
    budget: Money | None
    chance_over: Decimal | None
    over: Money | None  # the middle above the budget; below zero: under it
    runs_out: date | None = None  # the day by whose end the middle is over the budget
    gap: Excess | None = None
    goes_on: tuple[More, ...] = ()
    coming: tuple[Coming, ...] = ()
    figure: str = "month/forecast"

    @property
    def moved_by_it(self) -> bool:
        """Whether what goes on takes the mean out of its range or over the budget: less is told in a note."""
        more = sum((one.more.amount for one in self.goes_on), Decimal(0))
        end = self.middle.amount + more
        out = self.range is None or end > self.range.high.amount
        return more > 0 and (out or (self.budget is not None and self.middle.amount <= self.budget.amount < end))


@dataclass(frozen=True)
class Budgeted:
    """A budget and how it stands. `key`: the cost centre whose tag it watches; None: another scope.

    forecast and chance_over are None where no outlook covers exactly this scope and period.
    """

    name: str
    scope: str  # in words: "everything", "CostCenter CC-4300"
    key: str | None
    is_everything: bool
    period: Period
    period_name: str  # "Nov", "Q4 2026", "2026"
    amount: Money
    basis: Literal["effective", "billed"]
    spent: Money
    left: Money
    spent_percent: Decimal
    gone_percent: Decimal  # of the period
    forecast: Range | None
    chance_over: Decimal | None  # 0 to 1
    status: Status
    crossed: tuple[str, ...]  # thresholds that were reached: "80%", "100% of forecast"
    complete_until: datetime | None
    through: date  # the last day that spent and gone_percent know
    figure: str
    owner: str = ""  # who decides about it
    runs_out: date | None = None  # the day by whose end the mean of the forecast, or what is charged, passes the amount
    gap: Excess | None = None
    later: Money | None = None  # charged after `through`, on incomplete days as a rule; `left` is left after that, too
    gaps: tuple[str, ...] = ()  # what is missing from `spent` on days since `begins`, as sentences
    begins: date | None = None  # the first charged day, where it comes after the period's first

    @property
    def title(self) -> str:
        """What people call it."""
        return title(self.name, self.scope)


@dataclass(frozen=True)
class Lost:
    """A budget that cannot be held against the charges, and why, in a sentence."""

    is_everything: bool
    why: str


@dataclass(frozen=True)
class Decision:
    """Something that waits for a person. `what` goes on after the amount: "$1,240 a month: 12 deletions wait".

    per: what the amount is of: "a month", "so far", "over budget", "this week". unknown: how many of `count` have no
    known amount. by: the last day on which it can be decided, or should be. a_day: what each day until then costs.
    refs: of the savings that it asks for; `amount` is their sum, but where it is of a budget.
    needs: what a budget would have to be by its forecast; takes: the most of that which is stopped by deciding now.
    """

    kind: DecisionKind
    amount: Money | None
    per: str
    what: str
    owner: str  # "" nobody is known
    by: date | None
    count: int
    unknown: int
    page: str  # path in the web app, such as "/approvals"; empty: there is none
    figure: str  # "decision/1"
    a_day: Money | None = None
    refs: tuple[str, ...] = ()
    needs: Money | None = None
    takes: Money | None = None
    elsewhere: int = 0  # of `count`, what saves nothing of its own: it counts with what else is asked of its resource


@dataclass(frozen=True)
class Anomaly:
    """A cost that is not as it was expected. impact = actual - expected.middle; percent is None at an expected zero."""

    id: str
    scope: str  # "cost centre"
    name: str  # of that scope: "CC-4300 LLM Platform"
    kind: str  # new, gone, spike, step, growth
    first: date
    last: date
    actual: Money
    expected: Range
    impact: Money
    percent: Decimal | None
    state: str  # open, explained, planned, resolved
    cause: str  # "Cause not found" where it is not
    evidence: tuple[str, ...]
    owner: str
    found_at: datetime | None
    cost_centre: str | None
    figure: str
    resources: tuple[str, ...] = ()  # ids of what is behind it


@dataclass(frozen=True)
class Anomalies:
    """Open ones first. impact: of the open ones; each is one incident, told in the scope that it shows in best."""

    rows: tuple[Anomaly, ...]  # for the mail
    all: tuple[Anomaly, ...]
    open: int
    impact: Money
    evaluated: Period | None  # the days that were looked at
    why: str  # what keeps it from being whole; empty as a rule


__all__ = [
    "Anomalies", "Anomaly", "Budgeted", "Decision", "DecisionKind", "Excess", "Lost", "More", "Outlook", "Point",
    "Range", "Record", "Status",
]  # fmt: skip
