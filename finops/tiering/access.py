"""How often blobs will be read, learnt from when they were last read.

One inventory tells of a blob how long it has been there and when it was last read, if ever. We take it that a blob is
read at a steady rate until nobody needs it any more, which may come at any time. Both differ from blob to blob, so the
blobs of an area are taken for a mixture of KINDS, whose shares are learnt (maximum likelihood, by expectation and
maximisation). A blob that was not read for long is then more and more likely to be of a kind that is not read at all:
its reads to come decrease. Dropping out as in Schmittlein, Morrison and Colombo, "Counting your customers", Management
Science 33, 1987; a mixture of free shape in place of their Gamma distributions.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from finops.tiering.schema import AGES

if TYPE_CHECKING:
    from finops.tiering.inventory import Inventory

CONFIDENCE = 0.8

# Reads a day, and the share of blobs that falls out of use a day. The first kind is never read.
_RATES = (1 / 1500, 1 / 500, 1 / 180, 1 / 60, 1 / 20, 1 / 7, 0.4, 1.0)
_ENDS = (0.0, 1 / 400, 1 / 120, 1 / 40, 1 / 12, 1 / 4)
KINDS: tuple[tuple[float, float], ...] = ((0.0, 0.0), *((rate, end) for rate in _RATES for end in _ENDS))

FORECAST = ("habit", "life", "age", "read", "reads", "chance", "rest", "settling")

_ROUNDS = 60
# Areas that are learnt at once, so that memory stays small.
_AT_ONCE = 250


@dataclass(frozen=True)
class Habit:
    """How the blobs of one area are read. shares: of each of KINDS, 1 in all.

    blobs, read: how many the area has, how many of them were read since they were written.
    days: distinct days of last use, 64 at most for each age. Jobs read whole folders, so an area weighs no more.
    """

    area: str
    shares: tuple[float, ...]
    blobs: int
    read: int
    days: int

    def reads(self, life: float, age: float, read: bool, horizon: float) -> float:
        """Reads expected in the next `horizon` days of a blob written `life` and last used `age` days ago."""
        return sum(chance * rate * (_until(end, horizon)) for chance, rate, end in self._living(life, age, read))

    def untouched(self, life: float, age: float, read: bool, horizon: float) -> float:
        """The chance that it is not read in the next `horizon` days."""
        return 1 - sum(
            chance * rate * _until(rate + end, horizon) for chance, rate, end in self._living(life, age, read)
        )

    def rests(self, life: float, age: float, read: bool, horizon: float) -> float:
        """Days until its next read, `horizon` days at most."""
        rest = horizon
        for chance, rate, end in self._living(life, age, read):
            comes = chance * rate / (rate + end) if rate else 0.0
            rest -= comes * (horizon - _until(rate + end, horizon))
        return rest

    def _living(self, life: float, age: float, read: bool) -> list[tuple[float, float, float]]:
        """Of each kind: the chance that the blob is of it and still in use; its rates."""
        weights = [share * likelihood(*kind, life, age, read) for share, kind in zip(self.shares, KINDS, strict=True)]
        total = sum(weights)
        if not total:
            return []
        return [
            (weight / total * _in_use(rate, end, age), rate, end)
            for weight, (rate, end) in zip(weights, KINDS, strict=True)
            if weight and rate
        ]


@dataclass(frozen=True)
class Access:
    """The habits of an account by area, and of the account as a whole for areas that are not among the largest.

    basis: "last access", or "modification": then nothing is known of reads, and writes are taken for them.
    confidence: of a kind that was seen in no blob of an area, no more blobs are supposed than would go unseen by a
    chance of 1 - confidence.
    """

    basis: str
    confidence: float
    whole: Habit
    habits: Mapping[str, Habit]

    def of(self, area: str) -> Habit:
        return self.habits.get(area, self.whole)


def likelihood(rate: float, end: float, life: float, age: float, read: bool) -> float:
    """Of having been read last `age` days ago (or never: `age` is `life`), for blobs written `life` days ago."""
    both = rate + end
    if not read:
        return (end + rate * math.exp(-both * life)) / both if both else 1.0
    if not rate:
        return 0.0
    used = max(life - age, 0.0)
    return rate * math.exp(-end * used) * (end + rate * math.exp(-both * age)) / both


def _likelihoods(life: float, age: float, read: bool) -> list[float]:
    return [likelihood(rate, end, life, age, read) for rate, end in KINDS]


def learn(inventory: Inventory, confidence: float = CONFIDENCE, most: int = 5000) -> Access:
    """The habits of an inventory's areas. most: how many areas have one of their own; the largest do."""
    if not 0.5 <= confidence < 1:
        raise ValueError(f"confidence is {confidence}; it lies from 0.5 up to 1")
    rows = inventory.connection.execute(
        "SELECT '' AS area, life, age, read, sum(blobs)::BIGINT, bit_or(days) FROM histogram WHERE reason = 0 "
        "GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    # As many blobs as go unseen by a chance of 1 - confidence, n times over: their share is at most unseen / n.
    unseen = -math.log(1 - confidence)
    living = [0.0 if not rate or end else 1.0 / len(_RATES) for rate, end in KINDS]
    whole = _learnt(rows, [unseen * share for share in living])[""] if rows else _nothing(living)
    prior = [unseen * (share + lives) / 2 for share, lives in zip(whole.shares, living, strict=True)]
    rows = inventory.connection.execute(
        "WITH largest AS (SELECT area FROM histogram WHERE reason = 0 GROUP BY area ORDER BY sum(bytes) DESC, area "
        "LIMIT $1) SELECT area, life, age, read, sum(blobs)::BIGINT, bit_or(days) FROM histogram "
        "SEMI JOIN largest USING (area) WHERE reason = 0 GROUP BY ALL ORDER BY ALL",
        [most],
    ).fetchall()
    return Access(inventory.basis, confidence, whole, _learnt(rows, prior))


def _learnt(rows: list[tuple[Any, ...]], prior: list[float]) -> dict[str, Habit]:
    """A habit for each area of `rows`: area, life, age, read, blobs, days. prior: blobs of each kind, before any."""
    import numpy as np

    if not rows:
        return {}
    areas = list(dict.fromkeys(str(row[0]) for row in rows))
    numbers = {area: number for number, area in enumerate(areas)}
    places = np.array([numbers[str(row[0])] for row in rows])
    blobs = np.array([float(row[4]) for row in rows])
    cells = [(int(row[1]), int(row[2]), bool(row[3])) for row in rows]
    known = {cell: at for at, cell in enumerate(dict.fromkeys(cells))}
    table = np.array([_likelihoods(*days_of(*cell)) for cell in known])
    likely = np.array([known[cell] for cell in cells])
    days: dict[tuple[int, int], int] = defaultdict(int)
    read = [0] * len(areas)
    for row, place in zip(rows, map(int, places), strict=True):
        days[place, int(row[2])] |= int(row[5])
        read[place] += int(row[4]) if row[3] else 0
    used = np.zeros(len(areas))
    for (place, _), bits in days.items():
        used[place] += bits.bit_count()
    total = np.bincount(places, weights=blobs, minlength=len(areas))
    first = np.asarray(prior)
    habits: dict[str, Habit] = {}
    for start in range(0, len(areas), _AT_ONCE):
        some = slice(*np.searchsorted(places, [start, start + _AT_ONCE]))
        here, count = places[some] - start, min(_AT_ONCE, len(areas) - start)
        seen = used[start : start + count]
        counted = blobs[some] * (np.minimum(seen / total[start : start + count], 1.0))[here]
        edges = np.searchsorted(here, np.arange(count))
        shares = np.full((count, len(KINDS)), 1 / len(KINDS))
        of_cell = table[likely[some]]
        for _ in range(_ROUNDS):
            joint = shares[here] * of_cell
            joint *= (counted / np.maximum(joint.sum(axis=1), 1e-300))[:, None]
            shares = first + np.add.reduceat(joint, edges, axis=0)
            shares /= shares.sum(axis=1, keepdims=True)
        for place in range(count):
            area = areas[start + place]
            habits[area] = Habit(
                area, tuple(map(float, shares[place])), int(total[start + place]), read[start + place], int(seen[place])
            )
    return habits


def forecast(access: Access, classes: Iterable[tuple[int, int, bool]], horizon: int, settled: int) -> dict[str, Any]:
    """For each habit (0: the whole, then the areas in order) and class (life, age, read; numbers in AGES), as arrays:
    habit, life, age, read; reads expected until the horizon, the chance of any, days until the first one (the horizon
    at most; `settled` days at most)."""
    import numpy as np

    known = list(classes)
    days = [days_of(*each) for each in known]
    rate, end = np.array(KINDS).T
    likely = np.array([_likelihoods(*each) for each in days])
    using = np.array([[_in_use(*kind, each[1]) if kind[0] else 0.0 for kind in KINDS] for each in days])
    steady = np.array([_until(float(e), horizon) for e in end]) * rate
    both = np.maximum(rate + end, 1e-12)
    ever, came = rate / both, rate / both * -np.expm1(-both * horizon)
    waits = [ever * (span + np.expm1(-both * span) / both) for span in (horizon, settled)]
    found: dict[str, list[Any]] = {name: [] for name in FORECAST}
    for number, habit in enumerate([access.whole, *access.habits.values()]):
        joint = likely * np.array(habit.shares)
        joint *= using / np.maximum(joint.sum(axis=1, keepdims=True), 1e-300)
        found["habit"].append(np.full(len(known), number, dtype=np.int32))
        found["reads"].append(joint @ steady)
        found["chance"].append(joint @ came)
        found["rest"].append(horizon - joint @ waits[0])
        found["settling"].append(settled - joint @ waits[1])
        for name, place in (("life", 0), ("age", 1), ("read", 2)):
            found[name].append(np.array([each[place] for each in known], dtype=np.int32))
    return {name: np.concatenate(parts) for name, parts in found.items()}


def _nothing(living: list[float]) -> Habit:
    return Habit("", tuple(living), 0, 0, 0)


def middle(age: int) -> float:
    """The days that stand for an age, by its number in AGES."""
    return (AGES[age] + AGES[age + 1]) / 2 if age + 1 < len(AGES) else AGES[age] * 1.25


def days_of(life: int, age: int, read: bool) -> tuple[float, float, bool]:
    """Days written and days not used, by their numbers in AGES; a blob that was never read has not been used since."""
    return (max(middle(life), middle(age) + 1), middle(age), True) if read else (middle(age), middle(age), False)


def _in_use(rate: float, end: float, age: float) -> float:
    """The chance that a blob is still needed `age` days after its last use."""
    if not end:
        return 1.0
    unread = math.exp(-(rate + end) * age)
    return (rate + end) * unread / (end + rate * unread)


def _until(rate: float, days: float) -> float:
    """The integral of exp(-rate t) over `days`."""
    return -math.expm1(-rate * days) / rate if rate else days
