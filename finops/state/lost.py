"""What was done between a backup and now, as what was there before tells it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

from .looking import Content
from .migrate import version
from .shape import tables_of

SHOWN = 20  # acts that are named; the others are counted


@dataclass(frozen=True)
class Lost:
    """same: the backup is of this very trail. newer: the backup has entries that what was there has not."""

    same: bool
    newer: bool
    entries: int  # of the audit trail
    head: str
    acts: int
    named: tuple[str, ...]  # the newest acts, in words
    votes: int
    sent: int  # tries to send a letter
    runs: int


def since(db: Connection, restored: Content, schema: str = "") -> Lost | None:
    """What a database holds beyond `restored`; None where it cannot tell. schema: of PostgreSQL, that it lies in."""
    place = f'"{schema}".' if schema else ""
    has = version(db) if not schema else _version_in(db, place)
    if has is None:
        return None
    tables = {table.name for table in tables_of(has)}
    head = restored.trail.head
    number, _, digest = head.partition(":")

    def beyond(table: str, last: int) -> int:
        if table not in tables:
            return 0
        asked = text(f"SELECT count(*) FROM {place}{table} WHERE number > :last")  # noqa: S608 - our own names
        return int(db.execute(asked, {"last": last}).scalar_one())

    newest = db.execute(text(f"SELECT number, hash FROM {place}audit ORDER BY number DESC LIMIT 1")).first()  # noqa: S608
    asked = text(f"SELECT hash FROM {place}audit WHERE number = :number")  # noqa: S608 - our own names
    there = db.execute(asked, {"number": int(number)}).scalar()
    acts = text(
        f"SELECT number, action, resource_id, outcome FROM {place}intents WHERE number > :last"  # noqa: S608
        " ORDER BY number DESC LIMIT :most"
    )
    found = db.execute(acts, {"last": restored.last["intents"], "most": SHOWN}).all()
    return Lost(
        same=there == digest or int(number) == 0,
        newer=newest is None or newest.number < int(number),
        entries=max(0, (newest.number if newest else 0) - int(number)),
        head=f"{newest.number}:{newest.hash}" if newest else "",
        acts=beyond("intents", restored.last["intents"]),
        named=tuple(f"{row.action} {row.resource_id}: {row.outcome or 'not known'}" for row in found),
        votes=beyond("votes", restored.last.get("votes", 0)),
        sent=beyond("attempts", restored.last.get("attempts", 0)),
        runs=beyond("runs", restored.last.get("runs", 0)),
    )


def _version_in(db: Connection, place: str) -> str | None:
    found = db.execute(text(f"SELECT version_num FROM {place}finops_schema")).scalar()  # noqa: S608 - our own names
    return str(found) if found else None
