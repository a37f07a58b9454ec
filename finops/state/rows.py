"""Rows of the findings' tables as records, and back."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from typing import Any

from .findings import Event, Record, StoredFinding, Vote
from .records import canonical, clean, moment_of

MOMENTS = ("asked_at", "due_at", "expires_at", "approved_until", "snoozed_until", "quiet_until", "restorable_until")
MILLIONTHS = 1_000_000
LARGEST = Decimal(9_000_000_000_000)  # of what fits into 64 bits in millionths


def fields_of(finding: StoredFinding) -> dict[str, Any]:
    """The columns of a finding. Its key, `resource`, does not change and is not among them."""
    amount = finding.saving if finding.saving is not None else finding.monthly_cost
    fits = amount is not None and amount.is_finite() and abs(amount) < LARGEST
    return {
        "rule": finding.rule,
        "resource_id": clean(finding.resource_id),
        "generation": clean(finding.generation),
        "fingerprint": finding.fingerprint,
        "digest": finding.digest,
        "action": finding.action,
        "why": clean(finding.why),
        "evidence": canonical(finding.evidence).replace("\\u0000", "\\ufffd"),
        "owner": clean(finding.owner),
        "risk": finding.risk,
        "monthly_cost": "" if finding.monthly_cost is None else str(finding.monthly_cost),
        "saving": "" if finding.saving is None else str(finding.saving),
        "amount": int((amount * MILLIONTHS).to_integral_value()) if fits and amount is not None else None,
        "dependents": canonical(list(finding.dependents)),
        "not_checked": canonical(list(finding.not_checked)),
        "grace_days": finding.grace_days,
        "quiet": canonical(finding.quiet),
    }


def finding_of(row: Any) -> StoredFinding:
    return StoredFinding(
        rule=row.rule,
        resource_id=row.resource_id,
        generation=row.generation,
        fingerprint=row.fingerprint,
        digest=row.digest,
        action=row.action,
        why=row.why,
        evidence=json.loads(row.evidence),
        owner=row.owner,
        risk=row.risk,
        monthly_cost=Decimal(row.monthly_cost) if row.monthly_cost else None,
        saving=Decimal(row.saving) if row.saving else None,
        dependents=tuple(json.loads(row.dependents)),
        not_checked=tuple(json.loads(row.not_checked)),
        grace_days=row.grace_days,
        quiet=json.loads(row.quiet),
    )


def record_of(row: Any, finding: StoredFinding, votes: tuple[Vote, ...]) -> Record:
    moments = {name: _moment(getattr(row, name)) for name in MOMENTS}
    return Record(
        number=row.number,
        finding=finding,
        currency=row.currency,
        status=row.status,
        note=row.note,
        first_at=moment_of(row.first_at),
        last_at=moment_of(row.last_at),
        runs=row.runs,
        votes=votes,
        tombstone=row.tombstone,
        requester=row.requester,
        round=row.round,
        changed_at=moment_of(row.changed_at),
        version=row.version,
        **moments,
    )


def vote_of(row: Any) -> Vote:
    return Vote(row.number, row.oid, row.name, row.email, row.says, row.digest, row.why, moment_of(row.at),
                moment_of(row.until), row.ended)  # fmt: skip


def event_of(row: Any) -> Event:
    return Event(row.number, row.finding, moment_of(row.at), row.who, row.before, row.after, row.why, row.digest)


def _moment(text: str | None) -> datetime | None:
    return moment_of(text) if text else None
