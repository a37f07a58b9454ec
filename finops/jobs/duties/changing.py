"""Duties that change Azure: the guard, what was approved, tiers. Each calls what its command calls, and no more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from finops.jobs.duties import counts as n
from finops.jobs.duties.figures import of_findings
from finops.jobs.duties.model import Done, Work, came_to, patient

if TYPE_CHECKING:
    from finops.config.model import GuardSettings
    from finops.state import State

# By the result of an act of the guard.
OUTCOMES = {"refused": "held", "changed-since": "void"}
# What is approved, or sent and not known to be done: tiering goes on with it.
GOES_ON = ("approved", "scheduled", "acted")


@patient
def guard(work: Work) -> Done:
    """Enforces only in scopes whose mode is enforce; what an earlier run took is given back whatever the mode is."""
    from finops.jobs.guarding import guard as job
    from finops.jobs.weekly import at_hand

    settings, state = at_hand(work.settings), work.state
    enforce = enforces(settings.guard) or owes(state)
    with (work.acting if enforce else work.azure)() as azure:
        done = job(azure, settings, state, work.now, enforce, work.step, work.stopping)
    plan = done.plan
    changed = Counter(OUTCOMES.get(one.result, one.result) for one in done.outcomes)
    counts = {
        **{n.named(n.GUARD, status): count for status, count in Counter(one.status for one in plan.lines).items()},
        **{n.named(n.ACTS, result): count for result, count in changed.items()},
        n.named(n.KEPT_UNKNOWN, "guard"): sum(
            bool(one.status == "keep" and "not known" in one.until) for one in plan.lines
        ),
        n.named(n.UNREAD, "guard"): len(plan.problems),
        n.named(n.UNTOLD, "guard"): len(done.untold),
        n.OWED: len(done.owed),
    }
    acts = [f"{one.act.action} of {one.act.resource_id}: {one.result}: {one.why}" for one in done.outcomes]
    owed = [f"{one} was deleted and is not made anew yet." for one in done.owed]
    wrong = (*plan.problems, *done.untold, *owed, *(acts if done.partial else ()))
    return came_to(wrong or (["Something was not done."] if done.partial else ()), counts, () if wrong else acts)


@patient
def apply(work: Work) -> Done:
    """Asks Azure nothing where nothing is approved, in a quiet step or left open."""
    from finops.jobs.sweeping.applying import apply as job
    from finops.jobs.sweeping.telling import tell

    settings, state = work.settings, work.state
    problems: list[str] = []
    said: list[str] = []
    changed: Counter[str] = Counter()
    accounts = tiers_due(work)
    if accounts or janitor_due(work):
        with work.acting() as azure:
            done = job(azure, settings, state, work.now, True, work.step, stopping=work.stopping)
        changed.update(line.result for line in done.lines)
        for line in done.lines:
            text = f"Finding {line.record.number}: {line.what}: {line.result}: {line.why}"
            (problems if line.result in {"held", "failed", "unknown"} else said).append(text)
        problems += [
            f"{one.intent.action} of {one.intent.resource_id}: {one.why}"
            for one in done.resolved
            if one.outcome is None
        ]
        problems += tell(state, settings, work.now).problems
    if accounts:
        work.step("Moving tiers that were approved")
        wrong, more = _tiered(work, accounts, changed)
        problems += wrong
        said += more
    counts = {**of_findings(state, work.now), **{n.named(n.ACTS, result): count for result, count in changed.items()}}
    return came_to(problems, counts, said)


@patient
def tier(work: Work) -> Done:
    """Every account whose mode is not off: what needs no approval is done in mode enforce, the rest is asked about."""
    changed: Counter[str] = Counter()
    wrong, said = _tiered(work, None, changed)
    counts = {
        **of_findings(work.state, work.now),
        **{n.named(n.ACTS, result): count for result, count in changed.items()},
    }
    return came_to(wrong, counts, said)


def enforces(settings: GuardSettings) -> bool:
    """Whether any scope is in mode enforce."""
    return "enforce" in (settings.mode, *settings.scopes.values())


def owes(state: State) -> bool:
    """Whether the guard has to give something back, or does not know what became of a change."""
    from finops.jobs.guarding.acting import FROZEN, OWED

    return bool(state.kept(OWED) or state.kept(FROZEN) or state.pending_intents())


def janitor_due(work: Work) -> bool:
    """Whether there is anything that `finops janitor apply` would look at in Azure now."""
    from finops import approvals
    from finops.jobs.sweeping.tombs import QUIETED

    state = work.state
    return bool(
        state.findings.counts().get("acted")
        or state.pending_intents()
        or state.kept(QUIETED)
        or approvals.due(state, work.settings, work.now)
    )


def tiers_due(work: Work) -> frozenset[str]:
    """The names of accounts for which something is approved and due, or was sent and is not known to be done."""
    from finops.approvals.whose import of_janitor
    from finops.jobs.tiering.asking import due

    found, _, _ = work.state.findings.all(status=GOES_ON, limit=None)
    mine = (one for one in found if not of_janitor(one))
    return frozenset(
        one.finding.resource_id.rpartition("/")[2].lower()
        for one in mine
        if one.status == "acted" or not due(one, work.settings, work.now)
    )


def _tiered(work: Work, only: Iterable[str] | None, changed: Counter[str]) -> tuple[list[str], list[str]]:
    """What was not done though it was due, and what was; `changed` counts the acts."""
    from finops.jobs.tiering.applying import apply as job

    settings = work.settings
    if only is None and {settings.tiering.mode, *settings.tiering.scopes.values()} <= {"off"}:
        return [], []
    with work.acting() as azure:
        done = job(
            azure, settings, work.state, work.now, True, work.step,
            only=None if only is None else frozenset(only), stopping=work.stopping,
        )  # fmt: skip
    acted = {"done", "held", "failed", "unknown"}
    changed.update(line.result for line in done.lines if line.result in acted)
    told = [(line.result, f"{line.account}: {line.what}: {line.result}: {line.why}") for line in done.lines]
    wrong = [text for result, text in told if result in {"held", "refused", "failed", "unknown"}]
    wrong += [
        f"{one.intent.action} of {one.intent.resource_id}: {one.why}" for one in done.resolved if one.outcome is None
    ]
    return [*wrong, *done.problems], [text for result, text in told if result in {"done", "asks"}]
