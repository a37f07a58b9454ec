"""When people work: working days to wait, hours to change things in, hours in which no mail leaves."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from finops.errors import ConfigError

if TYPE_CHECKING:
    from finops.config.model import JanitorSettings

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
FURTHEST = 3660  # days that are searched for one on which somebody works


class Workdays:
    """The calendar that `janitor` settings describe. Moments go in and come out in UTC."""

    def __init__(self, settings: JanitorSettings) -> None:
        self._zone = ZoneInfo(settings.time_zone)
        self._off = {DAYS.index(day) for day in settings.weekend}
        self._holidays = frozenset(settings.holidays)
        self._from, self._until = settings.work_from, settings.work_until
        self._quiet_from, self._quiet_until = settings.quiet_from, settings.quiet_until

    def works(self, day: date) -> bool:
        return day.weekday() not in self._off and day not in self._holidays

    def after(self, moment: datetime, days: int) -> datetime:
        """The end of the `days`-th working day after the day of `moment`; `moment` itself for 0.

        The day of `moment` does not count: whoever is told on Monday evening has all of Tuesday.
        """
        if days == 0:
            return moment
        day = moment.astimezone(self._zone).date()
        for _ in range(days):
            day = self._next(day)
        return self._at(day, self._until)

    def working(self, moment: datetime) -> bool:
        """Whether things may be changed now."""
        local = moment.astimezone(self._zone)
        return self.works(local.date()) and self._from <= local.time() < self._until

    def next_work(self, moment: datetime) -> datetime:
        """The next moment at which things may be changed; `moment` itself within working hours."""
        local = moment.astimezone(self._zone)
        if self.working(moment):
            return moment
        if self.works(local.date()) and local.time() < self._from:
            return self._at(local.date(), self._from)
        return self._at(self._next(local.date()), self._from)

    def quiet(self, moment: datetime) -> bool:
        """Whether no mail leaves now."""
        local = moment.astimezone(self._zone)
        now, start, end = local.time(), self._quiet_from, self._quiet_until
        night = start <= now < end if start <= end else now >= start or now < end
        return night or not self.works(local.date())

    def _next(self, day: date) -> date:
        for ahead in range(1, FURTHEST):
            if self.works(day + timedelta(days=ahead)):
                return day + timedelta(days=ahead)
        raise ConfigError(f"After {day} nobody works for ten years.", "Mend janitor.holidays.")

    def _at(self, day: date, clock: time) -> datetime:
        """A local time on a day, in UTC; one that the change to summer time leaves out is read as an hour later."""
        return datetime.combine(day, clock, self._zone).astimezone(UTC)
