"""Which checkpoints are kept: the newest, some for the long run, and the best."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from finops.checkpoint.names import Name


@dataclass(frozen=True)
class Keep:
    """newest: how many of the newest, 2 at least: the last one may be the one that turns out damaged.

    every: also each whose step is a multiple of this. best: also that many with the lowest `metric` ("-accuracy": the
    highest).
    """

    newest: int = 3
    every: int | None = None
    best: int = 0
    metric: str = "loss"

    def __post_init__(self) -> None:
        if not isinstance(self.newest, int) or self.newest < 2:
            raise ValueError(f"keep={self.newest}: keep 2 at least, as the newest may be the one that is damaged")
        if self.best < 0 or (self.every is not None and self.every < 1):
            raise ValueError(f"best={self.best}, every={self.every}: a number of checkpoints, and a number of steps")

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def superfluous(keep: Keep, held: Iterable[Name], metrics: Mapping[Name, Mapping[str, float]]) -> list[Name]:
    """Of the checkpoints `held`, those that no rule keeps, oldest first."""
    names = sorted(held)
    kept = reasons(keep, names, metrics)
    return [name for name in names if name not in kept]


def reasons(keep: Keep, held: Iterable[Name], metrics: Mapping[Name, Mapping[str, float]]) -> dict[Name, list[str]]:
    """Of the checkpoints `held`, those that a rule keeps, newest first, each with the rules that do, for people.

    One without the metric is no best one, nor one where it is no number; of two as good the newer is the better.
    """
    names = sorted(held, reverse=True)
    sign, metric = (-1, keep.metric[1:]) if keep.metric.startswith("-") else (1, keep.metric)
    ranked = [name for name in names if math.isfinite(metrics.get(name, {}).get(metric, math.nan))]
    best = sorted(ranked, key=lambda name: sign * metrics[name][metric])[: keep.best]
    found = {}
    for at, name in enumerate(names):
        rules = []
        if at < keep.newest:
            rules.append(f"newest {at + 1} of {keep.newest}")
        if keep.every and name.step % keep.every == 0:
            rules.append(f"each {keep.every} steps")
        if name in best:
            rules.append(f"best {metric} {best.index(name) + 1} of {keep.best}")
        if rules:
            found[name] = rules
    return found
