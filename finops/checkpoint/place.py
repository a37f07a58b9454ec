"""Where in its data a training is: what it has taken a step on, not what was read ahead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Place:
    """step: optimizer steps of the whole job. samples: of this epoch, over all processes; `batches` where unknown."""

    step: int = 0
    epoch: int = 0
    samples: int = 0

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Place:
        return cls(**told)
