"""What an anomaly is, what it is judged by, and what people declared beforehand: records that never change."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Literal

ScopeKind = Literal["cost centre", "workspace", "service", "meter"]
Kind = Literal["new", "gone", "spike", "step", "growth"]
State = Literal["open", "explained", "planned", "resolved"]
KINDS: tuple[ScopeKind, ...] = ("cost centre", "workspace", "service", "meter")
NO_CAUSE = "Cause not found"


@dataclass(frozen=True, order=True)
class Scope:
    """Whose cost: one cost centre, workspace, service or meter. Written "workspace:mlw-vision"."""

    kind: ScopeKind
    key: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.key}"


Cell = tuple[Scope, ...]
"""Where a cost centre, a workspace, a service and a meter meet: what one thing costs is there, with little else."""


@dataclass(frozen=True)
class Reach:
    """What was expected: the middle, and the ends between which four in five such stretches of days lie."""

    low: Decimal
    middle: Decimal
    high: Decimal


@dataclass(frozen=True)
class Planned:
    """A change that somebody declared: of `scope`, or of everything; from `first` to `last`, both included."""

    scope: Scope | None
    first: date
    last: date
    why: str
    who: str = ""

    def covers(self, scopes: tuple[Scope, ...], first: date, last: date) -> bool:
        """Whether it tells of one of the scopes. What began before the plan, or goes on after it, is not planned."""
        slack = timedelta(days=1)  # a change late in a day shows on the next
        inside = self.first <= first + slack and first <= self.last and last <= self.last + slack
        return inside and (self.scope is None or self.scope in scopes)


@dataclass(frozen=True)
class Bar:
    """What is worth a case. minimum: money that it came to; times: how many usual deviations of a day it takes."""

    minimum: Decimal = Decimal(50)
    times: Decimal = Decimal("6.5")


@dataclass(frozen=True)
class Raised:
    """Money a day in one scope below which nothing is told, from `first` to `last`: somebody said it was no anomaly."""

    scope: Scope
    first: date
    last: date
    least: Decimal


@dataclass(frozen=True)
class Anomaly:
    """Days that cost more or less than expected. impact = actual - expected.middle; percent None at an expected zero.

    also: scopes in which the same money shows. going_on: whether the last judged day is still off.
    """

    id: str
    scope: Scope
    kind: Kind
    first: date
    last: date
    actual: Decimal
    expected: Reach
    impact: Decimal
    percent: Decimal | None
    going_on: bool = False
    also: tuple[Scope, ...] = ()
    seen: date | None = None  # the first day by whose end it could be told
    state: State = "open"
    cause: str = NO_CAUSE
    evidence: tuple[str, ...] = ()
    owner: str = ""
    found_at: datetime | None = None
    why: str = ""  # what a person said of it
    resources: tuple[str, ...] = ()  # ids of what is behind it, the one with most of it first
    whole: Decimal | None = None  # money a day on the days after the first, which may be a part of one

    @property
    def per_day(self) -> Decimal:
        """Money a day, over or under, on the average of its days; without the first where that was less of a day."""
        average = self.impact / ((self.last - self.first).days + 1)
        return max(average, self.whole or average, key=abs)

    @property
    def scopes(self) -> tuple[Scope, ...]:
        return (self.scope, *self.also)


def id_of(scope: Scope, first: date) -> str:
    """The same for the same scope and first day, whenever and wherever it is worked out."""
    return "A" + hashlib.sha256(f"{scope}|{first}".encode()).hexdigest()[:7]
