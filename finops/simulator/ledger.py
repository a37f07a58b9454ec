"""What was really used, hour by hour: the truth that cost data arrives late at."""

from __future__ import annotations

from collections.abc import Iterator

from finops.simulator.focus import Line, Row

DAY = 1440  # minutes

# After so many days every hour has been published (8 to 24 hours late), and only a day's sum matters.
HOURLY_DAYS = 3


class Ledger:
    """Counted units (such as minutes) by day and line; the last few days by hour."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.days: dict[int, dict[int, list[int] | int]] = {}
        self._places: dict[tuple[str, str], int] = {}

    def line(self, key: str, tags: str | None, make: Line) -> int:
        """The number of the line that `key` and `tags` name; `make` is what it is when it is new."""
        place = self._places.get((key, tags or ""))
        if place is None:
            place = self._places[(key, tags or "")] = len(self.lines)
            self.lines.append(make)
        return place

    def find(self, key: str, tags: str | None) -> int | None:
        return self._places.get((key, tags or ""))

    def keys(self) -> list[tuple[str, str]]:
        """Key and tags of each line, in the order of `lines`."""
        return list(self._places)

    def count(self, line: int, start: int, end: int, per_minute: int) -> None:
        """`per_minute` units were used each minute from `start` to `end`."""
        while start < end:
            day = start // DAY
            hours = self._hours(day, line)
            until = min(end, (day + 1) * DAY)
            while start < until:
                over = min(until, start - start % 60 + 60)
                hours[start % DAY // 60] += per_minute * (over - start)
                start = over

    def post(self, line: int, minute: int, counted: int) -> None:
        """One charge at one minute, such as a purchase."""
        self._hours(minute // DAY, line)[minute % DAY // 60] += counted

    def close(self, now: int) -> None:
        """Keep sums only of the days whose hours no longer matter at minute `now`."""
        for day in [day for day in self.days if day < now // DAY - HOURLY_DAYS]:
            lines = self.days[day]
            for line, hours in lines.items():
                if isinstance(hours, list):
                    lines[line] = sum(hours)

    def forget(self, before: int) -> None:
        """Drop the days before day `before`: they are in files."""
        for day in [day for day in self.days if day < before]:
            del self.days[day]

    def rows(self, day: int) -> Iterator[Row]:
        """Everything used on `day`, in the order of the lines."""
        for line, hours in sorted(self.days.get(day, {}).items()):
            counted = sum(hours) if isinstance(hours, list) else hours
            if counted:
                yield Row(line, day, counted)

    def _hours(self, day: int, line: int) -> list[int]:
        lines = self.days.setdefault(day, {})
        hours = lines.get(line)
        if not isinstance(hours, list):
            hours = lines[line] = [hours or 0, *[0] * 23]
        return hours
