"""What cooling every blob of an area and an age would save, gathered from the optimum's cells for the search of rules.

Rules take what they match: small blobs and empty ones are moved with the others, and count here with what that costs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from finops.tiering import schema
from finops.tiering.model import GB, TIERS, spread
from finops.tiering.schema import AGES, BITS, KEPT

if TYPE_CHECKING:
    from finops.tiering.model import Protected, Rates
    from finops.tiering.optimum import Optimum

FIGURES = ("cost", "month", "once", "back")
# More of them than this are told by their folders.
_MOST_PATHS = 5000
# Where something inside an area is closed, its folders are weighed so many levels down; the largest rows of them.
_MOST_ROWS, _LEVELS = 200_000, 6


@dataclass(frozen=True)
class Yields:
    """One row for each area x tier x age. areas: sorted; area, age, tier: numbers, of TIERS and AGES the latter two.

    cost, month, once, back: rows x 4 tiers, as in `Optimum.cells`, NaN where the blobs cannot go. closed: beginnings of
    paths that no rule may take.
    """

    areas: tuple[str, ...]
    area: Any
    age: Any
    tier: Any
    blobs: Any
    bytes: Any
    chance: Any
    cost: Any
    month: Any
    once: Any
    back: Any
    closed: tuple[str, ...]


def closings(optimum: Optimum, protected: Sequence[Protected]) -> dict[str, str]:
    """Beginnings of paths (container/name) that no rule may take, and what lies there: what is protected, of no known
    price, or kept by anything that stands in the way of a rule."""
    engine = optimum.connection
    found: dict[str, str] = {}
    containers: list[str] = []
    if any(not each.container for each in protected):
        rows = engine.execute("SELECT DISTINCT container FROM fields").fetchall()
        containers = [str(name) for (name,) in rows]
    for each in protected:
        if not each.container and not each.prefix:
            found[""] = "protected"
        for name in [each.container] if each.container else containers:
            found[f"{name}/{each.prefix}"] = "protected"
    if _has(optimum, KEPT):
        where = f"FROM used WHERE (because & {KEPT}) <> 0"
        rows = engine.execute(f"SELECT DISTINCT path, because & {KEPT} {where} LIMIT {_MOST_PATHS + 1}").fetchall()
        if len(rows) > _MOST_PATHS:
            rows = engine.execute(f"SELECT area, bit_or(because & {KEPT}) {where} GROUP BY area").fetchall()
        found |= {schema.parted(str(path))[0]: schema.said(because) for path, because in rows}
    if any(each.reason.endswith("no known price") for each in optimum.aside):
        rows = engine.execute("SELECT DISTINCT path FROM decisions WHERE guard < 0 AND tier <> 'Archive'").fetchall()
        found |= {str(path).rpartition("/")[0] + "/": "of no known price" for (path,) in rows}
    return found


def closed_paths(optimum: Optimum, protected: Sequence[Protected]) -> tuple[str, ...]:
    """The same beginnings, sorted, without those that begin with another one."""
    kept: list[str] = []
    for path in sorted(closings(optimum, protected)):
        if not kept or not path.startswith(kept[-1]):
            kept.append(path)
    return tuple(kept)


def _has(optimum: Optimum, bits: int) -> bool:
    """Whether any blob of the inventory has one of these reasons."""
    found = optimum.connection.execute(f"SELECT 1 FROM histogram WHERE (reason & {bits}) <> 0 LIMIT 1").fetchall()
    return bool(found)


def yields(optimum: Optimum, rates: Rates, protected: Sequence[Protected]) -> Yields:
    """Gathers them; reads the inventory once more only where something lies inside an area that no rule may take, where
    areas are too many to be told apart, or where blobs are empty."""
    closed = closed_paths(optimum, protected)
    engine = optimum.connection
    names = sorted(str(name) for (name,) in engine.execute("SELECT DISTINCT area FROM cells").fetchall())
    broken = [name for name in names if not name or _is_broken(name, names, closed)]
    parts = [_rows(optimum, f"FROM cells WHERE NOT list_contains($1, area) GROUP BY {_KEYS}", [broken], "area")]
    if broken:
        parts.append(_inside(optimum, broken, closed))
    if _has(optimum, BITS["empty"]):
        parts.append(_empty(optimum, rates))
    return _joined(parts, closed)


_KEYS = "area, tier, age_from"


def _is_broken(area: str, areas: Sequence[str], closed: Sequence[str]) -> bool:
    """Whether something inside an area is closed and folders in it may be open. What lies beside deeper areas lies in
    no folder of its own."""
    own = schema.parted(area)[0]
    inside = any(path.startswith(own) and path != own for path in closed)
    return inside and not any(other.startswith(own) and schema.parted(other)[0] != own for other in areas)


def _sums() -> str:
    each = [f"{figure}_{tier.lower()}" for figure in FIGURES for tier in TIERS]
    return ", ".join(f"CASE WHEN count({name}) = count(*) THEN sum({name}) END AS {name}" for name in each)


def _rows(optimum: Optimum, source: str, values: list[Any], area: str, counted: bool = True) -> dict[str, Any]:
    blobs = "sum(blobs)" if counted else "count(*)"
    chance = "sum(chance * blobs)" if counted else "sum(chance)"
    age = "age_from" if counted else "of_age"
    return dict(
        optimum.connection.execute(
            f"SELECT {area} AS area, tier, {age} AS age, {blobs}::DOUBLE AS blobs, sum(bytes)::DOUBLE AS bytes, "
            f"({chance} / {blobs})::DOUBLE AS chance, {_sums()} {source}",
            values,
        ).fetchnumpy()
    ) | {"counted": counted}


def _inside(optimum: Optimum, broken: Sequence[str], closed: Sequence[str]) -> dict[str, Any]:
    """Areas in parts: for each blob the first folder on its way down that nothing closed begins with."""
    cases = []
    for level in range(1, min(max((path.count("/") for path in closed), default=0) + 1, _LEVELS) + 1):
        folder = f"regexp_extract(path, '^[^/]*/(?:[^/]*/){{0,{level}}}')"
        deep = f"length({folder}) - length(replace({folder}, '/', '')) = {level + 1}"
        # What is closed lies in these, so they cannot be taken whole.
        above = sorted({path[: _nth(path, level + 1)] for path in closed if path.count("/") > level})
        texts = ", ".join("'" + text.replace("'", "''") + "'" for text in above)
        cases.append(f"WHEN {deep}{f' AND {folder} NOT IN ({texts})' if texts else ''} THEN {folder}")
    mark = f"chr({ord(schema.MARK)})"
    # A tag is kept at the end of the parts, too.
    tag = f"CASE WHEN ends_with(place, {mark}) THEN substr(place, instr(place, {mark})) ELSE '' END"
    whole = f"CASE WHEN ends_with(place, {mark}) THEN split_part(place, {mark}, 1) ELSE place END"
    part = f"CASE WHEN place = '' THEN split_part(path, '/', 1) || '/' {' '.join(cases)} ELSE {whole} END || {tag}"
    placed = (
        "SELECT decisions.*, coalesce(places.area, '') AS place FROM decisions LEFT JOIN places USING (area) "
        "WHERE guard = 0 AND list_contains($1, coalesce(places.area, ''))"
    )
    return _rows(
        optimum,
        f"FROM (SELECT * EXCLUDE (area, age), {part} AS area, {schema.age_sql('age')} AS of_age FROM ({placed}) "
        "AS placed) AS parted GROUP BY area, tier, of_age QUALIFY dense_rank() OVER (ORDER BY sum(bytes) DESC) <= "
        f"{_MOST_ROWS}",
        [list(broken)],
        "area",
        counted=False,
    )


def _nth(path: str, slashes: int) -> int:
    """Where a path's folder of so many slashes ends."""
    at = 0
    for _ in range(slashes):
        at = path.index("/", at) + 1
    return at


def _empty(optimum: Optimum, rates: Rates) -> dict[str, Any]:
    """Empty blobs: nothing is saved by moving them, which costs an operation each and, in newer accounts, storage."""
    import numpy as np

    found: dict[str, Any] = dict(
        optimum.connection.execute(
            "SELECT coalesce(places.area, container || '/') AS area, tier, age, count(*)::DOUBLE AS blobs FROM "
            f"(SELECT container, area, tier, {schema.age_sql('age')} AS age FROM used "
            f"WHERE because = {BITS['empty']} AND tier IN ('Hot', 'Cool', 'Cold', 'Archive')) AS empty "
            "LEFT JOIN places USING (area) GROUP BY ALL"
        ).fetchnumpy()
    )
    count = found["blobs"]
    here = np.array([TIERS.index(str(tier)) for tier in found["tier"]], np.int64)
    found |= {"bytes": np.zeros(len(count)), "chance": np.zeros(len(count)), "counted": False}
    for number, tier in enumerate(TIERS):
        of = rates.tiers.get(tier)
        month = count * float(of.min_bytes / GB * float(of.stored_gb)) if of else np.full(len(count), np.nan)
        once = np.where(here < number, count * float(of.write_10k) / 10_000, 0.0) if of else month
        back = count * float(of.read_10k) / 10_000 if of else month
        found |= {f"month_{tier.lower()}": month, f"once_{tier.lower()}": once, f"back_{tier.lower()}": back}
        found[f"cost_{tier.lower()}"] = month * spread(1.0, optimum.horizon_days) + once
    return found


def _joined(parts: Sequence[dict[str, Any]], closed: tuple[str, ...]) -> Yields:
    import numpy as np

    areas = sorted({str(area) for part in parts for area in part["area"]})
    numbers = {area: number for number, area in enumerate(areas)}
    ages = {days: number for number, days in enumerate(AGES)}

    def column(name: str) -> Any:
        filled = [np.ma.filled(np.ma.asarray(part[name], np.float64), np.nan) for part in parts]
        return np.concatenate(filled)

    def table(figure: str) -> Any:
        return np.stack([column(f"{figure}_{tier.lower()}") for tier in TIERS], axis=1)

    age = [
        np.array([ages[int(days)] for days in part["age"]], np.int64)
        if part["counted"]
        else np.asarray(part["age"], np.int64)
        for part in parts
    ]
    return Yields(
        tuple(areas),
        np.concatenate([np.array([numbers[str(area)] for area in part["area"]], np.int64) for part in parts]),
        np.concatenate(age),
        np.concatenate([np.array([TIERS.index(str(tier)) for tier in part["tier"]], np.int64) for part in parts]),
        column("blobs"),
        column("bytes"),
        column("chance"),
        table("cost"),
        table("month"),
        table("once"),
        table("back"),
        closed,
    )
