"""Rows of findings as they are shown, and which of them can be selected."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from finops.approvals import OPEN, is_high, over
from finops.config.model import JanitorSettings
from finops.state import Record, StoredFinding


@dataclass(frozen=True)
class Row:
    """A finding in a table. said: why a decision on it was refused, just now; over: nobody decided in time."""

    record: Record
    picked: bool = False
    said: str = ""
    over: bool = False

    @property
    def open(self) -> bool:
        """Whether a person can decide on it now."""
        return self.record.status in OPEN

    @property
    def pickable(self) -> bool:
        """Whether it can be decided together with others: never one of high risk."""
        return self.open and not is_high(self.record)

    @property
    def easy(self) -> bool:
        """Whether "all low-risk" means it: it waits for an approval."""
        return self.pickable and self.record.status == "pending" and not self.over


def rows_of(records: Iterable[Record], now: datetime, picked: bool = False) -> list[Row]:
    rows = [Row(one, over=over(one, now)) for one in records]
    return [replace(row, picked=picked and row.easy) for row in rows]


def stops(finding: StoredFinding) -> Decimal | None:
    """What acting would save a month; its cost, where that is not known. As `state.findings` sorts and adds."""
    return finding.saving if finding.saving is not None else finding.monthly_cost


def days(settings: JanitorSettings, now: datetime) -> Mapping[str, Any]:
    """What a date to snooze until may be, as the date fields want it."""
    return {
        "first_day": (now + timedelta(days=1)).date().isoformat(),
        "last_day": (now + timedelta(days=settings.longest_days)).date().isoformat(),
        "until": (now + timedelta(days=settings.snooze_days)).date().isoformat(),
    }
