"""The second chart: signed change by cost centre; on a first run, with nothing to compare, the cost of each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from finops.report.drawing import (
    BLUE,
    FAINT,
    FALL,
    GREY,
    LETTER_INCHES,
    RISE,
    WIDTH_INCHES,
    figure_of,
    height,
    label,
    png,
)
from finops.report.model import Report
from finops.report.words import Words

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def bars(report: Report, words: Words) -> bytes:
    """Signed change by cost centre, sorted; on a first run, with nothing to compare, the cost of each."""
    if report.movers is None:
        rows = report.by_cost_centre.rows
        lines = [(words.called(line), line.cost, words.money(line.shown_cost), BLUE) for line in rows]
    else:
        lines = [
            (words.called(line), line.change, words.signed(line.shown_change), RISE if line.change.amount > 0 else FALL)
            for line in report.movers.bars
            if line.change and line.shown_change and line.shown_change.amount
        ]
    if not lines:
        moved = report.movers.moved if report.movers and not report.movers.bars else 0
        spread = words.say("The change is spread over {n} cost centres.", n=f"{moved:,}")
        return _statement(spread if moved else words.say("No cost centre changed."))
    figure, axes = figure_of(0.5 + 0.36 * len(lines))
    places = range(len(lines), 0, -1)
    values = [height(cost) for _, cost, _, _ in lines]
    axes.barh(list(places), values, height=0.62, color=[colour for *_, colour in lines], zorder=3)
    axes.axvline(0, color=GREY, linewidth=0.8, zorder=4)
    axes.set_yticks(list(places), [label(name) for name, *_ in lines])
    axes.tick_params(length=0)
    axes.set_xticks([])
    axes.set_ylim(0.4, len(lines) + 0.6)
    _room_for_amounts(axes, values, [text for _, _, text, _ in lines], [label(name) for name, *_ in lines])
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
    return png(figure)


def _room_for_amounts(axes: Axes, values: Sequence[float], amounts: Sequence[str], names: Sequence[str]) -> None:
    """Widen the axis so that every amount stands inside, beside its bar."""
    left = WIDTH_INCHES - 0.4 - LETTER_INCHES * max(len(name) for name in names)
    needed = min(0.4, (0.12 + LETTER_INCHES * 1.1 * max(len(text) for text in amounts)) / left)
    rises, falls = max([0.0, *values]), min([0.0, *values])
    span = rises - falls or 1.0
    room = span * needed / (1 - needed * ((rises > 0) + (falls < 0)))
    axes.set_xlim(falls - (room if falls < 0 else span * 0.01), rises + (room if rises > 0 else span * 0.01))


def _statement(text: str) -> bytes:
    figure, axes = figure_of(0.6)
    axes.axis("off")
    axes.text(0, 0.5, text, color=FAINT, va="center", transform=axes.transAxes)
    return png(figure)
