"""Two files about the same days: versions of one whole, of which one counts, or shares of it, which add up.

Their rows tell. A charge is known by its day, resource, service, meter, category, pricing, commitment and tags, never
by its amount, which a later version may restate. Tags too may be set later, so a resource is also known without them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING

from finops.charges.columns import quoted

if TYPE_CHECKING:
    import duckdb

_COLUMNS = [
    "ResourceId",
    "ServiceName",
    "x_SkuMeterId",
    "x_SkuMeterName",
    "x_SkuMeterCategory",
    "SkuId",
    "ChargeCategory",
    "ChargeDescription",
    "PricingCategory",
    "CommitmentDiscountId",
]
_TAGS = 'CASE WHEN "ResourceId" IS NULL THEN COALESCE("Tags", \'\') END'

# Of the older version's rows, so many are in the newer one. Restating drops few rows; a share has others.
_VERSION = 0.8
# Resources that change their tag within a day stand in two exports that are split by tag.
_SHARE = 0.5


class Kin(Enum):
    VERSIONS = "versions"
    SHARES = "shares"
    UNCLEAR = "unclear"


def prepare(engine: duckdb.DuckDBPyConnection, runs: Sequence[int], scope: str, day: str) -> None:
    """Fill the table `identities` (run, scope, day, known, tagged) from the views run_N. scope, day: SQL of a row's."""
    engine.execute(
        "CREATE OR REPLACE TABLE identities (run INTEGER, scope VARCHAR, day DATE, known UBIGINT, tagged UBIGINT)"
    )
    columns = _shared_columns(engine, runs)
    known = ", ".join([*(f"lower(trim({quoted(name)}))" for name in columns), _TAGS])
    for n in runs:
        engine.execute(
            f"INSERT INTO identities SELECT DISTINCT {n}, {scope}, {day}, hash(row({known})), "
            f"hash(row({known}, COALESCE(\"Tags\", ''))) FROM run_{n}"
        )


def _shared_columns(engine: duckdb.DuckDBPyConnection, runs: Sequence[int]) -> list[str]:
    """Columns that every run fills: what one export states and another leaves out tells no charges apart."""
    filled = ", ".join(f"count({quoted(name)}) > 0" for name in _COLUMNS)
    told = [engine.execute(f"SELECT {filled} FROM run_{n}").fetchall()[0] for n in runs]
    return [name for n, name in enumerate(_COLUMNS) if all(row[n] for row in told)]


def kinships(
    engine: duckdb.DuckDBPyConnection, pairs: Iterable[tuple[int, int]]
) -> Mapping[tuple[int, int], tuple[Kin, bool]]:
    """For each (older, newer) with days in common: what they are to each other, and whether the older has more rows."""
    found = {}
    for older, newer in pairs:
        common = " INTERSECT ".join(f"SELECT scope, day FROM identities WHERE run = {n}" for n in (older, newer))
        sides = [
            f"(SELECT DISTINCT scope, day, {{0}} AS i FROM identities SEMI JOIN ({common}) USING (scope, day) "
            f"WHERE run = {n})"
            for n in (older, newer)
        ]
        counts = []
        for column in ("known", "tagged"):
            old, new = (side.format(column) for side in sides)
            counts.append(
                engine.execute(
                    f"SELECT (SELECT count(*) FROM {old}), (SELECT count(*) FROM {new}), "
                    f"(SELECT count(*) FROM {old} SEMI JOIN {new} USING (scope, day, i))"
                ).fetchall()[0]
            )
        (olds, news, same), (_, _, same_tagged) = counts
        if olds:
            found[older, newer] = (_kin(olds, news, same, same_tagged), olds > news)
    return found


def _kin(olds: int, news: int, same: int, same_tagged: int) -> Kin:
    if same >= _VERSION * olds:
        return Kin.VERSIONS
    if not same_tagged and same < _SHARE * min(olds, news):
        return Kin.SHARES
    return Kin.UNCLEAR
