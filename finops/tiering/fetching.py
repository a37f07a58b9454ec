"""The inventory of an account without anybody's help: the newest whole run of its own inventory rule, else a list."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finops.errors import AccessDenied, AzureError, DataError, NotFound
from finops.tiering import manifest
from finops.tiering.inventory import STALE, Inventory, read_inventory
from finops.tiering.listing import MOST_BLOBS, list_inventory
from finops.tiering.model import Account

if TYPE_CHECKING:
    from finops.cloud import Azure, Blob, Storage

STORAGE_VERSION = "2023-05-01"


@dataclass(frozen=True)
class Source:
    """An inventory rule whose runs list every block blob of the account, and the container that it writes into."""

    rule: str
    container: str


def inventory_of(
    azure: Azure,
    account: Account,
    now: datetime,
    spool: Path,
    memory: str = "1GiB",
    *,
    most: int = MOST_BLOBS,
    stale: timedelta = STALE,
    folders: int = 1,
) -> Inventory:
    """The newest whole run of the account's inventory rule, not older than `stale`; where there is none, a list.

    Raises DataError where there is no such run and more than `most` blobs are there to list, and says both.
    """
    storage = azure.storage(azure.get(account.id, STORAGE_VERSION))
    try:
        return fetched(azure, storage, account, now, spool, memory, stale=stale, folders=folders)
    except DataError as none:
        try:
            return list_inventory(storage, now, spool, memory, hns=account.hns, most=most, folders=folders)
        except DataError as fault:
            raise DataError(f"{none.what} {fault.what}", none.fix or fault.fix) from fault


def fetched(
    azure: Azure,
    storage: Storage,
    account: Account,
    now: datetime,
    spool: Path,
    memory: str = "1GiB",
    *,
    stale: timedelta = STALE,
    folders: int = 1,
) -> Inventory:
    """The newest whole run of an inventory rule, copied into `spool` and checked. Raises DataError: there is none."""
    wanted = sources(azure, account)
    spool.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix="fetched-", dir=spool))
    try:
        _fetch(azure, storage, wanted, account, now, work / "run", stale)
        found = read_inventory([work / "run"], account.name, now, work, memory, stale=stale, folders=folders)
    except (DataError, AzureError, OSError):
        shutil.rmtree(work, ignore_errors=True)
        raise
    return replace(found, work=work)


def sources(azure: Azure, account: Account) -> tuple[Source, ...]:
    """The inventory rules that list the whole account. Raises DataError where there is none, and says why not."""
    try:
        body = azure.get(f"{account.id}/inventoryPolicies/default", STORAGE_VERSION)
    except NotFound:
        body = {}
    except AccessDenied as fault:
        raise DataError(f"The inventory rules of {account.name} cannot be read: {fault.what}", fault.fix) from fault
    policy = _inner(_inner(body, "properties"), "policy")
    rules = policy.get("rules")
    found: list[Source] = []
    partly: list[Source] = []
    for rule in rules if isinstance(rules, list) else ():
        definition = _inner(rule, "definition")
        if policy.get("enabled") is not True or rule.get("enabled") is not True:
            continue
        if str(definition.get("objectType", "")).lower() != "blob":
            continue
        name, container = str(rule.get("name") or ""), str(rule.get("destination") or policy.get("destination") or "")
        filters = _inner(definition, "filters")
        whole = filters.get("blobTypes") and not manifest.partial(filters)
        (found if whole else partly).append(Source(name, container))
    if found:
        return tuple(found)
    if partly:
        named = " and ".join(source.rule for source in partly)
        raise DataError(
            f"No inventory rule of {account.name} lists the whole account ({named} lists a part).",
            "Add one without prefixes that lists block blobs, and wait for its first run.",
        )
    raise DataError(
        f"{account.name} has no inventory rule that is enabled.",
        "Add one that lists block blobs (docs/tiering.md), and wait for its first run.",
    )


def _fetch(
    azure: Azure, storage: Storage, wanted: tuple[Source, ...], account: Account, now: datetime, folder: Path,
    stale: timedelta,
) -> None:  # fmt: skip
    """The newest whole run of `wanted`, copied into `folder`. Raises DataError where there is none."""
    first = ""
    for parts in _runs(storage, wanted, now, stale):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        room = shutil.disk_usage(folder).free
        size = sum(blob.bytes for blob in parts)
        if size * 2 > room:  # CSV is written once more, as Parquet
            raise DataError(
                f"The newest inventory of {account.name} has {size / 2**30:,.1f} GiB, and there is room for "
                f"{room / 2**30:,.1f} GiB in {folder.parent.parent}.",
                "Set TMPDIR to a folder with twice as much room as the inventory.",
            )
        try:
            for blob, fault in azure.each(parts, lambda blob: _copy(storage, blob, folder)):
                if isinstance(fault, AzureError):
                    raise fault if fault.status not in {404, 412} else _gone(blob)
            manifest.find([folder], account.name, now, stale)
            return
        except DataError as fault:
            first = first or f"{fault.what.rstrip('.')}."
    names = " and ".join(source.rule for source in wanted)
    raise DataError(
        first or f"The inventory rule {names} of {account.name} has written nothing in the last {stale.days} days.",
        "The first run takes up to 24 hours. See in the portal that the last one succeeded.",
    )


def _runs(storage: Storage, wanted: tuple[Source, ...], now: datetime, stale: timedelta) -> Iterator[list[Blob]]:
    """The files of each run that has a manifest, newest first. Its folder is YYYY/MM/DD/HH-MM-SS/RULE."""
    rules: dict[str, set[str]] = {}
    for source in wanted:
        rules.setdefault(source.container, set()).add(source.rule)
    for days in range(stale.days + 2):
        day = now + timedelta(days=1 - days)
        runs: dict[tuple[str, str], list[Blob]] = {}
        for container, names in rules.items():
            with suppress(NotFound):  # the container is made before the first run, or was deleted
                for blob in storage.blobs(container, f"{day:%Y/%m/%d}/"):
                    folder, _, _ = blob.name.rpartition("/")
                    if folder.rpartition("/")[2] in names:
                        runs.setdefault((folder, container), []).append(blob)
        for key in sorted(runs, reverse=True):
            if any(blob.name.endswith("-manifest.json") for blob in runs[key]):
                yield runs[key]


def _copy(storage: Storage, blob: Blob, folder: Path) -> None:
    place = folder / blob.name.rpartition("/")[2]
    try:
        with place.open("xb") as target:
            for piece in storage.read(blob.container, blob.name):
                target.write(piece)
    except OSError as fault:
        raise DataError(
            f"The inventory cannot be copied to {place}: {fault.strerror}.", "Set TMPDIR to a folder with more room."
        ) from fault


def _gone(blob: Blob) -> DataError:
    return DataError(f"{blob.container}/{blob.name} changed while it was copied.", manifest.AGAIN)


def _inner(body: Any, name: str) -> Mapping[str, Any]:
    found = body.get(name) if isinstance(body, Mapping) else None
    return found if isinstance(found, Mapping) else {}
