"""How people make and read the blobs of a simulated account: six habits, drawn so that every run draws the same.

A habit tells the chance that a blob of an age is read on a day. Where files are read together (a data set by a training
job, a month's reports), the folder draws once for all of them. What a day draws depends on the day and the blob alone,
so that moving the clock by a year reads what moving it hour by hour reads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from finops.simulator.draws import key_of
from finops.simulator.storage.blobs import Blobs

DAY = 1440
HABITS = ("training", "checkpoints", "logs", "reports", "archive", "serving")
# Of these a whole folder is read at once.
TOGETHER = (True, False, False, True, True, False)
# How often each blob is read on a day it is read: a training job reads its data once an epoch.
TIMES = (3, 1, 1, 2, 1, 20)
_A, _B, _C = (np.uint64(number) for number in (0xBF58476D1CE4E5B9, 0x9E3779B97F4A7C15, 0x94D049BB133111EB))


@dataclass(frozen=True)
class Crowd:
    """Blobs that are alike. megabytes: the mean; ages in days at the estate's asOf, drawn between the two.

    per_folder: blobs of one folder. new_a_day: blobs that are written each day from asOf on.
    """

    habit: str
    container: str
    prefix: str
    blobs: int
    megabytes: float = 200.0
    youngest: float = 1.0
    oldest: float = 720.0
    tier: str = ""
    per_folder: int = 50
    new_a_day: int = 0


def chance_on(habit: Any, age: Any, rate: Any, day: int) -> Any:
    """The chance of being read on day `day` (from 1970), for blobs of `age` days. rate: a blob's own liking, 0 to 1."""
    from datetime import date, timedelta

    first_of_month = (date(1970, 1, 1) + timedelta(days=day)).day == 1
    age = np.maximum(age, 0.0)
    found = np.zeros(len(age))
    for number, name in enumerate(HABITS):
        at = habit == number
        old = age[at]
        if name == "training":  # a data set is in fashion for weeks, then comes back now and then
            found[at] = 0.30 / (1 + old / 20) ** 1.6
        elif name == "checkpoints":  # of the best runs somebody looks at one again
            found[at] = 0.25 / (1 + old / 4) ** 2.2
        elif name == "logs":
            found[at] = np.where(old < 4, 0.35, 0.00005)
        elif name == "reports":  # the month's end is compared with the year before
            found[at] = np.where(old < 400, 1.0, 0.02) if first_of_month else 0.0
        elif name == "archive":  # raw recordings, kept because one must
            found[at] = 0.00004
        else:  # features that are served: some all the time, most now and then
            found[at] = 0.9 * rate[at] ** 3
    return np.where(age >= 0, found, 0.0)


def fraction(keys: Any, *numbers: int) -> Any:
    """A fraction in [0, 1) for each key: draws.draw, for many."""
    with np.errstate(over="ignore"):
        mixed = keys.astype(np.uint64)
        for number in (*numbers, 0x51ED):
            mixed = mixed + np.uint64(number) * _A + _B
            mixed = (mixed ^ (mixed >> np.uint64(30))) * _A
            mixed = (mixed ^ (mixed >> np.uint64(27))) * _C
            mixed = mixed ^ (mixed >> np.uint64(31))
    return mixed / 2.0**64


def reads_on(blobs: Blobs, day: int) -> tuple[Any, Any, Any]:
    """Rows that people want to read on `day`, at which minute of the day, and how often; by minute."""
    rows = np.flatnonzero(blobs.alive & (blobs.habit >= 0) & (blobs.created < (day + 1) * DAY))
    habit, folder, chance = blobs.habit[rows], blobs.folder[rows], blobs.chance[rows]
    age = (day * DAY - blobs.created[rows]) / DAY
    drawn = np.where(np.array(TOGETHER)[habit], fraction(folder, day, 1), fraction(chance, day, 1))
    wanted = drawn < chance_on(habit, age, blobs.rate[rows], day)
    rows, habit, folder, chance = rows[wanted], habit[wanted], folder[wanted], chance[wanted]
    start = np.where(np.array(TOGETHER)[habit], fraction(folder, day, 2), fraction(chance, day, 2))
    minute = (start * (DAY - 1)).astype(np.int64)
    # Nobody reads what is not there yet.
    there = blobs.created[rows] <= day * DAY + minute
    rows, minute = rows[there], minute[there]
    order = np.argsort(minute, kind="stable")
    return rows[order], minute[order], np.array(TIMES)[habit[there]][order]


def settle_in(blobs: Blobs, crowd: Crowd, key: int, as_of: int, default: int, count: int = -1, start: int = 0) -> None:
    """Add a crowd's blobs. count, start: of those written later, how many and from which number on; -1: all at asOf."""
    from finops.simulator.storage.prices import TIERS

    count, fresh = (crowd.blobs, False) if count < 0 else (count, True)
    if not count:
        return
    seed = key_of(key, crowd.container, crowd.prefix)
    numbers = np.arange(start, start + count, dtype=np.uint64)
    chance = (np.uint64(seed) ^ (numbers * _B)).astype(np.uint64)
    groups = [number // max(1, crowd.per_folder) for number in range(start, start + count)]
    folder = np.array([key_of(seed, group) for group in groups], np.uint64)
    together = TOGETHER[HABITS.index(crowd.habit)]
    # A folder is made on a day, its files within it.
    drawn = fraction(folder if together else chance, 11)
    ages = crowd.youngest + (crowd.oldest - crowd.youngest) * drawn
    created = as_of - (np.zeros(count) if fresh else ages * DAY).astype(np.int64)
    size = np.exp(0.8 * _normal(chance)) * crowd.megabytes * 2**20 / np.exp(0.32)
    tier = TIERS.index(crowd.tier) if crowd.tier else default
    names = [
        f"{crowd.prefix}{group:04d}/part-{number:06d}" for group, number in zip(groups, numbers.tolist(), strict=True)
    ]
    blobs.extend(
        count,
        [crowd.container] * count,
        names,
        size=np.maximum(1, size).astype(np.int64),
        tier=tier,
        explicit=bool(crowd.tier),
        created=created,
        modified=created,
        entered=created,
        tier_changed=created if crowd.tier else -1,
        accessed=created,
        habit=HABITS.index(crowd.habit),
        folder=folder,
        chance=chance,
        rate=fraction(chance, 12),
    )


def remember_reads(blobs: Blobs, as_of: int, noted_since: int) -> None:
    """Set when each blob was read last before `as_of`, by the same draws; unknown where it was before `noted_since`."""
    oldest = int(blobs.created.min()) if blobs.count else as_of
    open_ = np.ones(blobs.count, bool)
    for day in range(as_of // DAY, max(oldest, noted_since) // DAY - 1, -1):
        rows, minute, _ = reads_on(blobs, day)
        at = day * DAY + minute
        fits = open_[rows] & (at < as_of)
        rows, at = rows[fits], at[fits]
        blobs.accessed[rows] = np.maximum(blobs.accessed[rows], at)
        open_[rows] = False
        if not open_.any():
            break
    blobs.accessed[blobs.accessed < noted_since] = -1


def _normal(chance: Any) -> Any:
    """Standard normal draws (Box and Muller)."""
    return np.sqrt(-2 * np.log1p(-fraction(chance, 13))) * np.cos(2 * np.pi * fraction(chance, 14))
