"""Budgets: how much of each is spent and will be, which thresholds that crosses, and what runs now in money an hour.

for budget in budgets_of(settings):
    where = standing(budget, book, now, outlook_for(budget, book, now))
    alerts = due(where, told, muted, acks)
"""

from __future__ import annotations

from finops.budget.alerts import Acknowledged, Muted, Told, due
from finops.budget.foresee import Foreseen, foreseen
from finops.budget.going_on import GoesOn, going_on, set_aside, without_refuted_range
from finops.budget.model import Alert, Before, Budget, Escalation, Gap, Scope, Standing, Threshold
from finops.budget.periods import days_gone, period_of, periods_to_check
from finops.budget.reading import budgets_of
from finops.budget.standing import standing

__all__ = [
    "Acknowledged",
    "Alert",
    "Before",
    "Budget",
    "Escalation",
    "Foreseen",
    "Gap",
    "GoesOn",
    "Muted",
    "Scope",
    "Standing",
    "Threshold",
    "Told",
    "budgets_of",
    "days_gone",
    "due",
    "foreseen",
    "going_on",
    "period_of",
    "periods_to_check",
    "set_aside",
    "standing",
    "without_refuted_range",
]
