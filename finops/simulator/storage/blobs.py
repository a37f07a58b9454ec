"""The blobs of one account in columns, so that a year of a hundred thousand of them passes in seconds."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from finops.simulator.store import Json

NEVER = -1
BLOCK, APPEND, PAGE = range(3)
TYPES = ("BlockBlob", "AppendBlob", "PageBlob")
BASE, SNAPSHOT, VERSION = range(3)
# Column, type, and what a blob has where nothing is said. Times are minutes from 1970.
COLUMNS: dict[str, tuple[str, int]] = {
    "size": ("int64", 0),  # bytes
    "tier": ("int8", 0),
    "explicit": ("bool", 0),  # whether the tier was set, not inferred from the account's
    "created": ("int64", 0),
    "modified": ("int64", 0),
    "accessed": ("int64", NEVER),
    "tier_changed": ("int64", NEVER),
    "entered": ("int64", 0),  # since when it has been in its tier
    "kind": ("int8", BLOCK),
    "place": ("int8", BASE),
    "alive": ("bool", 1),
    "returns": ("bool", 0),  # a rule moved it to Cool that brings it back to Hot when it is read
    "returned": ("int64", NEVER),
    "hold": ("bool", 0),
    "until": ("int64", NEVER),  # immutable until then
    "leased": ("bool", 0),
    "due": ("int64", NEVER),  # rehydrated then
    "towards": ("int8", 0),
    "urgent": ("bool", 0),
    "habit": ("int8", NEVER),  # how people read it, an index into crowds.HABITS
    "folder": ("uint64", 0),  # what is read together
    "chance": ("uint64", 0),  # what fortune knows it by
    "rate": ("float64", 0),
    "wanted": ("int32", 0),  # how often it will be read once it is back from Archive
    "tag_count": ("int32", 0),
}


@dataclass(eq=False)
class Blobs:
    """Rows in the order in which they came; a deleted one stays, no longer `alive`."""

    count: int = 0
    containers: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    marks: dict[int, str] = field(default_factory=dict)  # the snapshot or version id of a row that has one
    tags: dict[int, dict[str, str]] = field(default_factory=dict)
    content: dict[int, bytes] = field(default_factory=dict)
    files: dict[int, Path] = field(default_factory=dict)  # content that lies in the estate's folder
    headers: dict[int, Json] = field(default_factory=dict)  # content type, metadata, lease id
    changes: int = 0  # goes up when a row comes or goes
    retagged: int = 0  # goes up when a row gets other tags
    _columns: dict[str, Any] = field(default_factory=dict)
    _rows: dict[tuple[str, str, str], int] = field(default_factory=dict)
    _order: tuple[int, list[int]] = (-1, [])

    def __post_init__(self) -> None:
        self._columns = {name: np.full(64, usual, kind) for name, (kind, usual) in COLUMNS.items()}

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["_columns"][name][: self.__dict__["count"]]
        except KeyError:
            raise AttributeError(name) from None

    def add(self, container: str, name: str, mark: str = "", **values: Any) -> int:
        """The row of one more blob, in the place of the one that had this name."""
        before = self._rows.get((container, name, mark))
        if before is not None:
            self.drop(before)
        current = self._rows.get((container, name, ""))
        row = self.extend(1, [container], [name], **values)
        if mark:
            self.marks[row] = mark
            self._rows[container, name, mark] = self._rows.pop((container, name, ""))
            if current is not None:
                self._rows[container, name, ""] = current
        return row

    def extend(self, more: int, containers: list[str], names: list[str], **values: Any) -> int:
        """The first row of `more` blobs of fresh names."""
        first, last = self.count, self.count + more
        for name, column in self._columns.items():
            if last > len(column):
                grown = np.full(max(last, 2 * len(column)), COLUMNS[name][1], column.dtype)
                grown[:first] = column[:first]
                self._columns[name] = grown
        for name, value in values.items():
            self._columns[name][first:last] = value
        self.containers += containers
        self.names += names
        for row in range(first, last):
            self._rows[self.containers[row], self.names[row], ""] = row
        self.count, self.changes = last, self.changes + 1
        return first

    def drop(self, row: int) -> None:
        self.alive[row] = False
        self.changes += 1
        self._rows.pop((self.containers[row], self.names[row], self.marks.get(row, "")), None)
        told: tuple[dict[int, Any], ...] = (self.marks, self.tags, self.content, self.files, self.headers)
        for held in told:
            held.pop(row, None)

    def find(self, container: str, name: str, mark: str = "") -> int | None:
        return self._rows.get((container, name, mark))

    def tags_of(self, row: int) -> dict[str, str]:
        return self.tags.get(row, {})

    def of(self, container: str, name: str) -> list[int]:
        """Rows of a blob, its snapshots and its versions."""
        return [row for (where, what, _), row in self._rows.items() if (where, what) == (container, name)]

    def ordered(self) -> list[int]:
        """The rows that are alive, by container, name and mark."""
        if self._order[0] != self.changes:
            self._order = (self.changes, [self._rows[key] for key in sorted(self._rows)])
        return self._order[1]
