"""Which run speaks for which scope and day, so that overlapping exports do not double and restated days replace.

A scope is a subscription (or, without one, a billing account) of one provider. Where two runs hold charges of the same
scope and day, those of the newer run count and those of the older are left out. FOCUS data, which states both costs,
goes before actual and amortized cost of any age; those two do not replace but complete each other (see `pair`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from finops.charges.columns import TYPES, literal, quoted
from finops.charges.find import Run
from finops.charges.part import Part

if TYPE_CHECKING:
    import duckdb

# "/subscriptions/<guid>" and "<guid>" are one; billing accounts are written as a number or as an ARM id ending in it.
SCOPE = (
    "lower(COALESCE(trim(\"ProviderName\"), '')) || '|' || COALESCE(lower(regexp_replace("
    "trim(\"SubAccountId\"), '(?i)^/subscriptions/', '')), '@' || list_last(string_split("
    "lower(COALESCE(trim(\"BillingAccountId\"), '')), '/')))"
)
DAY = "CAST(ChargePeriodStart AS DATE)"


@dataclass(frozen=True)
class Loaded:
    """A run and its files as they arrived."""

    run: Run
    parts: tuple[Part, ...]

    @property
    def kind(self) -> str:
        return self.parts[0].kind

    @property
    def first(self) -> datetime:
        return min(part.first for part in self.parts if part.first)

    @property
    def last(self) -> datetime:
        return max(part.last for part in self.parts if part.last)


def rivals(runs: Sequence[Loaded]) -> bool:
    """Whether any two of `runs` could hold the same charges."""
    return any(_meet(one, other) for n, one in enumerate(runs) for other in runs[:n])


def _meet(one: Loaded, other: Loaded) -> bool:
    if one.first.date() > other.last.date() or other.first.date() > one.last.date():
        return False
    return not _apart(one.run.scope, other.run.scope)


def _apart(one: str, other: str) -> bool:
    """Whether two exported scopes share nothing: neither lies within the other. An unknown scope may be anything."""
    if not one or not other or one == other:
        return False
    if "/subscriptions/" not in one or "/subscriptions/" not in other:
        return False  # a billing account or a management group may hold any subscription
    return not (one + "/").startswith(other + "/") and not (other + "/").startswith(one + "/")


def settle(engine: duckdb.DuckDBPyConnection, runs: Sequence[Loaded]) -> list[str]:
    """Fill the table `superseded` (run, scope, day) with what does not count. Notes that say so come back.

    Needs a view `run_<n>` for each of `runs`.
    """
    engine.execute("CREATE OR REPLACE TABLE held (run INTEGER, scope VARCHAR, day DATE)")
    engine.execute("CREATE OR REPLACE TABLE superseded (run INTEGER, scope VARCHAR, day DATE)")
    for n in range(len(runs)):
        engine.execute(f"INSERT INTO held SELECT DISTINCT {n}, {SCOPE}, {DAY} FROM run_{n}")
    notes = []
    order = sorted(range(len(runs)), key=lambda n: (runs[n].run.when, runs[n].last, n), reverse=True)
    for place, older in enumerate(order):
        stronger = [n for n in order if runs[n].kind == "focus" and runs[older].kind != "focus"]
        alike = [n for n in order[:place] if runs[n].kind == runs[older].kind]
        newer = [n for n in [*alike, *stronger] if _meet(runs[n], runs[older])]
        if not newer:
            continue
        engine.execute(
            f"INSERT INTO superseded SELECT {older}, scope, day FROM held WHERE run = {older} "
            f"AND (scope, day) IN (SELECT (scope, day) FROM held WHERE run IN ({', '.join(map(str, newer))}))"
        )
        days = engine.execute(f"SELECT count(DISTINCT day) FROM superseded WHERE run = {older}").fetchall()[0][0]
        if days:
            notes.append(
                f"{days} {'day' if days == 1 else 'days'} of {runs[older].run.name} are left out: "
                f"{runs[newer[0]].run.name} has the same subscriptions and days, and goes first."
            )
    return notes


def counted(n: int) -> str:
    """SQL of the rows of run `n` that count."""
    return (
        f"SELECT * FROM run_{n} AS r WHERE NOT EXISTS (SELECT 1 FROM superseded AS s "
        f"WHERE s.run = {n} AND s.scope = {SCOPE} AND s.day = {DAY})"
    )


def has_superseded(engine: duckdb.DuckDBPyConnection, n: int) -> bool:
    return bool(engine.execute(f"SELECT count(*) FROM superseded WHERE run = {n}").fetchall()[0][0])


def view(engine: duckdb.DuckDBPyConnection, name: str, parts: Sequence[Part]) -> None:
    """The view `name`: FOCUS columns of all of `parts`. Files read alike share one scan."""
    alike: dict[str, list[Part]] = {}
    for part in parts:
        alike.setdefault(part.layout, []).append(part)
    selects = []
    for files in alike.values():
        sql = files[0].columns or {column: quoted(column) for column in TYPES}
        listed = ", ".join(literal(part.parquet) for part in files)
        selects.append(
            f"SELECT {', '.join(f'{source} AS {quoted(column)}' for column, source in sql.items())} "
            f"FROM read_parquet([{listed}])"
        )
    engine.execute(f"CREATE OR REPLACE VIEW {name} AS {' UNION ALL '.join(selects)}")
