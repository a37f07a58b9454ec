"""What a rehearsal showed: what was lost, whether the result is the same, and whether the replay says so too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from finops.checkpoint.cadence import Cadence
from finops.checkpoint.rehearsing.journal import Step
from finops.checkpoint.rehearsing.patterns import Pattern
from finops.checkpoint.rehearsing.rehearsal import Attempt, Rehearsal
from finops.checkpoint.rehearsing.replay import Costs, EachEpoch, Learnt, Never, Outcome, Policy, replay

LEARNT = ("share", "prior_hours", "least", "most")  # of a Cadence: what it was given, beside what it learnt


@dataclass(frozen=True)
class Sameness:
    """Of the steps that count in the end, each the last time that it was taken.

    state: whether the final state is the undisturbed run's, bit for bit; None where neither said. steps, alike: how
    many there were undisturbed, and how many had the same place in the data and the same figures. missing, beyond:
    steps that were not taken, and those that the undisturbed run did not take.
    """

    state: bool | None
    steps: int
    alike: int
    missing: int
    beyond: int

    @property
    def whole(self) -> bool:
        return self.state is not False and self.alike == self.steps and not (self.missing or self.beyond)


@dataclass(frozen=True)
class Measured:
    """Seconds of the rehearsal. lost, lost_steps: of each eviction. boots: of each start. stall, durable: of a save;
    quickest: the least of the durable.

    work: of training undisturbed. pace: how much longer a step took in the evicted runs, as other processes may have
    taken the machine.
    """

    lost: tuple[float, ...]
    lost_steps: tuple[int, ...]
    boots: tuple[float, ...]
    stalled: float
    saves: int
    stall: float
    durable: float
    quickest: float
    work: float
    pace: float
    epochs: int


def measured(found: Rehearsal) -> Measured:
    lost, steps = [], []
    for n, one in enumerate(found.attempts):
        after = next((later for later in found.attempts[n + 1 :] if later.account.begins is not None), None)
        if one.code is None:
            seconds, count = _lost(one, after)
            lost.append(seconds)
            steps.append(count)
    every = [found.undisturbed, *found.attempts]
    stalls = [stall for one in every for stall in one.account.stalls]
    durables = [durable for one in every for durable in one.account.durables]
    quiet = found.undisturbed
    return Measured(
        lost=tuple(lost),
        lost_steps=tuple(steps),
        boots=tuple(one.boot for one in found.attempts),
        stalled=sum(sum(one.account.stalls) for one in found.attempts),
        saves=sum(len(one.account.stalls) for one in found.attempts),
        stall=_mean(stalls),
        durable=_mean(durables),
        quickest=min(durables, default=0.0),
        work=quiet.trained - sum(quiet.account.stalls),
        pace=_a_step(found.attempts) / (_a_step([quiet]) or 1.0) or 1.0,
        epochs=len({step.epoch for step in quiet.account.steps.values()}),
    )


def _lost(one: Attempt, after: Attempt | None) -> tuple[float, int]:
    """Seconds and steps of an attempt that the next one did not go on from."""
    begins = one.account.begins
    if begins is None or after is None:
        return 0.0, 0
    kept, newest = after.account.came_from, max(one.account.steps, default=one.account.came_from)
    if kept >= newest:  # killed between a step and the line on it
        return 0.0, 0
    steps = one.account.steps
    since = steps[kept].at if kept in steps else begins
    return one.over - since, newest - kept


def _a_step(attempts: Sequence[Attempt]) -> float:
    """Mean seconds of a step."""
    trained = sum(one.trained - sum(one.account.stalls) for one in attempts)
    return trained / max(sum(len(one.account.steps) for one in attempts), 1)


def sameness(found: Rehearsal) -> Sameness:
    quiet = found.undisturbed.account
    counted: dict[int, Step] = {}
    for one in found.attempts:
        if one.account.begins is not None:
            counted = {step: told for step, told in counted.items() if step <= one.account.came_from}
            counted |= one.account.steps
    alike = sum(_alike(counted[step], told) for step, told in quiet.steps.items() if step in counted)
    ends = [one.account.ends for one in found.attempts[-1:]]
    return Sameness(
        state=None if quiet.ends is None or not ends or ends[0] is None else quiet.ends == ends[0],
        steps=len(quiet.steps),
        alike=alike,
        missing=len(quiet.steps.keys() - counted.keys()),
        beyond=len(counted.keys() - quiet.steps.keys()),
    )


def _alike(one: Step, other: Step) -> bool:
    return (one.epoch, one.samples, one.figures) == (other.epoch, other.samples, other.figures)


@dataclass(frozen=True)
class Reckoned:
    """What a way of saving comes to on the very nodes of the rehearsal, by replay. seconds: the starts included.

    lost: seconds, of each eviction while it trained.
    """

    seconds: float
    lost: tuple[float, ...]
    saves: int
    finished: bool


def reckoned(found: Rehearsal, of: Measured) -> Reckoned:
    """The rehearsal itself, by replay: with what a save was measured to cost, and the nodes that there were."""
    cadence = found.undisturbed.account.cadence
    policy = Learnt(Cadence(**{key: cadence[key] for key in LEARNT if key in cadence}))
    policy.cadence.prior_hours = found.attempts[0].account.cadence.get("prior_hours", policy.cadence.prior_hours)
    return _on_the_same(found, of, policy, Costs(of.stall, max(of.durable, 1e-3), 0))


def without(found: Rehearsal, of: Measured) -> Reckoned:
    """A loop that begins anew each time."""
    return _on_the_same(found, of, Never(), Costs(0, 1, 0))


def by_epoch(found: Rehearsal, of: Measured) -> Reckoned:
    """A loop that saves after each epoch and waits until that is on the disk, as quickly as one of ours was."""
    waits = max(of.quickest, 1e-3)
    return _on_the_same(found, of, EachEpoch(of.work * of.pace / max(of.epochs, 1)), Costs(waits, waits, 0))


def _on_the_same(found: Rehearsal, of: Measured, policy: Policy, costs: Costs) -> Reckoned:
    """On the nodes as they were, then as they would have come. Starts are as long as they were, or in the mean."""
    mean = _mean(of.boots)
    lived = [one.over - one.account.begins for one in found.evicted if one.account.begins is not None]
    never_begun = sum(one.seconds for one in found.evicted if one.account.begins is None)
    runs = [*lived, *found.lives]
    pattern = Pattern("rehearsed", tuple((0.0, max(run, 1e-3)) for run in runs))
    one: Outcome = replay(of.work * of.pace, costs, pattern, policy, longest=found.plan.longest)
    starts = [*(each.boot for each in found.attempts if each.account.begins is not None)]
    boots = sum((starts + [mean] * (one.evictions + 1 - len(starts)))[: one.evictions + 1])
    after = max(found.undisturbed.seconds - found.undisturbed.boot - found.undisturbed.trained, 0.0)
    return Reckoned(one.billed + boots + never_begun + after, one.lost, one.saves, one.finished)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
