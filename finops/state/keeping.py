"""Retention: what is forgotten when, and the space it took given back.

Never: the audit trail, intents, keepsakes, findings with their votes and events, what somebody is still owed. Savings
in reports are reckoned from those, for as long as the act that saved is remembered.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine, and_, delete, func, select, update

from .daybook import Daybook
from .engine import reading, writing
from .faults import explained
from .records import canonical, written
from .tables import attempts, findings, letters, recipients, sightings, tellings

BATCH = 500  # rows a transaction: nobody waits long for the next one
OVER = ("gone", "kept")  # lives that ended without an act of ours: no report counts them, and nothing is undone
SETTLED = ("sent", "failed")
STEP = 1000  # pages given back in one transaction
# A database made before it gave space back is written anew once that is worth it.
WORTH_PART, WORTH_BYTES = 0.25, 16 * 1024 * 1024


@dataclass(frozen=True)
class Keep:
    """For how many days what is kept."""

    runs_days: int
    events_days: int
    evidence_days: int
    sightings_days: int
    tellings_days: int
    letters_days: int


def forget(engine: Engine, where: str, daybook: Daybook, keep: Keep, now: datetime) -> dict[str, int]:
    """How many rows of each kind were forgotten."""

    def before(days: int) -> datetime:
        return now - timedelta(days=days)

    return {
        "runs": daybook.forget_runs(before(keep.runs_days)),
        "events": daybook.forget_events(before(keep.events_days)),
        "evidence": _evidence(engine, where, before(keep.evidence_days), now),
        "sightings": _sightings(engine, where, keep.sightings_days),
        "tellings": _tellings(engine, where, before(keep.tellings_days)),
        "letters": _letters(engine, where, before(keep.letters_days)),
    }


def _evidence(engine: Engine, where: str, before: datetime, now: datetime) -> int:
    """The evidence of lives that ended without an act; it stays on the audit trail, by its digest."""
    said = f"Its evidence was forgotten on {now:%Y-%m-%d}; it is on the audit trail (`finops audit show --finding N`)."
    emptied = canonical({"forgotten": written(now), "lines": [said]})
    old = and_(
        findings.c.status.in_(OVER),
        findings.c.alive.is_(False),
        findings.c.changed_at < written(before),
        findings.c.evidence.not_like('{"forgotten":%'),
    )
    with reading(engine, where) as db:
        numbers = db.execute(select(findings.c.number).where(old).order_by(findings.c.number)).scalars().all()
    for batch in _batches(numbers):
        with writing(engine, where) as db:
            db.execute(update(findings).where(findings.c.number.in_(batch), old).values(evidence=emptied))
    return len(numbers)


def _sightings(engine: Engine, where: str, days: int) -> int:
    """What was not seen for so long, though others of its kind were: while nothing looked, nothing is forgotten."""
    forgotten = 0
    with writing(engine, where) as db:
        newest = db.execute(select(sightings.c.what, func.max(sightings.c.last_at)).group_by(sightings.c.what)).all()
        for what, last in newest:
            before = written(datetime.fromisoformat(last) - timedelta(days=days))
            old = (sightings.c.what == what, sightings.c.last_at < before)
            forgotten += db.execute(delete(sightings).where(*old)).rowcount
    return forgotten


def _tellings(engine: Engine, where: str, before: datetime) -> int:
    with writing(engine, where) as db:
        return db.execute(delete(tellings).where(tellings.c.told_at < written(before))).rowcount


def _letters(engine: Engine, where: str, before: datetime) -> int:
    """Letters of which it is known what became of them for everybody, and for long."""
    open_ = select(recipients.c.letter).where(
        recipients.c.status.not_in(SETTLED)
        | recipients.c.ended_at.is_(None)
        | (recipients.c.ended_at >= written(before))
    )
    tried = select(attempts.c.letter).where(attempts.c.ended_at.is_(None))
    old = and_(letters.c.put_at < written(before), letters.c.number.not_in(open_), letters.c.number.not_in(tried))
    with reading(engine, where) as db:
        numbers = db.execute(select(letters.c.number).where(old).order_by(letters.c.number)).scalars().all()
    forgotten = 0
    for batch in _batches(numbers):
        with writing(engine, where) as db:
            still = db.execute(select(letters.c.number).where(letters.c.number.in_(batch), old)).scalars().all()
            for table in (attempts, recipients):
                db.execute(delete(table).where(table.c.letter.in_(still)))
            forgotten += db.execute(delete(letters).where(letters.c.number.in_(still))).rowcount
    return forgotten


def _batches(numbers: Iterable[int]) -> Iterable[list[int]]:
    listed = list(numbers)
    return (listed[start : start + BATCH] for start in range(0, len(listed), BATCH))


def shrink(engine: Engine, where: str) -> int:
    """How many bytes a SQLite file became smaller by. PostgreSQL looks after its own."""
    if engine.dialect.name != "sqlite":
        return 0
    path = Path(str(engine.url.database))
    with explained(where), engine.connect() as db:
        raw = db.connection.dbapi_connection
        assert raw is not None

        def asked(pragma: str) -> int:
            return int(raw.execute(f"PRAGMA {pragma}").fetchone()[0])

        before = asked("page_count")
        size = asked("page_size")
        if asked("auto_vacuum") == 2:
            while asked("freelist_count"):
                raw.execute(f"PRAGMA incremental_vacuum({STEP})").fetchall()
        elif (
            _is_worth(asked("freelist_count"), before, size) and shutil.disk_usage(path.parent).free > 3 * before * size
        ):
            raw.execute("PRAGMA auto_vacuum = INCREMENTAL")
            raw.execute("VACUUM")
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return max(0, before - asked("page_count")) * size


def _is_worth(free: int, pages: int, size: int) -> bool:
    return free > WORTH_PART * pages and free * size > WORTH_BYTES


__all__ = ["Keep", "forget", "shrink"]
