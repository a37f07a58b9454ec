"""SQL that turns one source cell, text or typed, into money, a time or clean text. Nothing passes through a float."""

from __future__ import annotations

from finops.charges.columns import MONEY, NOTHING, literal

_NOTHING = ", ".join(literal(text) for text in NOTHING)

# Azure's classic exports write MM/DD/YYYY, query results 20240901. A DD/MM/YYYY date is refused unless it reads as one
# of these: guessing would move money to another month.
_DATE_FORMATS = "['%m/%d/%Y', '%Y%m%d', '%m/%d/%Y %H:%M:%S', '%m/%d/%Y %I:%M:%S %p']"


def text(cell: str, kind: str) -> str:
    """Trimmed text, or null where there is nothing."""
    if kind.startswith(("MAP", "STRUCT")):
        return f"CAST(to_json({cell}) AS VARCHAR)"
    plain = cell if kind == "VARCHAR" else f"CAST({cell} AS VARCHAR)"
    return f"CASE WHEN trim({plain}) IN ({_NOTHING}) THEN NULL ELSE trim({plain}) END"


def money(cell: str, kind: str) -> str:
    """A DECIMAL(38,18), or null where the cell is no number. "1E-07" is one; "1,000", "1_000" and "NaN" are not."""
    if kind.startswith("DECIMAL") or kind in {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"}:
        return f"TRY_CAST({cell} AS {MONEY})"
    # A double is read as the shortest decimal that stands for it, which is what its writer saw: 0.1.
    plain = cell if kind == "VARCHAR" else f"CAST({cell} AS VARCHAR)"
    return f"CASE WHEN contains({plain}, '_') THEN NULL ELSE TRY_CAST(trim({plain}) AS {MONEY}) END"


def moment(cell: str, kind: str) -> str:
    """A TIMESTAMP in UTC, or null where the cell is no time between 1990 and 2200."""
    if kind == "TIMESTAMP WITH TIME ZONE":
        return f"make_timestamp(epoch_us({cell}))"
    if kind.startswith("TIMESTAMP") or kind == "DATE":
        return f"CAST({cell} AS TIMESTAMP)"
    plain = f"trim({cell})" if kind == "VARCHAR" else f"trim(CAST({cell} AS VARCHAR))"
    offset = f"(strpos(substr({plain}, 11), '+') > 0 OR strpos(substr({plain}, 11), '-') > 0)"
    read = (
        f"COALESCE(CASE WHEN {offset} THEN make_timestamp(epoch_us(TRY_CAST({plain} AS TIMESTAMPTZ))) "
        f"ELSE TRY_CAST({plain} AS TIMESTAMP) END, try_strptime({plain}, {_DATE_FORMATS}))"
    )
    return f"CASE WHEN year({read}) BETWEEN 1990 AND 2200 THEN {read} END"
