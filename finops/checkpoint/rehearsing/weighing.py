"""Ways of saving beside each other: the same job, on the same nodes, from the same starts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from finops.checkpoint.cadence import Cadence
from finops.checkpoint.rehearsing.patterns import Pattern
from finops.checkpoint.rehearsing.replay import (
    Costs,
    EachEpoch,
    Every,
    Learnt,
    Never,
    Notice,
    Outcome,
    Policy,
    Summary,
    at_best,
    replay,
    summary,
)

STARTS = 12  # of each pattern, evenly spread: a job may begin at any hour

NEVER, HOURLY, TEN_MINUTES, OURS, BEST = (
    "no checkpoints",
    "hourly, waiting for it",
    "every 10 min, waiting",
    "this package",
    "knowing each eviction",
)


@dataclass(frozen=True)
class Way:
    """A way of saving. waits: whether the training stands still until a save is safe."""

    policy: Callable[[], Policy]
    waits: bool = False
    notice: Notice | None = None


def ways(hours_between: float | None = None, notice: Notice | None = None) -> dict[str, Way]:
    """The usual ones. hours_between: what this package is told of how long nodes last, where it is told."""

    def learning() -> Policy:
        return Learnt(Cadence() if hours_between is None else Cadence(prior_hours=hours_between))

    return {
        NEVER: Way(Never),
        HOURLY: Way(lambda: EachEpoch(3600), waits=True),
        TEN_MINUTES: Way(lambda: Every(600), waits=True),
        OURS: Way(learning, notice=notice),
    }


def weighed(
    work: float, costs: Costs, patterns: Sequence[Pattern], found: dict[str, Way], starts: int = STARTS
) -> dict[str, Summary]:
    """What each way comes to, and at last what the best of all would."""
    jobs = [(pattern, pattern.span * part / starts) for pattern in patterns for part in range(starts)]
    told = {name: summary([_lived(work, costs, way, *job, seed) for seed, job in enumerate(jobs)])
            for name, way in found.items()}  # fmt: skip
    told[BEST] = summary([at_best(work, costs, pattern, start=start) for pattern, start in jobs])
    return told


def _lived(work: float, costs: Costs, way: Way, pattern: Pattern, start: float, seed: int) -> Outcome:
    paid = Costs(costs.safe, costs.safe, costs.boot) if way.waits else costs
    return replay(work, paid, pattern, way.policy(), start=start, notice=way.notice, seed=seed)
