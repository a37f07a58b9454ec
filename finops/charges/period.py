"""A stretch of time, [start, end) in UTC: what every figure about money is asked for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from finops.errors import UsageError


@dataclass(frozen=True)
class Period:
    """`start` is in it, `end` is not. Dates mean midnight UTC; times without a zone are refused."""

    start: datetime
    end: datetime

    def __init__(self, start: date | datetime, end: date | datetime) -> None:
        object.__setattr__(self, "start", _moment(start))
        object.__setattr__(self, "end", _moment(end))
        if self.end <= self.start:
            raise UsageError(
                f"The period from {self.start:%Y-%m-%d %H:%M} to {self.end:%Y-%m-%d %H:%M} is empty.",
                "The end is not part of a period: give an end after the start.",
            )

    @classmethod
    def month(cls, text: str) -> Period:
        """The month `text`, written as 2024-09."""
        wanted = re.fullmatch(r"(\d{4})-(\d{2})", text.strip())
        if not wanted or not 1 <= int(wanted[2]) <= 12 or not 1990 <= int(wanted[1]) <= 2200:
            raise UsageError(f"'{text}' is not a month.", "Write year and month, such as 2024-09.")
        year, month = int(wanted[1]), int(wanted[2])
        return cls(date(year, month, 1), date(year + month // 12, month % 12 + 1, 1))

    @classmethod
    def week_ending(cls, last: date) -> Period:
        """The seven days up to `last`, which is the last of them."""
        return cls(last - timedelta(days=6), last + timedelta(days=1))

    @property
    def days(self) -> list[date]:
        """Every day that begins or lies in it, first to last."""
        first = self.start.date()
        count = (self.end - datetime.combine(first, time(), UTC)) / timedelta(days=1)
        return [first + timedelta(days=n) for n in range(-int(-count // 1))]

    @property
    def label(self) -> str:
        """How a person says it: "September 2024", "15 to 21 Nov 2026", "29 Nov to 5 Dec 2026"."""
        first, last = self.start.date(), self.days[-1]
        if self == Period(first.replace(day=1), _next_month(first)):
            return f"{first:%B %Y}"
        if first == last:
            return f"{first.day} {first:%b %Y}"
        if (first.year, first.month) == (last.year, last.month):
            return f"{first.day} to {last.day} {last:%b %Y}"
        year = "" if first.year == last.year else f" {first.year}"
        return f"{first.day} {first:%b}{year} to {last.day} {last:%b %Y}"

    def __contains__(self, moment: object) -> bool:
        return isinstance(moment, datetime) and self.start <= moment < self.end


def _next_month(day: date) -> date:
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)


def _moment(value: date | datetime) -> datetime:
    if not isinstance(value, datetime):
        return datetime.combine(value, time(), UTC)
    if value.tzinfo is None:
        raise UsageError(f"The time {value:%Y-%m-%d %H:%M} says no time zone.", "Give an aware time, in UTC.")
    return value.astimezone(UTC)
