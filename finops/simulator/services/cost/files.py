"""Cost data written as files: parts of one selection, CSV or Parquet, each with its rows and bytes."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from finops.simulator.services.cost import legacy
from finops.simulator.store import Json

if TYPE_CHECKING:
    from finops.simulator.services.cost.book import Book
    from finops.simulator.world import World

# Azure cuts parts by size, under 1 GB uncompressed each (tutorial-improved-exports.md); a row is about 1 KB.
PART_ROWS = 1_000_000
ENDINGS = {("csv", "none"): ".csv", ("csv", "gzip"): ".csv.gz", ("parquet", "snappy"): ".snappy.parquet"}
BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Part:
    file: Path
    rows: int

    @property
    def size(self) -> int:
        return self.file.stat().st_size


def part_rows(world: World) -> int:
    """Rows a part: `exportPartRows` of the estate's simulation/cost.json, else what Azure's size rule comes to."""
    import json

    file = world.folder / "simulation" / "cost.json"
    return int(json.loads(file.read_text("utf-8"))["exportPartRows"]) if file.exists() else PART_ROWS


def written(
    book: Book, kind: str, where: str, values: Sequence[object], folder: Path, ending: str, most: int
) -> list[Part]:
    """The charges that `where` keeps, in parts of at most `most` rows; one part with a header only where it keeps none.

    kind: "focuscost", "actualcost", "amortizedcost" or "usage"
    ending: one of ENDINGS
    """
    if kind == "usage":
        where += " AND coalesce(category, 'Usage') = 'Usage'"
    is_text = "csv" in ending
    if kind == "focuscost":
        selection = legacy.focus_selection(book, is_text)
    else:
        selection = legacy.selection(book, "effective" if kind == "amortizedcost" else "billed")
    total = int(book.rows(f"SELECT count(*) FROM charges WHERE {where}", values)[0][0])  # noqa: S608
    folder.mkdir(parents=True, exist_ok=True)
    parts = []
    for number, start in enumerate(range(0, max(total, 1), most)):
        file = folder / f"part_{number}_0001{ending}"
        options = "FORMAT csv, HEADER true, DELIMITER ','" if is_text else "FORMAT parquet, COMPRESSION snappy"
        scratch = file.with_name(f".{file.name}.new")
        book.rows(
            f"COPY (SELECT {selection} FROM charges WHERE {where} ORDER BY line LIMIT {most} OFFSET {start})"  # noqa: S608
            f" TO '{str(scratch).replace(chr(39), chr(39) * 2)}' ({options})",
            values,
        )
        _finish(scratch, file, with_mark=is_text and kind != "focuscost")
        parts.append(Part(file, min(most, total - start)))
    return parts


def _finish(scratch: Path, file: Path, with_mark: bool) -> None:
    """Give a part its byte order mark (Azure's legacy CSV has one, seen in EA_ActualCost_Small.csv) and its gzip."""
    if not with_mark and not file.name.endswith(".gz"):
        scratch.replace(file)
        return
    with scratch.open("rb") as source, file.open("wb") as target:
        packed = gzip.GzipFile(fileobj=target, mode="wb", mtime=0) if file.name.endswith(".gz") else nullcontext(target)
        with packed as out:
            out.write(BOM if with_mark else b"")
            shutil.copyfileobj(source, out)
    scratch.unlink()


def blobs(parts: Sequence[Part], container: Path) -> list[Json]:
    """The parts as a manifest lists them, named within their container."""
    return [
        {"blobName": part.file.relative_to(container).as_posix(), "byteCount": part.size, "dataRowCount": part.rows}
        for part in parts
    ]
