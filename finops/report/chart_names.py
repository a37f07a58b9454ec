"""Where names stand in a chart: beside what they name, on no line and on no other name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

Points = Sequence[tuple[float, float]]

# Of the chart's width and height: a letter, and a name with the air over and under it.
LETTER = 0.0205
TALL = 0.085
AIR = 0.3
STEPS = 40
# The chart is so much wider than high.
WIDER = 2.2
BEHIND = 0.3


@dataclass(frozen=True)
class Box:
    left: float
    right: float
    low: float
    high: float

    def meets(self, other: Box) -> bool:
        return self.left < other.right and other.left < self.right and self.low < other.high and other.low < self.high

    def is_crossed(self, line: Points) -> bool:
        """Whether a line, straight between its points, runs through it."""
        for (x, y), (then, to) in pairwise(line):
            first, last = max(x, self.left), min(then, self.right)
            if first <= last and then > x:
                ends = [y + (to - y) * (at - x) / (then - x) for at in (first, last)]
                if max(ends) >= self.low and min(ends) <= self.high:
                    return True
        return False


class Names:
    """The places of names in a chart from 1 to `span`, from `lowest` to `highest`."""

    def __init__(self, span: int, lowest: float, highest: float, lines: Sequence[Points]) -> None:
        self._width, self._height = max(span - 1, 1), highest - lowest
        self._lowest, self._lines = lowest, lines
        self.taken: list[Box] = []

    def put(self, text: str, x: float, y: float, apart: Sequence[Points] = ()) -> Box:
        """The free place for `text` that is nearest to the point, over the highest line where there is none.

        apart: lines that are better not between the two, or it reads as theirs.
        """
        wide, tall = min(len(text) * LETTER, 1) * self._width, TALL * self._height
        found = []
        for step in range(STEPS + 1):
            left = 1 + (self._width - wide) * step / STEPS
            for rise in range(int(1.4 * STEPS)):
                low = self._lowest + self._height * rise / STEPS + AIR * tall
                across = max(left - x, 0, x - left - wide) / self._width * WIDER
                up = max(low - y, 0, y - low - tall) / self._height
                box = Box(left, left + wide, low, low + tall)
                # A name is read as of what is under it, sooner than of what is over it.
                cost = across + up + (0.01 if low < y else 0) + (BEHIND if self._is_behind(box, x, y, apart) else 0)
                found.append((cost, low, -left, box))
        found.sort(key=lambda one: one[:3])
        box = next((box for *_, box in found if self._is_free(box)), found[-1][-1])
        self.taken.append(box)
        return box

    def _is_behind(self, box: Box, x: float, y: float, apart: Sequence[Points]) -> bool:
        """Whether the straight way from the point to the name leads over one of those lines."""
        to_x, to_y = min(max(x, box.left), box.right), min(max(y, box.low), box.high)
        way = [(x + (to_x - x) * part / 10, y + (to_y - y) * part / 10) for part in range(11)]
        return any(len({up > _at(line, across) for across, up in way}) > 1 for line in apart)

    def _is_free(self, box: Box) -> bool:
        air = AIR * (box.high - box.low)
        wider = Box(box.left - 0.01 * self._width, box.right, box.low - air, box.high + air / 2)
        return not any(wider.is_crossed(line) for line in self._lines) and not any(map(wider.meets, self.taken))


def _at(line: Points, x: float) -> float:
    """How high the line is there; beyond its ends as high as at its end."""
    for (at, y), (then, to) in pairwise(line):
        if at <= x <= then and then > at:
            return y + (to - y) * (x - at) / (then - at)
    return line[0][1] if x < line[0][0] else line[-1][1]
