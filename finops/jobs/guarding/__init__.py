"""The guard: read what exists, compare it with the rules, change what may be changed, tell those whose it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from finops.acts import Outcome, Resolved, reconcile
from finops.jobs.guarding.plan import Line, Plan
from finops.jobs.guarding.reading import guard_plan
from finops.jobs.guarding.running import carry_out
from finops.jobs.guarding.telling import Deed, announce, report_deeds

if TYPE_CHECKING:
    from finops.cloud import Azure
    from finops.config.model import Settings
    from finops.state import State

__all__ = ["Deed", "Guarded", "Line", "Plan", "guard", "guard_plan"]


@dataclass(frozen=True)
class Guarded:
    """One run of the guard: what it found, what became of each change, and the mails it left in the outbox."""

    plan: Plan
    enforced: bool
    resolved: tuple[Resolved, ...]
    outcomes: tuple[Outcome, ...]
    deeds: tuple[Deed, ...]
    mails: tuple[Path, ...]

    @property
    def partial(self) -> bool:
        """Whether something could not be read, or a change that was due was not made."""
        undone = any(one.result in {"refused", "failed", "unknown"} for one in self.outcomes)
        return undone or not self.plan.complete or any(one.outcome is None for one in self.resolved)


def guard(
    azure: Azure,
    settings: Settings,
    state: State,
    now: datetime,
    enforce: bool = False,
    step: Callable[[str], None] = lambda doing: None,
) -> Guarded:
    """Compare the estate with the rules and tell owners; with `enforce`, also change what is due in mode enforce."""
    step("Looking at what an earlier run left open")
    resolved = reconcile(azure, state, now)
    plan = guard_plan(azure, settings, now, state, step)
    step("Telling owners")
    mails = announce(plan, settings, state, now)
    outcomes: list[Outcome] = []
    deeds: list[Deed] = []
    if enforce:
        step("Changing what is due")
        outcomes, deeds = carry_out(plan, azure, settings.guard, state, now)
        mails += report_deeds(deeds, settings, state, now)
    return Guarded(plan, enforce, tuple(resolved), tuple(outcomes), tuple(deeds), tuple(mails))
