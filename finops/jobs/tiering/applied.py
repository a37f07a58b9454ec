"""What a run of `finops tier apply` did, or would do: a line for each thing, with the reason."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from finops.acts import Resolved
    from finops.jobs.tiering.proposing import Proposal

# would: a dry run. done: Azure confirms it. asks: it waits for people. listed: its mode only says what could be done.
# so: it is so already, or nothing is to be done. refused: the plan, or the account, must not be tiered.
# held: nothing was sent; the next run tries again. failed: reading shows that it had no effect. unknown: the next run
# finds out.
Result = Literal["would", "done", "asks", "listed", "so", "refused", "held", "failed", "unknown"]
# By the result of an act.
RESULTS: dict[str, Result] = {
    "done": "done", "refused": "held", "changed-since": "held", "failed": "failed", "unknown": "unknown",
}  # fmt: skip


@dataclass(frozen=True)
class Line:
    """What became, or would become, of one thing. finding: the number of the request that it hangs on, 0 for none."""

    account: str
    result: Result
    what: str
    why: str
    proposed: Proposal | None = None
    finding: int = 0


@dataclass(frozen=True)
class Applied:
    """One run. resolved: what was found out of intents that an earlier run left open. left_open: those still open.
    mails: those that were left. problems: what could not be told."""

    executed: bool
    resolved: tuple[Resolved, ...]
    lines: tuple[Line, ...]
    left_open: int = 0
    mails: tuple[Path, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def partial(self) -> bool:
        """Whether something that was due was not done."""
        return any(line.result in {"held", "refused", "failed", "unknown"} for line in self.lines) or any(
            one.outcome is None for one in self.resolved
        )
