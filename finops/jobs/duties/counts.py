"""The figures that duties give for /metrics: what each is called, and what it counts.

A figure with a label is named "findings.pending": the name, a point, the value of its label. Figures are as of the run
that told them; `ADDS` names those that count what happened in one run, which are added up over runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Count:
    """says: what it counts, for people. label: what the part after the point is; "" where there is none."""

    says: str
    label: str = ""


FINDINGS = "findings"
WAITING = "approvals_waiting"
OLDEST = "approvals_oldest_hours"
WASTE = "waste_money_a_month"
KEPT_UNKNOWN = "kept_because_unknown"
UNREAD = "unread"
UNTOLD = "untold"
GUARD = "guard_lines"
OWED = "guard_owed"
ACTS = "acts"
RATE = "money_an_hour"
AT_RISK = "money_at_risk"
COMPLETE_UNTIL = "data_complete_until"
MISSING = "subscriptions_missing"
OVER = "budgets_over"
ALERTS = "alerts"
ANOMALIES = "anomalies"
FORECAST_ERROR = "forecast_error_percent"
MAILS = "mails"
OUTBOX = "outbox"
REPORTS = "reports"
NON_COMPLIANT = "policy_non_compliant"
EVALUATED = "policy_evaluated_at"
REMOVED = "removed"

COUNTS: Mapping[str, Count] = {
    FINDINGS: Count("Findings of the janitor and of tiering, by status.", "status"),
    WAITING: Count("Findings that wait for somebody to decide."),
    OLDEST: Count("Hours since people were asked about the one that waits longest."),
    WASTE: Count("What findings that are not decided would save a month, by currency.", "currency"),
    KEPT_UNKNOWN: Count("Resources left alone because something about them is not known, by duty.", "duty"),
    UNREAD: Count("Things that could not be read in the last run, by duty.", "duty"),
    UNTOLD: Count("Things that nobody could be told of in the last run, by duty.", "duty"),
    GUARD: Count("What the guard found, by status: due, grace, wait, keep, report.", "status"),
    OWED: Count("Clusters that the guard deleted and that are not made anew yet."),
    ACTS: Count("Changes of Azure in one run, by outcome: done, held, void, failed, unknown.", "outcome"),
    RATE: Count("What runs now, in USD an hour by list prices."),
    AT_RISK: Count("What runs now costs until people are back at work, in USD by list prices."),
    COMPLETE_UNTIL: Count("Until when charges are complete, in seconds since 1970 (UTC)."),
    MISSING: Count("Subscriptions of which charges could not be read."),
    OVER: Count("Budgets whose charges of this period are above their amount."),
    ALERTS: Count("Alerts of budgets and of the watch in one run, by duty.", "duty"),
    ANOMALIES: Count("Cases of anomalies, by state.", "state"),
    FORECAST_ERROR: Count("Percent by which forecasts of the last closed month missed it, in the middle (median)."),
    MAILS: Count("Recipients by what became of them in one round: sent, failed, held.", "outcome"),
    OUTBOX: Count("Recipients that are still owed a mail."),
    REPORTS: Count("Mails of reports and statements left in one run."),
    NON_COMPLIANT: Count("Resources that Azure Policy says do not comply."),
    EVALUATED: Count("When Azure Policy last evaluated anything, in seconds since 1970 (UTC)."),
    REMOVED: Count("What housekeeping removed in one run, by kind.", "kind"),
}

ADDS = frozenset({ACTS, ALERTS, MAILS, REPORTS, REMOVED})
"""Those that count what happened in one run; all others say how it is as of the run."""


def named(name: str, label: str) -> str:
    """The name of a figure with its label."""
    return f"{name}.{label}"


def split(figure: str) -> tuple[str, str]:
    """The name and the label of a figure; "" where it has no label."""
    name, _, label = figure.partition(".")
    return name, label
