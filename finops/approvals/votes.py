"""Whether a finding is validly approved: by enough people, each for the digest as it is, none of them too late."""

from __future__ import annotations

from datetime import datetime

from finops.approvals.people import COMMAND_LINE, Person, may_own
from finops.approvals.statuses import APPROVED, WAITING
from finops.state import Record, Vote

APPROVE, GO = "approve", "go"
ASIDE = ("denied", "snoozed", "exempt")  # also kept as a word on it while a quiet step lasts


def is_high(record: Record) -> bool:
    """A risk that is not said to be low is high."""
    return record.finding.risk != "low"


def needed(record: Record) -> int:
    """How many different people must approve."""
    return 2 if is_high(record) else 1


def is_own(record: Record, person: Person) -> bool:
    """Whether it is the person's own: they may own the resource, or put it forward."""
    if person.oid == record.requester or may_own(person, record.finding.owner):
        return True
    return any(vote.says == GO and not vote.ended and same_person(vote, person) for vote in record.votes)


def same_person(one: Vote | Person, other: Vote | Person) -> bool:
    """Whether two accounts are one person's: the same oid, or the same mail address."""
    address = one.email.strip().casefold()
    return one.oid == other.oid or (bool(address) and address == other.email.strip().casefold())


def counting(record: Record, now: datetime) -> list[Vote]:
    """The approvals that count now: one a person, whatever their accounts, of the present digest, standing, not too
    old, and for high risk not of its owner or requester, nor of the command line, where nothing proves who it is."""
    found: list[Vote] = []
    for vote in record.votes:
        stands = vote.says == APPROVE and not vote.ended and vote.digest == record.finding.digest
        person = Person(vote.oid, vote.name, vote.email, frozenset())
        left_out = is_high(record) and (is_own(record, person) or person.oid == COMMAND_LINE)
        if stands and not left_out and vote.at <= now < vote.until and not any(same_person(vote, o) for o in found):
            found.append(vote)
    return found


def aside(record: Record) -> str:
    """What a finding becomes whose quiet step ends without a change: as a person said meanwhile, else expired."""
    said = [vote.says for vote in record.votes if vote.says in ASIDE and not vote.ended]
    return said[-1] if said else "snoozed" if record.snoozed_until is not None else "expired"


def invalid(record: Record, now: datetime) -> str:
    """Why nothing may be done on account of the approval, "" where it is valid."""
    if record.status not in APPROVED:
        return f"It is {record.status}, not approved."
    if record.approved_until is None or record.approved_until <= now:
        return "Its approval has expired."
    stand = len(counting(record, now))
    return "" if stand >= needed(record) else f"{stand} of {needed(record)} approvals stand for what it is now."


def over(record: Record, now: datetime) -> bool:
    """Whether nobody decided in time. The next sweep writes that down; nothing is done, whenever it comes."""
    return record.status in {"asked", "pending"} and record.expires_at is not None and record.expires_at <= now


def ran_out(record: Record) -> bool:
    """Whether it waits, and had been approved: that ran out before it was done. What `step` keeps of it says so."""
    return record.status in WAITING and record.approved_until is not None
