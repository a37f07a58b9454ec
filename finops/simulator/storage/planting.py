"""Blobs put into the accounts of an estate: crowds, blobs named one by one, and what is written as days go by."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finops.errors import DataError
from finops.simulator.clock import minutes
from finops.simulator.storage import crowds
from finops.simulator.storage.blobs import BASE, SNAPSHOT, TYPES, VERSION
from finops.simulator.storage.crowds import Crowd
from finops.simulator.storage.prices import TIERS, WRITE
from finops.simulator.store import Json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from finops.simulator.storage import Holding, Kept, Storage

KNOWN = {"container", "name", "bytes", "tier", "type", "created", "modified", "accessed", "tierChanged", "snapshot",
         "version", "hold", "until", "leased", "tags"}  # fmt: skip
KEPT_DAYS = 93  # of Monitor's metrics
PLACES = {"snapshot": SNAPSHOT, "version": VERSION}


def fill(storage: Storage, account: Json, told: Sequence[Json]) -> None:
    """Put into `account` what the lines of its file tell, as it is at the world's asOf."""
    kept, now = storage.keep(account), storage.now
    holding = kept.holding
    for line in told:
        if "crowd" in line:
            kept.crowds.append(_crowd(line["crowd"], account["name"]))
            kept.made.append(0)
            crowds.settle_in(holding.blobs, kept.crowds[-1], holding.key, now, holding.default)
        elif "trackedSince" in line:
            holding.noted_since = holding.tracked_at = minutes(_moment(line["trackedSince"]))
    noted = now + 1 if holding.noted_since is None else holding.noted_since
    crowds.remember_reads(holding.blobs, now, noted)
    _observed(holding, now)
    for line in told:
        if "blob" in line:
            _place(kept, line["blob"], account["name"], now)
    kept.grown = now // crowds.DAY
    for name in sorted(set(holding.blobs.containers)):
        if storage.container(account, name) is None:
            storage.life.resources.put(storage.container_body(account, name, {}))
    holding.count()


def _observed(holding: Holding, now: int) -> None:
    """Tell Monitor of the reads before asOf that it would remember still."""
    for day in range(now // crowds.DAY - KEPT_DAYS, now // crowds.DAY + 1):
        rows, minute, times = crowds.reads_on(holding.blobs, day)
        at = day * crowds.DAY + minute
        rows, at, times = rows[at < now], at[at < now], times[at < now]
        holding.observe(at, times, holding.blobs.size[rows] * times)


def grow(kept: Kept, number: int, crowd: Crowd, minute: int) -> None:
    """Write what a crowd writes in a day, all of it as the day begins."""
    if not crowd.new_a_day:
        return
    holding, first = kept.holding, kept.holding.blobs.count
    holding.bill(minute)
    start = crowd.blobs + kept.made[number]
    crowds.settle_in(holding.blobs, crowd, holding.key, minute, holding.default, crowd.new_a_day, start)
    kept.made[number] += crowd.new_a_day
    rows = slice(first, holding.blobs.count)
    tier = int(holding.blobs.tier[first])
    if holding.noted_since is None:
        holding.blobs.accessed[rows] = -1
    holding.totals[tier] += int(holding.size(rows, tier).sum())
    holding.post(WRITE, tier, minute, crowd.new_a_day)


def written(folder: Path, account: str, told: Sequence[Crowd | Json], tracked_since: datetime | None = None) -> None:
    """Write the blobs of the account named `account` into an estate folder: crowds, and blobs one by one."""
    from finops.simulator.simulation import write

    lines: list[Any] = [{"crowd": asdict(one)} if isinstance(one, Crowd) else {"blob": one} for one in told]
    if tracked_since is not None:
        lines.insert(0, {"trackedSince": f"{tracked_since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"})
    write(folder / "blobs" / f"{account}.jsonl", lines)


def _crowd(told: Json, account: str) -> Crowd:
    try:
        crowd = Crowd(**told)
    except TypeError as fault:
        raise _unknown(account, told, str(fault)) from fault
    if crowd.habit not in crowds.HABITS or (crowd.tier and crowd.tier not in TIERS):
        raise _unknown(account, told, f"habits are {', '.join(crowds.HABITS)}; tiers are {', '.join(TIERS)}")
    return crowd


def _place(kept: Kept, told: Json, account: str, now: int) -> None:
    """One blob, a snapshot or a previous version of one."""
    holding, blobs = kept.holding, kept.holding.blobs
    if not {"container", "name", "bytes"} <= set(told) <= KNOWN:
        raise _unknown(account, told, "it needs container, name and bytes")
    tier = told.get("tier")
    created = minutes(_moment(told["created"])) if told.get("created") else now
    times = {
        key: minutes(_moment(told[key])) for key in ("modified", "accessed", "tierChanged", "until") if told.get(key)
    }
    kind = next((key for key in PLACES if told.get(key)), "")
    modified = times.get("modified", created)
    row = blobs.add(
        told["container"],
        told["name"],
        str(told.get(kind, "")),
        size=int(told["bytes"]),
        tier=TIERS.index(tier) if tier else holding.default,
        explicit=tier is not None,
        kind=TYPES.index(told.get("type") or TYPES[0]),
        place=PLACES.get(kind, BASE),
        created=created,
        modified=modified,
        accessed=times.get("accessed", modified) if holding.noted_since is not None else -1,
        tier_changed=times.get("tierChanged", created if tier else -1),
        entered=times.get("tierChanged", modified),
        until=times.get("until", -1),
        hold=bool(told.get("hold")),
        leased=bool(told.get("leased")),
        tag_count=len(told.get("tags") or {}),
    )
    if told.get("tags"):
        blobs.tags[row] = dict(told["tags"])


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _unknown(account: str, told: Json, why: str) -> DataError:
    return DataError(
        f"blobs/{account}.jsonl has {str(told)[:80]}, which is no blob: {why}.", "Mend or remove that line."
    )
