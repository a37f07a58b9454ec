"""Gives back what the guard took: makes anew what it deleted, and lets grow again what it stopped."""

from __future__ import annotations

from finops import spot
from finops.acts import generation_of
from finops.errors import AzureError
from finops.estate.ids import key, subscription_of
from finops.estate.model import Json, at, text
from finops.estate.queries import ML_VERSION
from finops.jobs.guarding import acting, owing
from finops.jobs.guarding.acting import FROZEN, OWED
from finops.jobs.guarding.plan import Line
from finops.jobs.guarding.run import Run

MAKING = "guard: what was deleted to be made anew is made"
THAWING = "guard: what was stopped from growing may grow again"


def make_owed(run: Run) -> None:
    """Make every cluster that was deleted in order to be made anew, by this run or by one that was broken off."""
    for kept, owed in run.state.kept(OWED).items():
        if kept in run.tried or (run.stopping() and kept not in run.let_go):
            continue
        try:
            body = run.azure.state_of(owed["id"], ML_VERSION)
            if body is None:
                _make(run, kept, owed)
            elif generation_of(body) == owed["generation"]:
                _not_deleted(run, kept, owed, body)
            else:
                _met(run, kept, owed, body)
        except AzureError as fault:
            run.tried.add(kept)
            run.not_known(owed, fault)


def owed_in(run: Run, subscription: str) -> str:
    """The name of a cluster of the subscription that could not be made again; "" when none is owed there."""
    owed = run.state.kept(OWED).values()
    return next((str(one["id"]) for one in owed if subscription_of(one["id"]) == subscription), "")


def thaw(run: Run) -> None:
    """Let clusters grow again that need not, or must not, be kept from it: the rule is gone, or a job queues."""
    lines = {key(line.id): line for line in run.plan.lines if line.rule == "spot"}
    for kept in run.state.kept(FROZEN):
        if run.stopping():
            return
        line = lines.get(kept.removeprefix(FROZEN))
        if line is not None and line.status == "keep":
            _kept(run, kept, line)
            continue
        waits = line is not None and line.status == "wait" and run.settings.recreate == "allow"
        over = line is None or line.mode != "enforce" or line.status == "grace"
        if waits or over:
            let_grow(run, kept, line.until if waits and line else "the rule does not apply now")


def _kept(run: Run, kept: str, line: Line) -> None:
    """An exempt cluster is left alone, even where the guard stopped it before: its owner is told how it stands."""
    frozen = run.state.kept(kept).get(kept)
    body = run.body(line)
    if frozen and generation_of(body) == frozen["generation"] and acting.is_frozen(body):
        most = frozen["scale"].get("maxNodeCount")
        said = f"Its maximum was set from {most} to 0 nodes before. It is left alone now: {line.until}."
        run.refused(line, "let it grow again", said, (f"Set its maximum back to {most} nodes, if jobs are to run.",))


def let_grow(run: Run, kept: str, why: str) -> None:
    """Give a cluster back its own scale settings, if it still has those that we gave it."""
    frozen = run.state.kept(kept).get(kept)
    resource = run.plan.estate.resources.get(kept.removeprefix(FROZEN))
    if frozen is None or resource is None:
        return  # not read, or gone: nothing is known of it
    if generation_of(resource.body) != frozen["generation"] or not acting.is_frozen(resource.body):
        run.state.drop(kept)
        return
    seen = run.scale_by_now(resource.id)
    wanted = {**seen, **{name: frozen["scale"].get(name) for name in ("minNodeCount", "maxNodeCount")}}
    act = acting.thaw_act(
        resource.id, frozen["generation"], seen, wanted, f"It may grow again: {why}.", frozen["owner"]
    )
    outcome = run.give_back(act, THAWING)
    if outcome.result == "done":
        run.state.drop(kept)
    elif outcome.result == "failed":
        run.state.keep(kept, {**frozen, "id": resource.id, "stuck": outcome.why}, run.now)


def _make(run: Run, kept: str, owed: Json) -> None:
    run.tried.add(kept)
    asked = {**owed, "asked": run.now.isoformat()}
    run.state.keep(kept, asked, run.now)
    outcome = run.give_back(acting.make_act(asked), MAKING)
    if outcome.result == "done":
        made = run.azure.get(owed["id"], ML_VERSION)
        _was_made(run, kept, owed, made)
    else:
        # Where nothing was sent, what is met there later cannot be ours.
        owing.tried(run.state, kept, owed if outcome.intent is None else asked, outcome.why, run.now)


def _not_deleted(run: Run, kept: str, owed: Json, body: Json) -> None:
    """It is there as it was: kept in mind while a deletion may still be on its way."""
    pending = {key(intent.resource_id) for intent in run.state.pending_intents()}
    state = text(body, "properties.provisioningState")
    if key(owed["id"]) in pending or state.lower() == "deleting":
        run.tried.add(kept)
        run.left(owed, f"Whether it is deleted is not known yet: it is {state or 'in no state that Azure tells'}.")
    else:
        run.state.drop(kept)


def _met(run: Run, kept: str, owed: Json, body: Json) -> None:
    """Something of that name is there: ours, of which no answer came, or somebody else's."""
    state = text(body, "properties.provisioningState")
    ours = acting.is_ours(owed, body)
    if state.lower() == "succeeded":
        if ours:
            _was_made(run, kept, owed, body)
        else:
            _is_anothers(run, kept, owed)
        return
    if not ours or state.lower() != "failed":
        run.tried.add(kept)
        whose = "It" if ours else "A cluster of that name, made by somebody else,"
        why = f"{whose} is {state or 'in no state that Azure tells'}{_errors(body)}."
        if not ours:
            owing.tried(run.state, kept, owed, why, run.now)
        run.left(owed, why)
        return
    why = f"It was made, and is {state}{_errors(body)}."
    owing.tried(run.state, kept, owed, why, run.now)
    outcome = run.give_back(acting.clear_act(owed, body, run.azure, run.now), MAKING)
    if outcome.result == "done":
        _make(run, kept, {**owed, "last": why})
    else:
        run.tried.add(kept)
        owing.tried(run.state, kept, owed, f"{why} It could not be deleted to be made again: {outcome.why}", run.now)


def _was_made(run: Run, kept: str, owed: Json, body: Json) -> None:
    """Compare the new cluster with what was sent, and tell its owner."""
    different = spot.differences(owed["body"], body)
    notes = [f"Different from before: {one}." for one in different] or ["Everything else is as it was."]
    run.state.audit("finops", "compared", owed["id"], "made anew as spot", {"different": different}, run.now)
    run.done(_line(run, owed), f"It was made anew with spot nodes. {owed['why']}", tuple(notes))
    run.state.drop(f"{FROZEN}{key(owed['id'])}")
    run.state.drop(kept)


def _is_anothers(run: Run, kept: str, owed: Json) -> None:
    size, most = text(owed["body"], "properties.properties.vmSize"), _most(owed)
    run.state.audit("finops", "given up", owed["id"], "somebody else made one of that name", {"owed": owed}, run.now)
    run.done(
        _line(run, owed),
        "It was deleted to be made anew with spot nodes, and meanwhile somebody else made a cluster of that name. "
        "That one is left as it is.",
        (f"The old one: {size}, at most {most} nodes. Its whole body is on the audit trail.",),
        loud=True,
    )
    run.state.drop(f"{FROZEN}{key(owed['id'])}")
    run.state.drop(kept)


def _most(owed: Json) -> object:
    return at(owed, "body.properties.properties.scaleSettings.maxNodeCount")


def _errors(body: Json) -> str:
    found = at(body, "properties.provisioningErrors")
    return f" ({str(found)[:300]})" if found else ""


def _line(run: Run, owed: Json) -> Line:
    found = (line for line in run.plan.lines if key(line.id) == key(owed["id"]) and line.rule == "spot")
    return next(found, None) or owing.line(owed, "spot", "make it anew as spot", owed["why"], "enforce", "")
