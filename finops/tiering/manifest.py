"""Which files make up the newest whole run of a blob inventory, by the manifests that Azure writes beside them.

https://learn.microsoft.com/azure/storage/blobs/blob-inventory#inventory-files
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from finops.errors import DataError

AGAIN = "Wait for the next run of the inventory rule, or copy all of its files again."
# Filters of an inventory rule that leave no block blob out.
HARMLESS = frozenset({"blobTypes", "includeSnapshots", "includeBlobVersions", "includeDeleted"})
# 2026/11/01/02-00-00: Azure names a run's folder by when it began.
_BEGAN = re.compile(r"(\d{4})/(\d\d)/(\d\d)/(\d\d)-(\d\d)-(\d\d)(?=/|$)")


@dataclass(frozen=True)
class Run:
    """The files of one run. blobs, bytes: as its manifest counts them. block_only: it lists nothing but block blobs.

    as_of, blobs, bytes: None where there is no manifest; unproven then says that nothing proves the run to be whole.
    """

    files: tuple[Path, ...]
    as_of: datetime | None
    blobs: int | None = None
    bytes: int | None = None
    block_only: bool = False
    unproven: str = ""


def find(paths: Sequence[Path], account: str, now: datetime, stale: timedelta) -> Run:
    """The newest whole run of `account`'s inventory. Raises DataError where there is none, and says why not."""
    for path in paths:
        if not path.exists():
            raise DataError(f"There is no {path}.", "Give the files of an inventory, or a folder that holds them.")
    written = sorted({file for path in paths for file in _below(path, "-manifest.json")})
    if not written:
        return _bare(paths)
    runs, faults, others = [], [], set()
    for file in written:
        told = _told(file)
        if not isinstance(told, Mapping):
            faults.append(f"{file.name} is no manifest")
            continue
        if str(_in(told, "ruleDefinition").get("objectType", "blob")).lower() != "blob":
            continue
        if (owner := _account(str(told.get("endpoint", "")))) != account.lower():
            others.add(owner or "an account that it does not name")
            continue
        run = _run(file, told)
        if isinstance(run, Run):
            runs.append(run)
        else:
            faults.append(run)
    if not runs and others and not faults:
        named = " and ".join(sorted(others))
        raise DataError(f"The inventory is of {named}, not of {account}.", f"Give the inventory of {account}.")
    if not runs:
        raise DataError(f"The inventory of {account} is not whole: {'; '.join(faults) or 'it lists no blobs'}.", AGAIN)
    newest = max(runs, key=lambda run: (run.as_of or now, run.blobs or 0))
    check_age(newest.as_of, account, now, stale)
    return newest


def check_age(as_of: datetime | None, account: str, now: datetime, stale: timedelta) -> None:
    """Raises DataError where an inventory is too old to move anything by, or of the future."""
    if as_of is None:
        raise DataError(
            f"Nothing says of when the inventory of {account} is.", "Give it with its manifest, or in Azure's folders."
        )
    if now - as_of > stale:
        raise DataError(
            f"The inventory of {account} is of {as_of:%d %B %Y}, {(now - as_of).days} days ago; "
            f"the limit is {stale.days}.",
            "See that the inventory rule is enabled and its last run succeeded.",
        )
    if as_of > now + timedelta(days=1):
        raise DataError(f"The inventory of {account} is of {as_of:%d %B %Y}, which is yet to come.", "Check the clock.")


def _run(file: Path, told: Mapping[str, Any]) -> Run | str:
    """The run that a manifest describes, or what is wrong with it, as a clause."""
    status = str(told.get("status", ""))
    if status.lower() != "succeeded":
        return f"the run of {told.get('inventoryStartTime')} ended as '{status}'"
    if fault := _unsealed(file):
        return fault
    if part := partial(_in(_in(told, "ruleDefinition"), "filters")):
        return f"{file.name} is of a rule that lists only a part of the account ({part})"
    try:
        as_of = _moment(str(told["inventoryStartTime"]))
        blobs, size = int(told["summary"]["objectCount"]), int(told["summary"]["totalObjectSize"])
        listed = [(str(part["blob"]), int(part["size"])) for part in told["files"]]
    except (KeyError, TypeError, ValueError) as fault:
        return f"{file.name} is no manifest ({type(fault).__name__}: {fault})"
    files = []
    for blob, length in listed:
        found = _beside(file, blob)
        if found is None:
            return f"{blob} is missing"
        if found.stat().st_size != length:
            return f"{blob} has {found.stat().st_size:,} bytes instead of {length:,}"
        files.append(found)
    kinds = _in(_in(told, "ruleDefinition"), "filters").get("blobTypes")
    only = isinstance(kinds, list) and [str(kind).lower() for kind in kinds] == ["blockblob"]
    return Run(tuple(files), as_of, blobs, size, only)


def partial(filters: Mapping[str, Any]) -> str:
    """What leaves block blobs out of an inventory, which a lifecycle rule would then move unseen; "": nothing."""
    narrow = [name for name, value in filters.items() if name not in HARMLESS and value]
    kinds = filters.get("blobTypes")
    if isinstance(kinds, list) and "blockblob" not in [str(kind).lower() for kind in kinds]:
        narrow.append("blobTypes")
    return ", ".join(sorted(narrow))


def _bare(paths: Sequence[Path]) -> Run:
    """Files without a manifest: an inventory that cannot be known to be whole."""
    files = sorted({file for path in paths for ending in (".parquet", ".csv") for file in _below(path, ending)})
    if not files:
        raise DataError(
            f"There is no inventory in {', '.join(str(path) for path in paths)}.",
            "Give the .csv or .parquet files that Azure's inventory rule writes, with their manifest.",
        )
    began = [_BEGAN.search(file.as_posix()) for file in files]
    moments = [datetime(*map(int, found.groups()), tzinfo=UTC) for found in began if found]  # type: ignore[misc, arg-type]
    return Run(tuple(files), max(moments, default=None), unproven="it has no manifest, so parts may be missing")


def _unsealed(file: Path) -> str:
    """Why a manifest is not final: Azure writes its checksum last."""
    seal = file.with_name(file.name.removesuffix(".json") + ".checksum")
    if not seal.exists():
        return f"{seal.name} is missing, which marks the end of a run"
    digest = hashlib.md5(file.read_bytes(), usedforsecurity=False).digest()
    if seal.read_text("ascii", "replace").strip().strip('"') in (digest.hex(), base64.b64encode(digest).decode()):
        return ""
    return f"{file.name} does not agree with {seal.name}"


def _beside(manifest: Path, blob: str) -> Path | None:
    """Where a file of the run lies: in the manifest's folder, wherever that was copied to."""
    name = blob.replace("\\", "/").rpartition("/")[2]
    found = manifest.parent / name
    return found if name not in ("", ".", "..") and found.is_file() else None


def _below(path: Path, ending: str) -> list[Path]:
    if path.is_file():
        return [path] if path.name.lower().endswith(ending) else []
    return [file for file in path.rglob("*") if file.is_file() and file.name.lower().endswith(ending)]


def _told(file: Path) -> Any:
    try:
        return json.loads(file.read_bytes())
    except ValueError:
        return None


def _in(told: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    inner = told.get(key)
    return inner if isinstance(inner, Mapping) else {}


def _account(endpoint: str) -> str:
    """The account that an endpoint belongs to: the first label of its host, or of its path on an emulator."""
    where = urlsplit(endpoint)
    host = (where.hostname or "").lower()
    emulated = host in ("localhost", "host.docker.internal") or host.replace(".", "").isdigit()
    return where.path.strip("/").partition("/")[0].lower() if emulated else host.partition(".")[0]


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
