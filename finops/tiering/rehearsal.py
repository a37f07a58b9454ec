"""What rules would have saved over recorded months of access, beside what else could have been done.

Each way of tiering lives through the same days: blobs are there or written, are read, are moved once a day. Counted is
what Azure bills: bytes kept by tier and day, operations, retrieval, and days that a tier asks for and did not get.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from finops.errors import DataError
from finops.tiering.inventory import LAST_ACCESS
from finops.tiering.model import EARLY_MONTH_DAYS, GB, TIERS, Rates, TierRates, spread

if TYPE_CHECKING:
    from finops.tiering.rules import LifecycleRule

# As most guides have it, by last use: https://learn.microsoft.com/azure/storage/blobs/lifecycle-management-overview
COMMON_DAYS = (("Cool", 30), ("Cold", 90), ("Archive", 180))
# https://learn.microsoft.com/azure/storage/blobs/access-tiers-smart (2025-11-03)
SMART_DAYS = (("Cool", 30), ("Cold", 90))
SMART_SMALLEST = 128 * 1024

NOTHING, OURS, COMMON, SMART, FORESIGHT = ("do nothing", "our rules", "30 / 90 / 180 days", "smart tier", "all-knowing")
SINGLES = "blob by blob"

_HOT, _ARCHIVE = 0, 3
_BY_USE, _BY_CHANGE = "use", "change"


@dataclass(frozen=True)
class Recorded:
    """A blob as it was when the record begins. path: container/name. age, written: days since it was last used and
    written, below 0 where it is written that many days later. served: days in its tier, None where it is inferred."""

    path: str
    bytes: int
    age: float
    written: float
    tier: str = "Hot"
    served: float | None = None


@dataclass(frozen=True)
class Read:
    """A blob read on a day of the record, the first being 0. times: how often on that day."""

    path: str
    day: int
    times: int = 1


@dataclass(frozen=True)
class Outcome:
    """What one way of tiering costs over the record; saving: besides doing nothing. unknown: why there are no figures.

    stored, operations (moves, reads, rehydration), retrieval, early, watching (smart tier's): parts of `total`.
    archived_reads: how often somebody would have waited for hours.
    """

    name: str
    stored: Decimal = Decimal(0)
    operations: Decimal = Decimal(0)
    retrieval: Decimal = Decimal(0)
    early: Decimal = Decimal(0)
    watching: Decimal = Decimal(0)
    total: Decimal = Decimal(0)
    saving: Decimal = Decimal(0)
    moves: int = 0
    archived_reads: int = 0
    unknown: str = ""


@dataclass(frozen=True)
class Rehearsal:
    """The ways of tiering over `days` days of `blobs` blobs and `reads` reads, in the currency of the rates."""

    currency: str
    days: int
    blobs: int
    reads: int
    outcomes: tuple[Outcome, ...]

    def of(self, name: str) -> Outcome:
        return next(outcome for outcome in self.outcomes if outcome.name == name)


def rehearse(
    blobs: Sequence[Recorded],
    reads: Iterable[Read],
    rules: Sequence[LifecycleRule],
    rates: Rates,
    days: int,
    tiers: Sequence[str] = TIERS,
    singles: Mapping[str, str] | None = None,
) -> Rehearsal:
    """Live through the record in every way. tiers: what the account has. singles: where each path is moved to on the
    first day, to be one way more. Reads before a blob is written, or of a blob
    that is not among `blobs`, make the record unusable."""
    record = _record(blobs, reads, days, rates)
    usable = [tier for tier in TIERS if tier in rates.tiers and tier in tiers]
    lives = {
        NOTHING: _live(record, rates, []),
        OURS: _live(record, rates, [(rule.prefixes, rule.days, _since(rule)) for rule in rules]),
        COMMON: _live(record, rates, [((), tuple(d for d in COMMON_DAYS if d[0] in usable), _BY_USE)]),
    }
    if singles is not None:
        lives[SINGLES] = _live(record, rates, [], _once(record, singles))
    foreseen = [_live(record, rates, [], plan) for plan in _plans(record, [TIERS.index(tier) for tier in usable])]
    each = _stack([life.each for life in (*lives.values(), *foreseen)])
    best = each.min(axis=0)
    nothing = float(lives[NOTHING].each.sum())
    outcomes = [_outcome(name, life, nothing) for name, life in lives.items()]
    outcomes.append(_smart(record, rates, nothing))
    total = _money(best.sum())
    outcomes.append(Outcome(FORESIGHT, total=total, saving=_money(nothing - best.sum())))
    return Rehearsal(rates.currency, days, len(blobs), int(record.times.sum()), tuple(outcomes))


def _since(rule: LifecycleRule) -> str:
    return _BY_USE if rule.basis == LAST_ACCESS else _BY_CHANGE


@dataclass
class _Record:
    """The record in columns. first: the day on which a blob is written, 0 where it was there. used, changed: the days
    of last use and of writing, below 0 before the record. on: for each day the rows that are read, and how often."""

    paths: list[str]
    days: int
    size: Any
    tier: Any
    first: Any
    used: Any
    changed: Any
    entered: Any
    inferred: Any
    times: Any
    on: list[tuple[Any, Any]]
    last: Any
    blocks: Any


@dataclass
class _Life:
    """What came of one way. each: money for each blob; the parts are of all of them."""

    each: Any
    parts: dict[str, float] = field(default_factory=dict)
    moves: int = 0
    archived: int = 0


def _record(blobs: Sequence[Recorded], reads: Iterable[Read], days: int, rates: Rates) -> _Record:
    import numpy as np

    from finops.tiering.rates import READ_BLOCK

    if days < 1:
        raise DataError(f"The record is of {days} days.", "Give one of a month or more.")
    rows = {blob.path: number for number, blob in enumerate(blobs)}
    if len(rows) < len(blobs):
        raise DataError("A blob is in the record twice.", "Give each blob once.")
    if missing := {blob.tier for blob in blobs} - set(rates.tiers):
        raise DataError(f"No price of {' and '.join(sorted(missing))} is known.", "Leave out the blobs that are there.")
    first = np.array([max(0, int(-blob.written)) for blob in blobs], np.int64)
    told: list[tuple[int, int, int]] = []
    for read in reads:
        if read.path not in rows or not 0 <= read.day < days or read.day < first[rows[read.path]]:
            raise DataError(
                f"{read.path} is read on day {read.day}, when it is not there or not recorded.",
                "Give the blobs of the same months as their reads.",
            )
        told.append((read.day, rows[read.path], read.times))
    told.sort()
    table = np.array(told, np.int64).reshape(-1, 3)
    bounds = np.searchsorted(table[:, 0], np.arange(days + 1))
    last = first.copy()
    np.maximum.at(last, table[:, 1], table[:, 0])
    size = np.array([blob.bytes for blob in blobs], np.float64)
    return _Record(
        [blob.path for blob in blobs],
        days,
        size,
        np.array([TIERS.index(blob.tier) for blob in blobs], np.int64),
        first,
        np.maximum(first, 0) * (first > 0) - np.array([max(blob.age, 0.0) for blob in blobs]) * (first == 0),
        np.where(first > 0, first, -np.array([max(blob.written, 0.0) for blob in blobs])),
        np.where(first > 0, first, -np.array([blob.served or 0.0 for blob in blobs])),
        np.array([blob.served is None for blob in blobs]),
        table[:, 2],
        [(table[a:b, 1], table[a:b, 2]) for a, b in itertools.pairwise(bounds.tolist())],
        last,
        np.maximum(np.ceil(size / READ_BLOCK), 1.0) if rates.hns else np.ones(len(blobs)),
    )


Plan = Callable[[int, Any, Any], Any]
Taking = tuple[Sequence[str], Sequence[tuple[str, int]], str]


def _plans(record: _Record, usable: Sequence[int]) -> list[Plan]:
    """Every pair of tiers: one at once, another after the last read of the record."""
    import numpy as np

    def plan(before: int, after: int) -> Plan:
        def wanted(day: int, rows: Any, tier: Any) -> Any:
            done = (day > record.last[rows]) | ((record.last[rows] == record.first[rows]) & (day >= record.first[rows]))
            return np.where(done, after, before if before >= 0 else tier)

        return wanted

    return [plan(before, after) for before in (-1, *usable) if before != _ARCHIVE for after in usable]


def _once(record: _Record, singles: Mapping[str, str]) -> Plan:
    import numpy as np

    wanted = np.array(
        [TIERS.index(singles.get(path, TIERS[now])) for path, now in zip(record.paths, record.tier, strict=True)]
    )
    return lambda day, rows, tier: wanted[rows] if day == 0 else tier


def _live(record: _Record, rates: Rates, taking: Sequence[Taking], plan: Plan | None = None) -> _Life:
    """Day after day: the policy runs, then people read, then the day is billed."""
    import numpy as np

    bill = _Bill(record, rates)
    used, changed = record.used.copy(), record.changed
    masks = [np.array([not rule[0] or path.startswith(tuple(rule[0])) for path in record.paths]) for rule in taking]
    for day in range(record.days):
        rows = np.flatnonzero(record.first <= day)
        target = np.full(len(rows), -1)
        for mask, (_, stages, since) in zip(masks, taking, strict=True):
            age = day - (used if since == _BY_USE else changed)[rows]
            for tier, days in stages:
                # As schema.RESTS_DAYS: what came out of Archive rests.
                rested = (bill.back[rows] < 0) | (day - bill.back[rows] > 30) | (tier != "Archive")
                met = mask[rows] & (age > days) & rested
                target[met] = np.maximum(target[met], TIERS.index(tier))
        if plan is not None:
            target = plan(day, rows, bill.tier[rows])
        moving = (target > bill.tier[rows]) if plan is None else (target >= 0) & (target != bill.tier[rows])
        # Nothing leaves Archive but by being read.
        moving &= bill.tier[rows] != _ARCHIVE
        bill.move(rows[moving], target[moving], day)
        read, times = record.on[day]
        bill.read(read, times, day)
        used[read] = day
        bill.keep(rows)
    return bill.life


class _Bill:
    """Where blobs are, and what it costs."""

    def __init__(self, record: _Record, rates: Rates) -> None:
        import numpy as np

        self.record = record
        self.tier, self.entered, self.inferred = record.tier.copy(), record.entered.copy(), record.inferred.copy()
        self.back = np.full(len(record.paths), -1)
        self.life = _Life(np.zeros(len(record.paths)))
        of = [rates.tiers.get(tier) for tier in TIERS]
        self._stored = _column(of, "stored_gb")
        self._early = _column(of, "early_rate")
        self._early_days = _column(of, "early_days")
        self._write, self._write_gb = _column(of, "write_10k") / 10_000, _column(of, "write_gb")
        self._read, self._retrieval = _column(of, "read_10k") / 10_000, _column(of, "retrieval_gb")
        smallest = np.nan_to_num(_column(of, "min_bytes"))
        self._billed = np.maximum(record.size[:, None], smallest[None, :]) / GB
        self._gb = record.size / GB

    def move(self, rows: Any, target: Any, day: int) -> None:
        import numpy as np

        if not len(rows):
            return
        before, gb = self.tier[rows], self._gb[rows]
        cooler = target > before
        self._post("operations", rows, np.where(cooler, self._write[target], self._read[before]))
        self._post("retrieval", rows, np.where(cooler, self._write_gb[target], self._retrieval[before]) * gb)
        self._enter(rows, target, day)
        self.life.moves += len(rows)

    def read(self, rows: Any, times: Any, day: int) -> None:
        """An archived blob is rehydrated to Hot, where it then stays, and read there."""
        import numpy as np

        if not len(rows):
            return
        asleep = rows[self.tier[rows] == _ARCHIVE]
        if len(asleep):
            self._post("operations", asleep, np.full(len(asleep), self._read[_ARCHIVE]))
            self._post("retrieval", asleep, self._retrieval[_ARCHIVE] * self._gb[asleep])
            self._enter(asleep, np.full(len(asleep), _HOT), day)
            self.back[asleep] = day
            self.life.archived += len(asleep)
        tier = self.tier[rows]
        self._post("operations", rows, self._read[tier] * times * self.record.blocks[rows])
        self._post("retrieval", rows, self._retrieval[tier] * times * self._gb[rows])

    def keep(self, rows: Any) -> None:
        """One day more."""
        tier = self.tier[rows]
        self._post("stored", rows, self._stored[tier] * spread(self._billed[rows, tier], 1))

    def _enter(self, rows: Any, target: Any, day: int) -> None:
        import numpy as np

        before = self.tier[rows]
        left = np.where(self.inferred[rows], 0.0, np.maximum(self._early_days[before] - (day - self.entered[rows]), 0))
        self._post("early", rows, self._early[before] * self._billed[rows, before] * left / EARLY_MONTH_DAYS)
        self.tier[rows], self.entered[rows], self.inferred[rows] = target, day, False

    def _post(self, part: str, rows: Any, money: Any) -> None:
        import numpy as np

        np.add.at(self.life.each, rows, money)
        self.life.parts[part] = self.life.parts.get(part, 0.0) + float(money.sum())


def _smart(record: _Record, rates: Rates, nothing: float) -> Outcome:
    """Smart tier moves for nothing and bills every read as Hot's, but watches each blob that is not small."""
    import numpy as np

    if rates.smart_10k_month is None:
        return Outcome(SMART, unknown=f"no price of smart tier is known in {rates.currency}")
    if missing := [tier for tier in ("Hot", *(tier for tier, _ in SMART_DAYS)) if tier not in rates.tiers]:
        return Outcome(SMART, unknown=f"no price of {' and '.join(missing)} is known")
    outside = int((~record.inferred & (record.tier != _HOT)).sum())
    if outside:
        return Outcome(SMART, unknown=f"{outside} blobs have tiers of their own, which it never takes over")
    of = [rates.tiers.get(tier) for tier in TIERS]
    stored, used, small = _column(of, "stored_gb"), record.used.copy(), record.size < SMART_SMALLEST
    parts = dict.fromkeys(("stored", "operations", "retrieval", "watching"), 0.0)
    watched = moves = 0
    tier = np.zeros(len(record.paths), np.int64)
    for day in range(record.days):
        rows = np.flatnonzero(record.first <= day)
        age = day - used[rows]
        for name, days in SMART_DAYS:
            due = rows[(age > days) & ~small[rows] & (tier[rows] < TIERS.index(name))]
            tier[due], moves = TIERS.index(name), moves + len(due)
        read, times = record.on[day]
        # A read brings a blob back at once, and is billed as one of Hot.
        used[read], tier[read], moves = day, _HOT, moves + int((tier[read] != _HOT).sum())
        parts["stored"] += spread(float((stored[tier[rows]] * record.size[rows]).sum()), 1) / GB
        parts["operations"] += float((times * record.blocks[read]).sum()) * float(rates.tiers["Hot"].read_10k) / 10_000
        watched += int((~small[rows]).sum())
    parts["watching"] = spread(watched / 10_000, 1) * float(rates.smart_10k_month)
    total = sum(parts.values())
    money: dict[str, Any] = {name: _money(amount) for name, amount in parts.items()}
    return Outcome(
        SMART,
        **money,
        total=_money(total),
        saving=_money(nothing - total),
        moves=moves,
    )


def _outcome(name: str, life: _Life, nothing: float) -> Outcome:
    total = float(life.each.sum())
    money: dict[str, Any] = {part: _money(amount) for part, amount in life.parts.items()}
    return Outcome(
        name,
        **money,
        total=_money(total),
        saving=_money(nothing - total),
        moves=life.moves,
        archived_reads=life.archived,
    )


def _column(of: Sequence[TierRates | None], name: str) -> Any:
    import numpy as np

    return np.array([float("nan") if each is None else float(getattr(each, name)) for each in of])


def _stack(parts: Sequence[Any]) -> Any:
    import numpy as np

    return np.stack(parts)


def _money(amount: float) -> Decimal:
    """To a millionth: sums of doubles differ below it from run to run."""
    return Decimal(str(round(float(amount), 6)))
