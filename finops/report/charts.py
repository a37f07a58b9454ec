"""The report's two pictures, as small PNG files that come out the same for the same figures."""

from __future__ import annotations

from finops.report.chart_month import month
from finops.report.chart_movers import bars
from finops.report.drawing import LONGEST_LABEL, LOOK, label
from finops.report.model import Report
from finops.report.words import Words


def charts(report: Report, words: Words | None = None) -> dict[str, bytes]:
    """PNG by name: "cost" (added up over the month), "movers" (change by cost centre; cost on a first run)."""
    import matplotlib as mpl

    said = words if words and _drawable(report, words) else Words(report.digits)
    with mpl.rc_context():
        # Not the machine's matplotlibrc: the same figures look the same everywhere.
        mpl.rcdefaults()
        mpl.rcParams.update(LOOK)
        return {"cost": month(report, said), "movers": bars(report, said)}


def _drawable(report: Report, words: Words) -> bool:
    """Whether the charts' font has the letters of the locale and of the site's words; if not, they are in English."""
    said = [words.writing.day(report.curve.days[0].day), words.writing.month(report.curve.days[0].day)]
    said += [words.money(report.total.cost), words.say("Budget"), words.say("{amount} to date")]
    return all(text[:LONGEST_LABEL] == label(text[:LONGEST_LABEL]) for text in said)
