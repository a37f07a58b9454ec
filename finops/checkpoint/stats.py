"""What checkpoints did and cost in one attempt."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Stats:
    """Seconds and bytes.

    attempt: 0 until it begins, with the first of run, epochs, step and save. stalled: for how long the training waited.
    passed_over: names of damaged ones, with what was wrong.
    """

    attempt: int
    restored: int | None
    saves: int
    failed: int
    stalled: float
    nbytes: int
    evictions: int
    interval: float
    passed_over: tuple[str, ...]
