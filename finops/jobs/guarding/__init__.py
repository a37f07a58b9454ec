"""The guard: read what exists, compare it with the rules, change what may be changed, tell those whose it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from finops.acts import Outcome, Resolved, reconcile
from finops.estate.ids import key
from finops.jobs.guarding.acting import OWED
from finops.jobs.guarding.deeds import Deed
from finops.jobs.guarding.plan import Line, Plan
from finops.jobs.guarding.reading import guard_plan
from finops.jobs.guarding.run import POLICY, made_anew
from finops.jobs.guarding.running import carry_out
from finops.jobs.guarding.telling import announce, report_deeds, report_missing, untold

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
    owed: tuple[str, ...] = ()  # clusters that were deleted and are still not made anew
    untold: tuple[str, ...] = ()  # what nobody could be told of, as sentences

    @property
    def partial(self) -> bool:
        """Whether something could not be read, a change that was due was not made, or nobody could be told.

        A change that a policy denies does not count where the cluster was made anew all the same. One that is not due
        any more, because somebody else changed the resource meanwhile, is no change that was not made.
        """
        made = made_anew(self.outcomes)
        undone = any(
            one.result in {"refused", "failed", "unknown"}
            and not (POLICY in one.why and key(one.act.resource_id) in made)
            for one in self.outcomes
        )
        return (
            undone
            or bool(self.owed or self.untold)
            or not self.plan.complete
            or any(one.outcome is None for one in self.resolved)
        )


def guard(
    azure: Azure,
    settings: Settings,
    state: State,
    now: datetime,
    enforce: bool = False,
    step: Callable[[str], None] = lambda doing: None,
    stopping: Callable[[], bool] = lambda: False,
) -> Guarded:
    """Compare the estate with the rules and tell owners; with `enforce`, also change what is due in mode enforce.

    stopping: asked between acts; once True, the one in hand is finished, and the rest is left to the next run
    """
    step("Looking at what an earlier run left open")
    resolved = reconcile(azure, state, now)
    plan = guard_plan(azure, settings, now, state, step)
    step("Telling owners")
    told = [report_deeds(settings, state, now), announce(plan, settings, state, now, enforce)]
    outcomes: list[Outcome] = []
    deeds: list[Deed] = []
    if enforce:
        step("Changing what is due")
        outcomes, deeds = carry_out(plan, azure, settings.guard, state, now, stopping)
        told.append(report_deeds(settings, state, now))
    told.append(report_missing(settings, state, now, None if enforce else plan.estate))
    mails = tuple(mail for one in told for mail in one.mails)
    owed = tuple(str(one["id"]) for one in state.kept(OWED).values())
    return Guarded(plan, enforce, tuple(resolved), tuple(outcomes), tuple(deeds), mails, owed, untold(told))
