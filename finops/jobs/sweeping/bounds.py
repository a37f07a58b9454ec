"""The janitor's limits: asked before anything is prepared, with a way on for whoever meets one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from finops.acts import Act, Caps, Names, is_image, over
from finops.approvals.recording import POPULATION
from finops.jobs.sweeping.tombs import IMAGE
from finops.state import Record

if TYPE_CHECKING:
    from finops.config.model import JanitorSettings
    from finops.janitor import Rule
    from finops.state import State

HOUR = timedelta(hours=1)
# There is no setting of its own for the hour.
NAMES = replace(Names().of("janitor"), per_hour="janitor.max_acts")


@dataclass(frozen=True)
class Bounds:
    """How much may be done at once: over all kinds of things together, and a share of each kind."""

    settings: JanitorSettings
    state: State
    rules: Sequence[Rule]

    def caps(self, images: bool) -> Caps:
        """Those of one kind: images, or all others."""
        return self._caps(self.settings.max_percent, self._population(images))

    def refused(self, records: Sequence[Record], now: datetime) -> dict[int, str]:
        """Which of what is wanted may not be done, by number, and why; nothing is, over a limit of all kinds."""
        every = self._told(records, self._of_all(now))
        if every:
            return every
        held: dict[int, str] = {}
        for images in (False, True):
            mine = [one for one in records if is_image(one.finding.resource_id) == images]
            held |= self._told(mine, self._of_kind(images, now))
        return held

    def _told(self, records: Sequence[Record], ask: Callable[[Sequence[Record]], str | None]) -> dict[int, str]:
        why = ask(records)
        if why is None:
            return {}
        some: list[Record] = []
        for record in records:
            if ask([*some, record]) is None:
                some.append(record)
        held = ", ".join(str(one.number) for one in records)
        why = f"{why} Held back: {'finding' if len(records) == 1 else 'findings'} {held}."
        if some:
            only = " ".join(f"--only {one.number}" for one in some)
            why = f"{why} Or do what is within the limit: finops janitor apply {only} --execute"
        return {one.number: why for one in records}

    def _of_all(self, now: datetime) -> Callable[[Sequence[Record]], str | None]:
        population = max(self._population(images=False) + self._population(images=True), 1)
        caps, before = self._caps(100, population), self.state.acts_since(now - HOUR)
        return lambda records: over(_counting(records), caps, before)

    def _of_kind(self, images: bool, now: datetime) -> Callable[[Sequence[Record]], str | None]:
        caps, before = self.caps(images), self.state.acts_since(now - HOUR)
        return lambda records: over(_counting(records), caps, before)

    def _caps(self, percent: float, population: int) -> Caps:
        own = self.settings
        return Caps(
            own.max_acts, percent, own.max_per_owner, own.max_monthly_money, population, own.max_acts, NAMES
        )  # fmt: skip

    def _population(self, images: bool) -> int:
        """How many things the rules looked at in the last sweep, each once: images, or all others."""
        looked_at = self.state.kept(POPULATION).get(POPULATION) or {}
        most: dict[str, int] = {}
        for rule in self.rules:
            if (rule.type == IMAGE) == images:
                most[rule.type] = max(most.get(rule.type, 0), int(looked_at.get(rule.name, 0)))
        return sum(most.values())


def _counting(records: Sequence[Record]) -> list[Act]:
    """Acts that only count: what the caps say to as many."""
    return [
        Act(
            one.finding.resource_id, None, "count", "", "", {},
            one.finding.saving if one.finding.saving is not None else one.finding.monthly_cost,
            lambda hand: None, lambda body: None, lambda body: None, None, one.finding.owner,
        )
        for one in records
    ]  # fmt: skip
