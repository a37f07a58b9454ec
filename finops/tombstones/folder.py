"""A tombstone's folder: written beside, flushed to the disk, read back, and only then moved to its name.

000012-delete/
    tombstone.json     what was read of the resource
    oci/               of an image: its OCI layout
    SHA256             a line for each file, as `sha256sum` writes it; written last
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from finops.errors import DataError, FinopsError
from finops.tombstones.model import FORMAT, Content, Json, Tombstone, content_of, written

SUMS = "SHA256"
BODY = "tombstone.json"
_NAME = re.compile(r"^\d{6,}-[A-Za-z0-9]+(-\d+)?$")
_CHUNK = 1 << 20


@dataclass
class Draft:
    """A tombstone being made in `folder`. Nothing counts before `seal`."""

    root: Path
    folder: Path
    number: int
    action: str

    def seal(self, content: Content, rule: str, generation: str, now: datetime) -> Tombstone:
        """The tombstone, whole on the disk and read back. FinopsError where that cannot be: then nothing is deleted."""
        body = {
            "format": FORMAT, "number": self.number, "rule": rule, "generation": generation,
            "madeAt": now.isoformat(), **written(content),
        }  # fmt: skip
        with _explained(self.folder):
            _put(self.folder / BODY, json.dumps(body, indent=1, sort_keys=True, allow_nan=False).encode())
            sums = _sums(self.folder)
            _put(self.folder / SUMS, sums.encode())
            for place in sorted({file.parent for file in _files(self.folder)} | {self.folder}):
                _flush(place)
            name = self._name()
            os.rename(self.folder, self.root / name)
            _flush(self.root)
        reference = f"{name} sha256:{hashlib.sha256(sums.encode()).hexdigest()}"
        found = read(self.root, reference)
        if found.content.digest != content.digest:
            raise DataError(f"{self.root / name} does not hold what was read from Azure.", "Look at the disk.")
        return found

    def _name(self) -> str:
        """One that is free: a tombstone is never written over."""
        taken = {path.name for path in self.root.iterdir()}
        first = f"{self.number:06d}-{self.action}"
        return next(
            name for name in (first, *(f"{first}-{again}" for again in range(2, len(taken) + 3))) if name not in taken
        )


@contextmanager
def draft(root: Path, number: int, action: str) -> Iterator[Draft]:
    """An empty folder for a tombstone of record `number`; gone again if it is not sealed."""
    root = Path(root)
    folder = root / f".{number:06d}-{action}-unfinished"
    with _explained(folder):
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
        if folder.exists():  # a run was broken off here
            shutil.rmtree(folder)
        folder.mkdir(mode=0o700)
    try:
        yield Draft(root, folder, number, action)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def read(root: Path, reference: str) -> Tombstone:
    """The tombstone that a record names, every byte of it checked. DataError for anything but the whole of it."""
    name, _, expected = reference.partition(" sha256:")
    if not _NAME.match(name) or not expected:
        raise DataError(f"{reference!r} names no tombstone.", "The database was changed by hand.")
    folder = Path(root) / name
    damaged = "It cannot be made again from this; restore the folder from a backup."
    try:
        sums = (folder / SUMS).read_bytes()
        if hashlib.sha256(sums).hexdigest() != expected:
            raise DataError(f"The tombstone {folder} is not the one that was written.", damaged)
        if sums.decode() != _sums(folder):
            raise DataError(f"Files of the tombstone {folder} were changed, or are missing.", damaged)
        found: Json = json.loads((folder / BODY).read_bytes())
    except OSError as fault:
        raise DataError(f"The tombstone {folder} cannot be read ({fault.strerror}).", damaged) from fault
    except ValueError as fault:
        raise DataError(f"The tombstone {folder} is not JSON.", damaged) from fault
    if found.get("format") != FORMAT:
        raise DataError(f"{folder} is '{found.get('format')}'.", f"This version reads '{FORMAT}'.")
    return Tombstone(
        folder, reference, found["number"], found["rule"], found["generation"],
        datetime.fromisoformat(found["madeAt"]), content_of(found),
    )  # fmt: skip


def names(root: Path) -> list[tuple[str, int]]:
    """Every tombstone's name, with the number of its record."""
    with _explained(Path(root)):
        found = sorted(path.name for path in Path(root).iterdir()) if Path(root).exists() else []
    return [(name, int(name.partition("-")[0])) for name in found if _NAME.match(name)]


def remove(root: Path, name: str) -> None:
    """Give up a tombstone. First its name, so that half of it is never taken for one."""
    if not _NAME.match(name):
        raise DataError(f"{name!r} names no tombstone.", "The database was changed by hand.")
    given_up = Path(root) / f".{name}-removed"
    with _explained(given_up):
        os.rename(Path(root) / name, given_up)
        _flush(Path(root))
        shutil.rmtree(given_up)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path != folder / SUMS)


def _sums(folder: Path) -> str:
    """A line for each file, as it lies on the disk now."""
    lines = []
    for path in _files(folder):
        found = hashlib.sha256()
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                found.update(chunk)
            os.fsync(file.fileno())
        lines.append(f"{found.hexdigest()}  {path.relative_to(folder).as_posix()}\n")
    return "".join(lines)


def _put(path: Path, content: bytes) -> None:
    with open(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _flush(folder: Path) -> None:
    """Make the names in a folder outlive a crash."""
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as fault:
        raise FinopsError(
            f"The tombstone {path} cannot be written ({fault.strerror}).",
            "Nothing is deleted without one. Make room, or give write access to the folder janitor.tombstones.",
        ) from fault
    except (ValueError, TypeError) as fault:
        raise FinopsError(
            f"The tombstone {path} cannot be written ({fault}).", "Nothing is deleted without one."
        ) from fault
