"""The choice of a tier for each blob, as SQL: which of a few straight lines is lowest at its size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from finops.tiering import schema
from finops.tiering.costing import Terms
from finops.tiering.model import EARLY_MONTH_DAYS, TIERS, Protected, Rates

if TYPE_CHECKING:
    import duckdb


def number(habit: str, life: str, age: str, read: str) -> str:
    """Habit and class in one number: one comparison a blob instead of four."""
    return f"{habit} * 2048 + ({life}) * 64 + ({age}) * 2 + CAST({read} AS INTEGER)"


def choices(
    engine: duckdb.DuckDBPyConnection, rates: Rates, factors: Mapping[str, Mapping[str, str]], archive_chance: float
) -> None:
    """`choices`: for each forecast and tier, the factors of each target's cost (NULL: not allowed) and of staying."""
    parts = ["class * 4 + n AS choice", "class", "name AS tier"]
    for term in _weighed(rates):
        costs = barred(factors[term], archive_chance)
        stay = " ".join(f"WHEN '{tier}' THEN {costs[f'cost_{tier.lower()}']}" for tier in TIERS)
        parts.append(f"CASE tier {stay} END AS stay_{term}")
        for tier in TIERS:
            moved = costs[f"cost_{tier.lower()}"]
            parts.append(f"CASE WHEN tier <> '{tier}' THEN {moved} END AS {tier.lower()}_{term}")
    early = " ".join(
        f"WHEN '{tier}' THEN {float(of.early_rate) / EARLY_MONTH_DAYS!r}" for tier, of in rates.tiers.items()
    )
    parts.append(f"CASE tier {early} END::DOUBLE AS early")
    tiers = ", ".join(f"({n}, '{tier}')" for n, tier in enumerate(TIERS) if tier in rates.tiers)
    named = f"SELECT *, name AS tier FROM forecasts, (VALUES {tiers}) AS tiers(n, name)"
    engine.execute(
        f"CREATE OR REPLACE TABLE forecasts AS SELECT *, chance <= {archive_chance} AS archivable FROM forecasts"
    )
    engine.execute(f"CREATE OR REPLACE TABLE choices AS SELECT {', '.join(parts)} FROM ({named}) AS named")


def chosen(rates: Rates, terms: Terms, protected: Sequence[Protected]) -> str:
    """A row for each blob that is considered: its class, tier and terms, what guards it, and where it should be."""
    classes = f"{schema.age_sql('life')} AS of_life, {schema.age_sql('age')} AS of_age"
    tiers = " ".join(f"WHEN '{tier}' THEN {n}" for n, tier in enumerate(TIERS) if tier in rates.tiers)
    used = f"SELECT path, area, tier, bytes, life, age, read, served, {classes} FROM used WHERE because = 0"
    classed = (
        f"SELECT path, area, tier, bytes, life, age, read, served, CASE tier {tiers} ELSE -1 END AS n, "
        f"{number('coalesce(habit, 0)', 'of_life', 'of_age', 'read')} AS class, {_guards(protected)} AS guarded "
        f"FROM ({used}) AS used LEFT JOIN places USING (area)"
    )
    measured = ", ".join(f"{getattr(terms, name)} AS {name}" for name in terms.names())
    termed = f"SELECT *, CASE WHEN n < 0 THEN -1 ELSE guarded END AS guard, {measured} FROM ({classed}) AS classed"
    weighed = _weighed(rates)

    def cost(target: str) -> str:
        return " + ".join(f"{target}_{term} * {term}" for term in weighed)

    lines = ", ".join(f"{cost(tier.lower())} AS to_{tier.lower()}" for tier in TIERS)
    priced = (
        f"SELECT termed.*, {cost('stay')} - early * remaining AS stay, {lines} "
        f"FROM ({termed}) AS termed LEFT JOIN choices ON choice = termed.class * 4 + n"
    )
    names = [f"to_{tier.lower()}" for tier in TIERS]
    best = f"least({', '.join(names)})"
    cases = " ".join(f"WHEN {name} = best THEN '{tier}'" for name, tier in zip(names, TIERS, strict=True))
    after = f"CASE WHEN guard <> 0 OR best IS NULL OR stay <= best THEN tier {cases} END AS after"
    return (
        f"SELECT path, area, tier, bytes, life, age, read, served, class, guard, {', '.join(terms.names())}, {after} "
        f"FROM (SELECT *, {best} AS best FROM ({priced}) AS priced) AS lowest"
    )


def explained(figures: Mapping[str, str], archive_chance: float) -> str:
    """The same with what each tier would cost."""
    costs = ", ".join(f"{sql} AS {name}" for name, sql in barred(figures, archive_chance).items())
    kept = "path, area, tier, bytes, life, age, read, served, guard, after"
    ours = ", ".join(f"choosing.{name}" for name in kept.split(", "))
    told = f"SELECT {ours}, reads, chance, rest, settling, archivable FROM choosing JOIN forecasts USING (class)"
    return f"SELECT {kept}, reads, chance, archivable, {costs} FROM ({told}) AS told"


def barred(figures: Mapping[str, str], archive_chance: float) -> dict[str, str]:
    """The costs, without Archive's where blobs are too likely to be read."""
    allowed = f"chance <= {archive_chance} OR tier = 'Archive'"
    return {
        name: f"CASE WHEN {allowed} THEN {sql} END" if name == "cost_archive" else sql for name, sql in figures.items()
    }


def _weighed(rates: Rates) -> list[str]:
    """The terms that differ from blob to blob. What leaving a tier early costs is the same wherever a blob goes."""
    small = any(of.min_bytes for of in rates.tiers.values())
    return ["blobs", "gb", *(["billed"] if small else []), *(["blocks"] if rates.hns else [])]


def _guards(protected: Sequence[Protected]) -> str:
    """The number of what protects a blob, 0 where nothing does."""
    cases = [f"WHEN {_covers(each)} THEN {n}" for n, each in enumerate(protected, 1)]
    return f"CASE {' '.join(cases)} ELSE 0 END" if cases else "0"


def _covers(each: Protected) -> str:
    """As Protected.covers, in SQL."""
    if each.container:
        return f"starts_with(path, {_quoted(f'{each.container}/{each.prefix}')})"
    return f"starts_with(substr(path, instr(path, '/') + 1), {_quoted(each.prefix)})"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
