"""One duty, once: for cron, and for people who want it now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from finops.errors import TemporaryError

from .clock import Watch
from .leading import Leading, owner_of_this_process
from .planning import Planner
from .pulse import Pulse
from .stopping import PATIENCE, Stop
from .working import Ended, Means, Start, Working, close_dead, in_a_thread

if TYPE_CHECKING:
    from finops.jobs.duties import Duty

NAME = "once/"  # and the duty: one such process a duty


@dataclass(frozen=True)
class Came:
    """What it came to. `ended` None: it was not due, `why` says so. stuck: the process must end at once."""

    why: str = ""
    ended: Ended | None = None
    stuck: Sequence[str] = ()


def once(
    means: Means, duty: Duty, duties: Sequence[Duty], stop: Stop, *, whether_due: bool = True, lease: float = 40.0,
    start: Start = in_a_thread,
) -> Came:  # fmt: skip
    """Run a duty where its newest slot was not worked through yet; with `whether_due` False in any case.

    Raises TemporaryError where another process is at it, or the clock is in doubt and the duty acts.
    """
    watch = Watch(means.clock, means.state, means.note)
    now = watch.look()
    if watch.doubt and duty.acts:
        raise TemporaryError(watch.doubt, "Look at the clock (`timedatectl`), then `finops daemon clock accept`.")
    leading = Leading(
        means.state, owner_of_this_process(), means.machine, lease, lambda text: None, name=NAME + duty.name
    )
    leading.keep()
    if not leading.holds():
        raise TemporaryError(f"{duty.name} is being run by {leading.leader}.", "Wait for its end.")
    try:
        close_dead(means, leading)
        slot: datetime | None = now
        if whether_due:
            planner = Planner(means.settings(), duties, means.state, means.note)
            found = planner.look(duty, now)
            # Whoever asks, asks again by himself: nobody waits here until a fault may have gone.
            slot = found.begin or found.again
            following = planner.whens[duty.name].next(now, planner.zone)
            if slot is None:
                ahead = f"next at {following:%Y-%m-%d %H:%M} UTC" if following else "it is off in daemon.schedule"
                return Came(f"{duty.name} is not due: {ahead}.")
        working = Working(means, leading, Pulse(), stop, start)
        if not working.begin(duty, slot or now, now, asked="" if whether_due else "hand"):
            raise TemporaryError(f"{duty.name} is under way, or was just done.", "`finops daemon status` says where.")
        return _attended(means, leading, working, stop)
    finally:
        leading.leave()


def _attended(means: Means, leading: Leading, working: Working, stop: Stop) -> Came:
    """Wait for its end, and once we are to stop, no longer than we may."""
    until: float | None = None
    renew_at = 0.0
    while working.running():
        stop.wakes.clear()
        steady = means.machine.monotonic()
        if stop.asked() and until is None:
            until = steady + PATIENCE
        if until is not None and steady >= until:
            why = f"The process was stopped, and it did not end within {PATIENCE:.0f} seconds."
            return Came(why, stuck=working.give_up(why))
        if steady >= renew_at:
            leading.keep()
            renew_at = steady + leading.every
        working.look_after()
        if working.running():
            means.machine.wait(1.0, stop.wakes)
    working.look_after()
    return Came(ended=working.take_ended()[-1])
