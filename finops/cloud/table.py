"""A Cost Management answer: columns by name, rows, and which days it speaks of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any


@dataclass(frozen=True)
class Table:
    """Rows of a query, all pages. Amounts are Decimal (or int), UsageDate is Azure's number yyyymmdd."""

    columns: list[str]
    rows: list[list[Any]]

    def index(self, column: str) -> int:
        """Where `column` stands; names are compared in lower case. KeyError when it is not there."""
        for position, name in enumerate(self.columns):
            if name.lower() == column.lower():
                return position
        raise KeyError(f"{column} (the columns are {', '.join(self.columns) or 'none'})")

    def records(self) -> Iterator[dict[str, Any]]:
        """Each row as a dict."""
        return (dict(zip(self.columns, row, strict=True)) for row in self.rows)

    def days(self) -> set[date]:
        """The days that have rows (by UsageDate). KeyError for a query that was not daily."""
        position = self.index("UsageDate")
        return {as_day(row[position]) for row in self.rows}

    def missing_days(self, start: date, end: date) -> list[date]:
        """Days of [start, end) without a single row: nothing was charged, or Azure answered a shorter period."""
        there = self.days()
        every = (start + timedelta(days=n) for n in range((end - start).days))
        return [day for day in every if day not in there]


def as_day(value: Any) -> date:
    """The day in a UsageDate (20200401) or BillingMonth ("2020-04-01T00:00:00") cell. ValueError for anything else."""
    text = str(value)
    return (
        date(int(text[:4]), int(text[4:6]), int(text[6:]))
        if text.isdigit() and len(text) == 8
        else date.fromisoformat(text[:10])
    )
