"""Actual and amortized cost of the same days become one set of charges, with BilledCost and EffectiveCost.

Rows that agree in everything but the amount are one charge. What stands only in the actual file (a purchase of a
commitment) has EffectiveCost 0; what stands only in the amortized file (a share of a commitment, used or not) has
BilledCost 0. So each total is that of its file, to the last decimal, and nothing is counted twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from finops.charges.columns import TYPES, literal, quoted
from finops.charges.overlap import DAY, SCOPE, Loaded

if TYPE_CHECKING:
    import duckdb

# What makes two rows the same charge, besides their order among equals.
_SAME = [
    "ChargePeriodStart",
    "SubAccountId",
    "BillingCurrency",
    "ResourceId",
    "x_SkuMeterId",
    "x_SkuMeterName",
    "x_SkuMeterCategory",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "PricingCategory",
    "CommitmentDiscountId",
    "ConsumedQuantity",
    "Tags",
]
_IDS = {"ResourceId", "SubAccountId", "CommitmentDiscountId"}


def together(
    engine: duckdb.DuckDBPyConnection,
    runs: Sequence[Loaded],
    counting: Mapping[str, list[str]],
    scratch: Path,
    notes: list[str],
) -> tuple[list[str], tuple[str, ...]]:
    """(SQL of all charges, the cost bases that they state). counting: SQL of the rows that count, by kind."""
    rows = list(counting.get("focus", []))
    if "actual" in counting and "amortized" in counting:
        return [*rows, _paired(engine, counting, scratch, notes)], ("billed", "effective")
    for kind, basis, other in (("actual", "BilledCost", "EffectiveCost"), ("amortized", "EffectiveCost", "BilledCost")):
        if kind in counting:
            rows += counting[kind]
            name = next(run.run.name for run in runs if run.kind == kind)
            notes.append(
                f"{name} is {kind} cost: its amounts are {basis} and stand in for {other}. "
                f"Load the {'amortized' if kind == 'actual' else 'actual'} export as well to have both."
            )
    if "focus" in counting or len(counting) != 1:
        return rows, ("billed", "effective")
    return rows, ("billed",) if "actual" in counting else ("effective",)


def _paired(
    engine: duckdb.DuckDBPyConnection, counting: Mapping[str, list[str]], scratch: Path, notes: list[str]
) -> str:
    target = scratch / "pairs.parquet"
    for kind in ("actual", "amortized"):
        engine.execute(f"CREATE OR REPLACE VIEW {kind} AS {' UNION ALL '.join(counting[kind])}")
        engine.execute(
            f"CREATE OR REPLACE TABLE {kind}_days AS SELECT DISTINCT {SCOPE} AS scope, {DAY} AS day FROM {kind}"
        )
    same = ", ".join(f"lower({quoted(name)})" if name in _IDS else quoted(name) for name in _SAME)
    for kind in ("actual", "amortized"):
        engine.execute(
            f"CREATE OR REPLACE VIEW {kind}_rows AS SELECT *, {SCOPE} AS _scope, hash(row({same})) AS _hash, "
            f"row_number() OVER (PARTITION BY {same} ORDER BY BilledCost) AS _nth FROM {kind}"
        )
    shared = "SELECT scope, day FROM actual_days INTERSECT SELECT scope, day FROM amortized_days"
    engine.execute(f"CREATE OR REPLACE TABLE shared_days AS {shared}")
    is_shared = (
        "EXISTS (SELECT 1 FROM shared_days AS s "
        "WHERE s.scope = {0}._scope AND s.day = CAST({0}.ChargePeriodStart AS DATE))"
    )
    on = " AND ".join(f"{_cell('a', name)} IS NOT DISTINCT FROM {_cell('b', name)}" for name in _SAME)
    columns = []
    for name in TYPES:
        column = quoted(name)
        if name == "BilledCost":
            sql = (
                f"CASE WHEN a._nth IS NULL AND {is_shared.format('b')} THEN 0 ELSE COALESCE(a.{column}, b.{column}) END"
            )
        elif name == "EffectiveCost":
            sql = (
                f"CASE WHEN b._nth IS NULL AND {is_shared.format('a')} THEN 0 ELSE COALESCE(b.{column}, a.{column}) END"
            )
        else:
            sql = f"COALESCE(b.{column}, a.{column})"
        columns.append(f"CAST({sql} AS {TYPES[name]}) AS {column}")
    engine.execute(
        f"COPY (SELECT {', '.join(columns)} FROM actual_rows AS a FULL JOIN amortized_rows AS b "
        f"ON a._hash = b._hash AND a._nth = b._nth AND {on}) "
        f"TO {literal(str(target))} (FORMAT parquet, COMPRESSION zstd)"
    )
    alone = {
        kind: engine.execute(f"SELECT count(*) FROM {kind}_days WHERE (scope, day) NOT IN ({shared})").fetchall()[0][0]
        for kind in ("actual", "amortized")
    }
    for kind, other in (("actual", "amortized"), ("amortized", "actual")):
        if alone[kind]:
            notes.append(
                f"{alone[kind]} {'day of a subscription has' if alone[kind] == 1 else 'days of a subscription have'} "
                f"{kind} cost and no {other} cost: "
                "it stands in for both there."
            )
    return f"SELECT * FROM read_parquet({literal(str(target))})"


def _cell(side: str, name: str) -> str:
    return f"lower({side}.{quoted(name)})" if name in _IDS else f"{side}.{quoted(name)}"
