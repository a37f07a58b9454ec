"""The cheapest tier of every blob, by what keeping, moving and reading it costs until a horizon."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from finops.errors import DataError
from finops.tiering import choosing, costing, schema
from finops.tiering.access import forecast
from finops.tiering.inventory import LAST_ACCESS
from finops.tiering.model import GB, TIERS, Aside, spread

if TYPE_CHECKING:
    import duckdb

    from finops.tiering.access import Access
    from finops.tiering.counting import Often
    from finops.tiering.inventory import Inventory
    from finops.tiering.model import Account, Protected, Rates

HORIZON_DAYS = 365

# Archive only where at most one blob in ten is expected to be read before the horizon: it is hours away.
ARCHIVE_CHANCE = 0.1

# Bytes where one size of the cells ends and the next begins; 128 KiB is the smallest that cooler tiers bill.
SIZES = (0, 128 * 2**10, 4 * 2**20, 128 * 2**20, 4 * 2**30)


@dataclass(frozen=True)
class Move:
    """Blobs that should go from one tier to another; money in the currency of the rates.

    month: what keeping them costs less, a month. once: what moving them costs. reads: what reading them is expected to
    cost more until the horizon. net: what all this saves until the horizon. worst: what reading all of them back once
    costs more than it would have cost where they are, rehydration and early deletion included.
    """

    before: str
    after: str
    blobs: int
    bytes: int
    month: Decimal
    once: Decimal
    reads: Decimal
    net: Decimal
    worst: Decimal


@dataclass(frozen=True)
class Optimum:
    """What the cheapest tier of every blob saves. moves: those that save most first.

    stay: what doing nothing costs until the horizon. least: what the optimum costs. Both are of the blobs considered.
    aside: the others, and why. basis, confidence: of the forecast of reads, as in `Access`.

    cells: a table in `connection`, for whoever makes rules of it. A row for each area x tier x age x size, and x where
    its blobs should be, so that costs add up whatever is chosen for a row:
        area, tier, after, archivable, age_from, age_to (days; age_to is NULL for the oldest), size_from (bytes),
        blobs, bytes, reads (expected until the horizon, of all of them), chance (the mean chance of any read)
        cost_hot, cost_cool, cost_cold, cost_archive   until the horizon if all of them are there from now on, moving
                                                       and expected reads included; NULL: they cannot go there
        month_hot, ...                                 keeping them for a month
        once_hot, ...                                  moving them
        back_hot, ...                                  reading all of them once
        The area "" holds what lies in none of the largest areas.
    access: what the reads are forecast from. often: where its `times` come from.
    decisions: a view, for whoever explains one blob: path (container/name), area, tier, bytes, life, age, read, served,
        reads, chance, archivable, the same costs, guard (1 and up: which of `protected` keeps it), after.
    """

    connection: duckdb.DuckDBPyConnection = field(repr=False, compare=False)
    currency: str
    horizon_days: int
    basis: str
    confidence: float
    moves: tuple[Move, ...]
    stay: Decimal
    least: Decimal
    aside: tuple[Aside, ...]
    cells: str = "cells"
    decisions: str = "decisions"
    access: Access | None = field(default=None, repr=False, compare=False)
    often: Often | None = None

    @property
    def saving(self) -> Decimal:
        """Until the horizon."""
        return self.stay - self.least


def optimum(
    inventory: Inventory,
    rates: Rates,
    access: Access,
    account: Account,
    protected: Sequence[Protected] = (),
    horizon_days: int = HORIZON_DAYS,
    archive_chance: float = ARCHIVE_CHANCE,
) -> Optimum:
    """One pass over the inventory. Raises DataError where the account is refused or its tiers have no price.

    archive_chance: blobs that are more likely than that to be read before the horizon are not archived. Where the last
    access is not known (see `Inventory.basis`), none are.
    """
    import duckdb

    if account.refusal:
        raise DataError(f"{account.name}: {account.refusal}", "Nothing is planned for this account.")
    if account.name.lower() != inventory.account.lower():
        raise DataError(f"The inventory is of {inventory.account}, not of {account.name}.", "Give the right one.")
    targets = [tier for tier in TIERS if tier in rates.tiers and tier in account.tiers]
    if access.basis != LAST_ACCESS:
        archive_chance = -1.0
    engine = inventory.connection
    held = _held(engine)
    terms = costing.of_blob(rates)
    try:
        _forecasts(engine, access, horizon_days)
        factors = {
            term: costing.columns(rates, targets, held, horizon_days, costing.Terms.only(term, rates.hns), access.part)
            for term in terms.names()
        }
        choosing.choices(engine, rates, factors, archive_chance)
        engine.execute(f"CREATE OR REPLACE VIEW choosing AS {choosing.chosen(rates, terms, protected)}")
        figures = costing.columns(rates, targets, held, horizon_days, terms, access.part)
        engine.execute(f"CREATE OR REPLACE VIEW decisions AS {choosing.explained(figures, archive_chance)}")
        engine.execute(f"CREATE OR REPLACE TABLE sums AS {_sums(terms)}")
        summed = costing.Terms(*terms.names())
        figures = costing.columns(rates, targets, held, horizon_days, summed, access.part)
        engine.execute(f"CREATE OR REPLACE TABLE cells AS {_cells(choosing.barred(figures, archive_chance))}")
    except duckdb.OutOfMemoryException as fault:
        raise DataError("The optimum does not fit in the memory given.", "Give more memory.") from fault
    stay, least = engine.execute(f"SELECT sum({_here('cost')}), sum({_there('cost')}) FROM cells").fetchall()[0]
    return Optimum(
        engine,
        rates.currency,
        horizon_days,
        access.basis,
        access.confidence,
        _moves(engine, horizon_days),
        _money(stay),
        _money(least),
        (*inventory.aside, *_aside(engine, protected)),
        access=access,
    )


def _forecasts(engine: duckdb.DuckDBPyConnection, access: Access, horizon: int) -> None:
    """`places`: the number of each area's habit. `forecasts`: what is expected, by habit and class, in one number."""
    import pyarrow as pa

    rows = engine.execute("SELECT DISTINCT life, age, read FROM histogram WHERE reason = 0 ORDER BY ALL").fetchall()
    table = pa.table(forecast(access, rows or [(0, 0, False)], horizon, costing.SETTLED))
    areas = pa.table({"area": pa.array(list(access.habits), pa.string()), "habit": range(1, len(access.habits) + 1)})
    engine.register("told_areas", areas)
    engine.execute("CREATE OR REPLACE TABLE places AS SELECT area, CAST(habit AS INTEGER) AS habit FROM told_areas")
    engine.unregister("told_areas")
    engine.register("told_classes", table)
    engine.execute(
        f"CREATE OR REPLACE TABLE forecasts AS SELECT {choosing.number('habit', 'life', 'age', 'read')} AS class, * "
        "FROM told_classes"
    )
    engine.unregister("told_classes")


def _held(engine: duckdb.DuckDBPyConnection) -> dict[str, Decimal]:
    """GB in each tier, of the blobs that count for it."""
    rows = engine.execute("SELECT tier, sum(bytes) FROM histogram WHERE tier IS NOT NULL GROUP BY tier").fetchall()
    return {str(tier): Decimal(int(size or 0)) / GB for tier, size in rows}


def _sums(terms: costing.Terms) -> str:
    """The one pass: what costs are linear in, of all blobs of one forecast, tier, choice and size together."""
    sizes = " ".join(f"WHEN bytes >= {size} THEN {size}" for size in reversed(SIZES[1:]))
    added = ", ".join(f"sum({name}) AS {name}" for name in terms.names())
    return (
        f"SELECT class, tier, after, guard, CASE {sizes} ELSE 0 END AS size_from, sum(bytes)::BIGINT AS bytes, {added} "
        "FROM choosing GROUP BY ALL"
    )


def _cells(figures: Mapping[str, str]) -> str:
    costs = ", ".join(f"{sql} AS {name}" for name, sql in figures.items())
    added = ", ".join(f"sum({name}) AS {name}" for name in figures)
    ends = [*map(str, schema.AGES[1:]), "NULL::INTEGER"]
    ages = ", ".join(f"({n}, {first}, {end})" for n, (first, end) in enumerate(zip(schema.AGES, ends, strict=True)))
    counted = (
        f"SELECT habit, tier, after, archivable, age, size_from, blobs, bytes, reads * blobs AS reads, "
        f"chance * blobs AS chance, {costs} FROM sums JOIN forecasts USING (class) WHERE guard = 0"
    )
    return (
        "SELECT coalesce(area, '') AS area, tier, after, archivable, age_from, age_to, size_from, "
        "sum(blobs)::BIGINT AS blobs, sum(bytes)::BIGINT AS bytes, sum(reads) AS reads, "
        f"sum(chance) / sum(blobs) AS chance, {added} FROM ({counted}) AS counted LEFT JOIN places USING (habit) "
        f"JOIN (VALUES {ages}) AS ages(age, age_from, age_to) USING (age) "
        "GROUP BY ALL ORDER BY area, tier, after, archivable, age_from, size_from"
    )


def _here(figure: str, tier: str = "tier") -> str:
    """A figure of the tier where the blobs are (or, by `after`, should be)."""
    return f"CASE {tier} " + " ".join(f"WHEN '{each}' THEN {figure}_{each.lower()}" for each in TIERS) + " END"


def _there(figure: str) -> str:
    return _here(figure, "after")


def _moves(engine: duckdb.DuckDBPyConnection, horizon: int) -> tuple[Move, ...]:
    rows = engine.execute(
        f"SELECT tier, after, sum(blobs), sum(bytes), sum({_here('month')} - {_there('month')}), "
        f"sum({_there('once')}), "
        f"sum({_here('cost')} - {_there('cost')}), sum({_there('back')} - {_here('back')}) FROM cells "
        "WHERE after <> tier GROUP BY 1, 2 ORDER BY 7 DESC, 1, 2"
    ).fetchall()
    moves = []
    for before, after, blobs, size, month, once, net, worst in rows:
        reads = spread(month, horizon) - once - net
        money = (_money(each) for each in (month, once, reads, net, worst))
        moves.append(Move(before, after, int(blobs), int(size), *money))
    return tuple(moves)


def _aside(engine: duckdb.DuckDBPyConnection, protected: Sequence[Protected]) -> list[Aside]:
    rows = engine.execute(
        "SELECT guard, tier, sum(blobs), sum(bytes) FROM sums WHERE guard <> 0 "
        "GROUP BY guard, tier ORDER BY 4 DESC, 1, 2"
    ).fetchall()
    found: dict[str, Aside] = {}
    for guard, tier, blobs, size in rows:
        reason = f"in {tier}, which has no known price" if guard < 0 else protected[guard - 1].reason
        kept = found.get(reason, Aside(reason, 0, 0))
        found[reason] = Aside(reason, kept.blobs + int(blobs), kept.bytes + int(size))
    return list(found.values())


def _money(amount: float | None) -> Decimal:
    """To a millionth: sums of doubles differ below it from run to run."""
    return Decimal(str(round(amount or 0.0, 6)))
