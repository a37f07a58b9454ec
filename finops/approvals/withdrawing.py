"""Take approvals back of which nobody knows any more whether they were used: after a backup was restored."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from .moving import step

if TYPE_CHECKING:
    from finops.state import Change, Record

WHY = "The state was restored from a backup: whether this approval was used since is not known. Approve it anew."


def withdraw(change: Change, records: Iterable[Record], now: datetime, who: str) -> None:
    """Let what was approved wait for a decision again: an approval is used once at most."""
    for record in records:
        step(change, record, "pending", WHY, now, who)
