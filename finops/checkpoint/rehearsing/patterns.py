"""When nodes come and go: recorded somewhere, or invented in three shapes. Whole seconds throughout."""

from __future__ import annotations

import json
import math
import random
from bisect import bisect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from finops.errors import DataError

HOUR = 3600
DAY = 24 * HOUR
# How the invented shapes differ from one rate throughout. A working day of ten hours in which four times as many nodes
# are taken as at night; a storm of about two hours a day in which a node lasts a twentieth of its usual time.
BUSY_HOURS, BUSIER = range(8, 18), 4.0
STORM_HOURS, CALM_HOURS, WORSE = 2.0, 22.0, 20.0
# Of the recorded AWS and GCP traces in skypilot-org/spot-traces, most waits for the next node are of this order.
USUAL_WAIT = 15 * 60


@dataclass(frozen=True)
class Pattern:
    """runs: seconds without a node and then with one, again and again, from the end to the beginning once more.

    An eviction is the end of a run. Without runs the node stays for good.
    """

    name: str
    runs: tuple[tuple[float, float], ...]

    @property
    def span(self) -> float:
        """Seconds until it repeats; 0 where there are no evictions."""
        return sum(wait + up for wait, up in self.runs)

    @property
    def hours_between(self) -> float:
        """Mean hours that a node lasts."""
        return sum(up for _, up in self.runs) / HOUR / len(self.runs) if self.runs else math.inf

    def since(self, start: float) -> Iterator[tuple[float, float]]:
        """(seconds without a node, seconds with one), for ever, for a job that is ready `start` seconds into it."""
        if not self.runs:
            yield 0.0, math.inf
            return
        index, left = 0, start % self.span
        while left >= sum(self.runs[index]):
            left -= sum(self.runs[index])
            index += 1
        wait, up = self.runs[index]
        yield max(wait - left, 0.0), up - max(left - wait, 0.0)
        while True:
            index = (index + 1) % len(self.runs)
            yield self.runs[index]


def steady(hours: float, days: float, seed: int, wait: float = USUAL_WAIT) -> Pattern:
    """A node lasts `hours` in the mean, whatever the time and however old it is."""
    return _invented("steady", hours, days, seed, wait, lambda second: 1.0)


def by_day(hours: float, days: float, seed: int, wait: float = USUAL_WAIT) -> Pattern:
    """Nodes are taken by day, when others want them."""
    busy = BUSIER * len(BUSY_HOURS) / 24 + (24 - len(BUSY_HOURS)) / 24
    return _invented(
        "by day",
        hours,
        days,
        seed,
        wait,
        lambda second: (BUSIER if int(second // HOUR) % 24 in BUSY_HOURS else 1.0) / busy,
    )


def in_bursts(hours: float, days: float, seed: int, wait: float = USUAL_WAIT) -> Pattern:
    """Long calm, and storms in which one node after the other is taken."""
    chance = random.Random(seed + 1)  # noqa: S311 - the same pattern for the same seed
    edges: list[float] = []  # calm until the first, a storm until the second, ...
    while not edges or edges[-1] < 2 * days * DAY:
        mean = (STORM_HOURS if len(edges) % 2 else CALM_HOURS) * HOUR
        edges.append((edges[-1] if edges else 0.0) + chance.expovariate(1 / mean))

    def worse(second: float) -> float:
        return WORSE if bisect(edges, second) % 2 else 1.0

    # A storm is mostly waits for the next node, so how much of it nodes see is known when it was tried.
    rough = _invented("", hours, days, seed, wait, worse).hours_between / hours
    return _invented("in bursts", hours, days, seed, wait, lambda second: worse(second) * rough)


SHAPES: dict[str, Callable[[float, float, int], Pattern]] = {"steady": steady, "by-day": by_day, "in-bursts": in_bursts}


def _invented(name: str, hours: float, days: float, seed: int, wait: float, worse: Callable[[float], float]) -> Pattern:
    """Evictions at `worse(second)` times the mean rate, minute by minute."""
    chance = random.Random(seed)  # noqa: S311 - the same pattern for the same seed
    runs: list[tuple[int, int]] = []
    at = 0
    while at < days * DAY:
        without = 1 + int(chance.expovariate(1 / wait)) if wait else 0
        at += without
        patience, up = chance.expovariate(1.0), 0.0
        while True:
            rate = worse(at + up) / (hours * HOUR)
            to_minute = 60 - (at + up) % 60
            if patience <= rate * to_minute:
                up += patience / rate
                break
            patience -= rate * to_minute
            up += to_minute
        runs.append((without, max(1, round(up))))
        at += runs[-1][1]
    return Pattern(f"{name}, a node lasts {hours:g} h", tuple(runs))


def recorded(file: Path) -> Pattern:
    """A pattern from a file: `[2.5, 0.3, ...]`, the hours that nodes lasted one after the other, or a spot trace.

    A spot trace is {"metadata": {"gap_seconds": 60}, "data": [0, 1, 1, ...]}: how many nodes there were at each look.
    https://github.com/skypilot-org/spot-traces
    """
    fix = 'Give a JSON list of hours, or {"metadata": {"gap_seconds": 60}, "data": [1, 1, 0]}.'
    try:
        told = json.loads(file.read_text("utf-8"))
        if isinstance(told, list):
            return Pattern(file.stem, tuple((0, max(1, round(float(hours) * HOUR))) for hours in told))
        gap, counts = round(float(told["metadata"]["gap_seconds"])), [int(count) for count in told["data"]]
    except OSError as fault:
        raise DataError(f"{file} cannot be read: {fault.strerror}.", fix) from fault
    except (ValueError, TypeError, KeyError, AttributeError) as fault:
        raise DataError(f"{file} is no pattern of evictions ({type(fault).__name__}: {fault}).", fix) from fault
    if gap < 1 or not counts or min(counts) < 0:
        raise DataError(f"{file} is no pattern of evictions: {len(counts)} looks every {gap} s.", fix)
    return Pattern(file.stem, _looked_at(counts, gap))


def _looked_at(counts: list[int], gap: int) -> tuple[tuple[int, int], ...]:
    """All nodes there, or not: a job of several loses all when it loses one."""
    whole = max(counts)
    up = [count == whole and whole > 0 for count in counts]
    if all(up):
        return ()
    if not any(up):
        return ()
    # Begin where a wait begins, so that what is there at the end and at the beginning is one run.
    first = next(index for index in range(len(up)) if not up[index] and up[index - 1])
    lengths = [(there, len(list(group)) * gap) for there, group in groupby(up[first:] + up[:first])]
    return tuple((wait, run) for (_, wait), (_, run) in zip(lengths[::2], lengths[1::2], strict=True))


def scaled(pattern: Pattern, factor: float) -> Iterator[float]:
    """Seconds that one node after the other lasts when an hour of the pattern takes 3600 / factor seconds."""
    for _, up in pattern.since(0):
        yield up / factor
