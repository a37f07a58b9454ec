"""What comes on the same day of every month: batch scoring on its last days, a fee on its first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from finops.forecast.table import WEEK, Numbers, Table

FEWEST = 3
"""Months in which it came before it is taken for a habit."""
MOST = 6
LAST_DAYS = 4
PLACES = 31
CLEAR = 3.0
"""How far above (or below) the noise of days its median must lie, in standard errors of a median of FEWEST days."""


def places(days: Sequence[date]) -> NDArray[np.int64]:
    """The place of each day in its month: 0 to 26 from the first on, 27 to 30 for the last four, however long it is."""
    found = []
    for day in days:
        left = ((day.replace(day=1) + timedelta(days=32)).replace(day=1) - day).days
        found.append(PLACES - left if left <= LAST_DAYS else day.day - 1)
    return np.array(found, dtype=np.int64)


def excess(table: Table) -> Numbers:
    """What each day cost above the median of its weekday in the four weeks before; 0 in the first four weeks."""
    costs, days = table.costs, table.days
    above = np.zeros_like(costs)
    if days > 4 * WEEK:
        before = np.stack([costs[:, 4 * WEEK - n * WEEK : days - n * WEEK] for n in range(1, 5)])
        above[:, 4 * WEEK :] = costs[:, 4 * WEEK :] - np.median(before, axis=0)
    above[:, ~table.known] = 0
    return above


def habits(above: Numbers, place: NDArray[np.int64]) -> Numbers:
    """By row and place, what comes there every month, as far as the days of `above` tell; 0 where nothing does."""
    effect = np.zeros((above.shape[0], PLACES))
    first = 4 * WEEK
    days = above.shape[1]
    if days < first + 60:
        return effect
    # 1.4826 x the median of distances is the standard deviation where days are normally spread.
    noise = 1.4826 * np.median(np.abs(above[:, max(first, days - 180) :]), axis=1)
    for spot in range(PLACES):
        at = np.flatnonzero(place[first:] == spot)[-MOST:] + first
        if len(at) < FEWEST:
            continue
        values = above[:, at]
        middle = np.median(values, axis=1)
        agreed = (np.sign(values) == np.sign(middle)[:, None]).mean(axis=1) >= 0.8
        clear = np.abs(middle) > CLEAR * noise * 1.2533 / np.sqrt(len(at))
        effect[:, spot] = np.where(agreed & clear, middle, 0.0)
    return effect
