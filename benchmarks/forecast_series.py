"""Invented usage of estates over 24 months, day by day and cost centre by cost centre: what forecasts are tried on.

The simulator's 90 days are too few for a record. Each cost centre is a sum of what costs in Azure Machine Learning;
rates and sizes are guesses of the right order, drawn anew for each seed.

- online deployments: the same every day, a node more or less now and then, launched and shut down
- compute instances: by weekday, fewer people in holidays
- training: jobs by weekday, in bursts of days to weeks; some teams train every week on the same day
- month ends: batch scoring on the last days of the month
- storage: grows with what was trained
- incidents: nodes left on until somebody sees it
- prices: change on the first of a month; credits and corrections come as days below zero
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

Days = NDArray[np.float64]

START = date(2024, 1, 1)
DAYS = 731
HOLIDAYS = {(12, day) for day in range(23, 32)} | {(1, 1), (1, 2), (5, 1), (7, 4), (11, 28), (11, 29)}


@dataclass(frozen=True)
class Series:
    """Dollars a day of each cost centre: rows are cost centres, columns days from `start`."""

    name: str
    start: date
    keys: tuple[str, ...]
    costs: Days


def estate(seed: int, days: int = DAYS, centres: int | None = None, start: date = START) -> Series:
    """One invented estate of 3 to 20 cost centres."""
    dice = np.random.default_rng([20261121, seed])
    count = centres or int(dice.integers(3, 21))
    calendar = [start + timedelta(days=n) for n in range(days)]
    prices = _steps(dice, days, every=240, size=0.04)
    growth = dice.normal(0.012, 0.015)
    rows = [_centre(dice, calendar, growth) * prices for _ in range(count)]
    return Series(f"invented {seed}", start, tuple(f"CC-{4000 + 10 * n}" for n in range(count)), np.round(rows, 2))


def _centre(dice: np.random.Generator, calendar: list[date], growth: float) -> Days:
    days = len(calendar)
    weekday = np.array([day.weekday() for day in calendar])
    off = np.array([(day.month, day.day) in HOLIDAYS for day in calendar])
    size = dice.lognormal(5.0, 1.1)
    mix = dice.dirichlet([1.2, 1.2, 1.5, 0.3, 0.3])
    trend = np.exp(np.arange(days) / 30.4 * dice.normal(growth, 0.02))
    weekend = np.where(weekday >= 5, dice.uniform(0.05, 0.6), 1.0)
    present = np.where(off, dice.uniform(0.2, 0.9), 1.0)
    noise = dice.lognormal(0, dice.uniform(0.05, 0.35), days)
    parts = [
        mix[0] * _steps(dice, days, every=dice.uniform(25, 120), size=0.35),
        mix[1] * weekend * present * dice.lognormal(0, 0.12, days),
        mix[2] * (0.4 * weekend * present * noise + _bursts(dice, days) * dice.lognormal(0, 0.2, days)),
        mix[3] * 6 * _month_ends(dice, calendar),
        mix[4] * np.linspace(0.6, 0.6 + dice.uniform(0, 1.5), days),
    ]
    if dice.random() < 0.3:
        parts.append(mix[2] * 2 * (weekday == dice.integers(0, 7)) * noise)
    if dice.random() < 0.5:
        parts.append(_left_on(dice, days))
    cost = size * trend * sum(parts)
    cost *= _life(dice, days)
    for day in np.flatnonzero(dice.random(days) < 1 / 200):
        cost[day] -= size * dice.exponential(0.8)
    return np.asarray(cost, dtype=float)


def _steps(dice: np.random.Generator, days: int, every: float, size: float) -> Days:
    """A level that stays for some weeks and then jumps."""
    jumps = np.where(dice.random(days) < 1 / every, dice.normal(0, size, days), 0.0)
    return np.asarray(np.exp(np.cumsum(jumps) - 0.02 * np.cumsum(jumps != 0)))


def _bursts(dice: np.random.Generator, days: int) -> Days:
    """Training runs: some days to some weeks each, several at once at times."""
    level = np.zeros(days)
    gap, length = dice.uniform(8, 45), dice.uniform(2, 12)
    day = dice.exponential(gap)
    while day < days:
        first, last = int(day), int(day + 1 + dice.exponential(length))
        level[first:last] += dice.lognormal(-0.2, 0.7)
        day += dice.exponential(gap)
    return level


def _month_ends(dice: np.random.Generator, calendar: list[date]) -> Days:
    width = int(dice.integers(1, 4))
    return np.array([float((day + timedelta(days=width)).month != day.month) for day in calendar])


def _left_on(dice: np.random.Generator, days: int) -> Days:
    """Nodes that nobody switched off: two or three times in two years, for two days to two weeks."""
    level = np.zeros(days)
    for first in np.flatnonzero(dice.random(days) < 1 / 300):
        level[first : first + int(dice.integers(2, 14))] += dice.uniform(0.5, 3)
    return level


def _life(dice: np.random.Generator, days: int) -> Days:
    """1 while the cost centre exists: three in ten begin later, two in ten end earlier."""
    alive = np.ones(days)
    if dice.random() < 0.3:
        alive[: int(dice.integers(0, days))] = 0
    if dice.random() < 0.2:
        alive[int(dice.integers(days // 3, days)) :] = 0
    return alive
