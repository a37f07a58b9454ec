"""Read what training jobs told of their evictions, in folders and in containers of blobs: report.checkpoints."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from finops.checkpoint.told import Told, read_folder
from finops.errors import AzureError, DataError
from finops.report.evicted import Accounts, accounts

if TYPE_CHECKING:
    from finops.cloud import Azure

_TOLD = re.compile(r"(?:(.*)/)?attempt-\d{4,}\.told\.json")
LARGEST = 1 << 16  # bytes: what an attempt tells takes less than one of the 64 KiB


def told_by_jobs(places: Sequence[str], azure: Azure | None) -> tuple[Accounts, tuple[str, ...]]:
    """What the jobs below `places` told, and sentences about what could not be read. Containers need `azure`."""
    jobs: list[list[Told]] = []
    remarks: list[str] = []
    for place in places:
        if "://" not in place:
            found, wrong = _folder(Path(place))
        elif azure is None:
            found, wrong = [], [f"Evictions of training jobs were not read: {place} is in Azure, which was not asked"]
        else:
            found, wrong = _container(azure, place)
        jobs += found
        remarks += wrong
    return accounts(jobs), tuple(remarks)


def _folder(root: Path) -> tuple[list[list[Told]], list[str]]:
    if not root.is_dir():
        return [], [f"Evictions of training jobs were not read: {root} is no folder that can be read"]
    found, wrong = read_folder(root)
    return list(found.values()), [f"What a training job told could not be read: {path}" for path in wrong]


def _container(azure: Azure, place: str) -> tuple[list[list[Told]], list[str]]:
    """place: https://ACCOUNT.blob.core.windows.net/CONTAINER/FOLDER; an emulator has the account in the path."""
    parts = urlsplit(place)
    path = unquote(parts.path).strip("/")
    name, _, rest = path.partition("/") if parts.port else ((parts.hostname or "").partition(".")[0], "", path)
    endpoint = f"{parts.scheme}://{parts.netloc}/{name if parts.port else ''}"
    container, _, prefix = rest.partition("/")
    found: dict[str, list[Told]] = {}
    wrong = []
    try:
        storage = azure.storage({"name": name, "properties": {"primaryEndpoints": {"blob": endpoint}}})
        for blob in storage.blobs(container, f"{prefix}/" if prefix else ""):
            named = _TOLD.fullmatch(blob.name)
            if named is None or blob.bytes > LARGEST:
                continue
            try:
                one = Told.of(json.loads(b"".join(storage.read(container, blob.name))))
                found.setdefault(named[1] or "", []).append(one)
            except (DataError, ValueError):
                wrong.append(f"What a training job told could not be read: {blob.name} in {place}")
    except (AzureError, DataError) as fault:
        wrong.append(f"Evictions of training jobs in {place} were not read: {fault.what}")
    return list(found.values()), wrong
