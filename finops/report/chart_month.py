"""The first chart: cost added up day by day, where it is heading with its range, the budget, and the month before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from finops.report import periods
from finops.report.chart_names import Names, Points
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
    _name_lines(axes, report, ahead, words, span, highest)
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


def _name_lines(axes: Axes, report: Report, ahead: Sequence[Point], words: Words, span: int, highest: float) -> None:
    """Names beside the lines in place of a legend, each where no line and no other name is."""
    from matplotlib.patheffects import withStroke

    curve, outlook = report.curve, report.outlook if ahead else None
    total, here = curve.days[-1].so_far, len(curve.days)
    drawn = lines(report, ahead, span)
    ours = [drawn[0], *(drawn[2:5] if ahead else ())]
    names = Names(span, min(axes.get_ylim()[0], 0), max(highest, 0.0), drawn)

    def put(x: float, y: float, text: str, colour: str, weight: str = "normal", apart: Sequence[Points] = ()) -> None:
        box = names.put(text, x, y, apart)
        align, at = ("left", box.left) if x < span / 2 else ("right", box.right)
        written = axes.text(at, (box.low + box.high) / 2, text, color=colour, weight=weight, ha=align, va="center")
        written.set(zorder=5, path_effects=[withStroke(linewidth=4, foreground="white")])

    if outlook:
        put(
            span,
            height(outlook.range.high if outlook.range else outlook.middle),
            _between(outlook, words),
            BLUE,
            "bold",
        )
    if curve.budget:
        put(1, float(curve.budget.amount), f"{words.say('Budget')} {words.money(curve.budget)}", RED)
    is_over = here >= span or (report.month is not None and report.month.ended)
    to_date = words.money(total) if is_over else words.say("{amount} to date", amount=words.money(total))
    put(here, height(total), to_date, BLUE, "bold")
    if curve.before_days:
        before = curve.before_days[-1].so_far
        put(
            len(curve.before_days),
            height(before),
            f"{before_name(report, words)} {words.money(before)}",
            FAINT,
            apart=ours,
        )
    axes.set_ylim(top=max(axes.get_ylim()[1], *(box.high for box in names.taken)))


def lines(report: Report, ahead: Sequence[Point], span: int) -> list[Points]:
    """What is drawn, as points: the curve with its dot, what is to come, the budget, the month before."""
    curve = report.curve
    here, now = len(curve.days), height(curve.days[-1].so_far)
    drawn: list[Points] = [list(zip(*_points(days), strict=True)) for days in (curve.days, curve.before_days)]
    start = curve.period.start.date()
    for end in ("low", "middle", "high") if ahead else ():
        drawn.append([(here, now), *(((one.day - start).days + 1, height(getattr(one, end))) for one in ahead)])
    if curve.budget:
        drawn.append([(1, float(curve.budget.amount)), (span, float(curve.budget.amount))])
    return [*drawn, [(here - 0.4, now), (here + 0.4, now)]]


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
