"""The report as records: every figure computed, exact, and with its currency; nothing here reads or prints.

What can be printed is rounded once, before: `shown_*` amounts add up to the shown total (see rounding.adding_up), the
others keep every digit. `None` means that there is nothing to compare with, or that it is not known, never zero.
`figure` is the id under which `finops report explain` lists what is behind an amount.
"""

from __future__ import annotations

from finops.report.model.data import Absent, Completeness, Gap
from finops.report.model.lines import (
    UNTAGGED,
    Category,
    Detail,
    Details,
    Driver,
    Effect,
    EffectKind,
    Effects,
    Lasts,
    Line,
    Money,
    Mover,
    Movers,
    Role,
    Shift,
    Table,
    Tone,
)
from finops.report.model.planned import (
    Anomalies,
    Anomaly,
    Budgeted,
    Decision,
    Outlook,
    Point,
    Range,
    Record,
    Status,
)
from finops.report.model.report import Report, Wording
from finops.report.model.saved import Kind, Saving, Savings, Sum
from finops.report.model.time import Budget, Curve, Day, Month, Pace
from finops.report.model.trusted import (
    EVERYTHING,
    Audience,
    Bridge,
    BridgeLine,
    Broken,
    Close,
    Compliance,
    Exempt,
    Exemptions,
    Foretold,
    PeriodState,
    Restated,
    Restatements,
)
from finops.report.model.units import Share, Unit, Units

__all__ = [
    "EVERYTHING",
    "UNTAGGED",
    "Absent",
    "Anomalies",
    "Anomaly",
    "Audience",
    "Bridge",
    "BridgeLine",
    "Broken",
    "Budget",
    "Budgeted",
    "Category",
    "Close",
    "Completeness",
    "Compliance",
    "Curve",
    "Day",
    "Decision",
    "Detail",
    "Details",
    "Driver",
    "Effect",
    "EffectKind",
    "Effects",
    "Exempt",
    "Exemptions",
    "Foretold",
    "Gap",
    "Kind",
    "Lasts",
    "Line",
    "Money",
    "Month",
    "Mover",
    "Movers",
    "Outlook",
    "Pace",
    "PeriodState",
    "Point",
    "Range",
    "Record",
    "Report",
    "Restated",
    "Restatements",
    "Role",
    "Saving",
    "Savings",
    "Share",
    "Shift",
    "Status",
    "Sum",
    "Table",
    "Tone",
    "Unit",
    "Units",
    "Wording",
]
