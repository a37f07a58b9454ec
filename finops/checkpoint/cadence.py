"""When to save: as often as what it costs and how often nodes vanish make worth while (Young 1974, Daly 2006)."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from finops.checkpoint import prior
from finops.checkpoint.saying import warn

# What is supposed of a node before anything is known: an eviction in eight hours, as sure as one that was seen. Of
# 31 recorded traces the median run is shorter, of those that people keep using longer.
PRIOR_HOURS = 8.0
HOUR = 3600.0
# The same from outside, as `finops checkpoint advise` reckons it from Azure's eviction rates.
PRIOR = "FINOPS_CHECKPOINT_EVICTION_HOURS"
FIRST = 60.0  # seconds until the first save, which tells what saves cost; sooner where nodes last minutes
# Nobody wants to lose minutes to save a thousandth: as often as this, where it takes no more than that share of the
# time. By replay (benchmarks/evictions.py) it halves the worst losses for 0.1 points of overhead at most.
SOON, CHEAP = 90.0, 0.01
SMOOTHING = 0.3  # of the newest measurement in the running mean: a disk that slows down shows within a few saves


@dataclass
class Cadence:
    """Seconds between saves, learnt as the job goes on; kept in each checkpoint for the attempts after it.

    share: the most of the time that saving may take. prior_hours: supposed mean time between evictions, where the
    daemon knows it from Azure's eviction rates. least, most: bounds in seconds, but that nothing beats the share.
    """

    share: float = 0.02
    prior_hours: float = PRIOR_HOURS
    least: float = 1.0
    most: float = 3600.0
    cost: float = 0.0
    durable: float = 0.0
    saves: int = 0
    evictions: int = 0
    hours: float = 0.0

    @property
    def hours_between_evictions(self) -> float:
        """The prior counts as one eviction seen."""
        return (self.prior_hours + self.hours) / (1 + self.evictions)

    @property
    def interval(self) -> float:
        """Daly's first-order optimum sqrt(2 C M) - C, no shorter than a save takes, nor than the share allows."""
        if not self.saves:
            first = min(FIRST, self.hours_between_evictions * HOUR / 20)
            return min(self.most, max(self.least, first))
        cost, between = self.cost, self.hours_between_evictions * HOUR
        best = math.sqrt(2 * cost * between) - cost if cost < between / 2 else between
        best = min(best, max(SOON, cost / CHEAP))
        return min(
            max(best, self.durable, cost / self.share, self.least), max(self.most, self.durable, cost / self.share)
        )

    def saved(self, cost: float, durable: float) -> None:
        """A save for which the training lost `cost` seconds and that was durable after `durable`."""
        weight = SMOOTHING if self.saves else 1.0
        self.cost += weight * (cost - self.cost)
        self.durable += weight * (durable - self.durable)
        self.saves += 1

    def ran(self, seconds: float) -> None:
        self.hours += seconds / HOUR

    def evicted(self, times: int = 1) -> None:
        self.evictions += times

    def learnt(self) -> dict[str, Any]:
        """What a later attempt needs: plain JSON."""
        told = asdict(self)
        return {key: told[key] for key in ("cost", "durable", "saves", "evictions", "hours")}

    def recall(self, learnt: Mapping[str, Any]) -> None:
        for key in ("cost", "durable", "saves", "evictions", "hours"):
            if key in learnt:
                setattr(self, key, learnt[key])


def prior_hours(env: Mapping[str, str] = os.environ, size: str = "", region: str = "") -> float:
    """Hours that a node is supposed to last, before anything was seen: what the environment says, else PRIOR_HOURS.

    size, region: of the machine, once that is known: rates that come as a file are looked up by them.
    """
    told = env.get(PRIOR)
    if told is None:
        return prior.by_rate(size, region, env) or PRIOR_HOURS
    try:
        hours = float(told)
    except ValueError:
        hours = math.nan
    if 0 < hours < math.inf:
        return hours
    warn(f"{PRIOR} is {told!r}, no number of hours: {PRIOR_HOURS:g} is used.")
    return PRIOR_HOURS
