"""Who approved what: the life of a finding, the rules of deciding, and what may be done now.

record(state, found, rules, now, settings, present)   a sweep's findings enter or advance
Desk(state, settings.janitor).approve(rows, person, now)     people decide; rows: [(number, digest)]
schedule(state, settings, now)    what may be acted on now, moved to `scheduled`; due() only looks
moved(state, number, "acted", why, now, who)    every other step; into acted only with a valid approval
reoffered(state, number, finding, why, now)     the re-check differs: votes void, pending again
invalid(record, now)    why an approval does not hold (any more): asked again while a quiet step lasts
words(state, now)    what people said of findings, for what would take their resources along
aside(record)    what a finding becomes whose quiet step ends: as a person said meanwhile, else expired
"""

from __future__ import annotations

from finops.approvals.desk import Desk
from finops.approvals.moving import NotAllowed, due, lapsed, moved, not_due, reoffered, schedule, stored, told
from finops.approvals.people import APPROVER, COMMAND_LINE, READER, Answer, Person, address, owns
from finops.approvals.recording import Changes, record
from finops.approvals.statuses import APPROVED, ENDED, MOVES, OPEN, STATUSES, WORDS, allowed
from finops.approvals.votes import aside, counting, invalid, is_high, needed, over
from finops.approvals.words import words
from finops.approvals.workdays import Workdays

__all__ = [
    "APPROVED",
    "APPROVER",
    "COMMAND_LINE",
    "ENDED",
    "MOVES",
    "OPEN",
    "READER",
    "STATUSES",
    "WORDS",
    "Answer",
    "Changes",
    "Desk",
    "NotAllowed",
    "Person",
    "Workdays",
    "address",
    "allowed",
    "aside",
    "counting",
    "due",
    "invalid",
    "is_high",
    "lapsed",
    "moved",
    "needed",
    "not_due",
    "over",
    "owns",
    "record",
    "reoffered",
    "schedule",
    "stored",
    "told",
    "words",
]
