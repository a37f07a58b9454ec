"""The report's two pictures, as small PNG files that come out the same for the same figures."""

from __future__ import annotations

import functools
import io
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from finops.report import periods
from finops.report.model import Curve, Day, Money, Report
from finops.report.periods import length
from finops.report.words import Words, compact

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, FAINT, GRID = "#1b1f24", "#59636e", "#e3e7eb"
BLUE, RED, RISE, FALL, GREY = "#0b57a4", "#b3261e", "#9a4a00", "#1a7f37", "#8a939c"
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


def charts(report: Report) -> dict[str, bytes]:
    """PNG by name: "cost" (added up over the month), "movers" (change by cost centre; cost on a first run)."""
    import matplotlib as mpl

    words = Words(report.digits)
    with mpl.rc_context():
        # Not the machine's matplotlibrc: the same figures look the same everywhere.
        mpl.rcdefaults()
        mpl.rcParams.update(LOOK)
        return {"cost": _cost(report.curve, words), "movers": _bars(report, words)}


def _cost(curve: Curve, words: Words) -> bytes:
    """Cost added up day by day; the period before in grey; the budget as a red line when there is one."""
    figure, axes = _figure(2.9)
    total = curve.days[-1].so_far
    axes.plot(*_points(curve.days), color=BLUE, linewidth=2.4, solid_capstyle="round", zorder=3)
    axes.plot(len(curve.days), _height(total), color=BLUE, marker="o", markersize=6, zorder=4, clip_on=False)
    if curve.before_days:
        axes.plot(*_points(curve.before_days), color=GREY, linewidth=1.5, zorder=2)
    span = _days_shown(curve)
    axes.set_xlim(1, max(span, 2))
    highest = _heights(axes, curve)
    _money_axis(axes, total.currency)
    _date_axis(axes, curve, span)
    axes.axhline(0, color=GREY, linewidth=0.8)
    if curve.budget:
        axes.axhline(float(curve.budget.amount), color=RED, linewidth=1.5, zorder=2)
    _label_curves(axes, curve, words, span, highest)
    return _png(figure)


def _label_curves(axes: Axes, curve: Curve, words: Words, span: int, highest: float) -> None:
    """Names beside the lines in place of a legend, each on its own height."""
    from matplotlib.patheffects import withStroke

    gap = highest * 0.085
    total = curve.days[-1].so_far
    taken: list[float] = []

    def put(x: float, y: float, text: str, colour: str, weight: str, align: str) -> None:
        y += gap
        while any(abs(y - other) < 1.35 * gap for other in taken):
            y += gap / 4
        taken.append(y)
        written = axes.text(x, y, text, color=colour, weight=weight, ha=align, va="center", zorder=5)
        written.set_path_effects([withStroke(linewidth=4, foreground="white")])

    here = len(curve.days)
    if curve.budget:
        put(1.2, float(curve.budget.amount), f"Budget {words.money(curve.budget)}", RED, "normal", "left")
    falls = here > 1 and total.amount < curve.days[-2].so_far.amount and here < 0.75 * span
    middle = here > 0.38 * span and not falls
    put(
        here - 0.4 if middle else here + 0.6,
        _height(total),
        words.money(total) + ("" if here >= span else " to date"),
        BLUE,
        "bold",
        "right" if middle else "left",
    )
    if curve.before_days:
        last = curve.before_days[-1]
        put(span, _height(last.so_far), f"{curve.before_name} {words.money(last.so_far)}", FAINT, "normal", "right")
    top = max([highest, *(y + 0.6 * gap for y in taken)])
    axes.set_ylim(top=top)


def _heights(axes: Axes, curve: Curve) -> float:
    """The height that holds all lines; set as the axis' upper end."""
    values = [_height(day.so_far) for day in (*curve.days, *curve.before_days)]
    values += [float(curve.budget.amount)] if curve.budget else []
    highest, lowest = max([0.0, *values]), min([0.0, *values])
    if highest == lowest:
        highest = 1.0
    axes.set_ylim(lowest * 1.05, highest * 1.06)
    return highest - lowest


def _bars(report: Report, words: Words) -> bytes:
    """Signed change by cost centre, sorted; on a first run, with nothing to compare, the cost of each."""
    if report.movers is None:
        rows = report.by_cost_centre.rows
        lines = [(line.name, line.cost, words.money(line.shown_cost), BLUE) for line in rows]
    else:
        lines = [
            (line.name, line.change, words.signed(line.shown_change), RISE if line.change.amount > 0 else FALL)
            for line in report.movers.bars
            if line.change
        ]
    if not lines:
        moved = report.movers.moved if report.movers else 0
        spread = f"The change is spread over {moved:,} cost centres."
        return _statement(spread if moved else f"No cost centre changed against {report.wording.before}.")
    figure, axes = _figure(0.5 + 0.36 * len(lines))
    places = range(len(lines), 0, -1)
    values = [_height(cost) for _, cost, _, _ in lines]
    axes.barh(list(places), values, height=0.62, color=[colour for *_, colour in lines], zorder=3)
    axes.axvline(0, color=GREY, linewidth=0.8, zorder=4)
    axes.set_yticks(list(places), [_label(name) for name, *_ in lines])
    axes.tick_params(length=0)
    axes.set_xticks([])
    axes.set_ylim(0.4, len(lines) + 0.6)
    _room_for_amounts(axes, values, [text for _, _, text, _ in lines], [_label(name) for name, *_ in lines])
    for place, value, (_, _, text, colour) in zip(places, values, lines, strict=True):
        side = 5 if value >= 0 else -5
        axes.annotate(
            text,
            (value, place),
            (side, 0),
            textcoords="offset points",
            color=colour,
            weight="bold",
            ha="left" if value >= 0 else "right",
            va="center",
        )
    return _png(figure)


def _room_for_amounts(axes: Axes, values: Sequence[float], amounts: Sequence[str], names: Sequence[str]) -> None:
    """Widen the axis so that every amount stands inside, beside its bar."""
    left = WIDTH_INCHES - 0.4 - LETTER_INCHES * max(len(name) for name in names)
    needed = min(0.4, (0.12 + LETTER_INCHES * 1.1 * max(len(text) for text in amounts)) / left)
    rises, falls = max([0.0, *values]), min([0.0, *values])
    span = rises - falls or 1.0
    room = span * needed / (1 - needed * ((rises > 0) + (falls < 0)))
    axes.set_xlim(falls - (room if falls < 0 else span * 0.01), rises + (room if rises > 0 else span * 0.01))


def _statement(text: str) -> bytes:
    figure, axes = _figure(0.6)
    axes.axis("off")
    axes.text(0, 0.5, text, color=FAINT, va="center", transform=axes.transAxes)
    return _png(figure)


def _figure(height_inches: float) -> tuple[Figure, Axes]:
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


def _png(figure: Figure) -> bytes:
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


def _points(days: Sequence[Day]) -> tuple[list[int], list[float]]:
    """Day 1, 2, ... and the cost added up by then."""
    return list(range(1, len(days) + 1)), [_height(day.so_far) for day in days]


def _days_shown(curve: Curve) -> int:
    """The whole month when the curve is of a month, else its days."""
    start = curve.period.start.date()
    if start.day == 1 and length(curve.period) <= 31:
        return max((periods.next_month(start) - start).days, len(curve.before_days))
    return max(length(curve.period), len(curve.before_days))


def _date_axis(axes: Axes, curve: Curve, span: int) -> None:
    from datetime import timedelta

    start = curve.period.start.date()
    step = 1 if span <= 5 else 7 if span <= 45 else max(7, span // 4)
    places = list(range(1, span + 1, step))
    axes.set_xticks(places, [periods.short(start + timedelta(days=place - 1)) for place in places])
    axes.tick_params(axis="x", length=0, pad=8)


def _money_axis(axes: Axes, currency: str) -> None:
    from matplotlib.ticker import FixedLocator, MaxNLocator

    low, high = axes.get_ylim()
    places = [
        place for place in MaxNLocator(nbins=4, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high) if low <= place <= high
    ]
    exact = [Decimal(str(round(float(place), 9))) for place in places]
    step = exact[1] - exact[0] if len(exact) > 1 else Decimal(1)
    axes.yaxis.set_major_locator(FixedLocator(places))
    axes.set_yticklabels([compact(place, step, currency) for place in exact])
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.tick_params(axis="y", length=0)


def _label(name: str) -> str:
    """`name` as the chart's font can draw it, short enough to leave room for the bars."""
    drawable = "".join(char if ord(char) in _glyphs() else "\N{WHITE SQUARE}" for char in name)
    return drawable if len(drawable) <= LONGEST_LABEL else drawable[: LONGEST_LABEL - 1] + "…"


@functools.cache
def _glyphs() -> frozenset[int]:
    from matplotlib.font_manager import FontProperties, findfont
    from matplotlib.ft2font import FT2Font

    font: Any = FT2Font(findfont(FontProperties(family=["DejaVu Sans"])))
    return frozenset(font.get_charmap())


def _height(money: Money) -> float:
    return float(money.amount)
