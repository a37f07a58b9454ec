"""CSV as a table of text; and, where a file has lines that cannot be split, a clean copy of the others.

DuckDB reads a sound file in one go, but a stray quote makes it lose all lines up to the next one. So a file with a
fault is read a second time here, line by line: slower, and no line is lost with its neighbour.
"""

from __future__ import annotations

import codecs
import csv
import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

from finops.charges.columns import literal, quoted
from finops.charges.header import Header
from finops.charges.rejects import Rejected

if TYPE_CHECKING:
    import duckdb

LINE = "_line"
# A value may run over so many lines; a quote that is still open then was never meant to be one.
_MOST_LINES = 100


def table(file: Path, head: Header, columns: tuple[str, ...] | None = None) -> str:
    """SQL of the rows of `file`, every cell as text."""
    named = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in columns or head.columns)
    skip = 0 if columns else head.skip
    return (
        f"read_csv({literal(str(file))}, auto_detect = false, header = true, skip = {skip}, "
        f"delim = {literal(head.delimiter)}, quote = '\"', escape = '\"', columns = {{{named}}}, store_rejects = true)"
    )


def forget_faults(engine: duckdb.DuckDBPyConnection) -> None:
    engine.execute("DROP TABLE IF EXISTS reject_errors")
    engine.execute("DROP TABLE IF EXISTS reject_scans")


def has_faults(engine: duckdb.DuckDBPyConnection) -> bool:
    """Whether the last reading met a line that it could not split."""
    there = engine.execute("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'reject_errors'").fetchall()
    return bool(there[0][0] and engine.execute("SELECT count(*) FROM reject_errors").fetchall()[0][0])


def mended(file: Path, head: Header, target: Path) -> tuple[str, str, list[Rejected]]:
    """(SQL of the rows of `file` that can be split, SQL of a row's line, the lines that cannot), by way of `target`."""
    broken: list[Rejected] = []
    with _opened(file, head) as source, target.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, delimiter=head.delimiter)
        writer.writerow([LINE, *head.columns])
        for line, text, cells, fault in _records(source, head):
            if fault:
                broken.append(Rejected(str(file), line, fault, text.rstrip("\r\n")[:2000]))
            else:
                writer.writerow([line, *cells])
    return table(target, head, (LINE, *head.columns)), f"CAST({quoted(LINE)} AS BIGINT)", broken


def _records(source: IO[str], head: Header) -> Iterator[tuple[int, str, list[str], str]]:
    """(line, text, cells, fault) of each row behind the header. Of a row that cannot be split, only its first line."""
    waiting: list[str] = []
    line = 0

    def more() -> str:
        return waiting.pop(0) if waiting else next(source, "")

    for _ in range(head.skip + 1):
        more()
        line += 1
    while text := more():
        line += 1
        if not text.strip():
            continue
        behind: list[str] = []
        cells, fault, is_open = _split(text, head)
        while is_open and len(behind) < _MOST_LINES and (extra := more()):
            behind.append(extra)
            cells, fault, is_open = _split(text + "".join(behind), head)
        if fault:
            waiting[:0] = behind
            yield line, text, [], fault
        else:
            yield line, text, cells, ""
            line += len(behind)


def _split(text: str, head: Header) -> tuple[list[str], str, bool]:
    """(cells, what is wrong with them, whether a quote is still open)."""
    try:
        cells = next(csv.reader([text.rstrip("\r\n")], delimiter=head.delimiter, strict=True))
    except csv.Error as fault:
        return [], "a quote is opened and not closed, or stands inside a value", "unexpected end" in str(fault)
    missing = len(head.columns) - len(cells)
    if missing:
        return [], f"it has {'fewer' if missing > 0 else 'more'} cells than the header", False
    return cells, "", False


def _opened(file: Path, head: Header) -> IO[str]:
    """`file` as text, unpacked. Bytes that are no UTF-8 are read as Windows-1252, which Excel writes."""
    codecs.register_error("finops-1252", _as_1252)
    with file.open("rb") as source:
        packed = source.read(2) == b"\x1f\x8b"
    if packed:
        return gzip.open(file, "rt", encoding=head.encoding, errors="finops-1252", newline="")
    return file.open("r", encoding=head.encoding, errors="finops-1252", newline="")


def _as_1252(fault: UnicodeError) -> tuple[str, int]:
    assert isinstance(fault, UnicodeDecodeError)
    return fault.object[fault.start : fault.end].decode("cp1252", errors="replace"), fault.end
