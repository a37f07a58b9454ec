"""What was done to one resource as a claim of what it saves, from the intent that it was written down as."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from finops.approvals.naming import holder_of, kind_of, name_of
from finops.report import Claim
from finops.report.claim import Measure

if TYPE_CHECKING:
    from finops.state import Intent


def of_act(intent: Intent, currency: str, does: str, did: str, measure: Measure, source: str, ref: str) -> Claim:
    return Claim(
        number=intent.number,
        stage="done",
        resource_id=intent.resource_id,
        name=name_of(intent.resource_id),
        what=kind_of(intent.resource_id),
        holder=holder_of(intent.resource_id),
        rule=intent.rule,
        does=does,
        did=did,
        expected=amount_of(intent),
        cost=None,
        currency=currency,
        created=made_at(intent.generation or ""),
        since=intent.opened_at,
        source=source,
        ref=ref,
        measure=measure,
    )


def made_at(generation: str) -> datetime | None:
    """When a resource was made, by its generation; None where that is no moment."""
    try:
        moment = datetime.fromisoformat(generation)
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def amount_of(intent: Intent) -> Decimal | None:
    """What it was to save a month; None where that was not known."""
    try:
        return Decimal(intent.saving) if intent.saving else None
    except InvalidOperation:
        return None
