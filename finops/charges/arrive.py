"""Cost data arrives: a file becomes a Parquet file of charges, once, out of core, whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finops.charges import csvfile, focus, header, inplace, legacy, rejects
from finops.charges.columns import MONEY, NEEDED, TYPES, bare, literal, quoted
from finops.charges.header import GIVE, Header
from finops.charges.part import Part
from finops.charges.rejects import Rejected
from finops.errors import DataError

if TYPE_CHECKING:
    import duckdb

# Raise it when the Parquet files that older versions wrote no longer serve.
FORMAT = 1

_WHAT = {"BilledCost": "an amount", "EffectiveCost": "an amount", "BillingCurrency": "a currency code"}


def arrive(engine: duckdb.DuckDBPyConnection, file: Path, store: Path, kind: str = "") -> Part:
    """`file` as a Part. A file that arrived before, and has not changed since, is not read again."""
    import duckdb

    head = header.read(engine, file)
    found = focus.columns(head.columns)
    is_focus = "BilledCost" in found and "ChargePeriodStart" in found
    if is_focus and (missing := [name for name in NEEDED if name not in found]):
        raise DataError(f"{file} has FOCUS columns, but no {' and no '.join(missing)}.", GIVE)
    if not is_focus and not legacy.is_legacy(legacy.columns(head.columns)):
        raise DataError(
            f"{file} is no cost data: its columns are {', '.join(head.columns[:6])}"
            f"{', ...' if len(head.columns) > 6 else ''}.",
            GIVE,
        )
    try:
        if is_focus and head.form == "parquet" and (part := inplace.part(engine, file, head, found)):
            return part
        target = store / "arrived" / f"{_key(file)}.parquet"
        if (known := _remembered(target)) is None:
            known = _convert(engine, file, head, target, is_focus)
        return known if is_focus else replace(known, kind=_kind(engine, known, kind))
    except (duckdb.IOException, duckdb.InvalidInputException, duckdb.SerializationException) as fault:
        raise DataError(
            f"{file} cannot be read ({str(fault).splitlines()[0]}).", "It was probably cut short: copy it again."
        ) from fault
    except OSError as fault:
        raise DataError(
            f"{file} cannot be converted in {store} ({fault.strerror}).", "Free some space, or choose another store."
        ) from fault


def _key(file: Path) -> str:
    stat = file.stat()
    told = f"{file.resolve()}|{stat.st_size}|{stat.st_mtime_ns}|{FORMAT}"
    return hashlib.sha256(told.encode()).hexdigest()[:24]


def _remembered(target: Path) -> Part | None:
    """The Part that arrived before; its .json is written last, so a Parquet file without one is not whole."""
    try:
        told = json.loads(target.with_suffix(".json").read_text("utf-8"))
    except (OSError, ValueError):
        return None
    if not target.is_file():
        return None
    told["rejected"] = tuple(Rejected(**one) for one in told["rejected"])
    for name in ("first", "last"):
        told[name] = datetime.fromisoformat(told[name]) if told[name] else None
    return Part(**told)


def _convert(engine: duckdb.DuckDBPyConnection, file: Path, head: Header, target: Path, is_focus: bool) -> Part:
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    scratch = temporary.with_suffix(".csv")
    plan = _plan(head, is_focus)
    try:
        if head.form == "parquet":
            broken = _read_parquet(engine, file, plan, temporary)
        else:
            broken = _read_csv(engine, file, head, plan, temporary, scratch)
        rows, rounded, first, last, currency, tag_bytes = _told(engine, temporary)
        rejects.check(file, rows, broken)
        if rows == 0:
            raise DataError(
                f"{file} has a header and no charges.", "Export a period that has charges, or leave the file out."
            )
        part = Part(str(file), str(target), "focus", rows, tuple(broken), rounded, first, last, currency, tag_bytes)
        if broken:
            rejects.write(broken, target.with_suffix(".rejected.csv"))
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
        scratch.unlink(missing_ok=True)
    _remember(part, target)
    return part


def _read_parquet(engine: duckdb.DuckDBPyConnection, file: Path, plan: Plan, target: Path) -> list[Rejected]:
    table = f"read_parquet({literal(str(file))}, file_row_number = true)"
    _copy(engine, table, "file_row_number + 1", plan, target)
    return _set_aside(engine, file, target)


def _read_csv(
    engine: duckdb.DuckDBPyConnection, file: Path, head: Header, plan: Plan, target: Path, scratch: Path
) -> list[Rejected]:
    """Charges of a CSV file into `target`; the rows that are none. A file without a fault is read once."""
    if head.encoding != "utf-16":
        csvfile.forget_faults(engine)
        _copy(engine, csvfile.table(file, head), "NULL::BIGINT", plan, target)
        if not csvfile.has_faults(engine) and not _has_broken(engine, target):
            return []
    table, line, broken = csvfile.mended(file, head, scratch)
    _copy(engine, table, line, plan, target)
    return sorted([*broken, *_set_aside(engine, file, target)], key=lambda one: one.line)


@dataclass(frozen=True)
class Plan:
    """SQL of each FOCUS column, and the source columns whose cells decide whether a row is a charge."""

    columns: Mapping[str, str]
    raw: Mapping[str, str]


def _plan(head: Header, is_focus: bool) -> Plan:
    kinds = dict(zip(head.columns, head.kinds, strict=True))
    if not is_focus:
        found = legacy.columns(head.columns)
        cost, usd = legacy.cost_columns(found)
        raw = {"BilledCost": cost, "ChargePeriodStart": found["date"]}
        if not usd:
            raw["BillingCurrency"] = found["currency"]
        return Plan(legacy.select(found, kinds), raw)
    found = focus.columns(head.columns)
    return Plan({name: focus.cell(name, found, kinds) for name in TYPES}, {name: found[name] for name in NEEDED})


def _copy(engine: duckdb.DuckDBPyConnection, table: str, line: str, plan: Plan, target: Path) -> None:
    """One pass over `table`: charges, and beside each broken row why it is broken and the cells that tell.

    line: SQL of a row's number.
    """
    chosen = [f"CAST({sql} AS {TYPES[name]}) AS {quoted(name)}" for name, sql in plan.columns.items()]
    for name, column in plan.raw.items():
        chosen.append(f"COALESCE(CAST({quoted(column)} AS VARCHAR), '') AS {quoted('_raw_' + name)}")
    reason = "".join(f" WHEN {_is_broken(name)} THEN {_reason(name, column)}" for name, column in plan.raw.items())
    rounded = " OR ".join(_is_rounded(name) for name in plan.raw if TYPES[name] == MONEY)
    kept = " || ', ' || ".join(f"{literal(column + '=')} || {quoted('_raw_' + n)}" for n, column in plan.raw.items())
    rows = f"SELECT {', '.join(chosen)}, {line} AS _line FROM {table}"
    engine.execute(
        f"COPY (SELECT {', '.join(map(quoted, plan.columns))}, _reason, {rounded} AS _rounded, _line, "
        f"CASE WHEN _reason IS NOT NULL THEN {kept} END AS _cells "
        f"FROM (SELECT *, CASE{reason} END AS _reason FROM ({rows}))) "
        f"TO {literal(str(target))} (FORMAT parquet, COMPRESSION zstd)"
    )


def _is_broken(name: str) -> str:
    if name == "BillingCurrency":
        return f"NOT COALESCE(regexp_full_match({quoted(name)}, '[A-Z]{{3}}'), false)"
    return f"{quoted(name)} IS NULL"


def _reason(name: str, column: str) -> str:
    raw = quoted("_raw_" + name)
    return (
        f"CASE WHEN trim({raw}) = '' THEN {literal(f'{column} is empty')} "
        f"ELSE {literal(column + ' is ')} || '''' || left({raw}, 60) || ''', not {_WHAT.get(name, 'a date')}' END"
    )


def _is_rounded(name: str) -> str:
    """Whether an amount has more decimals than we keep; only long or scientific texts can."""
    raw, finer = quoted("_raw_" + name), "DECIMAL(38,30)"
    return (
        f"COALESCE((length({raw}) > 19 OR contains(lower({raw}), 'e-')) "
        f"AND TRY_CAST({raw} AS {finer}) <> TRY_CAST({quoted(name)} AS {finer}), false)"
    )


def _has_broken(engine: duckdb.DuckDBPyConnection, written: Path) -> bool:
    table = f"read_parquet({literal(str(written))})"
    return bool(engine.execute(f"SELECT count(_reason) FROM {table}").fetchall()[0][0])


def _set_aside(engine: duckdb.DuckDBPyConnection, file: Path, written: Path) -> list[Rejected]:
    """Take the broken rows out of `written`."""
    table = f"read_parquet({literal(str(written))})"
    found = engine.execute(
        f"SELECT _line, _reason, _cells FROM {table} WHERE _reason IS NOT NULL ORDER BY 1"
    ).fetchall()
    if not found:
        return []
    clean = written.with_suffix(".clean")
    try:
        engine.execute(
            f"COPY (SELECT * FROM {table} WHERE _reason IS NULL) TO {literal(str(clean))} "
            "(FORMAT parquet, COMPRESSION zstd)"
        )
        os.replace(clean, written)
    finally:
        clean.unlink(missing_ok=True)
    return [Rejected(str(file), line, reason, cells) for line, reason, cells in found]


def _told(
    engine: duckdb.DuckDBPyConnection, written: Path
) -> tuple[int, int, datetime | None, datetime | None, str, float]:
    rows, rounded, first, last, low, high = engine.execute(
        "SELECT count(*), count(*) FILTER (_rounded), min(ChargePeriodStart), max(ChargePeriodStart), "
        "min(BillingCurrency), max(BillingCurrency) "
        f"FROM read_parquet({literal(str(written))})"
    ).fetchall()[0]
    currency = low if low == high else ""
    size = engine.execute(
        "SELECT sum(total_uncompressed_size) / sum(num_values) FROM parquet_metadata(?) WHERE path_in_schema = 'Tags'",
        [str(written)],
    ).fetchall()[0][0]
    return rows, rounded, first and first.replace(tzinfo=UTC), last and last.replace(tzinfo=UTC), currency, size or 0.0


def _remember(part: Part, target: Path) -> None:
    told: dict[str, Any] = asdict(part)
    marker = target.with_suffix(".json")
    temporary = marker.with_name(f".{marker.name}.{os.getpid()}.tmp")
    temporary.write_text(json.dumps(told, default=datetime.isoformat), "utf-8")
    os.replace(temporary, marker)


def _kind(engine: duckdb.DuckDBPyConnection, part: Part, told: str) -> str:
    """Whether a legacy file is actual or amortized cost: its manifest, else its name, else its rows say so.

    Only amortized cost has unused commitments, or usage under a commitment that costs something.
    """
    if told in {"actual", "amortized"}:
        return told
    for name in map(bare, reversed(Path(part.source).parts[-3:])):
        if ("amorti" in name) != ("actual" in name):
            return "amortized" if "amorti" in name else "actual"
    spread = engine.execute(
        f"SELECT count(*) FROM read_parquet({literal(part.parquet)}) WHERE CommitmentDiscountStatus = 'Unused' "
        "OR (CommitmentDiscountStatus = 'Used' AND PricingCategory = 'Committed' AND EffectiveCost <> 0)"
    ).fetchall()[0][0]
    return "amortized" if spread else "actual"
