"""What checkpoints are ranked by: the figures that a loop gives with its steps."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any


class Metrics:
    """Of the last step. warn: is told of what is no number, once of each name."""

    def __init__(self, warn: Callable[[str], None]) -> None:
        self.last: Mapping[str, Any] = {}
        self._warn = warn
        self._refused = set[str]()

    def take(self, metrics: Mapping[str, Any]) -> None:
        """Their numbers are asked for where they are saved."""
        self.last = {key: _detached(value) for key, value in metrics.items()}

    def ranked(self, by_hand: bool = False) -> dict[str, float]:
        """As numbers; what is infinite or no number is none of the best. by_hand: raise for what can be none."""
        found = {}
        for key, value in self.last.items():
            try:
                found[key] = float(value)
            except Exception as fault:  # whatever the value raises
                if by_hand:
                    raise
                if key not in self._refused:
                    self._refused.add(key)
                    self._warn(f"{key}={value!r} ranks no checkpoint: {fault}")
        return {key: number for key, number in found.items() if math.isfinite(number)}


def _detached(value: Any) -> Any:
    """A tensor without the graph that made it, which would live as long."""
    return value.detach() if hasattr(value, "detach") else value
