"""Carries out what is due: what is owed first, then tags, scale settings, and clusters made anew as spot."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from finops import spot
from finops.acts import STOPPING, Act, Outcome
from finops.errors import AzureError
from finops.estate.ids import key, subscription_of
from finops.estate.model import Json
from finops.jobs.guarding import acting, allowed, busy
from finops.jobs.guarding.acting import FROZEN, OWED
from finops.jobs.guarding.deeds import EXEMPTION, Deed
from finops.jobs.guarding.limits import Wanted
from finops.jobs.guarding.making import let_grow, make_owed, owed_in, thaw
from finops.jobs.guarding.plan import Line, Plan
from finops.jobs.guarding.run import POLICY, Run

if TYPE_CHECKING:
    from finops.cloud import Azure
    from finops.config.model import GuardSettings
    from finops.state import State


def carry_out(
    plan: Plan,
    azure: Azure,
    settings: GuardSettings,
    state: State,
    now: datetime,
    stopping: Callable[[], bool] = lambda: False,
) -> tuple[list[Outcome], list[Deed]]:
    """What became of each change that was due, and what owners are to be told of.

    stopping: asked between acts; a cluster that was deleted to be made anew is made anew all the same
    """
    run = Run(plan, azure, settings, state, now, stopping=stopping)
    make_owed(run)
    thaw(run)
    _write_tags(run)
    _set_scale(run)
    _move_to_spot(run)
    run.tell_refusals()
    return run.outcomes, run.deeds


def _write_tags(run: Run) -> None:
    lines = run.due("tags")
    for line, outcome in _all(run, "tags", lines, [acting.tag_act(line, run.plan.estate) for line in lines]):
        if outcome.result == "done":
            run.done(line, f"{', '.join(f'{k} = {v}' for k, v in line.change.items())} was set. {line.why}")


def _set_scale(run: Run) -> None:
    lines = run.due("scale")
    for line, outcome in _all(run, "scale", lines, [acting.scale_act(line, run.plan.estate) for line in lines]):
        if outcome.result == "done":
            said = ", ".join(f"{name} is {value} now" for name, value in line.change.items())
            run.done(line, f"{said}. Found before: {line.why}")


def _all(run: Run, rule: str, lines: list[Line], acts: list[Act]) -> list[tuple[Line, Outcome]]:
    """What became of the acts of a rule, one for each line; all of them, or none."""
    wanted = [Wanted(line.id, line.owner, act.expected_saving) for line, act in zip(lines, acts, strict=True)]
    return run.perform(rule, lines, acts) if run.within(rule, wanted, acts) else []


def _move_to_spot(run: Run) -> None:
    """Stop clusters from growing, then let go of those that are drained, each made anew before the next one goes."""
    known: dict[Line, str] = {}
    for line in run.due("spot"):
        try:
            obstacle = _obstacle(run, line)
            why_not = None if obstacle else _not_now(run, line)
        except AzureError as fault:
            run.not_known(_about(line), fault)
            continue
        if why_not:
            _stays(run, line, why_not)
        else:
            known[line] = obstacle
    acts = {
        line: acting.freeze_act(line, run.scale_by_now(line.id), run.azure, run.now)
        for line in known
        if not acting.is_frozen(run.body(line))
    }
    steps = [line for line in known if line in acts or not known[line]]
    wanted = [
        Wanted(line.id, line.owner, line.saving, (line in acts) + (not known[line]), int(not known[line]))
        for line in steps
    ]
    if not run.within("spot", wanted, [acts.get(line) or _letting_go(run, line, drained=True) for line in steps]):
        return
    stopped, denied = _freeze(run, acts, known)
    drained = [line for line in steps if line not in acts or line in stopped]
    _let_go(run, [line for line in drained if not known[line]], denied)


def _obstacle(run: Run, line: Line) -> str:
    """Why a cluster is never made anew; "" where it can be. Asked before anything is done to it."""
    if run.settings.recreate != "allow":
        return "guard.recreate is never"
    body = run.body(line)
    return "; ".join(spot.cannot_be_remade(body)) or allowed.offered(run.azure, body) or ""


def _not_now(run: Run, line: Line) -> str | None:
    """Why Azure would refuse to make it anew today."""
    body = run.body(line)
    return allowed.refusal(run.azure, body, spot.remade(body, _wanted(run, line)))


def _stays(run: Run, line: Line, why: str) -> None:
    """Leave a cluster as it is that Azure would not let us make again."""
    run.left(_about(line), f"It could not be made anew: {why}.")
    run.refused(
        line,
        "make it anew",
        f"It was to be made anew with spot nodes. Azure would refuse that, so it stays as it is: {why}.",
        (EXEMPTION,) if "policy" in why else ("Ask for more spot quota, or lower its maximum.",),
        loud=True,
    )
    let_grow(run, f"{FROZEN}{key(line.id)}", "it cannot be made anew")


def _freeze(run: Run, acts: Mapping[Line, Act], obstacles: Mapping[Line, str]) -> tuple[list[Line], list[Line]]:
    """Stop clusters from growing: those that were; those of which a policy denies it, and that could be made anew."""
    for line in acts:
        seen = {"id": line.id, "generation": line.generation, "scale": run.scale_by_now(line.id), "owner": line.owner}
        run.state.keep(f"{FROZEN}{key(line.id)}", seen, run.now)
    stopped, denied = [], []
    for line, outcome in run.perform("spot", list(acts), list(acts.values())):
        if outcome.result in {"refused", "changed-since", "failed"}:
            run.state.drop(f"{FROZEN}{key(line.id)}")
        if outcome.result == "failed" and POLICY in outcome.why and not obstacles[line]:
            denied.append(line)
        if outcome.result == "done":
            stopped.append(line)
        if outcome.result == "done" and obstacles[line]:
            most = run.scale_by_now(line.id).get("maxNodeCount")
            run.done(
                line,
                f"Its maximum was set from {most} to 0 nodes. {line.why}",
                (f"It was not made anew: {obstacles[line].rstrip('.')}.",),
            )
    return stopped, denied


def _let_go(run: Run, drained: list[Line], denied: list[Line]) -> None:
    """Delete them and make them anew, one after the other. After one that cannot be made, none of its subscription."""
    for line in [*drained, *denied]:
        try:
            nodes = busy.with_nodes(run.azure, line.id, idle_may_stay=line in denied)
        except AzureError as fault:
            run.not_known(_about(line), fault)
            continue
        if nodes and line in drained:
            continue  # they go within some minutes
        if nodes:
            run.left(_about(line), f"A policy denies that it is drained. {nodes}")
            continue
        owed = owed_in(run, subscription_of(line.id))
        if owed:
            run.left(_about(line), f"It is not deleted while {owed} is owed: that one could not be made again.")
            continue
        if run.stopping():
            run.left(_about(line), STOPPING)
            continue
        act = _letting_go(run, line, drained=line in drained)
        run.let_go.add(f"{OWED}{key(line.id)}")
        for _, outcome in run.perform("spot", [line], [act]):
            if outcome.result in {"refused", "changed-since", "failed"}:
                run.state.drop(f"{OWED}{key(line.id)}")
        make_owed(run)


def _letting_go(run: Run, line: Line, *, drained: bool) -> Act:
    scale = run.scale_by_now(line.id)
    if drained:
        scale = {**scale, "minNodeCount": 0, "maxNodeCount": 0}
    return acting.let_go_act(line, run.azure, run.state, scale, _wanted(run, line), run.now, drained=drained)


def _wanted(run: Run, line: Line) -> Json:
    """The scale settings of the new cluster: its own, not our 0, with what the rules would set right."""
    kept = f"{FROZEN}{key(line.id)}"
    frozen = run.state.kept(kept).get(kept)
    scale = dict(frozen["scale"]) if frozen else run.scale_by_now(line.id)
    for other in run.plan.lines:
        if (
            other.rule == "scale"
            and key(other.id) == key(line.id)
            and other.mode == "enforce"
            and other.status != "keep"
        ):
            scale |= other.change
    return scale


def _about(line: Line) -> Json:
    return {"id": line.id, "why": line.why}
