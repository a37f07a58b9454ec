"""The audit trail: each entry's hash covers the one before it, so that no entry can be changed, moved or left out.

A rewriting of the whole trail is found by a key that is not in the database, and by heads that were noted elsewhere;
a trail whose end was cut off is found by such heads alone.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from finops.errors import DataError

from .records import Json, canonical, clean, digest, written
from .tables import audit

NOTHING = "0" * 64
NO_KEY = "is sealed with a key, and none was given."
# What seals: the key or keys, one a line, the newest first; or what tells them, where they may change while we run.
Key = bytes | Callable[[], bytes] | None
Last = tuple[int, str]  # number and hash of the newest entry
# A head as people note it. The line of a mail that holds one begins with NOTED; in an answer ">" stands before it.
HEAD = re.compile(r"(?:0|[1-9]\d{0,14}):[0-9a-f]{64}")
NOTED = "Audit trail"
_LINE = re.compile(rf"^[> \t]*{NOTED}:?\s+(?:>\s*)*({HEAD.pattern})[ \t]*\r?$", re.MULTILINE)
AT_ONCE = 500  # entries that are read at a time: evidence is some KB each
# Made once: to put a statement together takes longer than to run it.
NEWEST = select(audit.c.number, audit.c.hash).order_by(audit.c.number.desc()).limit(1)
ADD = insert(audit)


@dataclass(frozen=True)
class Verified:
    """How much of the trail is whole: `fault` is None, or says what is wrong and where.

    missing  the heads that were given and are not on the trail
    unread   the trail is sealed with a key that was not given
    """

    entries: int
    head: str
    fault: str | None
    missing: tuple[str, ...] = ()
    unread: bool = False


def append(
    db: Connection,
    key: Key,
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
    key: Key,
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
    sealing = keys_of(key)
    entry = {
        "number": number + 1,
        "at": written(now),
        "who": clean(who)[:200],
        "what": clean(what),
        "resource_id": clean(resource_id),
        "why": clean(why),
        "evidence": canonical(evidence),
        "intent": intent,
        "keyed": bool(sealing),
        "previous": previous,
    }
    entry["hash"] = _hash(entry, sealing[0] if sealing else None)
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
    query = select(audit).where(audit.c.number > after).order_by(audit.c.number)
    with db.execute(query.execution_options(yield_per=AT_ONCE)) as rows:  # whoever stops early leaves no cursor open
        for row in rows:
            yield dict(row._mapping)


def whole(db: Connection, key: Key) -> Iterator[Json]:
    """What is on the trail, oldest first, each looked at before it is given. Raises DataError at the first fault."""
    previous, keyed, sealing = NOTHING, False, keys_of(key)
    for number, entry in enumerate(entries(db), 1):
        fault, sealing = _wrong(entry, number, previous, keyed, sealing)
        if fault:
            raise DataError(f"The audit trail is not whole. {fault}", "Run `finops audit verify`; see docs/audit.md.")
        previous, keyed = entry["hash"], keyed or entry["keyed"]
        yield entry


def noted(text: str) -> str | None:
    """The head at the foot of a mail's text; None where there is none. What stands above it may be of others."""
    found = _LINE.findall(text)
    return str(found[-1]) if found else None


def verify(db: Connection, key: Key, anchor: str | Iterable[str] | None = None) -> Verified:
    """Whether the trail is whole, and still holds `anchor`: one or more heads that were noted earlier."""
    anchors = [anchor] if isinstance(anchor, str) else list(anchor or ())
    wanted: dict[str, set[str]] = {}
    for one in anchors:
        wanted.setdefault(one.partition(":")[0], set()).add(one.partition(":")[2])
    met = {f"0:{NOTHING}"}
    number, previous, keyed = 0, NOTHING, False
    sealing = keys_of(key)
    for entry in entries(db):
        number += 1
        fault, sealing = _wrong(entry, number, previous, keyed, sealing)
        if fault:
            return Verified(number - 1, f"{number - 1}:{previous}", fault, unread=fault.endswith(NO_KEY))
        previous, keyed = entry["hash"], keyed or entry["keyed"]
        for one in wanted.get(str(number), ()):
            if hmac.compare_digest(previous.encode(), one.encode()):
                met.add(f"{number}:{one}")
    missing = tuple(dict.fromkeys(one for one in anchors if one not in met))
    return Verified(number, f"{number}:{previous}", _lost(missing, number), missing)


def _lost(missing: tuple[str, ...], last: int) -> str | None:
    """What it means that heads which were noted are not on a trail that is whole in itself."""
    if not missing:
        return None
    number = max(int(one.partition(":")[0]) if one.partition(":")[0].isdecimal() else 0 for one in missing)
    if number > last:
        what = f"The trail ends with entry {last}, and entry {number} was noted: its end was cut off."
    else:
        what = f"Entry {number} is another one than the one that was noted: the trail was written anew."
    return f"{what} The head that was noted is not on the trail: {missing[0]}."


def _wrong(
    entry: Json, number: int, previous: str, keyed: bool, sealing: tuple[bytes, ...]
) -> tuple[str | None, tuple[bytes, ...]]:
    """What is wrong with an entry, and the keys that count after it: behind a newer key no older one seals any more."""
    if entry["number"] != number:
        return f"Entry {number} is missing.", sealing
    if entry["previous"] != previous:
        return f"Entry {number} does not follow the one before it.", sealing
    if keyed and not entry["keyed"]:
        return f"Entry {number} is not sealed with the key, though an earlier one is.", sealing
    if entry["keyed"] and not sealing:
        return f"Entry {number} {NO_KEY}", sealing
    for at, key in enumerate(reversed(sealing) if entry["keyed"] else (None,)):
        if hmac.compare_digest(entry["hash"], _hash(entry, key)):
            return None, sealing[: len(sealing) - at] if entry["keyed"] else sealing
    return f"Entry {number} was changed, or sealed with another key.", sealing


def keys_of(key: Key) -> tuple[bytes, ...]:
    """The keys, the newest first; the newest seals."""
    text = key() if callable(key) else key
    if text is None:
        return ()
    return tuple(line for one in text.split(b"\n") if (line := one.rstrip(b"\r")).strip()) or (text,)


def _hash(entry: dict[str, Any], key: bytes | None) -> str:
    covered = {name: value for name, value in entry.items() if name not in {"hash", "evidence"}}
    text = canonical({**covered, "evidence": hashlib.sha256(entry["evidence"].encode()).hexdigest()}).encode()
    return hmac.new(key, text, hashlib.sha256).hexdigest() if key is not None else hashlib.sha256(text).hexdigest()


__all__ = ["HEAD", "NOTED", "Verified", "append", "digest", "entries", "head", "noted", "verify", "whole"]
