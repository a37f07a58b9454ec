"""What a day should cost: a level that follows the last weeks, the shape of the week, and how far days lie from it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from finops.anomalies.table import Numbers, Truths

WEEK = 7
WEEKS = 8
FADE = 0.12
"""By how much a day counts less than the day after it."""
LEVEL_DAYS = 28
SPREAD_DAYS = 60
FEWEST = 14
"""Days of history before a day is judged: two of each weekday."""
LEAST_SPREAD = 0.03
"""Of what is expected: no estate is steadier than that for long."""
PRIOR_SPREAD, PRIOR_DAYS = 0.12, 6
"""What is taken for usual before there are days to tell, and how many days that counts for."""
OFTEN = 0.92
"""The share of days that must lie within the usual: bursts on more than one day in twelve are the habit of a scope."""
NOTHING = 1e-9


def expected(clean: Numbers, began: NDArray[np.int64], day: int) -> tuple[Numbers, Numbers]:
    """For each row, what column `day` should cost by the columns before it, and the mean level of its days."""
    shape = weekly(clean, began, day)
    first = max(day - LEVEL_DAYS, 0)
    ages = np.arange(day - first)[::-1]
    weights = (1 - FADE) ** ages * (np.arange(first, day)[None, :] >= began[:, None])
    factors = shape[:, (np.arange(first, day) - day) % WEEK]
    says = weights * factors
    level = _middle(clean[:, first:day] / np.maximum(factors, NOTHING), says)
    return np.asarray(level * shape[:, 0]), np.asarray(level)


def weekly(clean: Numbers, began: NDArray[np.int64], day: int) -> Numbers:
    """Factors of the seven weekdays (mean 1), that of `day` first; drawn towards those of all rows, those towards 1."""
    weeks = min(day // WEEK, WEEKS)
    if not weeks:
        return np.ones((clean.shape[0], WEEK))
    first = day - weeks * WEEK
    blocks = clean[:, first:day].reshape(-1, weeks, WEEK)
    whole = first + np.arange(weeks)[None, :] * WEEK >= began[:, None]
    pooled = _factors(blocks.sum(0, keepdims=True), np.ones((1, weeks), bool), np.ones((1, WEEK)), 1.0)
    return _factors(blocks, whole, pooled, 0.5)


def _factors(blocks: Numbers, counts: Truths, towards: Numbers, prior: float) -> Numbers:
    """Medians of each weekday over the weeks that say something, by their mean."""
    means = blocks.mean(2)
    usual = np.abs(means).max(1, keepdims=True)
    says = counts & (means > np.maximum(usual * 0.1, NOTHING))
    number = says.sum(1, keepdims=True)
    own = np.maximum(_median(np.where(says[:, :, None], blocks, np.nan), _centre(blocks, says)), 0.0)
    total = own.sum(1, keepdims=True)
    own = np.where(total > NOTHING, own / np.maximum(total, NOTHING) * WEEK, towards)
    share = number / (number + prior)
    return np.asarray(share * own + (1 - share) * towards)


def _middle(values: Numbers, weights: Numbers) -> Numbers:
    """The weighted median of each row; 0 where nothing weighs."""
    order = np.argsort(values, axis=1)
    heavy = np.cumsum(np.take_along_axis(weights, order, axis=1), axis=1)
    place = (heavy < heavy[:, -1:] / 2).sum(1).clip(max=values.shape[1] - 1)
    found = np.take_along_axis(np.take_along_axis(values, order, axis=1), place[:, None], axis=1)[:, 0]
    return np.asarray(np.where(heavy[:, -1] > 0, found, 0.0))


def _centre(blocks: Numbers, says: Truths) -> Numbers:
    """The median day of each row, in the weeks that say something."""
    days = np.where(says[:, :, None], blocks, np.nan).reshape(len(blocks), -1)
    ordered = np.sort(days, axis=1)
    place = np.maximum((~np.isnan(ordered)).sum(1, keepdims=True) - 1, 0) // 2
    return np.asarray(np.nan_to_num(np.take_along_axis(ordered, place, axis=1)))


def _median(values: Numbers, centre: Numbers) -> Numbers:
    """The median along axis 1 without NaN, which sorts last; 0 where there is none. Of two, the one near the centre."""
    ordered = np.sort(values, axis=1)
    count = (~np.isnan(ordered)).sum(1, keepdims=True)
    low = np.take_along_axis(ordered, np.maximum((count - 1) // 2, 0), axis=1)
    high = np.take_along_axis(ordered, np.maximum(count // 2, 0).clip(max=values.shape[1] - 1), axis=1)
    low, high, count = low[:, 0], high[:, 0], count[:, 0]
    # The mean of two Saturdays, one with a monthly batch, is no Saturday.
    nearer = np.where(np.abs(low - centre) <= np.abs(high - centre), low, high)
    return np.asarray(np.where(count == 2, nearer, np.where(count > 0, (low + high) / 2, 0.0)))


def unit(should: Numbers, level: Numbers, floor: float) -> Numbers:
    """What deviations are measured in: bursts are as large on a Sunday as on a Monday."""
    return np.asarray(np.maximum(np.maximum(should, level), floor))


def spreads(away: Numbers, day: int) -> tuple[Numbers, Numbers]:
    """The usual deviation of each row upwards and downwards, in units, by the days before `day`. NaN says nothing."""
    window = away[:, max(day - SPREAD_DAYS, 0) : day]
    count = (~np.isnan(window)).sum(1)
    middle = _quantile(np.abs(window), 0.5) * 1.4826
    found = []
    for side in (window, -window):
        # Of a normal spread, 92 of 100 lie below 1.405 deviations.
        often = _quantile(side, OFTEN) / 1.405
        own = np.maximum(middle, often)
        known = np.sqrt((own**2 * count + PRIOR_SPREAD**2 * PRIOR_DAYS) / (count + PRIOR_DAYS))
        found.append(np.maximum(known, LEAST_SPREAD))
    return found[0], found[1]


def twice(away: Numbers, day: int) -> tuple[Numbers, Numbers]:
    """How far up and down, in units, each row went on at least two days."""
    window = away[:, :day]
    if day < 2:
        return np.zeros(len(away)), np.zeros(len(away))
    told = np.where(np.isnan(window), 0.0, window)
    ordered = np.sort(told, axis=1)
    return np.maximum(ordered[:, -2], 0.0), np.maximum(-ordered[:, 1], 0.0)


def _quantile(values: Numbers, share: float) -> Numbers:
    ordered = np.sort(values, axis=1)
    count = (~np.isnan(ordered)).sum(1)
    place = np.maximum(np.ceil(share * count) - 1, 0).astype(np.int64)
    found = np.take_along_axis(ordered, place[:, None], axis=1)[:, 0] if values.shape[1] else np.zeros(len(values))
    return np.asarray(np.where(count > 0, found, 0.0))
