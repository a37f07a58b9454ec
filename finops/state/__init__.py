"""What the daemon remembers: first seen, told, kept, intents and the audit trail, in SQLite or PostgreSQL.

    with State.open("finops-data/state.db") as state:
        state.told("spot/notice/...", now)

Every write is one transaction that is on the disk when the call comes back.
"""

from __future__ import annotations

from .audit import Verified
from .intents import Intent
from .records import Json, digest
from .store import State
from .turn import Busy

__all__ = ["Busy", "Intent", "Json", "State", "Verified", "digest"]
