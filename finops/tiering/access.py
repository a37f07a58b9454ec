"""How often blobs will be read, learnt from when they were last read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from finops.tiering.inventory import Inventory


@dataclass(frozen=True)
class Habit:
    """How the blobs of one area are read: each at a steady rate of its own, the rates spread as Gamma(shape, days).

    blobs, read: how many the area has, how many of them were read since they were written.
    days: distinct days on which they were last read; blobs that are read together count as one observation.
    """

    area: str
    shape: float
    scale: float
    blobs: int
    read: int
    days: int

    def reads(self, age: float, read: bool, horizon: float) -> float:
        """Reads expected of a blob in the next `horizon` days, last read (or else written) `age` days ago."""
        return (self.shape + read) / (self.scale + age) * horizon

    def untouched(self, age: float, read: bool, horizon: float) -> float:
        """The chance that it is not read in the next `horizon` days."""
        return float(((self.scale + age) / (self.scale + age + horizon)) ** (self.shape + read))


@dataclass(frozen=True)
class Access:
    """The habits of an account by area, and of the account as a whole for areas that are too small to learn from.

    confidence: how sure it is that reads are not more than `Habit.reads(...) x margin`.
    """

    basis: str
    habits: dict[str, Habit]
    whole: Habit
    confidence: float

    def of(self, area: str) -> Habit:
        return self.habits.get(area, self.whole)
