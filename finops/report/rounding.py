"""Rounding that adds up, and names that are safe to print."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal
from functools import lru_cache

# Marks that reverse the text around them: a name must not turn the figure beside it around.
_BIDI = {"\u202a", "\u202b", "\u202c", "\u202d", "\u202e", "\u2066", "\u2067", "\u2068", "\u2069", "\u200e", "\u200f"}
LONGEST_NAME = 64
LONGEST_ID = 2_000


def rounded(amount: Decimal, digits: int) -> Decimal:
    """`amount` to `digits` after the point, halves away from zero as invoices do, never minus zero."""
    return amount.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP) + 0


def adding_up(amounts: Sequence[Decimal], digits: int) -> list[Decimal]:
    """Each amount rounded up or down so that together they make the rounded sum (largest remainders are rounded up)."""
    unit = Decimal(1).scaleb(-digits)
    down = [amount.quantize(unit, ROUND_FLOOR) + 0 for amount in amounts]
    short = int((rounded(sum(amounts, Decimal(0)), digits) - sum(down, Decimal(0))) / unit)
    nearest = sorted(range(len(amounts)), key=lambda i: (down[i] - amounts[i], i))
    up = set(nearest[:short])
    return [value + unit if i in up else value for i, value in enumerate(down)]


def percent_of(part: Decimal, whole: Decimal) -> Decimal | None:
    """`part` in percent of `whole`, to one decimal; None when there is no whole."""
    return rounded(part / whole * 100, 1) if whole else None


# A name is on many lines: a workbook has the same resource on each of seven days.
@lru_cache(1 << 15)
def printable(name: object, otherwise: str = "", longest: int = LONGEST_NAME) -> str:
    """`name` on one line, without control characters and text-reversing marks, at most `longest` characters."""
    if name is None or name != name:  # NaN, the null of a frame
        return otherwise
    kept = "".join(
        " " if char.isspace() else char
        for char in str(name)
        if char.isspace() or (char not in _BIDI and unicodedata.category(char) not in {"Cc", "Cs", "Co", "Cn"})
    )
    text = " ".join(kept.split())
    if len(text) > longest:
        text = text[: longest - 1] + "…"
    return text or otherwise
