"""The report's two pictures, as small PNG files that come out the same for the same figures."""

from __future__ import annotations

from finops.report.chart_month import month
from finops.report.chart_movers import bars
from finops.report.drawing import LOOK
from finops.report.model import Report
from finops.report.words import Words


def charts(report: Report, words: Words | None = None) -> dict[str, bytes]:
    """PNG by name: "cost" (added up over the month), "movers" (change by cost centre; cost on a first run)."""
    import matplotlib as mpl

    said = words or Words(report.digits)
    with mpl.rc_context():
        # Not the machine's matplotlibrc: the same figures look the same everywhere.
        mpl.rcdefaults()
        mpl.rcParams.update(LOOK)
        return {"cost": month(report, said), "movers": bars(report, said)}
