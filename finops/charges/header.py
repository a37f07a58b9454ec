"""What kind of file this is: Parquet or CSV, its header, its dialect, and where its rows begin."""

from __future__ import annotations

import csv
import gzip
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from finops.charges.columns import bare
from finops.errors import DataError

if TYPE_CHECKING:
    import duckdb

GIVE = "Give a FOCUS 1.0 to 1.2 file, or an Azure actual or amortized cost export, as CSV or Parquet."

# Portal downloads may put a title and blank lines above the header.
_LINES_ABOVE = 30
_PEEK = 1 << 18

_MAGIC = {
    b"PK\x03\x04": "a zip archive or an Excel workbook. Unpack it, or save it as CSV.",
    b"%PDF": "a PDF. Download the cost data as CSV.",
    b"SQLite": "a database. Export the cost data as CSV.",
}


@dataclass(frozen=True)
class Header:
    """`columns` as written; `skip`: lines above the header; `delimiter` and `encoding` of a CSV ("" for Parquet)."""

    columns: tuple[str, ...]
    kinds: tuple[str, ...]
    form: str
    delimiter: str = ""
    encoding: str = ""
    skip: int = 0


def read(engine: duckdb.DuckDBPyConnection, file: Path) -> Header:
    """The header of `file`. A DataError says what a file that holds no table is."""
    try:
        with file.open("rb") as source:
            start = source.read(8)
    except OSError as fault:
        raise DataError(
            f"{file} cannot be read ({fault.strerror}).", "Check the path and its permissions, or leave the file out."
        ) from fault
    if not start:
        raise DataError(f"{file} is empty (0 bytes).", "Download it again, or wait until the export has finished.")
    if start.startswith(b"PAR1"):
        return _parquet(engine, file)
    for magic, what in _MAGIC.items():
        if start.startswith(magic):
            raise DataError(f"{file} is {what}", GIVE)
    return _csv(file, gzip.GzipFile if start.startswith(b"\x1f\x8b") else None)


def _parquet(engine: duckdb.DuckDBPyConnection, file: Path) -> Header:
    import duckdb

    try:
        found = engine.execute("DESCRIBE SELECT * FROM read_parquet(?)", [str(file)]).fetchall()
    except duckdb.Error as fault:
        raise DataError(
            f"{file} is a broken Parquet file ({_first_line(fault)}).", "It was probably cut short: copy it again."
        ) from fault
    return Header(tuple(row[0] for row in found), tuple(row[1] for row in found), "parquet")


def _csv(file: Path, opener: type[gzip.GzipFile] | None) -> Header:
    try:
        with opener(file) if opener else file.open("rb") as source:
            peek = source.read(_PEEK)
    except (EOFError, zlib.error, gzip.BadGzipFile) as fault:
        raise DataError(
            f"{file} is a broken gzip file ({fault}).", "It was probably cut short: copy it again."
        ) from fault
    encoding = _encoding(peek)
    # The peek may end inside a character.
    lines = peek.decode(encoding, errors="replace").splitlines()[:_LINES_ABOVE]
    if "\0" in "".join(lines):
        raise DataError(f"{file} is neither text nor Parquet.", GIVE)
    best: tuple[int, int, str, list[str]] = (0, 0, ",", [])
    for skip, line in enumerate(lines):
        for delimiter in ",;\t|":
            cells = next(csv.reader([line], delimiter=delimiter), [])
            score = len(_KNOWN & {bare(cell) for cell in cells})
            if score > best[0]:
                best = (score, skip, delimiter, cells)
    if best[0] < 2:
        first = next((line for line in lines if line.strip()), "")
        raise DataError(f"{file} is no cost data: its first line is '{first[:80]}'.", GIVE)
    _, skip, delimiter, cells = best
    names = _unique([cell.strip().lstrip("\ufeff") for cell in cells])
    return Header(tuple(names), ("VARCHAR",) * len(names), "csv", delimiter, encoding, skip)


def _encoding(peek: bytes) -> str:
    if peek.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    return "utf-8-sig" if peek.startswith(b"\xef\xbb\xbf") else "utf-8"


def _unique(names: list[str]) -> list[str]:
    """DuckDB compares column names without case: a second `date` beside `Date` gets a number."""
    seen: dict[str, int] = {}
    unique = []
    for position, name in enumerate(names):
        name = name or f"column{position + 1}"
        count = seen[name.lower()] = seen.get(name.lower(), 0) + 1
        unique.append(name if count == 1 else f"{name}__{count}")
    return unique


def _first_line(fault: Exception) -> str:
    return str(fault).splitlines()[0]


# Words by which a header is told from a title: those of the columns that every kind of cost data has.
_KNOWN = {
    "billedcost effectivecost billingcurrency chargeperiodstart chargecategory resourceid servicename tags "
    "cost costinbillingcurrency pretaxcost costinusd costusd extendedcost currency billingcurrencycode date usagedate "
    "usagedatetime quantity metercategory subscriptionid subscriptionguid instanceid chargetype"
}
_KNOWN = set(" ".join(_KNOWN).split())
