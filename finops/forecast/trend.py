"""Growth that weeks show beyond doubt: nothing where the total only wanders."""

from __future__ import annotations

import numpy as np

from finops.forecast.table import WEEK, Numbers

WEEKS = 16
FEWEST_WEEKS = 5
DOUBT = 6.0
"""A slope is taken by 1 - DOUBT / t², none below that t. With 0 the miss on invented estates, which wander, rose by a
seventh; with 6 it rises by one to two hundredths and falls by a sixth on the simulator's, which grow."""
STEEPEST = 0.005
"""A day, of the level: 15 % a month."""


def daily_growth(total: Numbers, level: float) -> float:
    """By which share of `level` the total grows a day."""
    weeks = min(len(total) // WEEK, WEEKS)
    if weeks < FEWEST_WEEKS or level <= 0:
        return 0.0
    means = total[-weeks * WEEK :].reshape(weeks, WEEK).mean(1)
    at = np.arange(weeks) - (weeks - 1) / 2
    slope = float((at * means).sum() / (at**2).sum())
    off = means - means.mean() - slope * at
    scatter = float((off**2).sum())
    # Weeks that follow the week before tell less than as many of their own: a wandering level looks like a trend.
    # 1.5 / weeks: how much too low the correlation comes out of so few weeks.
    follows = float((off[1:] * off[:-1]).sum()) / scatter if scatter > 0 else 0.0
    follows = min(max(follows + 1.5 / weeks, 0.0), 0.95)
    doubt = scatter / (weeks - 2) / float((at**2).sum()) * (1 + follows) / (1 - follows)
    sure = max(0.0, 1 - DOUBT * doubt / slope**2) if slope else 0.0
    return float(np.clip(slope / WEEK * sure / level, -STEEPEST, STEEPEST))
