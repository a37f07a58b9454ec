"""Whether a finding is validly approved: by enough people, each for the digest as it is, none of them too late."""

from __future__ import annotations

from datetime import datetime

from finops.approvals.people import Person, owns
from finops.approvals.statuses import APPROVED
from finops.state import Record, Vote

APPROVE, GO = "approve", "go"


def is_high(record: Record) -> bool:
    """A risk that is not said to be low is high."""
    return record.finding.risk != "low"


def needed(record: Record) -> int:
    """How many different people must approve."""
    return 2 if is_high(record) else 1


def is_own(record: Record, person: Person) -> bool:
    """Whether it is the person's own: they own the resource, or put it forward."""
    return person.oid == record.requester or owns(person, record.finding.owner)


def counting(record: Record, now: datetime) -> list[Vote]:
    """The approvals that count now: one a person, of the present digest, standing, not too old, and for high risk
    not of its owner or requester."""
    found: dict[str, Vote] = {}
    for vote in record.votes:
        stands = vote.says == APPROVE and not vote.ended and vote.digest == record.finding.digest
        own = is_high(record) and is_own(record, Person(vote.oid, vote.name, vote.email, frozenset()))
        if stands and not own and vote.at <= now < vote.until:
            found.setdefault(vote.oid, vote)
    return list(found.values())


def invalid(record: Record, now: datetime) -> str:
    """Why nothing may be done on account of the approval, "" where it is valid."""
    if record.status not in APPROVED:
        return f"It is {record.status}, not approved."
    if record.approved_until is None or record.approved_until <= now:
        return "Its approval has expired."
    stand = len(counting(record, now))
    return "" if stand >= needed(record) else f"{stand} of {needed(record)} approvals stand for what it is now."
