"""The report as records: every figure computed, exact, and with its currency; nothing here reads or prints.

What can be printed is rounded once, here: `shown_*` amounts add up to the shown total (see rounding.adding_up),
the others keep every digit. `None` means that there is nothing to compare with, never zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from finops.charges import Period

UNTAGGED = "(untagged)"

Role = Literal["part", "other", "untagged", "total"]
Tone = Literal["bad", "watch", "good", "plain"]


@dataclass(frozen=True)
class Money:
    """An amount in units of `currency` (ISO 4217)."""

    amount: Decimal
    currency: str


@dataclass(frozen=True)
class Line:
    """What one cost centre, service or resource cost: in the period, in the one before, in the month so far."""

    key: str
    name: str
    role: Role
    cost: Money
    before: Money | None
    change: Money | None
    percent: Decimal | None  # change in percent of before; None where that base is too small to say anything
    month: Money | None
    charges: int
    shown_cost: Money
    shown_change: Money | None
    shown_month: Money | None

    @property
    def is_one(self) -> bool:
        return self.role in {"part", "untagged"}

    @property
    def is_new(self) -> bool:
        return self.is_one and self.before is not None and self.before.amount == 0 and self.cost.amount != 0

    @property
    def is_gone(self) -> bool:
        return self.is_one and self.before is not None and self.before.amount != 0 and self.cost.amount == 0


@dataclass(frozen=True)
class Table:
    """Lines for the mail (the dearest, then "Other", then what has no owner), all of them, and their total."""

    rows: tuple[Line, ...]
    all: tuple[Line, ...]
    total: Line

    @property
    def with_total(self) -> tuple[Line, ...]:
        return (*self.rows, self.total)


@dataclass(frozen=True)
class Mover:
    """A resource whose cost changed."""

    name: str
    resource_id: str
    service: str
    cost_centre: str
    cost: Money
    before: Money
    change: Money
    percent: Decimal | None
    is_new: bool
    is_gone: bool
    workspace: str
    subscription: str
    label: str  # its name, and its workspace or resource group where several are called so


@dataclass(frozen=True)
class Driver:
    """A cost centre that moved, the resources that moved it most, and what its other resources did together."""

    line: Line
    resources: tuple[Mover, ...]
    has_others: bool
    rest: Money


@dataclass(frozen=True)
class Movers:
    """Who moved the total: drivers, then everything else together. `minor`: changes below it are not named.

    moved: how many cost centres changed. Without drivers the change is spread over them: none explains a tenth.
    """

    drivers: tuple[Driver, ...]
    everything_else: Money
    nothing_above_minor_elsewhere: bool
    minor: Money
    moved: int
    bars: tuple[Line, ...]
    all: tuple[Mover, ...]


@dataclass(frozen=True)
class Day:
    day: date
    cost: Money
    so_far: Money
    other_basis: Money


@dataclass(frozen=True)
class Budget:
    """A month's budget, how much of it is spent, and how much of the month is gone (both in percent)."""

    amount: Money
    spent: Money
    left: Money
    spent_percent: Decimal
    month_gone_percent: Decimal
    pace: Pace | None


@dataclass(frozen=True)
class Pace:
    """Where a month ends at its run rate: cost a day so far, times its days. No forecast."""

    end: Money
    over: Money  # below zero: under the budget


@dataclass(frozen=True)
class Month:
    """The month so far, to the last day of the reported period, beside the same days of the month before."""

    name: str  # "November"
    short_name: str  # "Nov"
    label: str  # "November, 1 to 14 Nov"; the name alone when the month is whole
    period: Period
    cost: Money
    change: Money | None
    percent: Decimal | None
    before_name: str
    budget: Budget | None
    is_new: bool = False
    is_gone: bool = False


@dataclass(frozen=True)
class Curve:
    """What the first chart draws: cost added up day by day, the same for the time before, and the budget."""

    title: str
    period: Period
    days: tuple[Day, ...]
    before_name: str
    before_days: tuple[Day, ...]
    budget: Money | None


@dataclass(frozen=True)
class Category:
    """One ChargeCategory in both cost bases: the way from this report to the invoice."""

    name: str
    effective: Money
    billed: Money


@dataclass(frozen=True)
class Detail:
    """Charges of one day, owner, resource, service and kind, added up."""

    day: date
    cost_centre: str
    subscription: str
    resource: str
    resource_id: str
    service: str
    category: str
    effective: Money
    billed: Money
    charges: int


@dataclass(frozen=True)
class Details:
    """The dearest details, and what was left out of them so that the list stays a list people can open."""

    lines: tuple[Detail, ...]
    left_out: int  # charges
    left_out_effective: Money
    left_out_billed: Money


@dataclass(frozen=True)
class Gap:
    """Something that could not be read: what it belongs to, and why."""

    scope: str
    reason: str


@dataclass(frozen=True)
class Absent:
    """The same in words: "Contoso AI Development", "no permission", "Oct, Nov"."""

    name: str
    why: str
    when: str


@dataclass(frozen=True)
class Completeness:
    """Until when the data is complete, what is missing from it, and whether it is old."""

    until: datetime | None
    data: Period  # from the first day in the data to its last complete one
    covers_period: bool
    gaps: tuple[Gap, ...]  # all of it, in full
    absent: tuple[Absent, ...]  # what could not be read, in words
    missing: tuple[Absent, ...]  # days of the period that subscriptions lack
    not_compared: str  # why there is no change on the period before; empty when there is one, or no such data
    rejected: tuple[Gap, ...]
    days_old: int | None  # set when the data is older than it should be
    fallback: str  # why this period was taken when none was asked for; empty as a rule

    @property
    def is_whole(self) -> bool:
        return self.covers_period and not self.gaps and not self.rejected


Kind = Literal["realised", "approved", "identified"]


@dataclass(frozen=True)
class Saving:
    """What one decision saves. `realised` is what the charges say, `expected` what was identified when it was decided.

    kind: realised once a complete day after the act is on the bill; its amount is None where it cannot be known.
    """

    number: int  # of the finding
    kind: Kind
    name: str
    what: str  # "online endpoint"
    holder: str  # workspace or registry
    resource_id: str
    rule: str
    does: str  # "delete"
    did: str  # "deleted"
    since: date | None  # the day of its first step; None: not done
    until: date | None  # the day it was undone
    expected: Money | None  # a month
    realised: Money | None
    shown: Money | None  # adds up to the shown total; zero for an act that is not on the bill yet
    days_before: int  # complete days that the cost before is averaged over
    days_after: int  # complete days after it that count
    before: Money | None  # charged on the days before
    after: Money | None  # charged on the days after
    why: str  # why an amount is not known, or not counted
    counted_with: int | None  # the finding under which this saving is counted already

    @property
    def is_done(self) -> bool:
        return self.since is not None


@dataclass(frozen=True)
class Sum:
    """What several savings of one kind come to, of how many, and how many of those have no known amount."""

    amount: Money
    count: int
    unknown: int


@dataclass(frozen=True)
class Savings:
    """What was saved by the charges so far, what was decided, what waits: three amounts that are never added.

    rows: the largest acts, whose `shown` with `others_shown` make `shown`.
    """

    to: date  # the last day of complete charges that counts
    realised: Sum  # since each act
    approved: Sum  # a month
    identified: Sum  # a month
    shown: Money  # realised, as printed
    rows: tuple[Saving, ...]
    others: int  # acts that count and are not among the rows
    others_shown: Money
    all: tuple[Saving, ...]


@dataclass(frozen=True)
class Status:
    word: str
    tone: Tone


@dataclass(frozen=True)
class Wording:
    """How the period is called, as its kind needs: a week, a month, or some days."""

    kind: Literal["week", "month", "days"]
    title: str  # "Week of 15 to 21 Nov 2026"
    subject: str  # "week to 21 Nov"
    this: str  # "This week"
    the: str  # "the week"
    before: str  # "the week before"


@dataclass(frozen=True)
class Report:
    """A cost report of one period in one currency."""

    organisation: str
    made: datetime
    version: str
    name: str
    period: Period
    before: Period | None
    wording: Wording
    currency: str
    digits: int
    basis: Literal["effective", "billed"]
    bases: tuple[str, ...]  # which of both the data states
    basis_wanted: Literal["effective", "billed"]
    kinds_told: bool  # whether the data tells purchases from usage
    statuses: tuple[Status, ...]
    total: Line
    other_total: Money
    by_cost_centre: Table
    by_service: Table
    untagged: Line
    untagged_percent: Decimal | None
    movers: Movers | None
    month: Month | None
    curve: Curve
    days: tuple[Day, ...]
    dearest_day: Day
    categories: tuple[Category, ...]
    details: Details
    savings: Savings | None  # None: nobody found anything yet
    completeness: Completeness
    other_currencies: tuple[str, ...]
    sources: tuple[str, ...]
    remarks: tuple[str, ...]  # what the charges say about themselves
