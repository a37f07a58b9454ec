"""The budgets of the settings, worst threshold last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from finops.budget.model import Budget, Escalation, Scope, Threshold

if TYPE_CHECKING:
    from finops.config.budgets import BudgetSettings
    from finops.config.model import Settings


def budgets_of(settings: Settings) -> tuple[Budget, ...]:
    """All budgets, in the order of the file. Who is told is mail.finance where a budget names nobody."""
    return tuple(_budget(name, one, settings) for name, one in settings.budgets.items())


def _budget(name: str, one: BudgetSettings, settings: Settings) -> Budget:
    scope = one.scope
    assert scope is not None  # given by its name where it was not written
    return Budget(
        name=name,
        scope=Scope(scope.kind, scope.id, scope.name, scope.values),
        amount=one.amount,
        currency=one.currency or settings.report.currency,
        every=one.every,
        basis=one.basis or settings.report.basis,
        thresholds=_thresholds(one),
        to=tuple(one.to or settings.mail.finance),
        owner=one.owner or "",
        escalate=Escalation(one.escalate.after_days, tuple(one.escalate.to)) if one.escalate else None,
        year_starts=one.year_starts,
        start=one.start,
        end=one.end,
        azure_scope=one.azure_scope,
    )


def _thresholds(one: BudgetSettings) -> tuple[Threshold, ...]:
    """Lowest first. What is written twice, or reaches the same amount in two ways, counts once."""
    found: dict[tuple[str, object], Threshold] = {}
    for given in one.thresholds:
        threshold = Threshold(given.on, given.percent, given.amount)
        found.setdefault((threshold.on, threshold.limit(one.amount)), threshold)
    # A forecast of an amount comes before the amount itself.
    return tuple(sorted(found.values(), key=lambda t: (t.limit(one.amount), t.on == "actual")))
