"""What given rules would move today, weighed blob by blob: rules of yesterday lie across the areas of today's plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from finops.tiering.explain import ruled_sql
from finops.tiering.model import GB, TIERS, Rates, TierRates, spread
from finops.tiering.optimum import Move
from finops.tiering.schema import BITS

if TYPE_CHECKING:
    from finops.tiering.optimum import Optimum
    from finops.tiering.rules import LifecycleRule

_OPERATIONS = Decimal(10_000)


@dataclass(frozen=True)
class Weighed:
    """moves: what the rules would move at once. stay: what all considered blobs cost until the horizon if nothing
    moves. barred: bytes among the moved whose saving cannot be told, as they are too likely to be read by now; `net`
    is without them."""

    moves: tuple[Move, ...]
    stay: Decimal
    barred: int

    @property
    def bytes(self) -> int:
        return sum(move.bytes for move in self.moves)

    @property
    def net(self) -> Decimal:
        return sum((move.net for move in self.moves), Decimal(0))


def weigh(optimum: Optimum, rates: Rates, rules: Sequence[LifecycleRule]) -> Weighed | None:
    """None where moving to a tier that they name has no price today."""
    ruled = ruled_sql(rules)
    to = "CASE ruled % 4 " + " ".join(f"WHEN {number} THEN '{tier}'" for number, tier in enumerate(TIERS)) + " END"
    rows = optimum.connection.execute(
        f"SELECT tier, {to} AS goes, count(*), sum(bytes)::BIGINT, sum({_of('month')} - {_of('month', 'goes')}), "
        f"sum({_of('once', 'goes')}), sum({_of('cost')} - {_of('cost', 'goes')}), "
        f"sum({_of('back', 'goes')} - {_of('back')}), count({_of('once', 'goes')}), "
        f"coalesce(sum(bytes) FILTER ({_of('cost')} - {_of('cost', 'goes')} IS NULL), 0)::BIGINT "
        f"FROM (SELECT *, {ruled} AS ruled FROM {optimum.decisions} WHERE guard = 0) AS told "
        "WHERE ruled IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2"
    ).fetchall()
    moves, barred = {}, 0
    for before, after, blobs, size, month, once, net, worst, priced, untold in rows:
        if priced < blobs:
            return None
        reads = spread(month, optimum.horizon_days) - once - (net or 0.0)
        money = [_money(each) for each in (month, once, reads, net, worst)]
        moves[before, after] = Move(before, after, int(blobs), int(size), *money)
        barred += int(untold)
    empty = optimum.connection.execute(
        f"SELECT tier, {to} AS goes, count(*) FROM (SELECT *, {ruled} AS ruled FROM used "
        f"WHERE because = {BITS['empty']}) AS told WHERE ruled IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2"
    ).fetchall()
    for before, after, blobs in empty:
        if before not in rates.tiers or after not in rates.tiers:
            return None
        none = Move(before, after, 0, 0, *[Decimal(0)] * 5)
        here, there = rates.tiers[before], rates.tiers[after]
        moves[before, after] = _with(moves.get((before, after), none), int(blobs), here, there, optimum.horizon_days)
    stay = optimum.connection.execute(f"SELECT sum({_of('cost')}) FROM {optimum.decisions} WHERE guard = 0").fetchall()[
        0
    ][0]
    return Weighed(tuple(moves.values()), _money(stay), barred)


def _with(move: Move, blobs: int, here: TierRates, there: TierRates, horizon: int) -> Move:
    """Blobs without content cost their operations and, where a tier bills a least size, storage; as `yields` has it."""
    month = (_least(here) - _least(there)) * blobs
    once = there.write_10k * blobs / _OPERATIONS
    worst = (there.read_10k - here.read_10k) * blobs / _OPERATIONS
    net = spread(month, horizon) - once
    return Move(move.before, move.after, move.blobs + blobs, move.bytes, move.month + month, move.once + once,
                move.reads, move.net + net, move.worst + worst)  # fmt: skip


def _least(of: TierRates) -> Decimal:
    """What a blob without content costs a month."""
    return Decimal(of.min_bytes) / GB * of.stored_gb


def _of(figure: str, tier: str = "tier") -> str:
    return f"(CASE {tier} " + " ".join(f"WHEN '{each}' THEN {figure}_{each.lower()}" for each in TIERS) + " END)"


def _money(amount: float | None) -> Decimal:
    """To a millionth: sums of doubles differ below it from run to run."""
    return Decimal(str(round(amount or 0.0, 6)))
