"""How a checkpoint's file is called, and which of two is newer."""

from __future__ import annotations

import re
from dataclasses import dataclass

_NAME = re.compile(r"attempt-([0-9]{4,})\.step-([0-9]{12,})(?:\.rank-([0-9]{5,})-of-([0-9]{5,}))?\.ckpt")


@dataclass(frozen=True, order=True)
class Name:
    """Ordered by age: what a later attempt saved is newer, whatever its step, as it is the run that goes on.

    attempt: 1 is the first start of the job. rank, world: of a shard; 0 of 1 where one process holds it all.
    """

    attempt: int
    step: int
    rank: int = 0
    world: int = 1

    def __post_init__(self) -> None:
        if min(self.attempt, self.step) < 0 or not 0 <= self.rank < self.world:
            raise ValueError(
                f"attempt {self.attempt}, step {self.step}, rank {self.rank} of {self.world} name no checkpoint"
            )

    def __str__(self) -> str:
        shard = f".rank-{self.rank:05}-of-{self.world:05}" if self.world > 1 else ""
        return f"attempt-{self.attempt:04}.step-{self.step:012}{shard}.ckpt"

    @classmethod
    def of(cls, text: str) -> Name | None:
        """The name that `text` is, or None where it is something else."""
        found = _NAME.fullmatch(text)
        if found is None:
            return None
        attempt, step, *shard = (int(part) for part in found.groups() if part is not None)
        rank, world = shard or (0, 1)
        name = cls(attempt, step, rank, world) if rank < world else None
        return name if str(name) == text else None  # with other zeros than we write it is somebody's own
