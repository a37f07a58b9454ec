"""How often the blobs of an account are read on a day on which they are: as Monitor counted, as told, or supposed.

The time of the last access tells days. How many reads there were, and of how many bytes, Monitor counts for the account
as a whole (`GetBlob`; `ReadFile` by the other endpoint) and keeps for 93 days. What it counted, over the reads that an
inventory lets suppose for the same days, is how often a blob is read on such a day; over their bytes, how much of it.
https://learn.microsoft.com/azure/storage/blobs/monitor-blob-storage-reference
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from finops.errors import AzureError
from finops.tiering.access import Access, passed
from finops.tiering.inventory import LAST_ACCESS

if TYPE_CHECKING:
    from finops.cloud import Azure
    from finops.tiering.inventory import Inventory
    from finops.tiering.model import Account

NAMESPACE = "Microsoft.Storage/storageAccounts/blobServices"
READS = ("GetBlob", "ReadFile")
# Monitor keeps 93 days; the day that is not over yet is left out.
KEPT_DAYS = 92
# Of these an inventory's reads are held against the count; of fewer than the second, nothing is concluded.
DAYS, LEAST_DAYS = 90, 7
# What is reckoned with where nobody knows: rules that save by it are safe with data that is served.
SUPPOSED = 100.0


@dataclass(frozen=True)
class Counted:
    """Reads and bytes read of a whole account by day (midnight UTC); a day on which there were none is absent.

    start, end: what was asked for.
    """

    start: datetime
    end: datetime
    reads: Mapping[datetime, float]
    bytes: Mapping[datetime, float]


@dataclass(frozen=True)
class Uncounted:
    """Nothing is known of how often blobs are read on a day, and why, as a clause."""

    reason: str


@dataclass(frozen=True)
class Often:
    """reads: of a blob on a day on which it is read. part: the share of its bytes that such a read takes.

    source: "setting", "monitor" (with a reason where nothing was read), or "supposed" for `reason`. start, end: the
    days that Monitor counted.
    """

    reads: float
    part: float = 1.0
    source: str = "setting"
    start: datetime | None = None
    end: datetime | None = None
    reason: str = ""

    @property
    def said(self) -> str:
        """Where it comes from, as a sentence."""
        reads = f"{self.reads:,.1f}".removesuffix(".0")
        often = f"{reads} {'read' if reads == '1' else 'reads'} of a blob on a day on which it is read"
        if self.source == "monitor" and self.start and self.end:
            last = self.end - timedelta(days=1)
            if self.reason:
                return f"Reckoned with {often}: from {self.start:%Y-%m-%d} to {last:%Y-%m-%d} nothing was read."
            took = "" if 0.95 <= self.part <= 1.05 else f", each of {self.part:.3g} of its bytes"
            return (
                f"Reckoned with {often}{took}: what Monitor counted from {self.start:%Y-%m-%d} to {last:%Y-%m-%d}, "
                "on average over the account. Where some folders are read far more often than others, say so in "
                "tiering.reads_a_day."
            )
        if self.source == "setting":
            return f"Reckoned with {often}, as tiering.reads_a_day says."
        return (
            f"Reckoned with {often}, which is supposed to be on the safe side: {self.reason}. "
            "What is read less often saves more; say how often in tiering.reads_a_day."
        )


def counted(azure: Azure, account: Account, now: datetime) -> Counted | Uncounted:
    """What Monitor has of the account's reads, day by day."""
    end = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    start = end - timedelta(days=KEPT_DAYS)
    service = f"{account.id}/blobServices/default"
    try:
        found = azure.metrics(
            [service], NAMESPACE, ["Transactions", "Egress"], start, end, interval="P1D", aggregation="total",
            filter=" or ".join(f"ApiName eq '{name}'" for name in READS), region=account.region,
            subscription=account.subscription,
        )  # fmt: skip
    except AzureError as fault:
        return Uncounted(f"what Monitor counts could not be read ({fault.code or fault.what.rstrip('.')})")
    metrics = {str((each.get("name") or {}).get("value")): each for each in found.get(service.lower(), [])}
    if not {"Transactions", "Egress"} <= metrics.keys():
        return Uncounted("Monitor told nothing of the account's reads")
    return Counted(start, end, _daily(metrics["Transactions"]), _daily(metrics["Egress"]))


def _daily(metric: Mapping[str, Any]) -> dict[datetime, float]:
    found: dict[datetime, float] = {}
    for series in metric.get("timeseries") or []:
        for point in series.get("data") or []:
            if point.get("total") is not None:
                day = datetime.fromisoformat(str(point["timeStamp"])).astimezone(UTC)
                found[day] = found.get(day, 0.0) + float(point["total"])
    return found


def weighed(access: Access, inventory: Inventory, told: float | Counted | Uncounted) -> tuple[Access, Often | None]:
    """The same access with what is known of how often a day; None where reads are not known by day either."""
    if access.basis != LAST_ACCESS:
        return access, None
    often = Often(told) if isinstance(told, (int, float)) else _often(access, inventory, told)
    return replace(access, times=often.reads, part=often.part), often


def _often(access: Access, inventory: Inventory, told: Counted | Uncounted) -> Often:
    if isinstance(told, Uncounted):
        return Often(SUPPOSED, source="supposed", reason=told.reason)
    midnight = inventory.as_of.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    end = min(told.end, midnight)
    start = max(told.start, end - timedelta(days=DAYS))
    if end - start < timedelta(days=LEAST_DAYS):
        return Often(SUPPOSED, source="supposed", reason="Monitor keeps nothing of the days before the inventory")
    reads, size = (sum(each[day] for day in each if start <= day < end) for each in (told.reads, told.bytes))
    expected, expected_bytes = _supposed(access, inventory, start, end)
    if not reads and expected < 1:
        # Both say that nothing was read, as Monitor has no data of what did not happen.
        return Often(1.0, 1.0, "monitor", start, end, "nothing was read")
    if not reads or expected < 1 or not expected_bytes:
        return Often(
            SUPPOSED, source="supposed", reason="Monitor and the inventory do not tell of reads of the same days"
        )
    # A day with a read has one at least, whatever way it was read that Monitor counts by another name.
    times = reads / expected
    return Often(max(times, 1.0), size / expected_bytes / times, "monitor", start, end)


def _supposed(access: Access, inventory: Inventory, start: datetime, end: datetime) -> tuple[float, float]:
    """Days with reads that the inventory lets suppose, of all blobs; and the bytes of those blobs."""
    rows: Sequence[tuple[Any, ...]] = inventory.connection.execute(
        "SELECT area, life, age, read, sum(blobs), sum(bytes) FROM histogram WHERE reason = 0 GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    first, last = ((inventory.as_of - when) / timedelta(days=1) for when in (start, end))
    each = passed(access, [(str(row[0]), int(row[1]), int(row[2]), bool(row[3])) for row in rows], first, last)
    blobs = sum(one * float(row[4]) for one, row in zip(each, rows, strict=True))
    return blobs, sum(one * float(row[5]) for one, row in zip(each, rows, strict=True))
