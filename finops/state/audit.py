"""The audit trail: each entry's hash covers the one before it, so that no entry can be changed, moved or left out.

A rewriting of the whole trail is found by a key that is not in the database, and by a head that was noted elsewhere.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from .records import Json, canonical, clean, digest, written
from .tables import audit

NOTHING = "0" * 64
Last = tuple[int, str]  # number and hash of the newest entry
# Made once: to put a statement together takes longer than to run it.
NEWEST = select(audit.c.number, audit.c.hash).order_by(audit.c.number.desc()).limit(1)
ADD = insert(audit)


@dataclass(frozen=True)
class Verified:
    """How much of the trail is whole: `fault` is None, or says what is wrong and where."""

    entries: int
    head: str
    fault: str | None


def append(
    db: Connection,
    key: bytes | None,
    who: str,
    what: str,
    resource_id: str,
    why: str,
    evidence: Json,
    now: datetime,
    intent: int | None = None,
) -> str:
    """The hash of the new last entry. Within a writing transaction, so that two never get the same place."""
    return add(db, key, who, what, resource_id, why, evidence, now, intent)[1]


def add(
    db: Connection,
    key: bytes | None,
    who: str,
    what: str,
    resource_id: str,
    why: str,
    evidence: Json,
    now: datetime,
    intent: int | None = None,
    last: Last | None = None,
) -> Last:
    """As `append`, for many entries in one transaction: `last` is what the one before gave."""
    number, previous = last or _newest(db)
    entry = {
        "number": number + 1,
        "at": written(now),
        "who": clean(who)[:200],
        "what": clean(what),
        "resource_id": clean(resource_id),
        "why": clean(why),
        "evidence": canonical(evidence),
        "intent": intent,
        "keyed": key is not None,
        "previous": previous,
    }
    entry["hash"] = _hash(entry, key)
    db.execute(ADD, entry)
    return number + 1, str(entry["hash"])


def _newest(db: Connection) -> Last:
    found = db.execute(NEWEST).first()
    return (found.number, found.hash) if found else (0, NOTHING)


def head(db: Connection) -> str:
    """The last entry as "number:hash": what is noted outside, to prove later that nothing before it was changed."""
    number, newest = _newest(db)
    return f"{number}:{newest}"


def entries(db: Connection, after: int = 0) -> Iterator[Json]:
    """What is on the trail, oldest first."""
    for row in db.execute(select(audit).where(audit.c.number > after).order_by(audit.c.number)):
        yield dict(row._mapping)


def verify(db: Connection, key: bytes | None, anchor: str | None = None) -> Verified:
    """Whether the trail is whole, and still holds `anchor`, a head that was noted earlier."""
    number, previous, keyed = 0, NOTHING, False
    noted = anchor.partition(":") if anchor else ("0", ":", NOTHING)
    met = noted[0] == "0" and noted[2] == NOTHING
    for entry in entries(db):
        number += 1
        fault = _wrong(entry, number, previous, keyed, key)
        if fault:
            return Verified(number - 1, f"{number - 1}:{previous}", fault)
        previous, keyed = entry["hash"], keyed or entry["keyed"]
        met = met or (str(number) == noted[0] and hmac.compare_digest(previous, noted[2]))
    if not met:
        return Verified(number, f"{number}:{previous}", f"The head that was noted, {anchor}, is not on the trail.")
    return Verified(number, f"{number}:{previous}", None)


def _wrong(entry: Json, number: int, previous: str, keyed: bool, key: bytes | None) -> str | None:
    if entry["number"] != number:
        return f"Entry {number} is missing."
    if entry["previous"] != previous:
        return f"Entry {number} does not follow the one before it."
    if keyed and not entry["keyed"]:
        return f"Entry {number} is not sealed with the key, though an earlier one is."
    if entry["keyed"] and key is None:
        return f"Entry {number} is sealed with a key, and none was given."
    if not hmac.compare_digest(entry["hash"], _hash(entry, key if entry["keyed"] else None)):
        return f"Entry {number} was changed, or sealed with another key."
    return None


def _hash(entry: dict[str, Any], key: bytes | None) -> str:
    covered = {name: value for name, value in entry.items() if name not in {"hash", "evidence"}}
    text = canonical({**covered, "evidence": hashlib.sha256(entry["evidence"].encode()).hexdigest()}).encode()
    return hmac.new(key, text, hashlib.sha256).hexdigest() if key is not None else hashlib.sha256(text).hexdigest()


__all__ = ["Verified", "append", "digest", "entries", "head", "verify"]
