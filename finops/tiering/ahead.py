"""What blobs will cost until the horizon if rules move them whenever they grow old enough, expected over their reads.

What is moved at once is only the beginning: younger blobs rest long enough later, some are read after all once they
have been moved, and no rule that counts days brings a blob back. So blobs of each kind (access.KINDS) live through the
horizon in steps of a few days, backwards from its end (a Markov reward process): what matters of a blob is how long it
was not used, in which tier it is, and whether anybody needs it still.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from finops.tiering.access import FADES, KINDS, crowds_of
from finops.tiering.model import EARLY_DAYS, EARLY_MONTH_DAYS, TIERS, Rates, spread
from finops.tiering.schema import AGES

if TYPE_CHECKING:
    from finops.tiering.optimum import Optimum

# To Cool, Cold and Archive after so many days without use.
Days = tuple[int | None, int | None, int | None]
NEVER: Days = (None, None, None)

# What costs are linear in, as costing.Terms. A read operation is one of blocks.
TERMS = ("blobs", "gb", "billed", "blocks")
_BLOBS, _GB, _BILLED, _BLOCKS = range(4)
_HOT, _ARCHIVE = 0, 3

# Of kinds for which a blob's own age matters: its days so far, where one span ends and the next begins.
SPANS = (0, 30, 60, 120, 180, 240, 300, 365, 410, 540, 700)

# Blobs that are looked at, the largest lots first, and lives with less than this share of them left out.
_MOST, _LEAST = 4000, 0.002


@dataclass(frozen=True)
class _Prices:
    """By tier: storing a GB for a day, moving there (an operation, a GB), reading, leaving early for each day short.
    small: where a tier bills small blobs as larger ones, its storage is of `billed`, else of `gb`."""

    stored: tuple[float, ...]
    write: tuple[float, ...]
    write_gb: tuple[float, ...]
    read: tuple[float, ...]
    retrieval: tuple[float, ...]
    early: tuple[float, ...]
    kept: tuple[int, ...]


@dataclass
class Ahead:
    """The considered blobs of an optimum in lots of one area, age (number in AGES) and tier (number in TIERS)."""

    areas: tuple[str, ...]
    age: Any
    tier: Any
    gb: Any
    remaining: Any  # GB billed x days that their tier still asks for
    living: Any  # lots x lives x TERMS, of the blobs that are needed still
    dead: Any  # lots x TERMS, of the others
    lives: tuple[tuple[int, int], ...]  # kind and number of SPANS
    prices: _Prices
    horizon: int
    step: int
    often: float  # Access.times
    part: float  # Access.part
    known: dict[Days, Any] = field(default_factory=dict)

    def saved(self, after: Days) -> Any:
        """What each lot costs less until the horizon under a rule than if nothing is done."""
        for days in (NEVER, after):
            if days not in self.known:
                self.known[days] = self._cost(days)
        return self.known[NEVER] - self.known[after]

    def _cost(self, after: Days) -> Any:
        import numpy as np

        alive, dead = _lived(self.prices, after, self.horizon, self.lives, self.step, self.often, self.part)
        total = np.zeros(len(self.areas))
        for age, tier in {*zip(self.age.tolist(), self.tier.tolist(), strict=True)}:
            lots = (self.age == age) & (self.tier == tier)
            ages = np.arange(AGES[age], AGES[age + 1] if age + 1 < len(AGES) else AGES[age] + 1)
            gaps = np.minimum(ages // self.step, len(dead) - 1)
            total[lots] = np.tensordot(self.living[lots], alive[:, gaps, tier].mean(axis=1), 2)
            total[lots] += self.dead[lots] @ dead[gaps, tier].mean(axis=0) + self._early(after, ages, tier, lots)
        return total

    def _early(self, after: Days, ages: Any, tier: int, lots: Any) -> Any:
        """What leaving early costs those that are moved at once: their own tier, or the next one if they soon go on."""
        import numpy as np

        of = self.prices
        stages = [(number, days) for number, days in enumerate(after, 1) if days is not None]
        found = np.zeros(int(lots.sum()))
        if tier != _ARCHIVE and any(number > tier and ages[0] >= days for number, days in stages):
            found += self.remaining[lots] * of.early[tier]
        for (number, days), (_, then) in itertools.pairwise(stages):
            wait = np.maximum(then - ages, 0)
            short = np.where((ages >= days) & (wait > 0), np.maximum(EARLY_DAYS[TIERS[number]] - wait, 0), 0)
            if number <= tier or not short.any():
                continue
            rate, end = _rates_on(self.lives, 0.0)[:, None], _ends(self.lives)[:, None]
            both = np.maximum(rate + end, 1e-12)
            unread = (end + rate * np.exp(-both * wait)) / both
            billed = of.kept[number]
            found += (
                of.early[number] * self.living[lots][..., billed] @ (np.where(rate > 0, unread, 1.0) * short).mean(1)
            )
            found += of.early[number] * self.dead[lots][:, billed] * short.mean()
        return found


def ahead(optimum: Optimum, rates: Rates, step: int) -> Ahead:
    """Gathered from the `sums` of an optimum. step: days."""
    import numpy as np

    access = optimum.access
    rows = optimum.connection.execute(
        "WITH lots AS (SELECT class // 2048 AS habit, class // 2 % 32 AS age, tier, class // 64 % 32 AS life, "
        "class % 2 = 1 AS read, sum(blobs), sum(gb) AS gb, sum(billed), sum(blocks), sum(remaining) FROM sums "
        "WHERE guard = 0 GROUP BY ALL) SELECT *, sum(gb) OVER (PARTITION BY habit, age, tier) AS lot FROM lots "
        "ORDER BY lot DESC, habit, age, tier, life, read"
    ).fetchall()
    habits = [access.whole, *access.habits.values()] if access else []
    numbers: dict[tuple[int, int, str], int] = {}
    kept = [row for row in rows if numbers.setdefault((row[0], row[1], row[2]), len(numbers)) < _MOST]
    lots = list(numbers)[:_MOST]
    told = tuple((kind, span) for kind, each in enumerate(KINDS) for span in ((0,) if _ageless(each) else _spans(each)))
    known = sorted({(int(row[3]), int(row[1]), bool(row[4])) for row in kept})
    placed = dict(zip(known, _placed(known, told), strict=True))
    living, dead = np.zeros((len(lots), len(told), 4)), np.zeros((len(lots), 4))
    remaining = np.zeros(len(lots))
    for habit, age, tier, life, read, blobs, gb, billed, blocks, left, _ in kept:
        likely, needed = placed[int(life), int(age), bool(read)]
        shares = np.array(habits[habit].shares)
        alive = needed @ shares / max(float(likely @ shares), 1e-300)
        terms, lot = np.array([blobs, gb, billed, blocks], np.float64), numbers[habit, age, tier]
        living[lot] += alive[:, None] * terms
        dead[lot] += max(1 - float(alive.sum()), 0.0) * terms
        remaining[lot] += float(left)
    weight = living[..., _GB].sum(axis=0) / max(float(living[..., _GB].sum() + dead[:, _GB].sum()), 1e-300)
    some = weight >= _LEAST
    # What is left out lives as the rest of its lot does.
    rest = living[:, ~some].sum(axis=1)
    living = living[:, some]
    whole = living.sum(axis=1)
    share = np.divide(rest, whole, out=np.zeros_like(rest), where=whole > 0)
    living *= 1 + share[:, None]
    dead += np.where(whole > 0, 0.0, rest)
    return Ahead(
        tuple(habits[habit].area for habit, _, _ in lots),
        np.array([age for _, age, _ in lots], np.int64),
        np.array([TIERS.index(tier) for _, _, tier in lots], np.int64),
        living[..., _GB].sum(axis=1) + dead[:, _GB],
        remaining,
        living,
        dead,
        tuple(life for life, kept_ in zip(told, some.tolist(), strict=True) if kept_),
        _prices(rates),
        optimum.horizon_days,
        step,
        access.times if access else 1.0,
        access.part if access else 1.0,
    )


def _ageless(kind: Sequence[float]) -> bool:
    return math.isinf(kind[2]) and math.isinf(kind[3])


def _spans(kind: Sequence[float]) -> tuple[int, ...]:
    return tuple(span for span, days in enumerate(SPANS) if days < kind[2])


def _placed(classes: list[tuple[int, int, bool]], told: Sequence[tuple[int, int]]) -> list[tuple[Any, Any]]:
    """For each class: by kind its likelihood; by life and kind that of being needed still besides."""
    import numpy as np

    if not classes:
        return []
    likely, living, life = crowds_of(classes)
    spans = np.searchsorted(SPANS, life[..., 0], side="right") - 1
    kinds, of_span = np.array(told).T
    ageless = np.array([_ageless(KINDS[kind]) for kind in kinds])
    found = []
    for number in range(len(classes)):
        mine = ageless[:, None] | (of_span[:, None] == spans[number][None])
        table = np.zeros((len(told), len(KINDS)))
        table[np.arange(len(told)), kinds] = (living[number][:, kinds].T * mine).mean(axis=1)
        found.append((likely[number].mean(axis=0), table))
    return found


def _prices(rates: Rates) -> _Prices:
    of = [rates.tiers.get(tier) for tier in TIERS]

    def column(name: str, share: float = 1.0) -> tuple[float, ...]:
        return tuple(0.0 if each is None else float(getattr(each, name)) * share for each in of)

    return _Prices(
        column("stored_gb", spread(1.0, 1)),
        column("write_10k", 1e-4),
        column("write_gb"),
        column("read_10k", 1e-4),
        column("retrieval_gb"),
        column("early_rate", 1 / EARLY_MONTH_DAYS),
        tuple(_BILLED if each is not None and each.min_bytes else _GB for each in of),
    )


def _ends(lives: Sequence[tuple[int, int]]) -> Any:
    import numpy as np

    return np.array([KINDS[kind][1] for kind, _ in lives], np.float64)


def _rates_on(lives: Sequence[tuple[int, int]], day: float) -> Any:
    """Reads a day of each life, on a day from now."""
    import numpy as np

    if not lives:
        return np.zeros(0)
    middles = [(first + end) / 2 for first, end in zip(SPANS, [*SPANS[1:], SPANS[-1] * 2], strict=True)]
    kinds, spans = np.array(lives).T
    rate, _, until, fades, _ = np.array(KINDS, np.float64)[kinds].T
    life = np.array(middles)[spans] + day
    return np.where(life < until, rate * (1 + life / fades) ** -FADES, 0.0)


@lru_cache(maxsize=128)
def _lived(
    of: _Prices, after: Days, horizon: int, lives: tuple[tuple[int, int], ...], step: int, often: float, part: float
) -> tuple[Any, Any]:
    """Expected cost until the horizon of blobs that are needed still (lives x gaps x tiers x TERMS), and of the others
    (gaps x tiers x TERMS). A gap is a number of steps without use; the last one stands for all longer ones."""
    import numpy as np

    gaps = int(max((days for days in after if days is not None), default=0) // step) + 2
    age = np.arange(gaps) * step
    target = np.zeros(gaps, np.int64)
    for number, days in enumerate(after, 1):
        if days is not None:
            target[age + step > days] = number
    # Where a blob is once the policy ran, and what that costs.
    tier = np.arange(4)
    moved = np.where(tier == _ARCHIVE, _ARCHIVE, np.maximum(tier, target[:, None]))
    cost = np.zeros((gaps, 4, 4))
    cost[..., _BLOBS] = np.where(moved > tier, np.array(of.write)[moved], 0.0)
    cost[..., _GB] = np.where(moved > tier, np.array(of.write_gb)[moved], 0.0)
    kept, online = np.zeros((4, 4)), np.zeros((4, 4))
    kept[tier, of.kept] = np.array(of.stored)
    # As costing reckons a part of a blob.
    less = min(part, 1.0)
    online[:, _BLOBS], online[:, _BLOCKS] = np.array(of.read) * (1 - less), np.array(of.read) * less
    online[:, _GB] = np.array(of.retrieval) * part
    # An archived blob is rehydrated, to Hot, and read there.
    to = np.array([0, 1, 2, _HOT])
    waking = np.zeros((gaps, 4, 4))
    short = np.maximum(EARLY_DAYS["Archive"] - (age - (after[2] or 0)), 0)
    waking[:, _ARCHIVE, _BLOBS], waking[:, _ARCHIVE, _GB] = of.read[_ARCHIVE], of.retrieval[_ARCHIVE]
    waking[:, _ARCHIVE, of.kept[_ARCHIVE]] += of.early[_ARCHIVE] * short
    regular = np.array([bool(KINDS[kind][4]) for kind, _ in lives], bool)[:, None]
    later = np.minimum(np.arange(gaps) + 1, gaps - 1)
    alive, dead = np.zeros((len(lives), gaps, 4, 4)), np.zeros((gaps, 4, 4))
    q = -np.expm1(-_ends(lives) * step)[:, None, None, None]
    rows = np.arange(gaps)[:, None]
    for day in reversed(range(0, horizon, step)):
        # The last step ends with the horizon.
        span = min(step, horizon - day)
        rate = _rates_on(lives, day + span / 2)[:, None]
        # Regular reads come when it is time, the others at any time.
        due = np.where(regular, (rate > 0) & ((age + 1.5 * step) * rate > 1), -np.expm1(-rate * span))
        p, times = due[..., None, None], often * np.where(regular, due, rate * span)[..., None, None]
        read = (1 - q) * alive[:, :1] + q * dead[None, :1]
        unread = (1 - q) * alive[:, later] + q * dead[None, later]
        alive = kept * span + times * online[to] + p * (waking + read[:, :, to]) + (1 - p) * unread
        dead = kept * span + dead[later]
        alive, dead = alive[:, rows, moved] + cost, dead[rows, moved] + cost
    return alive, dead
