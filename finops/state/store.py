"""`State`: everything remembered, behind one object."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from sqlalchemy import Connection, Engine, delete, select, text, tuple_
from sqlalchemy.dialects import postgresql, sqlite

from finops.errors import FinopsError

from . import audit as trail
from . import intents, keeping
from . import turn as turns
from .casebook import Casebook
from .daybook import Daybook
from .engine import engine_of, reading, shown, url_of, writing
from .faults import explained
from .letterbook import Letterbook
from .migrate import HEAD, migrate, version
from .records import Json, canonical, clean, key_of, moment_of, written
from .tables import keepsakes, sightings, tellings

BUSY_SECONDS = 30.0
BATCH = 1000  # sightings a statement; SQLite takes 32,766 parameters in one
Seen = tuple[str, str, str]  # resource id, what, fingerprint


class State:
    """What is remembered in one database. Safe to share between threads; close it, or use it in a `with`."""

    def __init__(self, engine: Engine, where: str, audit_key: trail.Key) -> None:
        self.where = where
        self.findings = Casebook(engine, where, audit_key)
        self.letters = Letterbook(engine, where)
        self.daybook = Daybook(engine, where)
        self._engine = engine
        self._key = audit_key
        self._turn = threading.Lock()
        self._session: turns.Session | None = None  # on PostgreSQL, while it is our turn
        self._ours: int | None = None  # the thread whose turn it is

    @classmethod
    def open(
        cls,
        where: str | Path,
        *,
        audit_key: trail.Key = None,
        busy_seconds: float = BUSY_SECONDS,
        checked: bool = False,
    ) -> State:
        """The state at a path or URL, checked and brought to this version's schema; made if there is none.

        audit_key: seals the audit trail; kept outside the database, or it proves nothing
        checked: whoever has it open did that. It must be there, with this version's schema, and is not read through.
        """
        trail.keys_of(audit_key)  # a vault is asked before a transaction would wait for it
        url = url_of(where)
        engine = engine_of(url, busy_seconds, make=not checked)
        state = cls(engine, shown(url), audit_key)
        with ExitStack() as unless_open:
            unless_open.callback(state.close)
            if not checked:
                with explained(state.where):
                    state.check()
                    with writing(engine, state.where) as db:
                        migrate(db, state.where)
            elif not state.is_current():
                raise FinopsError(
                    f"The state database {state.where} is not of schema {HEAD} any more.",
                    "Another version of finops brought it up: restart this one with that version.",
                )
            unless_open.pop_all()
        return state

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *fault: object) -> None:
        self.close()

    def close(self) -> None:
        self._engine.dispose()

    def check(self) -> None:
        """Read the whole database; raise if it does not hold together. PostgreSQL checks its own pages."""
        if self._engine.dialect.name != "sqlite":
            return
        with self._reading() as db:
            said = [str(row[0]) for row in db.execute(text("PRAGMA integrity_check(5)"))]
            loose = db.execute(text("PRAGMA foreign_key_check")).first()
        if said != ["ok"] or loose:
            raise FinopsError(
                f"The state database {self.where} is damaged ({'; '.join(said) if said != ['ok'] else loose}).",
                "Put it aside and restore a backup; see `docs/state.md`.",
            )

    def is_current(self) -> bool:
        """Whether the database answers and still has this version's schema: a newer one may have changed it."""
        with self._reading() as db:
            return version(db) == HEAD

    def forget(self, keep: keeping.Keep, now: datetime) -> dict[str, int]:
        """How many rows of each kind were past their time, and are forgotten."""
        return keeping.forget(self._engine, self.where, self.daybook, keep, now)

    def shrink(self) -> int:
        """How many bytes smaller the file became: what was forgotten is given back to the disk."""
        return keeping.shrink(self._engine, self.where)

    # -- first seen, told, kept ---------------------------------------------------------------------------------

    def first_seen(self, resource_id: str, what: str, now: datetime, fingerprint: str = "") -> datetime:
        """When `what` was first seen on the resource; now, if it was not yet.

        fingerprint: what makes it the same thing, such as the generation; another one begins anew
        """
        return self.seen([(resource_id, what, fingerprint)], now)[resource_id, what, fingerprint]

    def seen(self, keys: Iterable[Seen], now: datetime) -> dict[Seen, datetime]:
        """When each was first seen; all are remembered as seen now."""
        moment = written(now)
        same = [sightings.c.what, sightings.c.resource, sightings.c.fingerprint]
        stored = {key: _stored(key) for key in keys}
        rows = [dict(zip(("what", "resource", "fingerprint"), row, strict=True)) for row in set(stored.values())]
        first: dict[tuple[str, str, str], datetime] = {}
        with self._writing() as db:
            statement = _insert(db, sightings).values(first_at=moment, last_at=moment)
            statement = statement.on_conflict_do_update(index_elements=same, set_={"last_at": moment})
            for batch in (rows[start : start + BATCH] for start in range(0, len(rows), BATCH)):
                db.execute(statement, [{**row, "first_at": moment, "last_at": moment} for row in batch])
                these = tuple_(*same).in_([tuple(row.values()) for row in batch])
                for found in db.execute(select(*same, sightings.c.first_at).where(these)):
                    first[found.what, found.resource, found.fingerprint] = moment_of(found.first_at)
        return {key: first[row] for key, row in stored.items()}

    def sightings(self, what: str) -> dict[str, datetime]:
        """When `what` was first seen on each resource, by its id in lower case. Notes nothing."""
        query = select(sightings.c.resource, sightings.c.first_at).where(sightings.c.what == clean(what)[:200])
        with self._reading() as db:
            return {row.resource: moment_of(row.first_at) for row in db.execute(query)}

    def forget_absent(self, what: str, present: Iterable[Seen], within: Iterable[str]) -> int:
        """How many sightings of `what` were forgotten: those not `present`, in scopes that were read completely.

        within: subscriptions, groups or workspaces without a gap. Elsewhere absence proves nothing, and all is kept.
        """
        kept = {_stored(key) for key in present}
        scopes = [key for scope in within if (key := key_of(scope))]
        forgotten = 0
        with self._writing() as db:
            for row in db.execute(select(sightings).where(sightings.c.what == clean(what)[:200])).all():
                if (row.what, row.resource, row.fingerprint) in kept:
                    continue
                if any(row.resource == scope or row.resource.startswith(f"{scope}/") for scope in scopes):
                    this = [sightings.c[name] == row._mapping[name] for name in ("what", "resource", "fingerprint")]
                    forgotten += db.execute(delete(sightings).where(*this)).rowcount
        return forgotten

    def told(self, key: str, now: datetime) -> bool:
        """True the first time. Put a mail into the outbox before this: the outbox keeps a mail only once."""
        with self._writing() as db:
            statement = _insert(db, tellings).values(key=clean(key), told_at=written(now))
            return bool(db.execute(statement.on_conflict_do_nothing().returning(tellings.c.key)).first())

    def told_at(self, key: str) -> datetime | None:
        with self._reading() as db:
            found = db.execute(select(tellings.c.told_at).where(tellings.c.key == clean(key))).scalar()
        return moment_of(found) if found else None

    def keep(self, key: str, value: Any, now: datetime) -> None:
        """Keep `value` (JSON) under `key`, such as a body from which something deleted is made again."""
        row = {"value": canonical(value), "kept_at": written(now)}
        with self._writing() as db:
            statement = _insert(db, keepsakes).values(key=clean(key), **row)
            db.execute(statement.on_conflict_do_update(index_elements=[keepsakes.c.key], set_=row))

    def kept(self, prefix: str = "") -> dict[str, Any]:
        """What is kept under keys that begin with `prefix`."""
        with self._reading() as db:
            rows = db.execute(select(keepsakes.c.key, keepsakes.c.value).order_by(keepsakes.c.key)).all()
        return {row.key: json.loads(row.value) for row in rows if row.key.startswith(clean(prefix))}

    def drop(self, key: str) -> None:
        with self._writing() as db:
            db.execute(delete(keepsakes).where(keepsakes.c.key == clean(key)))

    # -- the audit trail ----------------------------------------------------------------------------------------

    def audit(self, who: str, what: str, resource_id: str, why: str, evidence: Json, now: datetime) -> str:
        """The hash of the new entry."""
        with self._writing() as db:
            return trail.append(db, self._key, who, what, resource_id, why, evidence, now)

    def audit_entries(self, after: int = 0) -> list[Json]:
        with self._reading() as db:
            return list(trail.entries(db, after))

    def audit_whole(self) -> Iterator[Json]:
        """What is on the trail, oldest first, each verified before it is given; DataError at the first fault."""
        with self._reading() as db:
            yield from trail.whole(db, self._key)

    def audit_head(self) -> str:
        """The last entry as "number:hash", to note outside."""
        with self._reading() as db:
            return trail.head(db)

    def verify_audit(self, anchor: str | Iterable[str] | None = None) -> trail.Verified:
        """Whether no entry was changed, moved or left out. anchor: heads that were noted, which must still be there."""
        with self._reading() as db:
            return trail.verify(db, self._key, anchor)

    # -- intents ------------------------------------------------------------------------------------------------

    def open_intent(
        self, now: datetime, *, generation: str | None, evidence: Json, afterwards: Json | None, **values: str
    ) -> int:
        """The number of a new intent, on the disk with its audit entry. Only in one's turn; see `intents.Intent`."""
        row: dict[str, Any] = {name: clean(value) for name, value in values.items()}
        row["generation"] = None if generation is None else clean(generation)
        row |= {"evidence": canonical(evidence), "afterwards": canonical(afterwards), "opened_at": written(now)}
        with self._in_turn() as db:
            number = intents.add(db, row)
            what = f"will {values['action']}"
            trail.append(
                db, self._key, values["who"], what, values["resource_id"], values["why"], evidence, now, number
            )
        return number

    def close_intent(self, intent: int, outcome: str, why: str, now: datetime, who: str, evidence: Json) -> None:
        """Record what came of an intent, with its audit entry. Once; only in one's turn."""
        with self._in_turn() as db:
            resource = intents.one(db, intent).resource_id
            intents.close(db, intent, outcome, clean(why), now)
            trail.append(db, self._key, who, outcome, resource, why, evidence, now, intent)

    def pending_intents(self) -> list[intents.Intent]:
        """Those whose outcome is not known, oldest first."""
        with self._reading() as db:
            return intents.pending(db)

    def intents_since(self, moment: datetime) -> list[intents.Intent]:
        with self._reading() as db:
            return intents.since(db, moment)

    def acts_since(self, moment: datetime) -> int:
        """How many intents were opened after `moment`, without those that are known to have changed nothing."""
        with self._reading() as db:
            return intents.count_since(db, moment)

    def acts_by_outcome(self) -> dict[str, int]:
        """How many intents came to what; "" for those whose outcome is not known."""
        with self._reading() as db:
            return intents.by_outcome(db)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Be the only process that changes Azure while the block runs; Busy if another one is at it."""
        if self._ours == threading.get_ident():
            yield
            return
        if not self._turn.acquire(blocking=False):
            raise turns.busy("another thread of this process")
        try:
            with self._taken() as session:
                self._session, self._ours = session, threading.get_ident()
                yield
        finally:
            self._session = self._ours = None
            self._turn.release()

    @contextmanager
    def telling(self) -> Iterator[None]:
        """Be the only process that decides which alerts are due while the block runs; Busy if another one is at it."""
        if self._engine.dialect.name == "sqlite":
            with turns.of_file(Path(str(self._engine.url.database)), turns.TELLING):
                yield
        else:
            with turns.of_session(self._engine, self.where, turns.TELLING):
                yield

    def _taken(self) -> AbstractContextManager[turns.Session | None]:
        if self._engine.dialect.name == "sqlite":
            return turns.of_file(Path(str(self._engine.url.database)))
        return turns.of_session(self._engine, self.where)

    @contextmanager
    def _in_turn(self) -> Iterator[Connection]:
        if self._ours != threading.get_ident():
            raise FinopsError("Intents are opened and closed in one's turn only.", "Use `with state.turn():`.")
        with writing(self._engine, self.where, self._session.db if self._session else None) as db:
            if self._session:
                turns.still_ours(self._session)
            yield db

    def _reading(self) -> AbstractContextManager[Connection]:
        return reading(self._engine, self.where)

    def _writing(self) -> AbstractContextManager[Connection]:
        return writing(self._engine, self.where)


def _stored(key: Seen) -> tuple[str, str, str]:
    """A sighting's key as its columns hold it: what, resource, fingerprint."""
    return clean(key[1])[:200], key_of(key[0]), clean(key[2])[:200]


def _insert(db: Connection, table: Any) -> Any:
    return (postgresql if db.dialect.name == "postgresql" else sqlite).insert(table)
