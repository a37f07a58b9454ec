"""What decisions save, in three kinds that never mix."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from finops.report.model.lines import Money

Kind = Literal["realised", "approved", "identified"]


@dataclass(frozen=True)
class Saving:
    """What one decision saves. `realised` is what the charges say, `expected` what was identified when it was decided.

    kind: realised once a complete day after the act is on the bill; its amount is None where it cannot be known.
    """

    number: int  # of the finding, or of the change
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
    counted_with: str | None  # what this saving is counted with already: "finding 3"
    source: str = "Janitor"  # who found it
    ref: str = ""  # what it is called by: "3", "guard-12"
    ends: date | None = None  # the day its owner had planned it to go
    saves: bool = True  # False: an act that changes no cost, such as a tag
    hours_before: Decimal | None = None  # charged hours, where it is measured by the hour
    hours_after: Decimal | None = None
    owner: str = ""
    basis: Literal["bill", "list price"] = "bill"  # what `expected` was worked out from
    lapsed: bool = False  # it was approved, and not done while that held
    evicted: bool = False  # whether work that is run again after an eviction may be in it
    again_hours: Decimal | None = None  # node-hours that jobs told they ran again after evictions; None: none told
    again: Money | None = None  # those, at the price before: taken off `realised` already
    measure: str = "whole"  # how it is measured, see Claim
    how: str = ""  # the arithmetic of what was realised, in words
    watched: date | None = None  # it stands still until then, and is watched for use before it is done

    @property
    def is_done(self) -> bool:
        return self.since is not None

    @property
    def stands(self) -> bool:
        """Whether it was done, was not undone, and is of a kind that changes what its resource costs."""
        return self.since is not None and self.until is None and self.saves


@dataclass(frozen=True)
class Sum:
    """What several savings of one kind come to, of how many, and how many of those have no known amount.

    nothing: how many come to zero. listed: the part of `amount` that follows list prices.
    """

    amount: Money
    count: int
    unknown: int
    nothing: int = 0
    listed: Money | None = None


@dataclass(frozen=True)
class Source:
    """The three amounts of what one source found. The printed ones add up to the printed totals."""

    name: str
    realised: Sum
    approved: Sum
    identified: Sum
    shown_realised: Money
    shown_approved: Money
    shown_identified: Money

    @property
    def figure(self) -> str:
        return self.name.lower().replace(" ", "-")


@dataclass(frozen=True)
class Came:
    """What became of what was found, each resource once, and how well it had been foretold.

    compared: acts of which both are known: `expected` a month when it was decided, `monthly` by the charges since
    """

    found: int  # all of it, whatever became of it
    decided: int  # of those, also what is done
    realised: int  # of those, what is on the bill
    compared: int
    expected: Money
    monthly: Money
    error_percent: Decimal | None  # of what was expected; None: nothing to compare, or nothing was expected


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
    sources: tuple[Source, ...] = ()
    came: Came | None = None
    lapsed: tuple[Saving, ...] = ()  # of what waits: approved once, and not done in time
    lapsed_sum: Sum | None = None
    again_hours: Decimal | None = None  # of all acts, as far as jobs told; None: nobody told anything
    again: Money | None = None
    lacks: str = ""  # why what the guard finds in the estate is not among them
