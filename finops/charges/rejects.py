"""Rows that are no charges: set aside with file, line and reason, never counted as zero and never fatal alone."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

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


def write(rejected: Iterable[Rejected], target: Path) -> None:
    """Write the quarantine file: CSV with file, line, reason and the row as it stood."""
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("w", encoding="utf-8", newline="") as out:
            writer = csv.writer(out)
            writer.writerow(["file", "line", "reason", "row"])
            writer.writerows([one.file, one.line, one.reason, one.row] for one in rejected)
        os.replace(temporary, target)
    except OSError as fault:
        raise DataError(f"{target} cannot be written ({fault.strerror}).", "Choose another file.") from fault
    finally:
        temporary.unlink(missing_ok=True)
