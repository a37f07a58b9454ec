"""What is in the storage accounts of an estate, and what happens to it as time passes.

`blobs/<account>.jsonl` of an estate folder: crowds of blobs ({"crowd": {...}}, see crowds.Crowd), single ones
({"blob": {"container", "name", "bytes", ...}}) and, once, {"trackedSince": time} where last access is noted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np

from finops.simulator.clock import minutes, moment_of
from finops.simulator.life import Life
from finops.simulator.storage import crowds, planting, prices, reports
from finops.simulator.storage.crowds import Crowd
from finops.simulator.storage.holding import DAY, Holding
from finops.simulator.storage.lifecycle import Engine
from finops.simulator.storage.rules import rules_of
from finops.simulator.store import Json, inside, type_of

ACCOUNT = "microsoft.storage/storageaccounts"
SERVICE, CONTAINER = f"{ACCOUNT}/blobservices", f"{ACCOUNT}/blobservices/containers"
CONTAINER_NAME = re.compile(r"\$root|\$logs|\$web|(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
# Time passes in steps of at most so many minutes: rehydrating takes longer, so that none is begun and over in one.
STEP = 6 * 60
# Of the reports that fell due in one leap of the clock so many are written, the newest ones.
KEPT_RUNS = 3


@dataclass
class Kept:
    """One account as it lives: its blobs, who makes and reads them, what its policies do, and until when it lived."""

    holding: Holding
    at: int
    crowds: list[Crowd] = field(default_factory=list)
    made: list[int] = field(default_factory=list)  # blobs that each crowd has written since asOf
    grown: int = -1  # the last day on which they wrote
    policy: Json | None = None
    engine: Engine | None = None
    day: int = -1
    reads: tuple[Any, Any, Any] = (None, None, None)


class Storage:
    """The storage accounts of one world, by id in lower case; those without blobs of their own begin when asked for."""

    def __init__(self, life: Life, now: int) -> None:
        self.life = life
        self.now = now
        self.kept: dict[str, Kept] = {}

    def recall(self, lines: dict[str, list[Json]]) -> None:
        """Fill the accounts that the estate's folder has blobs of, `lines` by account name, and listen from now on."""
        for body in self.life.resources.of_type(ACCOUNT):
            told = lines.get(str(body["name"]).lower())
            if told is not None:
                planting.fill(self, body, told)
                self.life.metered.add(body["id"].lower())
        self.life.resources.listen(self._hear)

    def settle(self, now: int) -> None:
        """Live until minute `now`."""
        if now <= self.now:
            return
        for kept in [self.kept[key] for key in sorted(self.kept)]:
            self._live(kept, now)
        self.now = now
        self.life.ledger.close(now)

    def of(self, account: Json) -> Holding:
        """The blobs of an account."""
        return self.keep(account).holding

    def keep(self, account: Json) -> Kept:
        key = str(account["id"]).lower()
        if key not in self.kept:
            holding = Holding(self.life, account, self.now)
            self.kept[key] = Kept(holding, self.now)
            service = self.life.resources.get(f"{account['id']}/blobServices/default")
            if service is not None:
                self._track(holding, service)
        return self.kept[key]

    def named(self, name: str) -> Json | None:
        """The account of a name, which is unique in Azure."""
        wanted = name.lower()
        return next((body for body in self.life.resources.of_type(ACCOUNT) if body["name"].lower() == wanted), None)

    @staticmethod
    def fits(container: str) -> bool:
        """Whether a container may be named so."""
        return CONTAINER_NAME.fullmatch(container) is not None

    def containers(self, account: Json) -> list[Json]:
        return self.life.resources.of_type(CONTAINER, under=account["id"])

    def container(self, account: Json, name: str) -> Json | None:
        return self.life.resources.get(f"{account['id']}/blobServices/default/containers/{name}")

    def container_body(self, account: Json, name: str, given: Json) -> Json:
        """The body of a container, new or with what is `given` changed."""
        known = self.container(account, name)
        stamp = f"{moment_of(self.now):%Y-%m-%dT%H:%M:%S}.0000000Z"
        held: Json = known["properties"] if known else {
            "publicAccess": "None",
            "leaseStatus": "Unlocked",
            "leaseState": "Available",
            "hasImmutabilityPolicy": False,
            "hasLegalHold": False,
            "deleted": False,
            "defaultEncryptionScope": "$account-encryption-key",
            "denyEncryptionScopeOverride": False,
        }  # fmt: skip
        return {
            "id": f"{account['id']}/blobServices/default/containers/{name}",
            "name": name,
            "type": "Microsoft.Storage/storageAccounts/blobServices/containers",
            "etag": f'"0x8D{self.now:011X}"',
            "properties": {**held, **given, "lastModifiedTime": stamp},
        }

    def _live(self, kept: Kept, now: int) -> None:
        holding = kept.holding
        runs = list(self._report_times(kept, kept.at, now))
        newest = {(rule["name"], at) for rule in {r["name"]: r for _, r in runs}.values()
                  for at in [at for at, other in runs if other["name"] == rule["name"]][-KEPT_RUNS:]}  # fmt: skip
        while kept.at < now:
            self._day(kept)
            slot = _after(kept.at, self._slot(holding))
            due = holding.blobs.due[holding.blobs.due > kept.at]
            times = [now, (kept.at // DAY + 1) * DAY, slot, kept.at + STEP, *(at for at, _ in runs if at > kept.at)]
            until = min([*times, int(due.min())] if len(due) else times)
            self._read(kept, until)
            holding.arrive(until)
            if until == slot:
                self._tier(kept, until)
            for at, rule in runs:
                if at == until and (rule["name"], at) in newest:
                    reports.run(holding, rule, until, self.containers({"id": holding.id}))
            kept.at = until
        holding.bill(now)

    def _day(self, kept: Kept) -> None:
        """What a new day brings: new blobs, and what people will read."""
        day, holding = kept.at // DAY, kept.holding
        if day == kept.day:
            return
        kept.day = day
        if kept.grown >= 0 and day > kept.grown and kept.at == day * DAY:
            kept.grown = day
            for number, crowd in enumerate(kept.crowds):
                planting.grow(kept, number, crowd, kept.at)
        kept.reads = crowds.reads_on(holding.blobs, day)

    def _read(self, kept: Kept, until: int) -> None:
        rows, minute, times = kept.reads
        first, last = np.searchsorted(minute, [kept.at - kept.day * DAY, until - kept.day * DAY])
        rows, minute, times = rows[first:last], minute[first:last] + kept.day * DAY, times[first:last]
        there = kept.holding.blobs.alive[rows]
        if there.any():
            kept.holding.read_by_people(rows[there], minute[there], times[there], until)

    @staticmethod
    def _slot(holding: Holding) -> int:
        """The minute of the day at which its policy runs: 01:00 to 04:59, when nobody says."""
        return 60 + holding.key % 240

    def _tier(self, kept: Kept, minute: int) -> None:
        """Run the lifecycle policy, if one was written at least an hour ago (Azure: up to 24 hours)."""
        policy = self.life.resources.get(f"{kept.holding.id}/managementPolicies/default")
        if policy is None:
            kept.policy = kept.engine = None
            return
        if kept.policy is not policy or kept.engine is None:
            kept.policy = policy
            kept.engine = Engine(kept.holding, rules_of(policy["properties"]["policy"]))
        if minute - _written(policy) >= 60:
            kept.engine.run(minute)

    def _report_times(self, kept: Kept, start: int, end: int) -> Iterator[tuple[int, Json]]:
        """When each inventory rule runs after `start` until `end`: daily, or on Sundays; from the day after it came."""
        body = self.life.resources.get(f"{kept.holding.id}/inventoryPolicies/default")
        if body is None or not body["properties"]["policy"].get("enabled"):
            return
        written, slot = _written(body), self._slot(kept.holding) + 5 * 60
        at = _after(start, slot)
        while at <= end:
            for rule in body["properties"]["policy"]["rules"]:
                sunday = moment_of(at).weekday() == 6
                weekly = str(rule["definition"]["schedule"]).lower() == "weekly"
                there = self.life.resources.get(
                    f"{kept.holding.id}/blobServices/default/containers/{rule['destination']}"
                )
                if at // DAY > written // DAY and rule["enabled"] and (sunday or not weekly) and there:
                    yield at, rule
            at += DAY

    def _hear(self, key: str, body: Json | None) -> None:
        """Something was put or deleted: an account's tier, its tracking, or itself."""
        kind = type_of(key)
        if kind == ACCOUNT and key in self.kept:
            self.kept[key].holding.bill(self.now)
            if body is None:
                del self.kept[key]
            else:
                self.kept[key].holding.read(body)
        elif kind == SERVICE and body is not None:
            account = self.life.resources.get(key.partition("/blobservices/")[0])
            if account is not None:
                self._track(self.of(account), body)
        elif kind == CONTAINER and body is None:
            kept = self.kept.get(key.partition("/blobservices/")[0])
            if kept is not None:
                holding, name = kept.holding, key.rpartition("/")[2]
                gone = [row for row in holding.blobs.ordered() if holding.blobs.containers[row] == name]
                holding.delete(np.array(gone, np.int64), self.now)

    def _track(self, holding: Holding, service: Json) -> None:
        on = inside(service, "properties", "lastAccessTimeTrackingPolicy").get("enable") is True
        if on and holding.noted_since is None:
            holding.noted_since = holding.tracked_at = self.now
        elif not on:
            holding.noted_since = None


def _after(minute: int, slot: int) -> int:
    """The next minute after `minute` at which the day is `slot` minutes old."""
    at = minute // DAY * DAY + slot
    return at if at > minute else at + DAY


def _written(policy: Json) -> int:
    """When a policy was written; one that does not say was always there."""
    text = policy["properties"].get("lastModifiedTime")
    return minutes(datetime.fromisoformat(str(text)[:26].rstrip("Z")).replace(tzinfo=UTC)) if text else 0


__all__ = ["Crowd", "Holding", "Storage", "prices"]
