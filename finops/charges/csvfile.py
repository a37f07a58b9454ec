"""CSV as a table of text, and the lines of it that cannot even be split into cells."""

from __future__ import annotations

import codecs
import csv
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from finops.charges import rejects
from finops.charges.columns import literal
from finops.charges.header import Header
from finops.charges.rejects import Rejected

if TYPE_CHECKING:
    import duckdb

_PLAIN = {
    "MISSING COLUMNS": "it has fewer cells than the header",
    "TOO MANY COLUMNS": "it has more cells than the header",
    "UNQUOTED VALUE": "a quote is opened and not closed, or stands inside a value",
    "LINE SIZE OVER MAXIMUM": "it is longer than 2 MB",
}
NOT_UTF8 = "INVALID ENCODING"


@dataclass(frozen=True)
class Unsplit:
    """A stretch of a file that is no row. `text` may run over several lines: a stray quote swallows those behind it."""

    line: int
    text: str
    fault: str

    @property
    def reason(self) -> str:
        return _PLAIN.get(self.fault, self.fault.lower())


def table(file: Path, head: Header) -> str:
    """SQL of the rows of `file`, every cell as text; those that cannot be split go to `unsplit`."""
    columns = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in head.columns)
    return (
        f"read_csv({literal(str(file))}, auto_detect = false, header = true, skip = {head.skip}, "
        f"delim = {literal(head.delimiter)}, quote = '\"', escape = '\"', columns = {{{columns}}}, "
        "store_rejects = true)"
    )


def forget(engine: duckdb.DuckDBPyConnection) -> None:
    """Forget what earlier files left in `unsplit`."""
    engine.execute("DROP TABLE IF EXISTS reject_errors")
    engine.execute("DROP TABLE IF EXISTS reject_scans")


def unsplit(engine: duckdb.DuckDBPyConnection, file: Path) -> list[Unsplit]:
    """What the last reading of `file` could not split, in the order of the file."""
    there = engine.execute("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'reject_errors'").fetchall()
    if not there[0][0]:
        return []
    found = engine.execute(
        "SELECT line_byte_position, any_value(csv_line), min(CAST(error_type AS VARCHAR)) "
        "FROM reject_errors GROUP BY line_byte_position ORDER BY 1"
    ).fetchall()
    return [Unsplit(rejects.line_of(file, max(at - 1, 0)), text or "", fault) for at, text, fault in found]


def swallowed(broken: list[Unsplit], head: Header, target: Path) -> tuple[list[Rejected], list[int]]:
    """(the first line of each broken stretch, the line numbers of what was behind it and stands in `target` now)."""
    first: list[Rejected] = []
    lines: list[int] = []
    with target.open("w", encoding="utf-8", newline="") as out:
        csv.writer(out, delimiter=head.delimiter, lineterminator="\n").writerow(head.columns)
        for stretch in broken:
            head_line, *rest = stretch.text.splitlines() or [""]
            first.append(Rejected("", stretch.line, stretch.reason, head_line[:2000]))
            for number, text in enumerate(rest, stretch.line + 1):
                if text.strip():
                    out.write(text + "\n")
                    lines.append(number)
    return first, lines


def to_utf8(file: Path, head: Header, target: Path) -> None:
    """Write `file` as UTF-8 to `target`. Bytes that are no UTF-8 are read as Windows-1252, which Excel writes."""
    codecs.register_error("finops-1252", _as_1252)
    with (
        rejects.opened(file, head, errors="finops-1252") as source,
        target.open("w", encoding="utf-8", newline="") as out,
    ):
        shutil.copyfileobj(source, out, 1 << 20)


def _as_1252(fault: UnicodeError) -> tuple[str, int]:
    assert isinstance(fault, UnicodeDecodeError)
    return fault.object[fault.start : fault.end].decode("cp1252", errors="replace"), fault.end
