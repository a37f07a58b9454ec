"""What the daemon remembers: first seen, told, kept, findings, letters, intents, the audit trail; SQLite or PostgreSQL.

    with State.open("finops-data/state.db") as state:
        state.told("spot/notice/...", now)

Every write is one transaction that is on the disk when the call comes back.
"""

from __future__ import annotations

from .audit import Verified
from .casebook import Casebook, Change
from .daybook import Daybook
from .findings import Event, Record, StoredFinding, Vote
from .intents import Intent
from .letterbook import Letterbook
from .letters import Attempt, Fate, NewLetter, Recipient, StoredLetter
from .records import Json, digest
from .runs import Lease, SeenEvent, StoredRun
from .store import State
from .turn import Busy

__all__ = [
    "Attempt",
    "Busy",
    "Casebook",
    "Change",
    "Daybook",
    "Event",
    "Fate",
    "Intent",
    "Json",
    "Lease",
    "Letterbook",
    "NewLetter",
    "Recipient",
    "Record",
    "SeenEvent",
    "State",
    "StoredFinding",
    "StoredLetter",
    "StoredRun",
    "Verified",
    "Vote",
    "digest",
]
