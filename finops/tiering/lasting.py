"""Rules as they will last: each held against what blobs will cost until the horizon, not at once alone.

A rule that suits what is old now may be a bad one for what grows old: blobs that rest for a while and are then read
again and again would have to be read from the cooler tier. So days are moved, tiers left out and rules dropped as long
as that saves more until the horizon (see `ahead`).
"""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from finops.tiering.ahead import Ahead, ahead
from finops.tiering.cover import FORBIDDEN, NEVER, Cover, state_of
from finops.tiering.model import GB
from finops.tiering.schema import AGES

if TYPE_CHECKING:
    from finops.tiering.ahead import Days
    from finops.tiering.cover import Chosen, Ground, Shape
    from finops.tiering.model import Rates
    from finops.tiering.optimum import Optimum
    from finops.tiering.yields import Yields

# The search looks in weeks, and at so many shapes; the figures are by steps of days.
_ROUGH, _FINE, _LOOKS = 7, 3, 60
# In place of steps: the fine ones, as if nothing but the first read out of Archive cost anything.
_UNREAD = 0


class Lasting:
    """What rules over one ground are expected to save until the horizon."""

    def __init__(self, optimum: Optimum, rates: Rates, rows: Yields, ground: Ground) -> None:
        self._ahead: dict[int, Ahead] = {step: ahead(optimum, rates, step) for step in (_ROUGH, _FINE)}
        self._ground, self._rows = ground, rows
        self._lot, self._share = _placed(self._ahead[_FINE], rows)
        self.looks: set[Days] = set()

    def bearable(self, chosen: Sequence[Chosen]) -> Decimal | None:
        """How often a blob may be read on a day on which it is until `chosen` saves nothing; None: however often."""
        # What is saved falls evenly with reads, so two points tell the rest.
        fine = self._ahead[_FINE]
        saved = self.saved(chosen)
        self._ahead[_UNREAD] = replace(fine, often=0.0, known={})
        most = self.saved(chosen, _UNREAD)
        if most - saved <= 1e-9 * abs(most):
            return None
        return Decimal(str(round(max(most * fine.often / (most - saved), 0.0), 2)))

    def saved(self, chosen: Sequence[Chosen], step: int = _FINE) -> float:
        """In the currency of the rates."""
        import numpy as np

        state = state_of(self._ground, chosen)[self._rows.area]
        total = 0.0
        # In one number each, which is told apart much faster than rows.
        numbers = (state * np.array([1, NEVER + 1, (NEVER + 1) ** 2])).sum(axis=1)
        _, firsts, kinds = np.unique(numbers, return_index=True, return_inverse=True)
        for kind, first in enumerate(firsts):
            shape = state[first]
            days = tuple(AGES[age] if age < NEVER else None for age in shape.tolist())
            after = (days[0], days[1], days[2])
            self.looks.add(after)
            mine = (kinds == kind) & (self._lot >= 0)
            total += float((self._ahead[step].saved(after)[self._lot[mine]] * self._share[mine]).sum())
        return total

    def better(self, chosen: Sequence[Chosen], tried: Sequence[Shape], least: float) -> list[Chosen]:
        """Rules that save more until the horizon than `chosen`, which they begin from. least: what a rule must save."""
        allowed, kept = {*tried}, list(chosen)
        search = Cover(self._ground, [])
        best = self.saved(kept, _ROUGH)
        for _ in range(3):
            before = best
            for number in reversed(range(len(kept))):
                found = [kept[:number] + kept[number + 1 :]]
                for shape in _near(kept[number].shape):
                    if shape in allowed:
                        found.append([*kept[:number], replace(kept[number], shape=shape), *kept[number + 1 :]])
                for each in found:
                    if len(self.looks) >= _LOOKS or not self._may(search, each):
                        continue
                    saved = self.saved(each, _ROUGH)
                    if saved > best + (least if len(each) == len(kept) else -least):
                        kept, best = each, saved
                        if each is found[0]:
                            break
            if best < before + least:
                break
        return kept

    @staticmethod
    def _may(search: Cover, chosen: Sequence[Chosen]) -> bool:
        state = search.start()
        for rule in chosen:
            state = search.added(state, rule)
        return bool(search.worth(state).min(initial=0.0) > FORBIDDEN / 2)


def _near(shape: Shape) -> list[Shape]:
    """With one tier's days moved, left out, or taken from another tier."""
    found = []
    for number, age in enumerate(shape):
        for other in sorted({min(max(age + step, 0), NEVER) for step in (-2, -1, 1, 2, 4)} | {NEVER}):
            if other != age:
                found.append((*shape[:number], other, *shape[number + 1 :]))
    cool, cold, archive = shape
    found += [(NEVER, NEVER, min(cold, archive)), (cold, NEVER, archive), (NEVER, cool, archive)]
    return [(each[0], each[1], each[2]) for each in found]


def _placed(lots: Ahead, rows: Yields) -> tuple[Any, Any]:
    """For each row the lot that it is part of (-1: none), and as what share."""
    import numpy as np

    numbers = {key: n for n, key in enumerate(zip(lots.areas, lots.age.tolist(), lots.tier.tolist(), strict=True))}
    areas = sorted({*lots.areas})

    def habit(area: str) -> str:
        """Parts of areas are read as these are, and areas that are not among the largest as the account is."""
        at = bisect.bisect_right(areas, area) - 1
        while at >= 0 and not area.startswith(areas[at]):
            at -= 1
        return areas[at] if at >= 0 else ""

    of = [habit(area) for area in rows.areas]
    keys = zip(rows.area.tolist(), rows.age.tolist(), rows.tier.tolist(), strict=True)
    lot = np.array([numbers.get((of[area], age, tier), -1) for area, age, tier in keys], np.int64)
    size = rows.bytes / GB
    return lot, np.where(lot >= 0, size / np.maximum(lots.gb[lot], 1e-300), 0.0)
