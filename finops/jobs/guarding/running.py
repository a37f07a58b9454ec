"""Carries out what is due: what is owed first, then tags, scale settings, and clusters made anew as spot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from finops import spot
from finops.acts import Act, Caps, Outcome, generation_of, perform
from finops.errors import AzureError
from finops.estate.ids import key
from finops.estate.model import Json
from finops.estate.queries import ML_VERSION
from finops.jobs.guarding import acting
from finops.jobs.guarding.acting import FROZEN, OWED
from finops.jobs.guarding.plan import Line, Plan
from finops.jobs.guarding.telling import Deed

if TYPE_CHECKING:
    from finops.cloud import Azure
    from finops.config.model import GuardSettings
    from finops.state import State


POLICY = "RequestDisallowedByPolicy"


def carry_out(
    plan: Plan, azure: Azure, settings: GuardSettings, state: State, now: datetime
) -> tuple[list[Outcome], list[Deed]]:
    """What became of each change that was due, and what owners are to be told of."""
    run = _Run(plan, azure, settings, state, now)
    run.make_owed()
    run.write_tags()
    run.thaw()
    run.set_scale()
    run.move_to_spot()
    return run.outcomes, run.deeds


@dataclass
class _Run:
    plan: Plan
    azure: Azure
    settings: GuardSettings
    state: State
    now: datetime
    outcomes: list[Outcome] = field(default_factory=list)
    deeds: list[Deed] = field(default_factory=list)

    def due(self, rule: str) -> list[Line]:
        return [line for line in self.plan.due if line.rule == rule]

    def write_tags(self) -> None:
        lines = self.due("tags")
        for line, outcome in self._perform("tags", lines, [acting.tag_act(line, self.plan.estate) for line in lines]):
            if outcome.result == "done":
                self._deed(line, f"{', '.join(f'{k} = {v}' for k, v in line.change.items())} was set. {line.why}")

    def set_scale(self) -> None:
        lines = self.due("scale")
        acts = [acting.scale_act(line, self.plan.estate) for line in lines]
        for line, outcome in self._perform("scale", lines, acts):
            if outcome.result == "done":
                said = ", ".join(f"{name} is {value} now" for name, value in line.change.items())
                self._deed(line, f"{said}. {line.why}")

    def move_to_spot(self) -> None:
        """Stop clusters from growing, then let go of those that are drained, then make them anew."""
        known = {}
        for line in self.due("spot"):
            try:
                known[line] = self._obstacle(line)
            except AzureError as fault:
                self._not_known({"id": line.id, "why": line.why}, fault)
        frozen = self._freeze(list(known), known)
        self._let_go([line for line in frozen if not known[line]])
        self.make_owed()

    def _obstacle(self, line: Line) -> str:
        """Why a cluster is not to be made anew; "" where it can be. Asked before anything is done to it."""
        if self.settings.recreate != "allow":
            return "guard.recreate is never"
        body = self._body(line)
        return "; ".join(spot.cannot_be_remade(body)) or acting.can_be_spot(self.azure, body) or ""

    def make_owed(self) -> None:
        """Make every cluster that was deleted in order to be made anew, by this run or by one that was broken off."""
        for kept, owed in self.state.kept(OWED).items():
            try:
                body = self.azure.state_of(owed["id"], ML_VERSION)
            except AzureError as fault:
                self._not_known(owed, fault)
                continue
            if body is not None and generation_of(body) == owed["generation"]:
                self.state.drop(kept)  # it was not deleted after all
                continue
            if body is None:
                act = acting.make_act(owed)
                # What was taken away is given back, whatever the caps say.
                outcomes = perform(
                    [act], self.azure, self.state, Caps(1, 100, None, None, 1), self.now,
                    "guard: what was deleted to be made anew is made", self.settings.kill_switch,
                )  # fmt: skip
                self.outcomes += outcomes
                if outcomes[0].result != "done":
                    continue
            self._was_made(kept, owed)

    def thaw(self) -> None:
        """Let clusters grow again that need not, or must not, be kept from it: the rule is gone, or a job queues."""
        lines = {key(line.id): line for line in self.plan.lines if line.rule == "spot"}
        for kept, frozen in self.state.kept(FROZEN).items():
            name = kept.removeprefix(FROZEN)
            resource, line = self.plan.estate.resources.get(name), lines.get(name)
            if resource is None:
                continue  # not read, or gone: nothing is known of it
            if generation_of(resource.body) != frozen["generation"] or not acting.is_frozen(resource.body):
                self.state.drop(kept)
                continue
            waits = line is not None and line.status == "wait" and self.settings.recreate == "allow"
            over = line is None or line.mode != "enforce"
            if (waits or over) and not (line is not None and line.status == "keep"):
                why = f"It may grow again: {line.until if waits and line else 'the rule does not apply any more'}."
                act = acting.thaw_act(resource.id, frozen["generation"], frozen["scale"], why, frozen["owner"])
                [(_, outcome)] = self._perform("spot", [line], [act])
                if outcome.result == "done":
                    self.state.drop(kept)

    def _freeze(self, lines: list[Line], obstacles: Mapping[Line, str]) -> list[Line]:
        """Those of `lines` whose clusters cannot grow any more, or cannot be kept from it by us."""
        frozen = [line for line in lines if acting.is_frozen(self._body(line))]
        growing = [line for line in lines if line not in frozen]
        acts = []
        for line in growing:
            seen = self._scale_by_now(line)
            self.state.keep(
                f"{FROZEN}{key(line.id)}",
                {"generation": line.generation, "scale": seen, "owner": line.owner},
                self.now,
            )
            acts.append(acting.freeze_act(line, seen, self.azure, self.now))
        for line, outcome in self._perform("spot", growing, acts):
            if outcome.result in {"refused", "changed-since", "failed"}:
                self.state.drop(f"{FROZEN}{key(line.id)}")
            if POLICY in outcome.why and not obstacles[line]:
                # The very policy that forbids it denies every change of it, but not that it goes.
                frozen.append(line)
            if outcome.result == "done":
                frozen.append(line)
                if obstacles[line]:
                    most = self._scale_by_now(line).get("maxNodeCount")
                    self._deed(
                        line,
                        f"Its maximum was set from {most} to 0 nodes. {line.why}",
                        (f"It was not made anew: {obstacles[line].rstrip('.')}.",),
                    )
        return frozen

    def _let_go(self, lines: list[Line]) -> None:
        ready, acts = [], []
        for line in lines:
            body = self._body(line)
            try:
                if self.azure.nodes(line.id):
                    continue  # they go within some minutes
            except AzureError as fault:
                self._not_known({"id": line.id, "why": line.why}, fault)
                continue
            known = self.state.kept(f"{FROZEN}{key(line.id)}").get(f"{FROZEN}{key(line.id)}")
            scale = known["scale"] if known else self._scale_by_now(line)
            ready.append(line)
            acts.append(
                acting.let_go_act(
                    line, self.azure, self.state, scale, self.now, frozen=known is not None or acting.is_frozen(body)
                )
            )
        for line, outcome in self._perform("spot", ready, acts):
            if outcome.result in {"refused", "changed-since", "failed"}:
                self.state.drop(f"{OWED}{key(line.id)}")

    def _was_made(self, kept: str, owed: Json) -> None:
        """Compare the new cluster with what was sent, and tell its owner."""
        body = self.azure.get(owed["id"], ML_VERSION)
        different = spot.differences(owed["body"], body)
        notes = [f"Different from before: {one}." for one in different] or ["Everything else is as it was."]
        line = next((line for line in self.plan.lines if key(line.id) == key(owed["id"]) and line.rule == "spot"), None)
        self.state.audit("finops", "compared", owed["id"], "made anew as spot", {"different": different}, self.now)
        self._deed(line or _line_of(owed), f"It was made anew with spot nodes. {owed['why']}", tuple(notes))
        self.state.drop(f"{FROZEN}{key(owed['id'])}")
        self.state.drop(kept)

    def _perform(self, rule: str, lines: Sequence[Any], acts: list[Act]) -> list[tuple[Any, Outcome]]:
        caps = Caps(
            self.settings.max_acts,
            self.settings.max_percent,
            self.settings.max_per_owner,
            self.settings.max_monthly_money,
            self.plan.looked_at[rule],
        )
        decision = f"guard, rule {rule}, in mode enforce (guard.mode, guard.scopes)"
        done = perform(acts, self.azure, self.state, caps, self.now, decision, self.settings.kill_switch)
        self.outcomes += done
        return list(zip(lines, done, strict=True))

    def _scale_by_now(self, line: Line) -> Json:
        """The cluster's own scale settings, with what this run has set right."""
        changed = {
            name: value
            for outcome in self.outcomes
            if outcome.result == "done"
            and outcome.act.action == "scale"
            and key(outcome.act.resource_id) == key(line.id)
            for name, value in outcome.act.evidence["wanted"].items()
        }
        return {**acting.scale_of(self._body(line)), **changed}

    def _body(self, line: Line) -> Json:
        return self.plan.estate.resources[key(line.id)].body

    def _deed(self, line: Line, did: str, notes: tuple[str, ...] = ()) -> None:
        self.deeds.append(Deed(line, did, notes))

    def _not_known(self, about: Json, fault: AzureError) -> None:
        self.outcomes.append(Outcome(_look(about), "refused", f"It could not be read again: {fault}"))


def _look(about: Json) -> Act:
    """An act that only stands for having looked, so that what could not be read is among the outcomes."""
    return Act(
        about["id"], "", "look", about["why"], "guard/spot", {}, None,
        lambda hand: None, lambda body: None, lambda body: None, None,
    )  # fmt: skip


def _line_of(owed: Json) -> Line:
    return Line(
        rule="spot",
        id=owed["id"],
        mode="enforce",
        action="make it anew as spot",
        why=owed["why"],
        status="due",
        until="",
        owner=owed["owner"],
        cost=None,
        saving=None,
        saving_says="",
        notes=(),
        change={},
        generation=owed["generation"],
    )
