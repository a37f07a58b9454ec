"""One storage account with its blobs: every change goes through here, and is billed to the minute."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from finops.simulator.clock import minutes
from finops.simulator.draws import key_of
from finops.simulator.storage import prices
from finops.simulator.storage.blobs import BASE, BLOCK, Blobs
from finops.simulator.storage.prices import ARCHIVE, COOL, EARLY_DAYS, HOT, TIERS
from finops.simulator.store import Json, inside

if TYPE_CHECKING:
    from finops.simulator.life import Life

DAY = 1440
# Standard priority takes up to 15 hours, high priority less than one (azure-docs, archive-rehydrate-overview.md).
STANDARD_MINUTES, HIGH_MINUTES = 15 * 60, 50
# Outside Hot a smaller blob is billed as one of this size: in accounts made from the first day on, from the second one
# on in all (azure-docs, access-tiers-overview.md, "Minimum billable object size on cooler tiers").
SMALLEST = 128 * 1024
IN_NEW_ACCOUNTS, EVERYWHERE = 20_635 * DAY, 21_000 * DAY  # 2026-07-01, 2027-07-01


class Holding:
    """The blobs of one account. `noted_since`: the minute since which last access is noted, None where it is not."""

    def __init__(self, life: Life, account: Json, now: int) -> None:
        self.life = life
        self.id = str(account["id"])
        self.name = str(account["name"])
        self.key = key_of(life.key, self.id.lower())
        self.blobs = Blobs()
        self.noted_since: int | None = None
        self.tracked_at: int | None = None  # when last access tracking was turned on last, even if it is off now
        self.billed_until = now
        self.totals = [0, 0, 0, 0]  # bytes billed in each tier
        self.tags = 0
        created = inside(account, "properties").get("creationTime")
        self.created = minutes(life.moment(str(created))) if created else now
        self.read(account)

    def read(self, account: Json) -> None:
        """Take over what the account's body says. Blobs without a tier of their own follow its default, unbilled."""
        self.region = str(account.get("location", "eastus")).replace(" ", "").lower()
        redundancy = str(inside(account, "sku").get("name", "")).rpartition("_")[2].upper()
        self.redundancy = redundancy if redundancy in prices.REDUNDANCIES else "LRS"
        self.premium = not str(inside(account, "sku").get("name", "Standard")).startswith("Standard")
        self.hns = bool(inside(account, "properties").get("isHnsEnabled"))
        default = str(inside(account, "properties").get("accessTier") or "Hot")
        self.default = TIERS.index(default) if default in TIERS[:3] else HOT
        self.tagged: dict[str, str] = inside(account, "tags")
        follow = self.blobs.alive & ~self.blobs.explicit & (self.blobs.tier != self.default)
        if follow.any():
            self.blobs.tier[follow] = self.default
        self.count()

    def size(self, rows: Any, tier: Any) -> Any:
        """As how many bytes blobs are billed in a tier."""
        size = self.blobs.size[rows]
        if self.billed_until < EVERYWHERE and self.created < IN_NEW_ACCOUNTS:
            return size
        return np.where(np.asarray(tier) == HOT, size, np.maximum(size, SMALLEST))

    def count(self) -> None:
        """Add up what is stored, from the blobs themselves."""
        rows = np.flatnonzero(self.blobs.alive)
        tiers = self.blobs.tier[rows]
        sizes = self.size(rows, tiers)
        self.totals = [int(sizes[tiers == tier].sum()) for tier in range(4)]
        self.tags = int(self.blobs.tag_count[rows].sum())

    def bill(self, until: int) -> None:
        """What is stored, from the last bill to minute `until`."""
        start = self.billed_until
        if until <= start:
            return
        for tier, size in enumerate(self.totals):
            if size:
                self.life.ledger.count(self._line(prices.STORED, tier), start, until, size)
        if self.tags:
            self.life.ledger.count(self._line(prices.TAGS, HOT), start, until, self.tags)
        self.billed_until = until
        if start < EVERYWHERE <= until and self.created < IN_NEW_ACCOUNTS:
            self.count()

    def post(self, kind: str, tier: int, minute: int, counted: int) -> None:
        """Operations, bytes or bytes and days, at one minute."""
        if counted:
            self.life.ledger.post(self._line(kind, tier), minute, counted)

    def move(self, rows: Any, tier: int, minute: int, read: bool = False) -> None:
        """Set the tier of online blobs: billed are an operation each, what is read out, and leaving too early.

        read: the blobs are being read anyway, so that reading them out is billed already.
        """
        self.bill(minute)
        blobs = self.blobs
        for before in range(4):
            of = rows[blobs.tier[rows] == before]
            if before == tier:
                blobs.explicit[of] = True
                continue
            if not len(of):
                continue
            size = int(blobs.size[of].sum())
            if tier > before:  # a write to the cooler tier (access-tiers-overview.md, "Changing tiers")
                self.post(prices.WRITE, tier, minute, len(of))
            elif not read:  # a read from the cooler one
                self.post(prices.READ, before, minute, len(of))
                self.post(prices.RETRIEVAL, before, minute, size)
            self.leave(of, minute)
            self.totals[before] -= int(self.size(of, before).sum())
            self.totals[tier] += int(self.size(of, tier).sum())
            blobs.tier[of], blobs.explicit[of] = tier, True
            blobs.tier_changed[of] = blobs.entered[of] = minute
            blobs.returns[of] = False
            blobs.due[of] = -1

    def leave(self, rows: Any, minute: int) -> None:
        """Charge blobs that leave their tier for the days that they did not stay.

        An inferred Cool has no such charge (access-tiers-overview.md, "Keep in mind").
        """
        blobs = self.blobs
        for tier in range(COOL, ARCHIVE + 1):
            of = rows[(blobs.tier[rows] == tier) & blobs.explicit[rows]]
            left = EARLY_DAYS[tier] - (minute - blobs.entered[of]) // DAY
            self.post(prices.EARLY, tier, minute, int((self.size(of, tier) * np.maximum(left, 0)).sum()))

    def rehydrate(self, rows: Any, tier: int, minute: int, urgent: bool = False) -> None:
        """Begin to bring archived blobs back: billed when it begins, in the tier when it is done."""
        size = int(self.blobs.size[rows].sum())
        self.post(prices.PRIORITY_READ if urgent else prices.READ, ARCHIVE, minute, len(rows))
        self.post(prices.PRIORITY_RETRIEVAL if urgent else prices.RETRIEVAL, ARCHIVE, minute, size)
        self.blobs.due[rows] = minute + (HIGH_MINUTES if urgent else STANDARD_MINUTES)
        self.blobs.towards[rows], self.blobs.urgent[rows] = tier, urgent

    def arrive(self, until: int) -> None:
        """Finish the rehydrations that are due, each at its own minute."""
        blobs = self.blobs
        waiting = np.flatnonzero(blobs.alive & (blobs.due >= 0) & (blobs.due <= until))
        for minute in np.unique(blobs.due[waiting]).tolist():
            due = waiting[blobs.due[waiting] == minute]
            for tier in range(ARCHIVE):
                of = due[blobs.towards[due] == tier]
                if len(of):
                    self.move(of, tier, max(minute, self.billed_until), read=True)
            due = due[blobs.wanted[due] > 0]
            self.read_out(due, np.full(len(due), minute), blobs.wanted[due])
            self.touch(due, minute)
            blobs.wanted[due] = 0

    def delete(self, rows: Any, minute: int) -> None:
        """Deleting is free, leaving a tier too early is not."""
        self.bill(minute)
        self.leave(rows, minute)
        for row in rows.tolist():
            tier = int(self.blobs.tier[row])
            self.totals[tier] -= int(self.size(np.array([row]), tier)[0])
            self.tags -= int(self.blobs.tag_count[row])
            self.blobs.drop(row)

    def write(self, container: str, name: str, size: int, minute: int, tier: int | None = None, **values: Any) -> int:
        """One blob written: the row. What had the name leaves its tier."""
        before = self.blobs.find(container, name)
        if before is not None:
            self.delete(np.array([before]), minute)
        self.bill(minute)
        chosen = self.default if tier is None else tier
        row = self.blobs.add(
            container,
            name,
            **{
                "size": size,
                "tier": chosen,
                "explicit": tier is not None,
                "created": minute,
                "modified": minute,
                "accessed": minute if self.noted_since is not None else -1,
                "tier_changed": minute if tier is not None else -1,
                "entered": minute,
                **values,
            },
        )
        self.totals[chosen] += int(self.size(np.array([row]), chosen)[0])
        self.post(prices.WRITE, chosen, minute, 1)
        return row

    def read_by_people(self, rows: Any, minute: Any, times: Any, until: int) -> None:
        """Blobs read between the last step and `until`, as the crowds read them.

        An archived one is rehydrated by whoever wants it, at standard priority, to the account's tier, and read then.
        """
        blobs = self.blobs
        archived = blobs.tier[rows] == ARCHIVE
        blobs.wanted[rows[archived]] += times[archived]
        asleep = archived & (blobs.due[rows] < 0)
        for at in np.unique(minute[asleep]).tolist():
            self.rehydrate(rows[asleep & (minute == at)], self.default, at)
        rows, minute, times = rows[~archived], minute[~archived], times[~archived]
        self.read_out(rows, minute, times)
        self.touch(rows, minute)
        back = rows[blobs.returns[rows] & (blobs.tier[rows] == COOL)]
        rested = (blobs.returned[back] < 0) | (until - blobs.returned[back] > 30 * DAY)
        self.come_back(back[rested], until)

    def read_out(self, rows: Any, minute: Any, times: Any) -> None:
        """Bill reads of online blobs: an operation each, and outside Hot what is read."""
        blobs = self.blobs
        self.observe(minute, times, blobs.size[rows] * times)
        hours = minute // 60 * 60
        for tier in range(ARCHIVE):
            of = blobs.tier[rows] == tier
            for hour in np.unique(hours[of]).tolist():
                at = of & (hours == hour)
                self.post(prices.READ, tier, hour, int(times[at].sum()))
                if tier != HOT:
                    self.post(prices.RETRIEVAL, tier, hour, int((blobs.size[rows[at]] * times[at]).sum()))

    def observe(self, minute: Any, times: Any, size: Any) -> None:
        """Tell Monitor of reads: when, how many, and of how many bytes."""
        dimensions = {"GeoType": "Primary", "ApiName": "GetBlob", "Authentication": "OAuth"}
        hours = minute // 60
        for metric, amounts, more in (
            ("Transactions", times, {"ResponseType": "Success", "TransactionType": "User"}),
            ("Egress", size, {}),
        ):
            told = json.dumps({**more, **dimensions})
            for hour in np.unique(hours).tolist():
                series = self.life.metrics.series(f"{self.id}/blobServices/default", metric, told, hour * 60)
                series.add(hour * 60, float(np.asarray(amounts)[hours == hour].sum()))

    def touch(self, rows: Any, minute: Any) -> None:
        """Note reads: the first of 24 hours counts, and is billed as another operation."""
        if self.noted_since is None or not len(rows):
            return
        blobs = self.blobs
        minute = np.broadcast_to(minute, rows.shape)
        fresh = (blobs.kind[rows] == BLOCK) & (minute - blobs.accessed[rows] >= DAY) | (blobs.accessed[rows] < 0)
        rows, minute = rows[fresh], minute[fresh]
        np.maximum.at(blobs.accessed, rows, minute)
        for tier in range(ARCHIVE):
            of = blobs.tier[rows] == tier
            if of.any():
                self.post(prices.OTHER, tier, int(minute[of].min()), int(of.sum()))

    def come_back(self, rows: Any, minute: int) -> None:
        """From Cool to Hot because they were read, as enableAutoTierToHotFromCool does."""
        if len(rows):
            self.move(rows, HOT, minute, read=True)
            self.blobs.returned[rows] = minute

    def base(self) -> Any:
        return np.flatnonzero(self.blobs.alive & (self.blobs.place == BASE))

    def _line(self, kind: str, tier: int) -> int:
        meter = prices.meter(kind, tier, self.redundancy, self.region, self.hns)
        return self.life.line(meter, self.id, self.tagged)
