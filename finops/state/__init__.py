"""What the daemon remembers: first seen, told, kept, findings, intents and the audit trail; SQLite or PostgreSQL.

    with State.open("finops-data/state.db") as state:
        state.told("spot/notice/...", now)

Every write is one transaction that is on the disk when the call comes back.
"""

from __future__ import annotations

from .audit import Verified
from .casebook import Casebook, Change
from .findings import Event, Record, StoredFinding, Vote
from .intents import Intent
from .records import Json, digest
from .store import State
from .turn import Busy

__all__ = [
    "Busy",
    "Casebook",
    "Change",
    "Event",
    "Intent",
    "Json",
    "Record",
    "State",
    "StoredFinding",
    "Verified",
    "Vote",
    "digest",
]
