"""Which run speaks for which scope and day, so that overlapping exports do not double and restated days replace.

A scope is a subscription (or, without one, a billing account) of one provider. Where two runs hold charges of the same
scope and day, those of the newer run count and those of the older are left out, unless their rows say that they are
shares of one whole (see `kinship`). FOCUS data, which states both costs,
goes before actual and amortized cost of any age; those two do not replace but complete each other (see `pair`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from finops.charges import find, kinship
from finops.charges.columns import TYPES, literal, quoted
from finops.charges.coverage import Gap
from finops.charges.find import Run
from finops.charges.kinship import Kin
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


def settle(
    engine: duckdb.DuckDBPyConnection, runs: Sequence[Loaded], rival: Mapping[int, list[int]]
) -> tuple[list[str], list[Gap]]:
    """Fill the table `superseded` (run, scope, day) with what does not count. (notes that say so, gaps) come back."""
    engine.execute("CREATE OR REPLACE TABLE held (run INTEGER, scope VARCHAR, day DATE)")
    engine.execute("CREATE OR REPLACE TABLE superseded (run INTEGER, scope VARCHAR, day DATE)")
    for n in rival:
        view(engine, f"run_{n}", runs[n].parts)
        engine.execute(f"INSERT INTO held SELECT DISTINCT {n}, {SCOPE}, {DAY} FROM run_{n}")
    ages = Ages(runs, rival)
    pairs = [(older, n) for older, others in rival.items() for n in others if ages.goes_first(n, older)]
    looked = [pair for pair in pairs if _is_unsure(runs, *pair)]
    kin: Mapping[tuple[int, int], tuple[Kin, bool]] = {}
    if looked:
        kinship.prepare(engine, sorted({n for pair in looked for n in pair}), SCOPE, DAY)
        kin = kinship.kinships(engine, looked)
    notes, gaps = [], []
    left_out: dict[int, list[int]] = {}
    for older, newer in pairs:
        found, is_larger = kin.get((older, newer), (Kin.VERSIONS, False))
        if found is Kin.SHARES:
            notes.append(
                f"{runs[older].run.name} and {runs[newer].run.name} have days of the same subscriptions in common and "
                "no charge: they add up."
            )
            continue
        loser, winner = (newer, older) if found is Kin.UNCLEAR and is_larger else (older, newer)
        left_out.setdefault(loser, []).append(winner)
        if found is Kin.UNCLEAR:
            gaps.append(
                Gap(
                    runs[loser].run.name,
                    "charges of days in common with another file",
                    f"whether it is a version or a share of {runs[winner].run.name} cannot be told: they share some "
                    "charges, and each has others. Only the latter counts; name only one of them",
                )
            )
    for older, stronger in left_out.items():
        engine.execute(
            f"INSERT INTO superseded SELECT {older}, scope, day FROM held WHERE run = {older} "
            f"AND (scope, day) IN (SELECT (scope, day) FROM held WHERE run IN ({', '.join(map(str, stronger))}))"
        )
        days = engine.execute(f"SELECT count(DISTINCT day) FROM superseded WHERE run = {older}").fetchall()[0][0]
        if days:
            notes.append(
                f"{days} {'day' if days == 1 else 'days'} of {runs[older].run.name} {'is' if days == 1 else 'are'} "
                f"left out: {' and '.join(sorted(runs[n].run.name for n in stronger))} "
                f"{'has' if len(stronger) == 1 else 'have'} the same subscriptions and days, and "
                f"{'counts' if len(stronger) == 1 else 'count'} instead{ages.why(older, stronger)}."
            )
    return notes, gaps


def _is_unsure(runs: Sequence[Loaded], one: int, other: int) -> bool:
    """Whether only their rows tell if the two replace each other. Export runs and ingests say what they cover; an
    ingest has no meters to compare."""
    plain = [not runs[n].run.export for n in (one, other)]
    asked = [runs[n].run.until is not None for n in (one, other)]
    return runs[one].kind == runs[other].kind and any(plain) and not any(asked)


class Ages:
    """Which of two runs is newer: by the dates in the names of plain files where all rivals have one, else by when
    they were delivered, then by how far they reach; the name only makes it certain."""

    def __init__(self, runs: Sequence[Loaded], rival: Mapping[int, list[int]]) -> None:
        self._runs = runs
        self._dated = {n: find.named_day(runs[n].run) for n in rival}
        self._is_dated = all(self._dated.values())

    def goes_first(self, one: int, other: int) -> bool:
        """Whether the charges of run `one` count, and not those of `other`, where both have them."""
        if self._runs[one].kind != self._runs[other].kind:
            return self._runs[one].kind == "focus"
        return self._age(one) > self._age(other)

    def why(self, older: int, stronger: Sequence[int]) -> str:
        """How the age was told, where only file names and times could tell it."""
        if any(self._runs[n].run.export or self._runs[n].kind != self._runs[older].kind for n in (older, *stronger)):
            return ""
        if self._is_dated and all(self._dated[n] != self._dated[older] for n in stronger):
            return " (newer by the date in the name)"
        return " (newer by the file's time)"

    def _age(self, n: int) -> tuple[str, datetime, datetime, str]:
        run = self._runs[n]
        return self._dated[n] if self._is_dated else "", run.run.when, run.last, run.run.name


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
