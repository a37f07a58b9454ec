"""How often blobs will be read, learnt from when they were last read.

One inventory tells of a blob how long it has been there and when it was last read, if ever. We take it that a blob is
read at a steady rate or every so many days until nobody needs it any more (at any time with the same chance, or at a
certain age), or ever more rarely as it grows old. All of this differs from blob to blob, so the blobs of an area are
taken for a mixture of KINDS, whose shares are learnt (maximum likelihood, by expectation and maximisation). A blob that
was not read for long is then more and more likely to be of a kind that is not read at all: its reads to come decrease.
Dropping out as in Schmittlein, Morrison and Colombo, "Counting your customers", Management Science 33, 1987; a mixture
of free shape in place of their Gamma distributions.
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

# Reads a day; the share of blobs that falls out of use a day; the age in days at which it does; the age at which reads
# have fallen to 30 %, by (1 + age / that) to the power of -FADES; whether the days between reads are all the same. The
# first kind is never read.
_RATES = (1 / 1500, 1 / 500, 1 / 180, 1 / 60, 1 / 20, 1 / 7, 0.4, 1.0)
_ENDS = (0.0, 1 / 400, 1 / 120, 1 / 40, 1 / 12, 1 / 4)
_AGED_RATES, _AGED = (1 / 180, 1 / 60, 1 / 20, 1 / 7, 0.4), (20.0, 60.0, 130.0, 260.0, 410.0, 700.0)
_FADING_RATES, _FADING, FADES = (0.08, 0.16, 0.32, 0.64), (6.0, 12.0, 25.0, 50.0, 100.0), 1.75
_EVERY = (7.0, 31.0, 92.0)
_ALWAYS = math.inf
Kind = tuple[float, float, float, float, bool]
KINDS: tuple[Kind, ...] = (
    (0.0, 0.0, _ALWAYS, _ALWAYS, False),
    *((rate, end, _ALWAYS, _ALWAYS, False) for rate in _RATES for end in _ENDS),
    *((rate, 0.0, age, _ALWAYS, False) for rate in _AGED_RATES for age in _AGED),
    *((rate, 0.0, _ALWAYS, fades, False) for rate in _FADING_RATES for fades in _FADING),
    *((1 / days, 0.0, age, _ALWAYS, True) for days in _EVERY for age in (*_AGED[2:], _ALWAYS)),
)
# Where in the span of an age its blobs are taken to be.
_WITHIN = (1 / 6, 1 / 2, 5 / 6)

FORECAST = ("habit", "life", "age", "read", "reads", "chance", "rest", "settling")

_ROUNDS = 60
# A kind that hangs on a blob's age, or is regular, counts only by what it explains beyond this share of an area: many
# kinds together would else explain what one that reads at random does.
# Those that fade are so many and so alike that they are doubted together.
_DOUBT, _DOUBT_FADING = 0.015, 0.09
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
        return float(self._expected([(life, age, read)], horizon)[0])

    def untouched(self, life: float, age: float, read: bool, horizon: float) -> float:
        """The chance that it is not read in the next `horizon` days."""
        return 1 - float(self._expected([(life, age, read)], horizon)[1])

    def rests(self, life: float, age: float, read: bool, horizon: float) -> float:
        """Days until its next read, `horizon` days at most."""
        return horizon - float(self._expected([(life, age, read)], horizon)[2])

    def _expected(self, points: list[tuple[float, float, bool]], horizon: float) -> Any:
        import numpy as np

        likely, living, life = _weighed(np.array([points], np.float64))
        shares = np.array(self.shares)
        total = max(float((likely.mean(axis=1) @ shares)[0]), 1e-300)
        return [float(((living * each).mean(axis=1) @ shares)[0]) / total for each in _to_come(life, horizon)]


@dataclass(frozen=True)
class Access:
    """The habits of an account by area, and of the account as a whole for areas that are not among the largest.

    basis: "last access", or "modification": then nothing is known of reads, and writes are taken for them.
    confidence: of a kind that was seen in no blob of an area, no more blobs are supposed than would go unseen by a
    chance of 1 - confidence.
    times: how often a blob is read on a day on which it is; Azure notes days only. part: the share of a blob's bytes
    that such a read takes, on average.
    """

    basis: str
    confidence: float
    whole: Habit
    habits: Mapping[str, Habit]
    times: float = 1.0
    part: float = 1.0

    def of(self, area: str) -> Habit:
        return self.habits.get(area, self.whole)


def likelihoods(blobs: Iterable[tuple[float, float, bool]]) -> Any:
    """By blob (days since it was written and last used, whether it was read) and kind: of having been read last then;
    per day, or of having not been read at all."""
    import numpy as np

    return _weighed(np.array([[each] for each in blobs], np.float64))[0][:, 0]


def _weighed(points: Any) -> tuple[Any, Any, Any]:
    """For classes x points x (life, age, read): by kind the likelihood and that of being needed still besides; and
    life again."""
    import numpy as np

    rate, end, until, fades, regular = np.array(KINDS).T
    life, age, read = (points[..., number, None] for number in range(3))
    both = np.where(rate + end > 0, rate + end, 1.0)
    used = np.maximum(life - age, 0.0)
    seen = read > 0
    # Of reads that cease at an age or fade: those expected since the last one, and how many a day there were then.
    since = _fixed(life) - np.where(seen, _fixed(used), 0.0)
    then = np.where(used <= until, rate * (1 + used / fades) ** -FADES, 0.0)
    fixed = np.exp(-since) * np.where(seen, then, 1.0)
    # Regular reads: the last one is no longer ago than they are apart.
    last = np.minimum(life, until)
    once = np.where((last >= used) & ((last - used) * rate <= 1), rate, 0.0)
    apart = np.where(seen, once, np.maximum(1 - last * rate, 0.0))
    read_once = rate * np.exp(-end * used) * (end + rate * np.exp(-both * age)) / both
    never = np.where(rate + end > 0, (end + rate * np.exp(-both * life)) / both, 1.0)
    aging = np.isfinite(until) | np.isfinite(fades)
    likely = np.where(regular > 0, apart, np.where(aging, fixed, np.where(seen, read_once, never)))
    unread = np.exp(-both * age)
    using = np.where(end > 0, both * unread / np.maximum(end + rate * unread, 1e-300), life < until)
    return likely, likely * np.where(rate > 0, using, 0.0), life


def _fixed(life: Any) -> Any:
    """By kind, the reads expected in the first `life` days of a blob if nothing but its age ends them."""
    import numpy as np

    rate, _, until, fades, _ = np.array(KINDS).T
    fading = np.where(np.isfinite(fades), fades, 1.0)
    faded = fading / (FADES - 1) * (1 - (1 + life / fading) ** (1 - FADES))
    return rate * np.where(np.isfinite(fades), faded, np.minimum(life, until))


def _to_come(life: Any, horizon: float) -> tuple[Any, Any, Any]:
    """By kind, of a blob of `life` days that is needed still: the reads expected until the horizon, the chance of any,
    and how many of the days until then follow the first one."""
    import numpy as np

    rate, end, until, fades, regular = np.array(KINDS).T
    both = np.maximum(rate + end, 1e-12)
    days = np.minimum(np.maximum(until - life, 0.0), horizon)
    steady = np.where(end > 0, -np.expm1(-end * horizon) / np.where(end > 0, end, 1.0), days)
    ever = rate / both
    came = ever * -np.expm1(-both * days)
    after = ever * (days + np.expm1(-both * days) / both) + came * (horizon - days)
    now, steps = _fixed(life), 12
    fading = [-np.expm1(now - _fixed(life + (n + 0.5) * horizon / steps)) for n in range(steps)]
    # Regular reads: the first of them comes at any time until they are apart.
    soon = np.minimum(days, 1 / np.maximum(rate, 1e-12))
    came = np.where(regular > 0, rate * soon, came)
    first = rate * soon**2 / 2 + days - soon + came * (horizon - days)
    after = np.where(regular > 0, first, after)
    fade, left = np.isfinite(fades), _fixed(life + horizon) - now
    return (
        np.where(fade, left, rate * steady),
        np.where(fade, -np.expm1(-left), came),
        np.where(fade, sum(fading) * horizon / steps, after),
    )


def crowds_of(cells: Iterable[tuple[int, int, bool]]) -> tuple[Any, Any, Any]:
    """For classes (life, age, read; numbers in AGES), by kind: as `_weighed`, over all blobs of the class."""
    import numpy as np

    return _weighed(np.array([_points(*cell) for cell in cells], np.float64))


def _points(life: int, age: int, read: bool) -> list[tuple[float, float, bool]]:
    """Blobs that stand for a class; one that was never read has not been used since it was written."""
    idle = [within(age, part) for part in _WITHIN]
    if not read:
        return [(days, days, False) for days in idle for _ in _WITHIN]
    return [(max(within(life, part), days + 1), days, True) for days in idle for part in _WITHIN]


def within(age: int, part: float) -> float:
    """Days at a part of the span of an age, by its number in AGES."""
    end = AGES[age + 1] if age + 1 < len(AGES) else AGES[age] * 1.5
    return AGES[age] + (end - AGES[age]) * part


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
    living = [1 / len(_RATES) if kind[0] and kind[1:] == (0.0, _ALWAYS, _ALWAYS, False) else 0.0 for kind in KINDS]
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
    table = crowds_of(known)[0].mean(axis=1)
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
    fading = np.isfinite(np.array(KINDS).T[3])
    ageing = np.array([kind[2:] != (_ALWAYS, _ALWAYS, False) for kind in KINDS]) & ~fading
    habits: dict[str, Habit] = {}
    for start in range(0, len(areas), _AT_ONCE):
        some = slice(*np.searchsorted(places, [start, start + _AT_ONCE]))
        here, count = places[some] - start, min(_AT_ONCE, len(areas) - start)
        seen = used[start : start + count]
        counted = blobs[some] * (np.minimum(seen / total[start : start + count], 1.0))[here]
        edges = np.searchsorted(here, np.arange(count))
        shares = np.full((count, len(KINDS)), 1 / len(KINDS))
        whole = np.add.reduceat(counted, edges)[:, None]
        of_cell = table[likely[some]]
        for _ in range(_ROUNDS):
            joint = shares[here] * of_cell
            joint *= (counted / np.maximum(joint.sum(axis=1), 1e-300))[:, None]
            found = np.add.reduceat(joint, edges, axis=0)
            faded = np.maximum(found[:, fading].sum(axis=1, keepdims=True), 1e-300)
            found[:, fading] *= np.maximum(1 - _DOUBT_FADING * whole / faded, 0)
            found[:, ageing] = np.maximum(found[:, ageing] - _DOUBT * whole, 0)
            shares = first + found
            shares /= shares.sum(axis=1, keepdims=True)
        for place in range(count):
            area = areas[start + place]
            habits[area] = Habit(
                area, tuple(map(float, shares[place])), int(total[start + place]), read[start + place], int(seen[place])
            )
    return habits


def passed(access: Access, rows: Iterable[tuple[str, int, int, bool]], first: float, last: float) -> list[float]:
    """For rows of area, life, age and read (numbers in AGES): the reads of one such blob, as they are forecast, that
    are to be supposed from `first` until `last` days ago."""
    import numpy as np

    known = list(rows)
    if not known:
        return []
    cells = list(dict.fromkeys(row[1:] for row in known))
    points = np.array([_points(*cell) for cell in cells], np.float64)
    likely, _, life = _weighed(points)
    age, read = points[..., 1, None], points[..., 2, None] > 0
    # Before the last read nothing had ended, so that its kind tells how many there were.
    before = np.maximum(_fixed(life - np.maximum(age, last)) - _fixed(np.maximum(life - first, 0.0)), 0.0)
    found = np.where(read & (age < first), before + ((age >= last) & (age < first)), 0.0)
    weight, found = likely.mean(axis=1), (likely * found).mean(axis=1)
    numbers = {cell: number for number, cell in enumerate(cells)}
    told = []
    for row in known:
        shares, at = np.array(access.of(row[0]).shares), numbers[row[1:]]
        told.append(float(found[at] @ shares) / max(float(weight[at] @ shares), 1e-300))
    return told


def forecast(access: Access, classes: Iterable[tuple[int, int, bool]], horizon: int, settled: int) -> dict[str, Any]:
    """For each habit (0: the whole, then the areas in order) and class (life, age, read; numbers in AGES), as arrays:
    habit, life, age, read; reads expected until the horizon, the chance of any, days until the first one (the horizon
    at most; `settled` days at most)."""
    import numpy as np

    known = list(classes)
    likely, living, life = crowds_of(known)
    reads, came, after = ((living * each).mean(axis=1) for each in _to_come(life, horizon))
    soon = (living * _to_come(life, settled)[2]).mean(axis=1)
    likely = likely.mean(axis=1)
    found: dict[str, list[Any]] = {name: [] for name in FORECAST}
    for number, habit in enumerate([access.whole, *access.habits.values()]):
        shares = np.array(habit.shares)
        total = np.maximum(likely @ shares, 1e-300)
        found["habit"].append(np.full(len(known), number, dtype=np.int32))
        found["reads"].append(access.times * (reads @ shares) / total)
        found["chance"].append(came @ shares / total)
        found["rest"].append(horizon - after @ shares / total)
        found["settling"].append(settled - soon @ shares / total)
        for name, place in (("life", 0), ("age", 1), ("read", 2)):
            found[name].append(np.array([each[place] for each in known], dtype=np.int32))
    return {name: np.concatenate(parts) for name, parts in found.items()}


def _nothing(living: list[float]) -> Habit:
    return Habit("", tuple(living), 0, 0, 0)
