"""Which run speaks for which scope and day, so that overlapping exports do not double and restated days replace.

A scope is a subscription (or, without one, a billing account) of one provider. Where two runs hold charges of the same
scope and day, those of the newer run count and those of the older are left out. FOCUS data, which states both costs,
goes before actual and amortized cost of any age; those two do not replace but complete each other (see `pair`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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


def rivals(runs: Sequence[Loaded]) -> dict[int, list[int]]:
    """For each run that could hold charges of another: those others. Runs are named by their position."""
    found: dict[int, list[int]] = {}
    under_way: list[int] = []
    for n in sorted(range(len(runs)), key=lambda n: runs[n].first):
        under_way = [other for other in under_way if runs[other].last.date() >= runs[n].first.date()]
        for other in under_way:
            if not _apart(runs[n].run.scope, runs[other].run.scope):
                found.setdefault(n, []).append(other)
                found.setdefault(other, []).append(n)
        under_way.append(n)
    return found


def _apart(one: str, other: str) -> bool:
    """Whether two exported scopes share nothing: neither lies within the other. An unknown scope may be anything."""
    if not one or not other or one == other:
        return False
    if "/subscriptions/" not in one or "/subscriptions/" not in other:
        return False  # a billing account or a management group may hold any subscription
    return not (one + "/").startswith(other + "/") and not (other + "/").startswith(one + "/")


def settle(engine: duckdb.DuckDBPyConnection, runs: Sequence[Loaded], rival: Mapping[int, list[int]]) -> list[str]:
    """Fill the table `superseded` (run, scope, day) with what does not count. Notes that say so come back."""
    engine.execute("CREATE OR REPLACE TABLE held (run INTEGER, scope VARCHAR, day DATE)")
    engine.execute("CREATE OR REPLACE TABLE superseded (run INTEGER, scope VARCHAR, day DATE)")
    for n in rival:
        view(engine, f"run_{n}", runs[n].parts)
        engine.execute(f"INSERT INTO held SELECT DISTINCT {n}, {SCOPE}, {DAY} FROM run_{n}")
    notes = []
    for older, others in rival.items():
        stronger = [n for n in others if _goes_first(runs, n, older)]
        if not stronger:
            continue
        engine.execute(
            f"INSERT INTO superseded SELECT {older}, scope, day FROM held WHERE run = {older} "
            f"AND (scope, day) IN (SELECT (scope, day) FROM held WHERE run IN ({', '.join(map(str, stronger))}))"
        )
        days = engine.execute(f"SELECT count(DISTINCT day) FROM superseded WHERE run = {older}").fetchall()[0][0]
        if days:
            notes.append(
                f"{days} {'day' if days == 1 else 'days'} of {runs[older].run.name} are left out: "
                f"{' and '.join(sorted(runs[n].run.name for n in stronger))} "
                f"{'has' if len(stronger) == 1 else 'have'} the same subscriptions and days, and count instead."
            )
    return notes


def _goes_first(runs: Sequence[Loaded], one: int, other: int) -> bool:
    """Whether the charges of run `one` count, and not those of `other`, where both have them."""
    if runs[one].kind != runs[other].kind:
        return runs[one].kind == "focus"
    return _age(runs, one) > _age(runs, other)


def _age(runs: Sequence[Loaded], n: int) -> tuple[datetime, datetime, str]:
    """Newer is greater: when it was delivered, then how far it reaches; the name only makes it certain."""
    return runs[n].run.when, runs[n].last, runs[n].run.name


def counted(
    engine: duckdb.DuckDBPyConnection, runs: Sequence[Loaded], rival: Mapping[int, list[int]]
) -> dict[str, list[str]]:
    """SQL of the rows that count, by kind ("focus", "actual", "amortized"). Whole runs of a kind share one scan."""
    cut: set[int] = set()
    if rival:
        cut = {row[0] for row in engine.execute("SELECT DISTINCT run FROM superseded").fetchall()}
    selects: dict[str, list[str]] = {}
    for kind in dict.fromkeys(run.kind for run in runs):
        whole = [part for n, run in enumerate(runs) if run.kind == kind and n not in cut for part in run.parts]
        if whole:
            view(engine, f"whole_{kind}", whole)
            selects.setdefault(kind, []).append(f"SELECT * FROM whole_{kind}")
        selects.setdefault(kind, []).extend(
            f"SELECT * FROM run_{n} AS r WHERE NOT EXISTS (SELECT 1 FROM superseded AS s "
            f"WHERE s.run = {n} AND s.scope = {SCOPE} AND s.day = {DAY})"
            for n in sorted(cut)
            if runs[n].kind == kind
        )
    return selects


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
