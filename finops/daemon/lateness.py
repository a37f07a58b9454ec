"""Which duties have not succeeded in time, and since when they are late."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from .slots import When

if TYPE_CHECKING:
    from finops.config.model import Settings
    from finops.jobs.duties import Duty
    from finops.state import State
    from finops.state.runs import StoredRun

WATCHED = "daemon/watched/"  # since when each duty is looked at
# A duty that is seldom due has this long from the slot that it missed, however long it may go without a success.
MOST = timedelta(days=1)


@dataclass(frozen=True)
class Standing:
    """One duty. succeeded: when it last did; watched: since when it is looked at; late_at: None, where it is off."""

    job: str
    what: str
    enabled: bool
    succeeded: datetime | None
    watched: datetime
    due: datetime | None
    late_at: datetime | None

    def is_late(self, now: datetime) -> bool:
        return self.late_at is not None and now > self.late_at


def standings(
    settings: Settings,
    duties: Collection[Duty],
    succeeded: Mapping[str, StoredRun],
    watched: Mapping[str, datetime],
    now: datetime,
) -> list[Standing]:
    """Every duty's. succeeded: the last run of each that was a success. watched: since when each is looked at."""
    from .planning import whens

    zone, found = zone_of(settings), whens(settings, duties)
    return [
        standing(duty, found[duty.name], zone, succeeded.get(duty.name), watched.get(duty.name, now)) for duty in duties
    ]


def standing(duty: Duty, when: When, zone: ZoneInfo, last: StoredRun | None, watched: datetime) -> Standing:
    """Late is what went without a success for longer than it may, and what missed a slot by a part of that.

    The second counts where a site lets it run more seldom, and over nights and weekends: what is not due is not late.
    """
    ended = last.ended_at if last else None
    since = max(ended, watched) if ended else watched
    due = when.next(since, zone)
    if due is None:
        return Standing(duty.name, duty.what, False, ended, watched, None, None)
    late_at = max(since + duty.late_after, due + min(duty.late_after, MOST))
    return Standing(duty.name, duty.what, True, ended, watched, due, late_at)


def zone_of(settings: Settings) -> ZoneInfo:
    return ZoneInfo(settings.daemon.time_zone or settings.janitor.time_zone)


def watched_since(state: State) -> dict[str, datetime]:
    """Since when each duty is looked at."""
    return {name.removeprefix(WATCHED): datetime.fromisoformat(at) for name, at in state.kept(WATCHED).items()}
