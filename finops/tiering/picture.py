"""A plan as a picture: the bytes of each age, today and with the rules, by tier, as places in a drawing as wide as its
page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from finops.tiering.model import TIERS, Aged

# Days where one line of the picture ends and the next begins: of schema.AGES, so that no age is cut in two.
BANDS = (
    (0, "Less than a week"),
    (7, "1 to 4 weeks"),
    (30, "1 to 3 months"),
    (90, "3 to 6 months"),
    (180, "6 to 12 months"),
    (365, "1 to 2 years"),
    (730, "2 to 5 years"),
    (1825, "More than 5 years"),
)
# What the plan does not consider stays where it is; the drawing has a place of its own for it.
BESIDE = "Not considered"
# Heights in pixels: of a line's words, of a bar, between two bars, below a line.
_WORDS, _BAR, _BETWEEN, _BELOW = 20, 12, 3, 14
# A part that holds anything is drawn at least so wide, in percent, so that it is never taken for none.
_LEAST = 0.4


@dataclass(frozen=True)
class Part:
    """One tier's part of a bar. left, width: in percent of the drawing's width."""

    tier: str
    left: float
    width: float
    bytes: int


@dataclass(frozen=True)
class Bar:
    """when: "today" or "with the rules". top: in pixels."""

    when: str
    top: int
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Line:
    """All blobs of one age, or those that are not considered. base: where its words stand, in pixels."""

    name: str
    bytes: int
    blobs: int
    base: int
    bars: tuple[Bar, ...]


@dataclass(frozen=True)
class Picture:
    """bar, height: in pixels. tiers: those that any part shows, hottest first; BESIDE among them where it is drawn."""

    lines: tuple[Line, ...]
    tiers: tuple[str, ...]
    bar: int
    height: int


def picture(aged: Sequence[Aged], blobs: int, bytes: int) -> Picture:  # noqa: A002
    """aged: what is considered; blobs, bytes: of the whole inventory, so that the drawing adds up to it."""
    edges = [days for days, _ in BANDS]
    sums: list[dict[tuple[str, str], int]] = [{} for _ in BANDS]
    counts = [0] * len(BANDS)
    for each in aged:
        at = max(number for number, first in enumerate(edges) if first <= each.days)
        key = each.before, each.after
        sums[at][key] = sums[at].get(key, 0) + each.bytes
        counts[at] += each.blobs
    rest = max(bytes - sum(sum(band.values()) for band in sums), 0)
    widest = max([sum(band.values()) for band in sums] + [rest])
    shown = [number for number, count in enumerate(counts) if count]
    lines: list[Line] = []
    top = 0
    for number in range(min(shown, default=0), max(shown, default=-1) + 1):
        band = sums[number]
        today = {tier: sum(size for (before, _), size in band.items() if before == tier) for tier in TIERS}
        ruled = {tier: sum(size for (_, after), size in band.items() if after == tier) for tier in TIERS}
        bars = [("today", today)] if today == ruled else [("today", today), ("with the rules", ruled)]
        lines.append(_line(BANDS[number][1], counts[number], bars, widest, top))
        top = _end(lines[-1])
    if left := max(blobs - sum(counts), 0):
        lines.append(_line(BESIDE, left, [("today", {BESIDE: rest})], widest, top))
        top = _end(lines[-1])
    seen = {part.tier for line in lines for bar in line.bars for part in bar.parts}
    return Picture(tuple(lines), tuple(tier for tier in (*TIERS, BESIDE) if tier in seen), _BAR, max(top - _BELOW, 1))


def _line(name: str, blobs: int, bars: Sequence[tuple[str, dict[str, int]]], widest: int, top: int) -> Line:
    drawn = tuple(
        Bar(when, top + _WORDS + number * (_BAR + _BETWEEN), _parts(sizes, widest))
        for number, (when, sizes) in enumerate(bars)
    )
    return Line(name, sum(bars[0][1].values()), blobs, top + _WORDS - 6, drawn)


def _end(line: Line) -> int:
    return line.bars[-1].top + _BAR + _BELOW


def _parts(sizes: dict[str, int], widest: int) -> tuple[Part, ...]:
    parts: list[Part] = []
    left = 0.0
    for tier, size in sizes.items():
        if not size:
            continue
        width = max(size / widest * 100, _LEAST)
        parts.append(Part(tier, round(left, 3), round(min(width, 100 - left), 3), size))
        left += width
    return tuple(parts)
