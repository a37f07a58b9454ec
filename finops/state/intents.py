"""Intents: what is about to be done, written down before the request, and what came of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from finops.errors import FinopsError

from .records import Json, moment_of, written
from .tables import intents

# not-done: read to be as before. changed-since: somebody else's doing came between.
OUTCOMES = {"done", "not-done", "changed-since", "failed"}


@dataclass(frozen=True)
class Intent:
    """One thing that was about to be done. `outcome` None: it is not known yet whether it was."""

    number: int
    run: str
    resource_id: str
    workspace: str
    generation: str | None  # None: nothing was there, and it was to be made
    api_version: str
    action: str
    rule: str
    why: str
    who: str
    decision: str
    evidence: Json
    afterwards: Json | None
    saving: str
    opened_at: datetime
    outcome: str | None
    outcome_why: str | None
    closed_at: datetime | None


def add(db: Connection, values: dict[str, Any]) -> int:
    """The number of the new intent."""
    found = db.execute(insert(intents).values(values).returning(intents.c.number)).scalar_one()
    return int(found)


def close(db: Connection, number: int, outcome: str, why: str, now: datetime) -> None:
    if outcome not in OUTCOMES:
        raise ValueError(f"{outcome!r} is no outcome")
    changed = db.execute(
        update(intents)
        .where(intents.c.number == number, intents.c.outcome.is_(None))
        .values(outcome=outcome, outcome_why=why, closed_at=written(now))
    )
    if changed.rowcount != 1:
        raise FinopsError(
            f"Intent {number} is not open: its outcome was recorded before, or it does not exist.",
            "Two runs have acted at the same time, or the database was changed by hand; see `docs/state.md`.",
        )


def pending(db: Connection) -> list[Intent]:
    rows = db.execute(select(intents).where(intents.c.outcome.is_(None)).order_by(intents.c.number))
    return [_intent(row._mapping) for row in rows]


def since(db: Connection, moment: datetime) -> list[Intent]:
    rows = db.execute(select(intents).where(intents.c.opened_at >= written(moment)).order_by(intents.c.number))
    return [_intent(row._mapping) for row in rows]


def by_outcome(db: Connection) -> dict[str, int]:
    """How many intents there are of each outcome; "" for those whose outcome is not known."""
    query = select(func.coalesce(intents.c.outcome, ""), func.count()).group_by(intents.c.outcome)
    return {row[0]: row[1] for row in db.execute(query)}


def count_since(db: Connection, moment: datetime) -> int:
    """How many intents were opened after `moment` and may have changed something."""
    query = select(func.count()).where(
        intents.c.opened_at > written(moment),
        intents.c.outcome.is_distinct_from("not-done"),
    )
    return int(db.execute(query).scalar_one())


def _intent(row: Any) -> Intent:
    return Intent(
        **{
            **row,
            "evidence": json.loads(row["evidence"]),
            "afterwards": json.loads(row["afterwards"]),
            "opened_at": moment_of(row["opened_at"]),
            "closed_at": moment_of(row["closed_at"]) if row["closed_at"] else None,
        }
    )


def one(db: Connection, number: int) -> Intent:
    found = db.execute(select(intents).where(intents.c.number == number)).first()
    if found is None:
        raise FinopsError(f"There is no intent {number}.", "The database was changed by hand; see `docs/state.md`.")
    return _intent(found._mapping)
