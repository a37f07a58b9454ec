"""Who approved what: the life of a finding, the rules of deciding, and what may be done now.

    record(state, found, rules, now, settings)   a sweep's findings enter or advance
    Desk(state, settings.janitor)                people decide
    due(state, settings, now)                    what may be tried now
    moved(state, number, "acted", why, now, who) the only way in which a status changes otherwise
"""

from __future__ import annotations

from finops.approvals.people import APPROVER, READER, Answer, Person, address, owns
from finops.approvals.statuses import APPROVED, ENDED, MOVES, OPEN, STATUSES, WORDS, allowed

__all__ = [
    "APPROVED",
    "APPROVER",
    "ENDED",
    "MOVES",
    "OPEN",
    "READER",
    "STATUSES",
    "WORDS",
    "Answer",
    "Person",
    "address",
    "allowed",
    "owns",
]
