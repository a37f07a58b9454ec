"""What a run of `finops janitor apply` did, or would do: a line for each record, with the reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from finops.acts import Resolved
from finops.jobs.sweeping.waiting import Waits
from finops.state import Record

# would: a dry run. done: Azure confirms it. held: nothing was sent, and the approval stands. void: nothing was sent,
# and the approval stands no more. failed: reading shows that it had no effect. unknown: the next run finds out.
Result = Literal["would", "done", "held", "void", "failed", "unknown"]


@dataclass(frozen=True)
class Line:
    """What became, or would become, of one record in this run, and why."""

    record: Record
    result: Result
    what: str
    why: str


@dataclass(frozen=True)
class Applied:
    """One run. `resolved`: what was found out of intents that an earlier run left open. `waiting`: what is not due.

    left_open: intents of which only a run that changes things finds out what became of them
    """

    executed: bool
    resolved: tuple[Resolved, ...]
    lines: tuple[Line, ...]
    waiting: tuple[Waits, ...] = ()
    left_open: int = 0

    @property
    def partial(self) -> bool:
        """Whether something that was due was not done."""
        return any(line.result in {"held", "failed", "unknown"} for line in self.lines) or any(
            one.outcome is None for one in self.resolved
        )
