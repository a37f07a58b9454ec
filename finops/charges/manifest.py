"""Azure's export folders: one run a folder, its parts listed in manifest.json, which Azure writes last.

https://learn.microsoft.com/azure/cost-management-billing/costs/tutorial-improved-exports
StorageDirectory/ExportName/[YYYYMMDD-YYYYMMDD]/[RunID]/{manifest.json, part_0_0001.csv, ...}
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

COST = {"focuscost": "focus", "actualcost": "actual", "amortizedcost": "amortized", "usage": "actual"}


@dataclass(frozen=True)
class Manifest:
    """One export run as its manifest tells it. export: its resource id, lower case. period: (first, last) day asked."""

    file: Path
    export: str
    kind: str
    period: tuple[str, str]
    submitted: datetime
    parts: tuple[Path, ...]
    rows: int | None
    fault: str = ""

    @property
    def scope(self) -> str:
        """What the export covers: the ARM id in front of its own, lower case; "" where the manifest does not say."""
        return self.export.partition("/providers/microsoft.costmanagement/")[0] if "/" in self.export else ""


def read(file: Path) -> Manifest:
    """The run described by `file`. `fault` says why it is not complete, "" where it is; it is never an exception."""
    folder = file.parent
    try:
        text = file.read_text("utf-8-sig")
        body = json.loads(text) if text.strip() else None
    except (OSError, UnicodeDecodeError, ValueError) as fault:
        return _broken(file, f"{file.name} cannot be read ({fault})")
    if body is None:
        return _broken(file, f"{file.name} is empty: the run has not finished")
    if not isinstance(body, dict) or not isinstance(body.get("blobs"), list):
        return _broken(file, f"{file.name} lists no blobs")
    config, run = _dict(body.get("exportConfig")), _dict(body.get("runInfo"))
    blobs = [blob for blob in body["blobs"] if isinstance(blob, dict)]
    parts = tuple(folder / str(blob.get("blobName", "")).strip().rsplit("/", 1)[-1] for blob in blobs)
    return Manifest(
        file,
        str(config.get("resourceId") or config.get("exportName") or folder.parent.parent).lower(),
        COST.get(str(config.get("type", "")).lower(), str(config.get("type", "")) and "other"),
        (str(run.get("startDate", ""))[:10], str(run.get("endDate", ""))[:10]),
        _when(run.get("submittedTime")) or datetime.fromtimestamp(file.stat().st_mtime, UTC),
        parts,
        body.get("dataRowCount") if isinstance(body.get("dataRowCount"), int) else None,
        _missing(body, blobs, parts),
    )


def _missing(body: dict[str, Any], blobs: list[dict[str, Any]], parts: tuple[Path, ...]) -> str:
    """What the folder lacks of what the manifest promises; "" where it has all."""
    count = body.get("blobCount")
    if isinstance(count, int) and count != len(blobs):
        return f"the manifest counts {count} parts and lists {len(blobs)}"
    if not parts:
        return "the manifest lists no parts"
    for blob, part in zip(blobs, parts, strict=True):
        if not part.is_file():
            return f"{part.name} is not there"
        size = blob.get("byteCount")
        if isinstance(size, int) and size not in _sizes(part):
            return f"{part.name} has {part.stat().st_size:,} bytes, the manifest says {size:,}"
    return ""


def _sizes(part: Path) -> set[int]:
    """The bytes of `part`; of a .gz also unpacked, as the documentation does not say which of the two is counted."""
    size = part.stat().st_size
    if part.suffix.lower() != ".gz" or size < 18:
        return {size}
    with part.open("rb") as packed:
        packed.seek(-4, 2)  # RFC 1952: the size before packing, modulo 2^32, ends the file
        return {size, int.from_bytes(packed.read(4), "little")}


def newest(runs: list[Manifest]) -> tuple[list[list[Manifest]], list[Manifest]]:
    """(complete runs of each export and month, newest first; incomplete runs that are newer than all of those)."""
    complete: dict[tuple[str, str, str], list[Manifest]] = {}
    for run in sorted(runs, key=lambda run: run.submitted, reverse=True):
        if not run.fault:
            complete.setdefault(_slot(run), []).append(run)
    waiting = [
        run
        for run in runs
        if run.fault
        and run.kind != "other"
        and all(run.submitted > done.submitted for done in complete.get(_slot(run), []))
    ]
    return list(complete.values()), waiting


def _slot(run: Manifest) -> tuple[str, str, str]:
    """A run replaces older runs of the same export that start on the same day: month to date, then the closed month."""
    start = run.period[0] or (re.match(r"\d{8}-\d{8}", run.file.parent.parent.name) or [""])[0]
    return run.export, run.kind, start


def _broken(file: Path, fault: str) -> Manifest:
    when = datetime.fromtimestamp(file.stat().st_mtime, UTC) if file.exists() else datetime.min.replace(tzinfo=UTC)
    return Manifest(file, str(file.parent.parent.parent).lower(), "", ("", ""), when, (), None, fault)


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _when(text: object) -> datetime | None:
    """Azure writes seven digits of a second, one more than Python reads."""
    trimmed = re.sub(r"(\.\d{6})\d+", r"\1", str(text or ""))
    try:
        moment = datetime.fromisoformat(trimmed)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
