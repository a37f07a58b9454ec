"""An estate on disk: its stamp, its lines, and whether a folder is a whole recording (docs/estate-format.md)."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from finops.errors import DataError
from finops.estate.evidence import moment_of
from finops.estate.ids import type_of
from finops.estate.model import Gap, Json

FORMAT = 1
STAMP = "estate.json"
CAPTURE = "Record one with 'finops estate capture DIR', or make one up with 'finops simulate new DIR'."
SOURCES = ("azure", "simulated", "assembled")


@dataclass(frozen=True)
class Stamp:
    """Who recorded what, when, and whether anything is missing."""

    name: str
    as_of: datetime
    recorded_by: str = ""
    source: str = "assembled"
    tenant_id: str = ""
    gaps: tuple[Gap, ...] = ()
    billing_currency: str = ""
    jobs_since: datetime | None = None

    @property
    def complete(self) -> bool:
        return not self.gaps

    def written(self) -> Json:
        """The stamp as estate.json holds it."""
        return {
            "format": FORMAT,
            "name": self.name,
            "asOf": f"{self.as_of.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
            "recordedBy": self.recorded_by,
            "source": self.source,
            "tenantId": self.tenant_id,
            "complete": self.complete,
            "gaps": [{name: value for name, value in asdict(gap).items() if value} for gap in self.gaps],
            **({"billingCurrency": self.billing_currency} if self.billing_currency else {}),
            **({"jobsSince": f"{self.jobs_since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"} if self.jobs_since else {}),
        }


def stamp(folder: Path) -> Stamp:
    """The stamp of a recorded estate. Raises DataError where `folder` is none, or one that we cannot read."""
    folder = Path(folder)
    if not folder.is_dir():
        what = "is a file, not a folder" if folder.exists() else "does not exist"
        raise DataError(f"{folder} {what}.", f"Name the folder of an estate. {CAPTURE}")
    file = folder / STAMP
    try:
        found = json.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        what = "was not recorded to the end" if (folder / "arm").is_dir() else "is not an estate"
        raise DataError(f"{folder} {what}: it has no {STAMP}.", CAPTURE) from None
    except (OSError, UnicodeDecodeError, ValueError) as fault:
        raise DataError(f"{file} cannot be read: {fault}.", CAPTURE) from fault
    return _stamp(found, file)


def _stamp(found: Any, file: Path) -> Stamp:
    if not isinstance(found, dict) or "format" not in found:
        raise DataError(f"{file} is not the stamp of an estate: it says no format.", CAPTURE)
    if found["format"] != FORMAT:
        raise DataError(
            f"{file} says format {found['format']!r}; this finops reads format {FORMAT}.",
            "Upgrade finops, or record the estate again.",
        )
    try:
        as_of = datetime.fromisoformat(found["asOf"])
    except (KeyError, TypeError, ValueError):
        raise DataError(
            f"{file} says asOf {found.get('asOf')!r}, which is no time.", 'Write one such as "2026-11-22T06:00:00Z".'
        ) from None
    gaps = found.get("gaps", [])
    if not isinstance(gaps, list) or not all(isinstance(gap, dict) for gap in gaps):
        raise DataError(f"{file} says gaps {gaps!r}, which is no list of objects.", "Record the estate again.")
    if found.get("complete") is False and not gaps:
        gaps = [{"scope": "/", "what": "something", "reason": "the recording says that it is not complete"}]
    return Stamp(
        name=str(found.get("name", "")),
        as_of=as_of.replace(tzinfo=UTC) if as_of.tzinfo is None else as_of.astimezone(UTC),
        recorded_by=str(found.get("recordedBy", "")),
        source=str(found.get("source", "assembled")),
        tenant_id=str(found.get("tenantId", "")),
        gaps=tuple(_gap(gap) for gap in gaps),
        billing_currency=str(found.get("billingCurrency") or ""),
        jobs_since=moment_of(found, "jobsSince"),
    )


def _gap(found: Json) -> Gap:
    status = found.get("status", 0)
    scope, what, reason, code = (str(found.get(name) or "") for name in ("scope", "what", "reason", "code"))
    return Gap(scope, what, reason, status if isinstance(status, int) else 0, code)


def lines(file: Path) -> Iterator[Json]:
    """The object on each line; none where the file is absent. A broken line is named, with its number."""
    if not file.exists():
        return
    try:
        with file.open(encoding="utf-8") as source:
            for number, line in enumerate(source, 1):
                if line.strip():
                    yield _object(line, file, number)
    except (OSError, UnicodeDecodeError) as fault:
        raise DataError(f"{file} cannot be read: {fault}.", "Record the estate again.") from fault


def _object(line: str, file: Path, number: int) -> Json:
    try:
        found = json.loads(line)
    except ValueError as fault:
        raise DataError(f"{file}, line {number}, is not JSON: {fault}.", "Mend the line, or record again.") from None
    if not isinstance(found, dict):
        raise DataError(f"{file}, line {number}, is no JSON object.", "Mend the line, or record again.")
    return found


def check(folder: Path) -> Stamp:
    """The stamp, after every file of the estate was looked at. Raises DataError naming the file and line at fault."""
    found = stamp(folder)
    folder = Path(folder)
    for file in sorted((folder / "arm").rglob("*.jsonl")):
        for number, body in enumerate(lines(file), 1):
            if not isinstance(body.get("id"), str) or not body["id"].startswith("/"):
                raise DataError(f"{file}, line {number}, has no ARM id.", "Mend the line, or record again.")
    for number, line in enumerate(lines(folder / "nodes.jsonl"), 1):
        if not isinstance(line.get("computeId"), str) or not isinstance(line.get("nodes"), list):
            what = f"{folder / 'nodes.jsonl'}, line {number}, needs a computeId and a list of nodes."
            raise DataError(what, "Mend the line, or record again.")
    for name in ("activity-log.jsonl", "policy-states.jsonl", "prices.jsonl", "directory.jsonl"):
        for _ in lines(folder / name):
            pass
    for file in sorted(folder.rglob("*.parquet")):
        _parquet(file)
    return found


def _parquet(file: Path) -> None:
    """Read the footer: it is at the end of the file, so a truncated one has none."""
    import pyarrow
    from pyarrow import parquet

    try:
        parquet.ParquetFile(file).close()
    except (pyarrow.ArrowException, OSError) as fault:
        raise DataError(
            f"{file} is not a whole Parquet file: {str(fault).splitlines()[0]}", "Copy or record it again."
        ) from fault


def arm_file(folder: Path, resource_id: str) -> Path:
    """Where the body of a resource belongs: arm/<its type>.jsonl."""
    return folder.joinpath("arm", *type_of(resource_id).split("/")).with_suffix(".jsonl")


def write(file: Path, fill: Callable[[IO[bytes]], object]) -> None:
    """Write a file whole or not at all: under another name first, flushed to the disk, then renamed."""
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}-")
    try:
        with os.fdopen(handle, "wb") as target:
            fill(target)
            target.flush()
            os.fsync(target.fileno())
        # mkstemp makes files that only we can read; a recording is as readable as anything else we write.
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(draft, 0o666 & ~umask)
        os.replace(draft, file)
    finally:
        Path(draft).unlink(missing_ok=True)


def write_lines(file: Path, found: Iterable[Json]) -> None:
    """One JSON object a line; amounts digit by digit."""
    import simplejson

    def fill(target: IO[bytes]) -> None:
        for one in found:
            target.write(simplejson.dumps(one, use_decimal=True, ensure_ascii=False).encode() + b"\n")

    write(file, fill)


def write_stamp(folder: Path, found: Stamp) -> None:
    """The last thing to be written: from now on the folder is an estate."""
    text = json.dumps(found.written(), indent=2, ensure_ascii=False) + "\n"
    write(folder / STAMP, lambda target: target.write(text.encode()))
