"""How much one run of the guard may change: its limits over all rules together, in the words of the settings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from math import ceil
from typing import TYPE_CHECKING

from finops.acts import Caps, Names
from finops.estate.ids import key

if TYPE_CHECKING:
    from finops.config.model import GuardSettings
    from finops.state import State


@dataclass(frozen=True)
class Wanted:
    """What a rule wants to do to one resource: in how many changes, and how many more by which it is given back."""

    id: str
    owner: str
    saving: Decimal | None
    changes: int = 1
    given_back: int = 0


@dataclass
class Limits:
    """What was granted so far. A rule that wants more than is left gets nothing at all."""

    settings: GuardSettings
    state: State
    now: datetime
    changes: int = 0
    owners: Counter[str] = field(default_factory=Counter)
    savings: dict[str, Decimal] = field(default_factory=dict)

    def refusal(self, wanted: Sequence[Wanted], population: int) -> str | None:
        """Why nothing of `wanted` may be done; None when all of it may, which then counts as done."""
        if not wanted:
            return None
        changes = sum(one.changes for one in wanted)
        owners = Counter(self.owners)
        for one in wanted:
            owners[one.owner.strip().lower()] += one.changes
        savings = dict(self.savings)
        for one in wanted:
            if one.saving is not None:
                savings[key(one.id)] = max(abs(one.saving), savings.get(key(one.id), Decimal(0)))
        why = (
            self._too_many(changes)
            or self._too_large_a_part(len({key(one.id) for one in wanted}), population)
            or self._too_fast(changes + sum(one.given_back for one in wanted))
            or self._too_many_of_one(owners)
            or self._too_much_money(wanted, sum(savings.values(), Decimal(0)))
        )
        if why is None:
            self.changes += changes
            self.owners, self.savings = owners, savings
        return why

    def _too_many(self, changes: int) -> str | None:
        most = self.settings.max_acts
        if self.changes + changes <= most:
            return None
        before = f" after {self.changes} of other rules" if self.changes else ""
        return _said(f"{changes} changes are wanted{before}; the limit of a run is {most}", "max_acts")

    def _too_large_a_part(self, resources: int, population: int) -> str | None:
        most = percent(self.settings, population)
        if resources * 100 <= most * population:
            return None
        limit = self.settings.max_percent
        return _said(f"{resources} of {population} resources would be changed; the limit is {limit} %", "max_percent")

    def _too_fast(self, changes: int) -> str | None:
        before = self.state.acts_since(self.now - timedelta(hours=1))
        most = self.settings.max_per_hour
        if before + changes <= most:
            return None
        said = f"{before} changes were made within the last hour, and {changes} more are wanted; the limit is {most}"
        return _said(said, "max_per_hour")

    def _too_many_of_one(self, owners: Counter[str]) -> str | None:
        [(owner, count)] = owners.most_common(1)
        if count <= self.settings.max_per_owner:
            return None
        whose = owner or "nobody known"
        return _said(f"{count} changes concern {whose}; the limit is {self.settings.max_per_owner}", "max_per_owner")

    def _too_much_money(self, wanted: Sequence[Wanted], money: Decimal) -> str | None:
        most = self.settings.max_monthly_money
        if most is None:
            return None
        unknown = next((one.id for one in wanted if one.saving is None), "")
        if unknown:
            return (
                f"What {unknown} would save is not known, so guard.max_monthly_money cannot be kept. "
                "Nothing was changed by this rule."
            )
        if money <= most:
            return None
        return _said(f"The changes concern {money} a month; the limit is {most}", "max_monthly_money")


def caps(settings: GuardSettings, population: int) -> Caps:
    """The same limits for each call that changes Azure, which holds to them by itself."""
    return Caps(
        max_count=settings.max_acts,
        max_percent=percent(settings, population),
        per_owner=settings.max_per_owner,
        max_monthly_money=settings.max_monthly_money,
        population=population,
        per_hour=settings.max_per_hour,
        names=Names().of("guard"),
    )


def percent(settings: GuardSettings, population: int) -> int:
    """max_percent, where that is one resource at least: of three, 25 % would be none for good."""
    if not settings.max_percent or not population:
        return settings.max_percent
    return max(settings.max_percent, ceil(100 / population))


def _said(what: str, setting: str) -> str:
    return f"{what}. Nothing was changed by this rule. Raise guard.{setting} if this is right."
