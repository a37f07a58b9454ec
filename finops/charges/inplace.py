"""A FOCUS Parquet file that needs no copy: its types are exact and its statistics prove that no row is broken."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from finops.charges import focus
from finops.charges.columns import NEEDED, TYPES, quoted
from finops.charges.header import Header
from finops.charges.part import Part

if TYPE_CHECKING:
    import duckdb

_CURRENCY = re.compile("[A-Z]{3}")


def part(engine: duckdb.DuckDBPyConnection, file: Path, head: Header, found: Mapping[str, str]) -> Part | None:
    """`file` as it lies, as a Part; None where a row could be broken or an amount could be inexact."""
    kinds = dict(zip(head.columns, head.kinds, strict=True))
    if not all(_is_exact(name, kinds[found[name]]) for name in NEEDED):
        return None
    stats = engine.execute(
        "SELECT path_in_schema, sum(stats_null_count), sum(num_values), bool_and(stats_null_count IS NOT NULL), "
        "min(stats_min_value), max(stats_max_value), "
        "sum(total_uncompressed_size) / sum(num_values) FROM parquet_metadata(?) GROUP BY 1",
        [str(file)],
    ).fetchall()
    told = {row[0]: row[1:] for row in stats}
    rows = told.get(found["BilledCost"], (0, 0))[1]
    for name in NEEDED:
        nulls, _, is_known, low, high, _ = told.get(found[name], (1, 0, False, None, None, 0))
        if not rows or not is_known or nulls:
            return None
        if name == "BillingCurrency" and not (_CURRENCY.fullmatch(low or "") and _CURRENCY.fullmatch(high or "")):
            return None
    first, last = _moment(told[found["ChargePeriodStart"]][3]), _moment(told[found["ChargePeriodStart"]][4])
    if first is None or last is None or not 1990 <= first.year <= last.year <= 2200:
        return None
    columns = {name: _as_it_lies(name, found, kinds) for name in TYPES}
    low, high = told[found["BillingCurrency"]][3:5]
    currency = low if low == high else ""
    tag_bytes = float(told[found["Tags"]][5]) if found.get("Tags") in told else 0.0
    layout = ", ".join(f"{column} {kinds[column]}" for column in found.values())
    return Part(str(file), str(file), "focus", int(rows), (), 0, first, last, currency, tag_bytes, columns, layout)


def _as_it_lies(name: str, found: Mapping[str, str], kinds: Mapping[str, str]) -> str:
    """SQL of a column with as little work a row as can be: text is cleaned later, once a value (see `keys`)."""
    if name in found and kinds[found[name]] == TYPES[name]:
        return quoted(found[name])
    return f"CAST({focus.cell(name, found, kinds)} AS {TYPES[name]})"


def _is_exact(name: str, kind: str) -> bool:
    if name == "ChargePeriodStart":
        return kind.startswith("TIMESTAMP") or kind == "DATE"
    if name == "BillingCurrency":
        return kind == "VARCHAR"
    wanted = re.fullmatch(r"DECIMAL\((\d+),(\d+)\)", kind)
    return wanted is not None and int(wanted[2]) <= 18 and int(wanted[1]) - int(wanted[2]) <= 20


def _moment(text: str | None) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
