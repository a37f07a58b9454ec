"""Rows that are no charges: set aside with file, line and reason, never counted as zero and never fatal alone."""

from __future__ import annotations

import csv
import gzip
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from finops.charges.header import Header
from finops.errors import DataError

# More than this share of broken rows means that the file is not what it is taken for.
MOST = 0.5


@dataclass(frozen=True)
class Rejected:
    """One row set aside. `line`: in the file as a text editor counts; in Parquet, the row number from 1."""

    file: str
    line: int
    reason: str
    row: str = ""


def check(file: Path, good: int, rejected: list[Rejected]) -> None:
    """Raise a DataError where too little of `file` can be read to call it cost data."""
    if rejected and len(rejected) > MOST * (good + len(rejected)):
        first = rejected[0]
        raise DataError(
            f"{len(rejected):,} of the {good + len(rejected):,} rows of {file} are no charges "
            f"(line {first.line}: {first.reason}).",
            "Check that this is the right file, and whole.",
        )


def located(
    file: Path, header: Header, wanted: Mapping[tuple[str, ...], str], columns: list[int]
) -> Iterator[Rejected]:
    """The lines of `file` whose cells in `columns` are one of `wanted`, each with its reason."""
    with opened(file, header) as source:
        for _ in range(header.skip):
            next(source)
        reader = csv.reader(source, delimiter=header.delimiter)
        next(reader)
        while True:
            line = reader.line_num + header.skip + 1
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error:
                continue
            if len(row) == len(header.columns):
                reason = wanted.get(tuple(row[column] for column in columns))
                if reason:
                    yield Rejected(str(file), line, reason, header.delimiter.join(row)[:2000])


def line_of(file: Path, position: int) -> int:
    """The line, from 1, that begins at byte `position` of the (unpacked) text."""
    lines, left = 1, position
    with gzip.open(file) if is_packed(file) else file.open("rb") as source:
        while left > 0 and (block := source.read(min(left, 1 << 20))):
            lines += block.count(b"\n")
            left -= len(block)
    return lines


def opened(file: Path, header: Header, errors: str = "replace") -> IO[str]:
    """`file` as text, unpacked."""
    if is_packed(file):
        return gzip.open(file, "rt", encoding=header.encoding, errors=errors, newline="")
    return file.open("r", encoding=header.encoding, errors=errors, newline="")


def is_packed(file: Path) -> bool:
    """Whether `file` is gzip, whatever its name."""
    with file.open("rb") as source:
        return source.read(2) == b"\x1f\x8b"


def write(rejected: Iterable[Rejected], target: Path) -> None:
    """Write the quarantine file: CSV with file, line, reason and the row as it stood."""
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    with temporary.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["file", "line", "reason", "row"])
        writer.writerows([one.file, one.line, one.reason, one.row] for one in rejected)
    os.replace(temporary, target)
