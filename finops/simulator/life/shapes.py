"""How busy an hour of the week is, as a multiple of the average hour."""

from __future__ import annotations

# Hours of a weekday and of a weekend day, UTC, in shares of the busiest hour.
_DAYS: dict[str, tuple[str, str]] = {
    #          0   2   4   6   8   10  12  14  16  18  20  22
    "office": ("1 1 1 1 1 2 4 7 9 9 9 8 7 9 9 9 8 7 4 3 2 2 1 1", "1 1 1 1 1 1 1 1 2 2 2 2 2 2 2 2 2 1 1 1 1 1 1 1"),
    "global": ("6 6 6 6 7 7 8 8 9 9 9 9 9 9 9 9 9 9 8 8 7 7 6 6", "5 5 5 5 5 5 6 6 6 6 6 6 6 6 6 6 6 6 6 6 5 5 5 5"),
    "retail": ("2 1 1 1 1 2 3 4 5 6 7 8 8 7 7 7 8 9 9 9 9 8 5 3", "2 1 1 1 1 1 2 4 6 8 9 9 9 9 9 9 9 9 9 9 8 6 4 3"),
    "night": ("9 9 8 8 4 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 1 4 8 9", "9 9 8 8 4 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 1 4 8 9"),
    "steady": ("1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1", "1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1"),
}


def _week(weekday: str, weekend: str) -> tuple[float, ...]:
    week = [float(share) for share in weekday.split()] * 5 + [float(share) for share in weekend.split()] * 2
    mean = sum(week) / len(week)
    return tuple(share / mean for share in week)


SHAPES = {name: _week(*days) for name, days in _DAYS.items()}


def weekday(day: int) -> int:
    """0 is Monday; 1970-01-01, day 0, was a Thursday."""
    return (day + 3) % 7


def busy(shape: str, hour: int) -> float:
    """How busy hour `hour` (from 1970) is; 1 is the week's average."""
    return SHAPES[shape][weekday(hour // 24) * 24 + hour % 24]


def daily(shape: str, day: int) -> float:
    """How busy a whole day is; 1 is the week's average."""
    start = weekday(day) * 24
    return sum(SHAPES[shape][start : start + 24]) / 24


def hour_at(shape: str, day: int, fraction: float) -> float:
    """The hour of `day` before which `fraction` of its work has come."""
    start = weekday(day) * 24
    hours = SHAPES[shape][start : start + 24]
    left = fraction * sum(hours)
    for hour, share in enumerate(hours):
        if left < share:
            return hour + left / share
        left -= share
    return 23.99
