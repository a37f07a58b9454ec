"""Findings of the janitor and what became of them, as records: a life, the votes on it, the steps of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from .records import Json


@dataclass(frozen=True)
class StoredFinding:
    """A finding of the janitor as it is remembered: the same fields, in plain values."""

    rule: str
    resource_id: str
    generation: str
    fingerprint: str
    digest: str
    action: str
    why: str
    evidence: Json = field(repr=False)
    owner: str
    risk: str
    monthly_cost: Decimal | None
    saving: Decimal | None
    dependents: tuple[str, ...]
    not_checked: tuple[str, ...]
    grace_days: int
    quiet: Json | None  # {"action": ..., "days": ...}


@dataclass(frozen=True)
class Vote:
    """One person's word on one digest. It counts until `until`, unless it was made void or used before."""

    number: int
    oid: str
    name: str
    email: str
    says: str  # approve, go (the owner needs it no more); during a quiet step denied, snoozed, exempt
    digest: str
    why: str
    at: datetime
    until: datetime
    ended: str  # "" while it stands; else why it does no more: "used", "the evidence changed", ...


@dataclass(frozen=True)
class Event:
    """One step in a finding's life. `before` equals `after` where something was said and nothing moved."""

    number: int
    finding: int
    at: datetime
    who: str
    before: str  # "" for the first
    after: str
    why: str
    digest: str


@dataclass(frozen=True)
class Record:
    """A finding's life up to now."""

    number: int
    finding: StoredFinding
    currency: str  # of monthly_cost and saving; "" not known
    status: str
    note: str  # why it has this status, in words
    first_at: datetime
    last_at: datetime  # the last sweep that found it
    runs: int  # sweeps in a row that found it
    asked_at: datetime | None
    due_at: datetime | None  # the end of the owner's grace
    expires_at: datetime | None  # when the request ends undecided
    approved_until: datetime | None
    snoozed_until: datetime | None  # until when it is left alone: snoozed, exempt or denied
    quiet_until: datetime | None
    restorable_until: datetime | None
    votes: tuple[Vote, ...]  # those that stand
    tombstone: str | None
    requester: str  # oid of the person who put it forward; "" the janitor itself
    round: int  # how often people were, or are to be, asked about it
    changed_at: datetime  # when it got its status
    version: int  # grows with each change
