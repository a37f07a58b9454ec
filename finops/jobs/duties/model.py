"""What a duty is, what a run of it works with, and what one run comes to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import wraps
from typing import TYPE_CHECKING, Literal

from finops.errors import FinopsError

if TYPE_CHECKING:
    from finops.cloud import Azure
    from finops.config.model import Settings
    from finops.state import State

Outcome = Literal["done", "partial", "held"]
MOST_SAID = 20


@dataclass(frozen=True)
class Done:
    """What one run came to.

    held: not yet, to be tried again within its slot. said: sentences for people. counts: figures for /metrics, by the
    names in `finops.jobs.duties.counts`.
    """

    outcome: Outcome
    said: tuple[str, ...] = ()
    counts: Mapping[str, int | float] = field(default_factory=dict)


class Stopped(FinopsError):
    """The process is being stopped: what is not begun is left to the next run."""

    def __init__(self) -> None:
        super().__init__("The daemon is being stopped: the rest is left to the next run.", "")


@dataclass
class Work:
    """What a run works with.

    azure: as the reader. acting: as the executor, the same where only one identity is set. stopping: asked between
    acts; once True, the act in hand is finished and the run returns. slot: the time it was due, where it was.
    """

    settings: Settings
    state: State
    now: datetime
    run: str
    azure: Callable[[], AbstractContextManager[Azure]]
    acting: Callable[[], AbstractContextManager[Azure]]
    note: Callable[[str], None]
    stopping: Callable[[], bool]
    slot: datetime | None = None

    def step(self, doing: str) -> None:
        """Between two parts of the work: tells what comes next. Raises Stopped where nothing more is to be begun."""
        if self.stopping():
            raise Stopped
        self.note(doing)


@dataclass(frozen=True)
class Duty:
    """when: its slots, as finops.daemon.slots reads them. late_after: without a success, people are told.

    limit: a run that takes longer is told. acts: it changes Azure. apart: it loads so much that the daemon gives it a
    process of its own, whose memory goes back with its end.
    """

    name: str
    what: str
    when: str
    run: Callable[[Work], Done]
    late_after: timedelta
    limit: timedelta
    acts: bool = False
    apart: bool = False


def patient(run: Callable[[Work], Done]) -> Callable[[Work], Done]:
    """The run, held where the daemon is being stopped, or another process is at it: its slot is tried again."""

    @wraps(run)
    def held(work: Work) -> Done:
        from finops.state import Busy

        try:
            return run(work)
        except (Stopped, Busy) as why:
            return Done("held", (str(why),))

    return held


def came_to(problems: Iterable[str], counts: Mapping[str, int | float], also: Iterable[str] = ()) -> Done:
    """A run that is over: partial where there are problems, which are said first. also: what else is said."""
    wrong = _few(problems)
    return Done("partial" if wrong else "done", (*wrong, *_few(also)), counts)


def _few(given: Iterable[str]) -> list[str]:
    said = list(dict.fromkeys(given))
    return [*said[:MOST_SAID], f"And {len(said) - MOST_SAID} more."] if len(said) > MOST_SAID else said
