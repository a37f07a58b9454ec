"""What the report's charts share: look, size, axes and names that the font can draw."""

from __future__ import annotations

import functools
import io
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from finops.report.model import Money
from finops.report.words import Words

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, FAINT, GRID = "#1b1f24", "#59636e", "#e3e7eb"
BLUE, RED, RISE, FALL, GREY, BAND = "#0b57a4", "#b3261e", "#9a4a00", "#1a7f37", "#8a939c", "#c7ddf3"
# 5.6 in at 200 dpi is twice the 560 px at which mails show it; 12 pt text is then 10 px high on a phone.
WIDTH_INCHES, DPI, POINTS = 5.6, 200, 12
# About what a letter of that size takes.
LETTER_INCHES = 0.1
COLOURS = 64
LOOK: dict[Any, Any] = {
    "font.family": ["DejaVu Sans"],
    "font.size": POINTS,
    "axes.linewidth": 0.8,
    # "$34.3k to $36.3k" is money, not TeX between two dollars. Read when a text is made, not when it is drawn.
    "text.parse_math": False,
}
LONGEST_LABEL = 24


def figure_of(height_inches: float) -> tuple[Figure, Axes]:
    """An empty figure of the report's look. The object API: pyplot keeps figures alive and picks a display."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH_INCHES, height_inches), dpi=DPI, facecolor="white")
    figure.set_layout_engine("constrained", w_pad=0.08, h_pad=0.08)
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.set_facecolor("white")
    for side in ("top", "right", "left", "bottom"):
        axes.spines[side].set_visible(False)
    axes.tick_params(colors=FAINT)
    return figure, axes


def png(figure: Figure) -> bytes:
    """The figure in 64 colours: a quarter of the size, and the same bytes for the same figure."""
    from PIL import Image

    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", metadata={"Software": None})
    drawn.seek(0)
    small = io.BytesIO()
    with Image.open(drawn) as picture:
        palette = picture.convert("RGB").quantize(COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        palette.save(small, format="PNG", optimize=True)
    return small.getvalue()


def date_axis(axes: Axes, start: date, span: int, words: Words) -> None:
    step = 1 if span <= 5 else 7 if span <= 45 else max(7, span // 4)
    places = list(range(1, span + 1, step))
    axes.set_xticks(places, [words.writing.day(start + timedelta(days=place - 1)) for place in places])
    axes.tick_params(axis="x", length=0, pad=8)


def money_axis(axes: Axes, currency: str, words: Words) -> None:
    from matplotlib.ticker import FixedLocator, MaxNLocator

    low, high = axes.get_ylim()
    places = [
        place for place in MaxNLocator(nbins=4, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high) if low <= place <= high
    ]
    exact = [Decimal(str(round(float(place), 9))) for place in places]
    step = exact[1] - exact[0] if len(exact) > 1 else Decimal(1)
    axes.yaxis.set_major_locator(FixedLocator(places))
    axes.set_yticklabels([words.compact(place, step, currency) for place in exact])
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.tick_params(axis="y", length=0)


def label(name: str) -> str:
    """`name` as the chart's font can draw it, short enough to leave room for the bars."""
    drawable = "".join(char if ord(char) in _glyphs() else "\N{WHITE SQUARE}" for char in name)
    return drawable if len(drawable) <= LONGEST_LABEL else drawable[: LONGEST_LABEL - 1] + "…"


@functools.cache
def _glyphs() -> frozenset[int]:
    from matplotlib.font_manager import FontProperties, findfont
    from matplotlib.ft2font import FT2Font

    font: Any = FT2Font(findfont(FontProperties(family=["DejaVu Sans"])))
    return frozenset(font.get_charmap())


def height(money: Money) -> float:
    return float(money.amount)
