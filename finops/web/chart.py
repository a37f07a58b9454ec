"""The usage chart of a finding: bars of days and the threshold's line, as places in a drawing of fixed size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from math import isfinite
from typing import Any

DAYS = 90
WIDTH, HEIGHT = 900, 160
GAP = 2  # between two bars
LEAST = 2  # height of a day that had any use, so that it is never taken for none


@dataclass(frozen=True)
class Bar:
    x: float
    y: float
    width: float
    height: float
    known: bool


@dataclass(frozen=True)
class Chart:
    """What is drawn, and the same in words and as a table.

    days    every day of the span with its value; None where nothing was measured
    line    height of the threshold, None where there is none
    """

    bars: tuple[Bar, ...]
    line: float | None
    threshold: str
    days: tuple[tuple[date, float | None], ...]
    of: str
    summary: str
    busy: str  # a warning where the last day that was measured is above the threshold
    width: int = WIDTH
    height: int = HEIGHT


def chart(evidence: Mapping[str, Any], of: str = "use a day") -> Chart | None:
    """The chart of `evidence["usage"]`, [[iso day, value or null], ...]; None where there is no such series.

    of: what is counted, where the evidence does not say it in `usageOf`
    """
    values = _values(evidence.get("usage"))
    if not values:
        return None
    last = max(values)
    first = max(min(values), last - timedelta(days=DAYS - 1))
    days = tuple((day, values.get(day)) for day in (first + timedelta(days=n) for n in range((last - first).days + 1)))
    of = str(evidence.get("usageOf") or of)
    threshold = _number(evidence.get("threshold"))
    top = max([value for _, value in days if value is not None] + [threshold or 0.0, 0.0]) * 1.05 or 1.0
    step = WIDTH / len(days)
    return Chart(
        bars=tuple(_bar(n, value, step, top) for n, (_, value) in enumerate(days)),
        line=None if threshold is None else round(HEIGHT - HEIGHT * max(threshold, 0.0) / top, 1),
        threshold="" if threshold is None else plain(threshold),
        days=days,
        of=of,
        summary=_summary(days, of, threshold),
        busy=_busy(days, threshold),
    )


def plain(value: float) -> str:
    """A value for people: "1,204", "0.35"."""
    if abs(value) >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:,.2f}".rstrip("0").rstrip(".") if abs(value) >= 0.01 else f"{value:.2g}"


def _bar(n: int, value: float | None, step: float, top: float) -> Bar:
    tall = HEIGHT if value is None else HEIGHT * value / top
    if value:
        tall = max(tall, LEAST)
    return Bar(
        round(n * step, 1), round(HEIGHT - tall, 1), round(max(step - GAP, 1), 1), round(tall, 1), value is not None
    )


def _summary(days: tuple[tuple[date, float | None], ...], of: str, threshold: float | None) -> str:
    """The chart in words, for those who do not see it."""
    known = [(value, day) for day, value in days if value is not None]
    said = [f"{len(days)} days from {days[0][0]} to {days[-1][0]}: {of}."]
    used = [(value, day) for value, day in known if value]
    if not known:
        said.append("No day was measured.")
    elif not used:
        said.append("None on any day that was measured.")
    else:
        most, day = max(used)
        said.append(f"At most {plain(most)}, on {day}; last seen on {max(day for _, day in used)}.")
    if len(known) < len(days):
        said.append(f"Not measured on {len(days) - len(known)} days.")
    if threshold is not None:
        said.append(f"Threshold: {plain(threshold)}.")
    return " ".join(said)


def _busy(days: tuple[tuple[date, float | None], ...], threshold: float | None) -> str:
    """Days before the last are no sign: a rule may ask for few days without use."""
    known = [(day, value) for day, value in days if value is not None]
    if not known or threshold is None or known[-1][1] <= threshold:
        return ""
    day, value = known[-1]
    return f"On {day} it is busy ({plain(value)}, above the threshold of {plain(threshold)}): somebody may be using it."


def _values(series: object) -> dict[date, float | None]:
    """The series by day. A point that is none is left out, as if that day had not been measured."""
    values: dict[date, float | None] = {}
    for point in series if isinstance(series, list) else []:
        if not isinstance(point, list | tuple) or len(point) != 2:
            continue
        try:
            day = date.fromisoformat(str(point[0])[:10])
        except ValueError:
            continue
        value = _number(point[1])
        values[day] = None if value is None or value < 0 else value
    return values


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if isfinite(number) else None
