"""The first chart: cost added up day by day, where it is heading with its range, the budget, and the month before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from finops.report import periods
from finops.report.drawing import BAND, BLUE, FAINT, GREY, RED, date_axis, figure_of, height, money_axis, png
from finops.report.model import Curve, Day, Outlook, Point, Report
from finops.report.naming import before_name
from finops.report.periods import length
from finops.report.words import Words

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HEIGHT_INCHES = 2.9


def month(report: Report, words: Words) -> bytes:
    """PNG of the curve: what was, in blue; what is to come, dashed, in its range; the budget as a red line."""
    curve, ahead = report.curve, points_ahead(report)
    figure, axes = figure_of(HEIGHT_INCHES)
    total = curve.days[-1].so_far
    here = len(curve.days)
    span = _days_shown(curve)
    if ahead:
        _draw_ahead(axes, curve, ahead, has_range=report.outlook is not None and report.outlook.range is not None)
    axes.plot(*_points(curve.days), color=BLUE, linewidth=2.4, solid_capstyle="round", zorder=3)
    axes.plot(here, height(total), color=BLUE, marker="o", markersize=6, zorder=4, clip_on=False)
    if curve.before_days:
        axes.plot(*_points(curve.before_days), color=GREY, linewidth=1.5, zorder=2)
    axes.set_xlim(1, max(span, 2))
    highest = _heights(axes, curve, ahead)
    money_axis(axes, total.currency, words)
    date_axis(axes, curve.period.start.date(), span, words)
    axes.axhline(0, color=GREY, linewidth=0.8)
    if curve.budget:
        axes.axhline(float(curve.budget.amount), color=RED, linewidth=1.5, zorder=2)
    _name_lines(axes, report, report.outlook if ahead else None, words, span, highest)
    return png(figure)


def points_ahead(report: Report) -> list[Point]:
    """The days after the last one that is reported, up to the end of the month; none where nothing is foreseen."""
    last = report.curve.days[-1].day
    return [point for point in report.outlook.path if point.day > last] if report.outlook and report.month else []


def _draw_ahead(axes: Axes, curve: Curve, ahead: Sequence[Point], has_range: bool) -> None:
    start = curve.period.start.date()
    last = curve.days[-1]
    days = [len(curve.days), *((point.day - start).days + 1 for point in ahead)]
    now = height(last.so_far)
    if has_range:
        low, high = ([now, *(height(getattr(point, end)) for point in ahead)] for end in ("low", "high"))
        axes.fill_between(days, low, high, color=BAND, linewidth=0, zorder=1)
    middle = [now, *(height(point.middle) for point in ahead)]
    axes.plot(days, middle, color=BLUE, linewidth=1.8, linestyle=(0, (3, 2)), zorder=3)


def _name_lines(axes: Axes, report: Report, outlook: Outlook | None, words: Words, span: int, highest: float) -> None:
    """Names beside the lines in place of a legend, each on its own height."""
    from matplotlib.patheffects import withStroke

    curve = report.curve
    gap = highest * 0.085
    total = curve.days[-1].so_far
    taken: list[tuple[float, str]] = []

    def put(x: float, y: float, text: str, colour: str, weight: str, align: str) -> None:
        y += gap
        # Names at the two sides of the chart do not meet.
        while any(abs(y - other) < 1.35 * gap for other, side in taken if side == align):
            y += gap / 4
        taken.append((y, align))
        written = axes.text(x, y, text, color=colour, weight=weight, ha=align, va="center", zorder=5)
        written.set_path_effects([withStroke(linewidth=4, foreground="white")])

    here = len(curve.days)
    if outlook:
        reach = outlook.range
        top = reach.high if reach else outlook.middle
        said = _between(outlook, words)
        put(span, height(top), said, BLUE, "bold", "right")
    if curve.budget:
        put(
            1.2, float(curve.budget.amount), f"{words.say('Budget')} {words.money(curve.budget)}", RED, "normal", "left"
        )
    falls = here > 1 and total.amount < curve.days[-2].so_far.amount and here < 0.75 * span
    middle = here > 0.38 * span and not falls
    to_date = words.money(total) if here >= span else words.say("{amount} to date", amount=words.money(total))
    y = height(total)
    if outlook and middle and y > 3 * gap:
        # Under the curve there is room; over it the range is drawn.
        late = here > 0.62 * span
        put(span if late else here + 0.3, y - 2.6 * gap, to_date, BLUE, "bold", "right" if late else "left")
    else:
        put(here - 0.4 if middle else here + 0.6, y, to_date, BLUE, "bold", "right" if middle else "left")
    if curve.before_days:
        last = curve.before_days[-1]
        put(
            span,
            height(last.so_far),
            f"{before_name(report, words)} {words.money(last.so_far)}",
            FAINT,
            "normal",
            "right",
        )
    axes.set_ylim(top=max([highest, *(y + 0.6 * gap for y, _ in taken)]))


def _between(outlook: Outlook, words: Words) -> str:
    if outlook.range is None:
        return words.near(outlook.middle)
    low, high = outlook.range.low, outlook.range.high
    return words.say("{low} to {high}", low=words.near(low), high=words.near(high, low))


def _heights(axes: Axes, curve: Curve, ahead: Sequence[Point]) -> float:
    """The height that holds all lines; set as the axis' upper end."""
    values = [height(day.so_far) for day in (*curve.days, *curve.before_days)]
    values += [height(end) for point in ahead for end in (point.low, point.high)]
    values += [float(curve.budget.amount)] if curve.budget else []
    highest, lowest = max([0.0, *values]), min([0.0, *values])
    if highest == lowest:
        highest = 1.0
    axes.set_ylim(lowest * 1.05, highest * 1.06)
    return highest - lowest


def _points(days: Sequence[Day]) -> tuple[list[int], list[float]]:
    """Day 1, 2, ... and the cost added up by then."""
    return list(range(1, len(days) + 1)), [height(day.so_far) for day in days]


def _days_shown(curve: Curve) -> int:
    """The whole month when the curve is of a month, else its days."""
    start = curve.period.start.date()
    if start.day == 1 and length(curve.period) <= 31:
        return max((periods.next_month(start) - start).days, len(curve.before_days))
    return max(length(curve.period), len(curve.before_days))
