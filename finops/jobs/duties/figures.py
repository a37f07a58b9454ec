"""Figures that several duties tell: what is remembered of findings, and how far charges reach."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from finops.jobs.duties import counts as n

if TYPE_CHECKING:
    from finops.charges import Charges
    from finops.state import State

HOUR_SECONDS = 3600


def of_findings(state: State, now: datetime) -> dict[str, int | float]:
    """Findings by status, how many wait for people and for how long, and what they would save a month."""
    found, waiting, _ = state.findings.all(status="pending", limit=None, now=now)
    asked = [one.asked_at or one.first_at for one in found]
    worth: dict[str, Decimal] = defaultdict(Decimal)
    for one in found:
        if one.finding.saving is not None and one.currency:
            worth[one.currency] += one.finding.saving
    return {
        **{n.named(n.FINDINGS, status): count for status, count in state.findings.counts().items()},
        **{n.named(n.WASTE, currency): float(amount) for currency, amount in worth.items()},
        n.WAITING: waiting,
        n.OLDEST: round((now - min(asked)).total_seconds() / HOUR_SECONDS, 2) if asked else 0,
    }


def of_charges(book: Charges) -> dict[str, int | float]:
    """Until when charges are complete, and how many subscriptions are missing."""
    until = book.complete_until
    reach: dict[str, int | float] = {} if until is None else {n.COMPLETE_UNTIL: until.timestamp()}
    return {**reach, n.MISSING: len({gap.scope for gap in book.gaps})}
