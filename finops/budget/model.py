"""What a budget is, where it stands, and what is told of it: exact amounts in one currency, in records that stay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from finops.charges import Period
from finops.forecast import Reach, Track

if TYPE_CHECKING:
    from finops.budget.going_on import GoesOn

Basis = Literal["billed", "effective"]
Status = Literal["over", "over likely", "data incomplete", "watch", "on plan"]

# More likely than not; and one in five, which a finance team plans for.
LIKELY, POSSIBLE = Decimal("0.5"), Decimal("0.2")
# Spending more points of the budget ahead of the calendar is worth watching.
WATCH_POINTS = 5


def status_of(amount: Decimal, known: Decimal, chance: Decimal | None, ahead: Decimal, incomplete: bool) -> Status:
    """How a budget of `amount` stands, the worst that is true of it: the same in reports, mails and the command line.

    known: all that is charged, of days that are not complete too. chance: that it ends over; None without a forecast.
    ahead: the percent spent less those of the period that are gone. incomplete: charges are missing.
    """
    if known > amount:
        return "over"
    if chance is not None and chance >= LIKELY:
        return "over likely"
    if incomplete:
        return "data incomplete"
    # The calendar says less than a forecast, and is asked only where there is none.
    return "watch" if (ahead > WATCH_POINTS if chance is None else chance >= POSSIBLE) else "on plan"


@dataclass(frozen=True)
class Scope:
    """What a budget is for. name: of a group or workspace, or the key of a tag; id: in lower case, where one is given.

    A group or workspace by its name alone is every one of that name.
    """

    kind: Literal["all", "subscription", "group", "workspace", "tag"] = "all"
    id: str = ""
    name: str = ""
    values: tuple[str, ...] = ()

    @property
    def said(self) -> str:
        """How people call it."""
        if self.kind == "all":
            return "everything"
        if self.kind == "tag":
            return f"{self.name} {' or '.join(self.values)}"
        kind = {"subscription": "subscription", "group": "resource group", "workspace": "workspace"}[self.kind]
        return f"{kind} {self.name or self.id.rpartition('/')[2]}"

    @property
    def where(self) -> Mapping[str, tuple[str, ...]]:
        """The charges that count, as finops.charges filters them."""
        found: dict[str, tuple[str, ...]] = {}
        if self.kind == "tag":
            found["CostCenter" if self.name.lower() == "costcenter" else f"Tags.{self.name}"] = self.values
        if self.id:
            guid = self.id.split("/")[2]
            found["SubAccountId"] = (f"/subscriptions/{guid}", guid)
        parts = self.id.split("/")
        if self.kind == "group" or (self.kind == "workspace" and self.id):
            found["ResourceGroup"] = (parts[4] if len(parts) > 4 else self.name,)
        if self.kind == "workspace":
            found["Workspace"] = (self.name,)
        return found


@dataclass(frozen=True)
class Threshold:
    """When to tell: of what is spent (actual) or forecast, in percent of the budget or as an amount of money."""

    on: Literal["actual", "forecast"]
    percent: Decimal | None = None
    amount: Decimal | None = None

    def limit(self, budget: Decimal) -> Decimal:
        """The amount from which it counts as crossed."""
        if self.amount is not None:
            return self.amount
        assert self.percent is not None
        return budget * self.percent / 100

    @property
    def key(self) -> str:
        """What tells it from the others of its budget: "actual 80%", "forecast 900"."""
        return f"{self.on} {_plain(self.percent)}%" if self.percent is not None else f"{self.on} {_plain(self.amount)}"


@dataclass(frozen=True)
class Escalation:
    """Who is told where nobody acknowledged an alert for `after_days` days."""

    after_days: int
    to: tuple[str, ...]


# How a gap reads that is none within the charges: nobody knows whether anything was charged before their first day.
BEGINS = "the charges begin on"
# What the settings call the budget for everything.
ALL = "all"


@dataclass(frozen=True)
class Budget:
    """`amount` for each period. currency: None is the one of the charges. thresholds: lowest first, none twice.

    every: month, quarter or year; quarters and years begin in the month `year_starts`. start, end: the first and the
    last day that count. azure_scope: where Azure's own budget is kept, None: where it can be told from the scope.
    """

    name: str
    scope: Scope
    amount: Decimal
    currency: str | None = None
    every: Literal["month", "quarter", "year"] = "month"
    basis: Basis = "effective"
    thresholds: tuple[Threshold, ...] = ()
    to: tuple[str, ...] = ()
    escalate: Escalation | None = None
    year_starts: int = 1
    start: date | None = None
    end: date | None = None
    azure_scope: str | None = None
    owner: str = ""  # who decides when it runs out

    @property
    def called(self) -> str:
        """In a sentence: "the " and this."""
        return called(self.name)

    @property
    def title(self) -> str:
        """On its own, as a heading or in a table."""
        return title(self.name, self.scope.said)


def called(name: str) -> str:
    """ "budget for everything", which the settings call all, or "budget dev"."""
    return "budget for everything" if name == ALL else f"budget {name}"


def title(name: str, said: str) -> str:
    """ "Everything", "Resource group ml", "dev": its name, or what it is for (`said`) where the name says no more."""
    return said[:1].upper() + said[1:] if name == ALL or name.startswith("/") else name


@dataclass(frozen=True)
class Before:
    """What the whole period before came to, and how a person calls it."""

    label: str
    first: date
    cost: Decimal


@dataclass(frozen=True)
class Gap:
    """Why a period ends over its budget: `base` would be over if it cost what the one before did, `new` comes on top.

    Together they are all that it is forecast to be over; new is below zero where it costs less than before.
    """

    before: Before
    base: Decimal
    new: Decimal


@dataclass(frozen=True)
class Standing:
    """Where a budget stands in one of its periods.

    period: the calendar's, cut to the budget's own first and last day. spent: its charges before `until`, the end of
    its last complete day; later: those known of the days since, which are a part of what they will be.
    percent: spent of the budget, rounded to one place. gone_percent: how much of the period is over by `until`.
    forecast: where the period ends; None without one, and `no_forecast` says why. chance_over: 0 to 1.
    basis: the one that was counted; basis_note says where the charges do not state the one that was asked for.
    gaps: charges that ought to be here and are not, as sentences: `spent` is then at least so much.
    crossed: the thresholds that are reached, worst last. label: how a person calls the period.
    runs_out: the day by whose end the mean of the forecast is over the amount. before: what the period before came to.
    goes_on: what open anomalies add to the forecast, if they go on. track: how earlier ones of the scope came out.
    begins: the day of the first charge that there is, where it comes after the period's first: that is in gaps, too.
    """

    budget: Budget
    period: Period
    currency: str
    spent: Decimal
    percent: Decimal
    gone_percent: Decimal
    forecast: Reach | None
    no_forecast: str
    chance_over: Decimal | None
    basis: Basis
    basis_note: str
    complete_until: datetime | None
    gaps: tuple[str, ...]
    crossed: tuple[Threshold, ...]
    ended: bool
    label: str = ""
    later: Decimal = Decimal(0)
    until: datetime | None = None
    runs_out: date | None = None
    before: Before | None = None
    goes_on: tuple[GoesOn, ...] = ()
    track: Track | None = None
    begins: date | None = None

    @property
    def known(self) -> Decimal:
        """All charges of the period that are known, those of incomplete days too: thresholds do not wait for these."""
        return self.spent + self.later

    @property
    def left(self) -> Decimal:
        """What may still be spent; below zero when it is over."""
        return self.budget.amount - self.known

    @property
    def at_least(self) -> bool:
        """Whether charges are missing, so that `spent` is a part of what was spent."""
        return bool(self.gaps)

    @property
    def likely(self) -> Decimal:
        """The most that is known: what the period is forecast to end at, and never less than what is known."""
        return max(self.known, self.forecast.middle) if self.forecast else self.known

    @property
    def status(self) -> Status:
        """The worst that is true of it. With charges missing that might change that, nothing is ever on plan."""
        ahead = self.percent - self.gone_percent
        return status_of(self.budget.amount, self.known, self.chance_over, ahead, self.unsure)

    @property
    def lacking(self) -> tuple[str, ...]:
        """The gaps, but for the days before the first charge."""
        return tuple(gap for gap in self.gaps if self.begins is None or not gap.startswith(BEGINS))

    @property
    def unsure(self) -> bool:
        """Whether charges are missing that might make it worse. Nobody knows if there were any before the first one:
        where the worst of the forecast has room for as much a day as since then, they make it no worse."""
        if self.begins is None or self.lacking or self.until is None:
            return self.at_least
        if self.forecast is None or self.forecast.high is None:
            return True
        before, since = self.begins - self.period.start.date(), self.until.date() - self.begins
        return self.forecast.high + self.spent * before.days / max(since.days, 1) > self.budget.amount

    @property
    def gap(self) -> Gap | None:
        """The likely excess, split by what the period before came to; None without a forecast or a period before."""
        over = self.likely - self.budget.amount
        if self.before is None or self.forecast is None or over <= 0:
            return None
        base = max(self.before.cost - self.budget.amount, Decimal(0))
        return Gap(self.before, base, over - base)

    @property
    def thread(self) -> str:
        """What all mails of this budget and period have in common."""
        return f"budget/{self.budget.name}/{self.period.start:%Y-%m-%d}"


@dataclass(frozen=True)
class Alert:
    """One threshold of one budget crossed in one period. It is told once: `key` never comes again."""

    key: str
    standing: Standing
    threshold: Threshold
    limit: Decimal
    reached: Decimal

    @property
    def thread(self) -> str:
        return self.standing.thread


def _plain(amount: Decimal | None) -> str:
    assert amount is not None
    return f"{amount.normalize():f}"
