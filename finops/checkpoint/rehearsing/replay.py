"""What a job pays on nodes that come and go: one way of saving, one pattern of evictions, reckoned event by event.

A job needs `work` seconds of training. A node that comes takes `boot` seconds until training goes on from what was
saved; a save stops the training for `stall` seconds, and outlives the node `durable` seconds after it began; what was
not saved when the node goes is done again. Billed is every second that a node is there, until the work is done. At
most one save is under way. What ends in the very second of the eviction is done.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from finops.checkpoint.cadence import Cadence
from finops.checkpoint.rehearsing.patterns import Pattern

LONGEST = 60.0  # a job that has not ended after so many times its work is given up


@dataclass(frozen=True)
class Costs:
    """Seconds. stall: that training waits for a save. durable: from its begin until it is safe. boot: from a node that
    is there to training that goes on: boot, image, start of the script, restore."""

    stall: float
    durable: float
    boot: float

    def __post_init__(self) -> None:
        if self.durable <= 0 or self.stall < 0 or self.boot < 0:
            raise ValueError(f"costs are {self}: durable is more than 0 seconds, the others 0 at least")

    @property
    def safe(self) -> float:
        return max(self.stall, self.durable)


@dataclass(frozen=True)
class Notice:
    """seconds: how long before an eviction it is told. reaction: until the save begins. delivered: how often, of 1."""

    seconds: float = 30.0
    reaction: float = 1.5
    delivered: float = 1.0


class Policy(Protocol):
    """When to save."""

    def until(self, progress: float) -> float:
        """Seconds of training until the next save, for a training that begins or whose stall is over."""
        ...

    def saved(self, stall: float, durable: float) -> None: ...

    def ran(self, seconds: float) -> None: ...

    def evicted(self) -> None: ...


class Never:
    """Begins anew each time."""

    def until(self, progress: float) -> float:
        return math.inf

    def saved(self, stall: float, durable: float) -> None: ...

    def ran(self, seconds: float) -> None: ...

    def evicted(self) -> None: ...


class Every(Never):
    """So many seconds after the last save."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def until(self, progress: float) -> float:
        return self._seconds


class EachEpoch(Never):
    """After each so many seconds of work, as loops do that save at the end of an epoch."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def until(self, progress: float) -> float:
        left = self._seconds - progress % self._seconds
        return left if left > 1e-6 * self._seconds else self._seconds  # the end of an epoch, but for rounding


class Learnt:
    """As this package does: Young and Daly's interval from what the job has seen."""

    def __init__(self, cadence: Cadence | None = None) -> None:
        self.cadence = cadence or Cadence()

    def until(self, progress: float) -> float:
        return self.cadence.interval

    def saved(self, stall: float, durable: float) -> None:
        self.cadence.saved(stall, durable)

    def ran(self, seconds: float) -> None:
        self.cadence.ran(seconds)

    def evicted(self) -> None:
        self.cadence.evicted()


@dataclass(frozen=True)
class Outcome:
    """Seconds. billed: all that nodes were there. lost: work done again, of each eviction. waited: without a node.

    finished: False where it was given up; the rest is what it came to until then.
    """

    work: float
    costs: Costs
    billed: float = 0.0
    booted: float = 0.0
    stalled: float = 0.0
    waited: float = 0.0
    saves: int = 0
    lost: tuple[float, ...] = ()
    finished: bool = True

    @property
    def evictions(self) -> int:
        return len(self.lost)

    @property
    def overhead(self) -> float:
        """Billed beyond what a node that stays would be, boot included, as a share of that."""
        return self.billed / (self.work + self.costs.boot) - 1


@dataclass
class _Job:
    work: float
    costs: Costs
    policy: Policy
    notice: Notice | None
    progress: float = 0.0
    safe: float = 0.0
    stalled: float = 0.0
    booted: float = 0.0
    saves: int = 0
    lost: list[float] = field(default_factory=list)

    def on_a_node(self, up: float, told: bool) -> float | None:
        """Train on a node that lasts `up` seconds: after how many the work was done, None where the node went first."""
        now = self.costs.boot
        self.booted += min(now, up)
        if now >= up:
            return None
        warned = up - self.notice.seconds + self.notice.reaction if told and self.notice else math.inf
        due, counted = now + self.policy.until(self.progress), now
        while True:
            begin = max(min(due, warned), now)
            done = now + self.work - self.progress
            if done <= min(begin, up):
                return done
            if begin >= up:
                self.progress += up - now
                break
            self.progress += begin - now
            snapshot, after, durable = self.progress, begin + self.costs.stall, begin + self.costs.safe
            self.saves += 1
            self.stalled += min(after, up) - begin
            if after > up:
                break
            self.policy.ran(after - counted)
            now = counted = after
            resumed = self.progress
            done = now + self.work - self.progress
            if done <= min(durable, up):
                return done
            if durable > up:
                self.progress += up - now
                break
            self.progress += durable - now
            now, self.safe = durable, snapshot
            self.policy.saved(self.costs.stall, self.costs.safe)
            due = max(now, after + self.policy.until(resumed))
        self.policy.ran(up - counted)
        return None

    def evicted(self) -> None:
        self.lost.append(self.progress - self.safe)
        self.progress = self.safe
        self.policy.evicted()


def replay(
    work: float,
    costs: Costs,
    pattern: Pattern,
    policy: Policy,
    *,
    start: float = 0.0,
    notice: Notice | None = None,
    seed: int = 0,
    longest: float = LONGEST,
) -> Outcome:
    """What a job of `work` seconds comes to that is ready `start` seconds into the pattern."""
    chance = random.Random(seed)  # noqa: S311 - which notices are delivered
    job = _Job(work, costs, policy, notice)
    billed = waited = 0.0
    finished = False
    for wait, up in pattern.since(start):
        waited += wait
        if billed + waited > longest * work:
            break
        told = notice is not None and up > notice.seconds and chance.random() < notice.delivered
        done = job.on_a_node(up, told)
        billed += up if done is None else done
        if done is not None:
            finished = True
            break
        job.evicted()
    return Outcome(work, costs, billed, job.booted, job.stalled, waited, job.saves, tuple(job.lost), finished)


def at_best(work: float, costs: Costs, pattern: Pattern, *, start: float = 0.0, longest: float = LONGEST) -> Outcome:
    """Of somebody who knows each eviction beforehand and saves in no time: only the boots are paid."""
    left, billed, waited, booted = work, 0.0, 0.0, 0.0
    lost: list[float] = []
    for wait, up in pattern.since(start):
        waited += wait
        if billed + waited > longest * work:
            return Outcome(work, costs, billed, booted, 0.0, waited, len(lost), tuple(lost), finished=False)
        booted += min(costs.boot, up)
        trained = max(up - costs.boot, 0.0)
        if left <= trained:
            billed += costs.boot + left
            break
        left -= trained
        billed += up
        lost.append(0.0)
    return Outcome(work, costs, billed, booted, 0.0, waited, len(lost), tuple(lost))


@dataclass(frozen=True)
class Summary:
    """Of several jobs. lost_mean, lost_p95: minutes of work done again an eviction. The others: shares of the work.

    unfinished: of 1, given up; what they had paid until then is in the overhead.
    """

    evictions: int
    lost_mean: float
    lost_p95: float
    stalled: float
    lost: float
    booted: float
    overhead: float
    unfinished: float

    def saving(self, discount: float) -> float:
        """What spot nodes that are so much cheaper save in the end."""
        return 1 - (1 - discount) * (1 + self.overhead)


def summary(outcomes: Sequence[Outcome]) -> Summary:
    work = sum(one.work for one in outcomes)
    lost = sorted(seconds for one in outcomes for seconds in one.lost)
    usual = sum(one.work + one.costs.boot for one in outcomes)
    return Summary(
        evictions=len(lost),
        lost_mean=sum(lost) / 60 / len(lost) if lost else 0.0,
        lost_p95=lost[math.ceil(0.95 * len(lost)) - 1] / 60 if lost else 0.0,
        stalled=sum(one.stalled for one in outcomes) / work,
        lost=sum(lost) / work,
        booted=sum(one.booted for one in outcomes) / work,
        overhead=sum(one.billed for one in outcomes) / usual - 1,
        unfinished=sum(not one.finished for one in outcomes) / len(outcomes),
    )
