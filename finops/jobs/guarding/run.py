"""One run of the guard: what every part of it works with, and what has become of its changes so far."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from finops.acts import Act, Caps, Outcome, perform
from finops.errors import AzureError
from finops.estate.ids import key
from finops.estate.model import Json
from finops.jobs.guarding import acting, deeds
from finops.jobs.guarding.deeds import EXEMPTION, Deed, refusal
from finops.jobs.guarding.limits import Limits, Wanted, caps
from finops.jobs.guarding.plan import Line, Plan

if TYPE_CHECKING:
    from finops.cloud import Azure
    from finops.config.model import GuardSettings
    from finops.state import State

POLICY = "RequestDisallowedByPolicy"


@dataclass
class Run:
    plan: Plan
    azure: Azure
    settings: GuardSettings
    state: State
    now: datetime
    outcomes: list[Outcome] = field(default_factory=list)
    deeds: list[Deed] = field(default_factory=list)
    tried: set[str] = field(default_factory=set)  # what is owed and was tried in this run
    stopping: Callable[[], bool] = lambda: False  # once True, nothing more is begun
    let_go: set[str] = field(default_factory=set)  # what this run deleted to make it anew: that is seen to its end

    def __post_init__(self) -> None:
        self.limits = Limits(self.settings, self.state, self.now)

    def due(self, rule: str) -> list[Line]:
        return [line for line in self.plan.due if line.rule == rule]

    def within(self, rule: str, wanted: Sequence[Wanted], acts: Sequence[Act]) -> bool:
        """Whether the limits of the run allow all of `wanted`. Where they do not, `acts` are refused."""
        why = self.limits.refusal(wanted, self.plan.looked_at[rule])
        if why:
            self.state.audit("finops", "refused all", "", why, {"rule": rule, "wanted": len(wanted)}, self.now)
            self.outcomes += [Outcome(act, "refused", why) for act in acts]
        return why is None

    def perform(self, rule: str, lines: Sequence[Any], acts: list[Act]) -> list[tuple[Any, Outcome]]:
        decision = f"guard, rule {rule}, in mode enforce (guard.mode, guard.scopes)"
        within = caps(self.settings, self.plan.looked_at[rule])
        done = perform(
            acts, self.azure, self.state, within, self.now, decision, self.settings.kill_switch, stopping=self.stopping
        )
        self.outcomes += done
        return list(zip(lines, done, strict=True))

    def give_back(self, act: Act, decision: str) -> Outcome:
        """What we took away is given back, whatever the limits say; the kill switch still stops it."""
        [outcome] = perform(
            [act], self.azure, self.state, Caps(1, 100, None, None, 1), self.now, decision, self.settings.kill_switch
        )
        self.outcomes.append(outcome)
        return outcome

    def done(self, line: Line, did: str, notes: tuple[str, ...] = (), loud: bool = False) -> None:
        """Something was done, and is told once."""
        self._deed(Deed(line, did, notes, loud=loud), f"{line.key}/done/{self.now:%Y-%m-%dT%H:%M:%S}/{did[:40]}")

    def refused(self, line: Line, what: str, did: str, notes: tuple[str, ...] = (), loud: bool = False) -> None:
        """Something that was announced is not done. what: names it, so that it is told once and not in every run."""
        self._deed(Deed(line, did, notes, refused=True, loud=loud), f"{line.key}/refused/{what}")

    def not_known(self, about: Json, fault: AzureError) -> None:
        self.left(about, f"It could not be read again: {fault}")

    def left(self, about: Json, why: str) -> None:
        """Something due was left alone without a change being tried."""
        self.outcomes.append(Outcome(_look(about), "refused", why))

    def tell_refusals(self) -> None:
        """Tell owners what Azure refused, unless their cluster was made anew after all."""
        lines = {(line.rule, key(line.id)): line for line in self.plan.lines}
        made = made_anew(self.outcomes)
        for outcome in self.outcomes:
            act = outcome.act
            line = lines.get((act.rule.removeprefix("guard/"), key(act.resource_id)))
            if outcome.result != "failed" or line is None or key(act.resource_id) in made or act.generation is None:
                continue
            if act.action in ("thaw", "delete the one that failed"):
                continue  # told each day, with what is owed
            notes = (EXEMPTION,) if POLICY in outcome.why and line.rule != "tags" else ()
            said = f"{_wanted(act)} was tried. {refusal(outcome.why)}"
            self.refused(line, act.action, said, notes)

    def body(self, line: Line) -> Json:
        return self.plan.estate.resources[key(line.id)].body

    def scale_by_now(self, cluster_id: str) -> Json:
        """The cluster's own scale settings, with what this run has set right."""
        changed = {
            name: value
            for outcome in self.outcomes
            if outcome.result == "done"
            and outcome.act.action == "scale"
            and key(outcome.act.resource_id) == key(cluster_id)
            for name, value in outcome.act.evidence["wanted"].items()
        }
        return {**acting.scale_of(self.plan.estate.resources[key(cluster_id)].body), **changed}

    def _deed(self, deed: Deed, about: str) -> None:
        if deeds.keep(deed, about, self.state, self.now):
            self.deeds.append(deed)


def made_anew(outcomes: Sequence[Outcome]) -> set[str]:
    """Clusters that were made anew: what was refused on the way does not matter any more."""
    return {key(one.act.resource_id) for one in outcomes if one.result == "done" and one.act.generation is None}


def _wanted(act: Act) -> str:
    if act.action == "freeze":
        return "Setting its maximum to 0 nodes"
    if act.action == "scale":
        seen, wanted = act.evidence["seen"], act.evidence["wanted"]
        return "Setting " + ", ".join(f"{name} to {wanted[name]}" for name in wanted if wanted[name] != seen.get(name))
    if act.action == "tag":
        return "Setting its tag CostCenter"
    return "Deleting it to make it anew with spot nodes"


def _look(about: Json) -> Act:
    """An act that only stands for having looked, so that what was left alone is among the outcomes."""
    return Act(
        about["id"], "", "look", about["why"], "guard/spot", {}, None,
        lambda hand: None, lambda body: None, lambda body: None, None,
    )  # fmt: skip
