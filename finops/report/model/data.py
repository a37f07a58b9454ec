"""How far the data reaches, and what is missing from it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from finops.charges import Period


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
    charged_to: tuple[tuple[str, date], ...]  # by subscription, the last day with charges that are all there
    fallback: str  # why this period was taken when none was asked for; empty as a rule

    @property
    def is_whole(self) -> bool:
        return self.covers_period and not self.gaps and not self.rejected
