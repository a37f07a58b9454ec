"""When a duty is due: "daily at 05:30" as moments in UTC, by the time zone in which people live."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Literal
from zoneinfo import ZoneInfo

from finops.approvals.workdays import Workdays
from finops.errors import ConfigError

if TYPE_CHECKING:
    from finops.config.model import JanitorSettings

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SHAPES = (
    "every 15 minutes, every 2 hours, daily at 05:30, weekdays at 09:00, weekly on monday at 06:30, "
    "monthly on day 3 at 06:00, working hours every 30 minutes, or off"
)
FURTHEST = 800  # days that are searched for a slot: a month without that day, a year of holidays
MARGIN = timedelta(days=2)  # no zone is further from UTC, and no change of one moves a day further

Kind = Literal["off", "every", "daily", "weekdays", "weekly", "monthly", "working"]


@dataclass(frozen=True)
class Hours:
    """When people work, in their zone: from, until, and whether a day is a working day."""

    begin: time = time(8)
    end: time = time(17)
    works: Callable[[date], bool] = lambda day: day.weekday() < 5


@dataclass(frozen=True)
class When:
    """The slots of a duty: moments in UTC at which it is due.

    A local time that a change of the clocks leaves out is read as that much later; one that comes twice, as its first.
    """

    kind: Kind
    text: str
    step: timedelta = timedelta()
    at: time = time()
    day: int = 0  # of the week from Monday 0, or of the month; a month without it has its last one
    hours: Hours = Hours()

    @property
    def grace(self) -> timedelta:
        """How late a slot may begin. What is due every few minutes is not made up for: the next slot does it."""
        return {
            "off": timedelta(), "every": self.step, "working": self.step, "daily": timedelta(days=1),
            "weekdays": timedelta(days=1), "weekly": timedelta(days=4), "monthly": timedelta(days=10),
        }[self.kind]  # fmt: skip

    def latest(self, now: datetime, zone: ZoneInfo) -> datetime | None:
        """The newest slot that is not after `now`."""
        if self.kind == "every":
            return EPOCH + (now - EPOCH) // self.step * self.step
        if self.kind == "off":
            return None
        day = (now + MARGIN).astimezone(zone).date()
        for back in range(FURTHEST):
            found = [slot for slot in self._on(day - timedelta(days=back), zone) if slot <= now]
            # A day that was skipped, or began twice, may hold a later moment than the day after it.
            if found:
                earlier = self._on(day - timedelta(days=back + 1), zone)
                return max(found + [slot for slot in earlier if slot <= now])
        return None

    def next(self, now: datetime, zone: ZoneInfo) -> datetime | None:
        """The first slot after `now`."""
        if self.kind == "every":
            return EPOCH + ((now - EPOCH) // self.step + 1) * self.step
        if self.kind == "off":
            return None
        day = (now - MARGIN).astimezone(zone).date()
        for ahead in range(FURTHEST):
            found = [slot for slot in self._on(day + timedelta(days=ahead), zone) if slot > now]
            if found:
                later = self._on(day + timedelta(days=ahead + 1), zone)
                return min(found + [slot for slot in later if slot > now])
        return None

    def between(self, a: datetime, b: datetime, zone: ZoneInfo) -> list[datetime]:
        """The slots after `a` up to and with `b`, each once, oldest first."""
        if self.kind == "off" or b <= a:
            return []
        if self.kind == "every":
            first, last = (a - EPOCH) // self.step + 1, (b - EPOCH) // self.step
            return [EPOCH + number * self.step for number in range(first, last + 1)]
        day, end = (a - MARGIN).astimezone(zone).date(), (b + MARGIN).astimezone(zone).date()
        found: set[datetime] = set()
        while day <= end:
            found |= {slot for slot in self._on(day, zone) if a < slot <= b}
            day += timedelta(days=1)
        return sorted(found)

    def _on(self, day: date, zone: ZoneInfo) -> list[datetime]:
        """The slots that a day in the zone has."""
        if self.kind == "working":
            return list(self._at_work(day, zone)) if self.hours.works(day) else []
        has = {
            "daily": True,
            "weekdays": self.hours.works(day),
            "weekly": day.weekday() == self.day,
            "monthly": day.day == min(self.day, _length(day)),
        }[self.kind]
        return [_moment(day, self.at, zone)] if has else []

    def _at_work(self, day: date, zone: ZoneInfo) -> Iterator[datetime]:
        slot, end = _moment(day, self.hours.begin, zone), _moment(day, self.hours.end, zone)
        while slot < end:
            yield slot
            slot += self.step


def parse(text: str, hours: Hours | None = None) -> When:
    """What `text` says. hours: of whoever it is for, where it speaks of working hours or weekdays."""
    plain = " ".join(text.lower().split())
    hours = hours or Hours()
    if plain == "off":
        return When("off", plain)
    if found := re.fullmatch(r"(working hours )?every (?:(\d{1,4}) )?(minute|hour)s?", plain):
        step = timedelta(**{f"{found[3]}s": int(found[2] or 1)})
        if timedelta(minutes=1) <= step <= timedelta(days=7):
            return When("working" if found[1] else "every", plain, step=step, hours=hours)
    shapes = {
        "daily": r"(?:daily|every day)",
        "weekdays": r"weekdays",
        "weekly": rf"weekly on (?P<name>{'|'.join(DAYS)})",
        "monthly": r"monthly on day (?P<day>[1-9]|[12]\d|3[01])",
    }
    for kind, shape in shapes.items():
        if found := re.fullmatch(rf"{shape} at (?P<hour>[01]?\d|2[0-3]):(?P<minute>[0-5]\d)", plain):
            given = found.groupdict()
            day = DAYS.index(given["name"]) if given.get("name") else int(given.get("day") or 0)
            at = time(int(given["hour"]), int(given["minute"]))
            return When(kind, plain, at=at, day=day, hours=hours)  # type: ignore[arg-type]  # a key of shapes
    raise ConfigError(f"'{text}' does not say when.", f"Write {SHAPES}.")


def hours_of(settings: JanitorSettings) -> Hours:
    """Working hours as the janitor's settings say."""
    return Hours(settings.work_from, settings.work_until, Workdays(settings).works)


def _moment(day: date, at: time, zone: ZoneInfo) -> datetime:
    """A local time on a day, in UTC. fold=0: the first of two; in a gap, by the offset before it: that much later."""
    return datetime.combine(day, at, zone).astimezone(UTC)


def _length(day: date) -> int:
    """Days of its month."""
    first = day.replace(day=1)
    return ((first + timedelta(days=32)).replace(day=1) - first).days
