"""Put a backup in place of the state: looked through first, brought to this schema; what was there is kept aside."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import URL, Connection, select

from finops.errors import DataError, UsageError

from . import audit as trail
from . import looking, pgdump, portable, putting
from . import turn as turns
from .aside import beside, matches_its_sum
from .aside import explained as place_explained
from .backup import NO_KEY, Form, copy, in_words
from .casebook import Change, records_of
from .engine import APPLICATION_ID, engine_of, shown, url_of, writing
from .faults import explained
from .findings import Record
from .looking import Content
from .lost import Lost
from .migrate import known, migrate, upgraded
from .records import moment_of, written
from .store import BUSY_SECONDS
from .tables import audit, findings, leases, recipients

NEVER = datetime.min.replace(tzinfo=UTC)  # a database does not say when it was copied
STANDING = ("approved", "scheduled")
# So many more than a lease's number is the next one: whoever held it after the backup had one in between.
APART = 100_000
Mend = Callable[[Change, list[Record]], None]


@dataclass(frozen=True)
class Restored:
    """What was put in place. `lost`: what was done since the backup, where what was there before could tell."""

    to: str
    backup: Path
    form: Form
    newest: datetime | None  # when the last entry of its audit trail was written
    schema: str  # that it had; now it has HEAD
    content: Content
    summed: bool  # its SHA-256 stood beside it, and is right
    aside: str  # where what was there before is now; "" nothing was
    lost: Lost | None
    owed: int  # recipients who wait for a letter: some of them may have it
    withdrawn: tuple[int, ...]  # findings whose approval was withdrawn


@dataclass(frozen=True)
class _Job:
    url: URL
    backup: Path
    form: Form
    now: datetime
    who: str
    key: bytes | None
    name: str | None
    as_it_is: bool
    mend: Mend | None


def restore(
    where: str, backup: Path, now: datetime, who: str, *, key: bytes | None = None, name: str | None = None,
    as_it_is: bool = False, mend: Mend | None = None,
) -> Restored:  # fmt: skip
    """Make the state at `where` what `backup` holds, all of it or nothing. Refused while anybody has it open.

    name: that of the database file, or of the database, where it is not empty: what it holds is put aside
    mend: what becomes of findings that were approved: whether that approval was used since nobody knows
    """
    url = url_of(where)
    with in_words(backup, backup):
        form = form_of(backup)
        summed = matches_its_sum(backup)
    job = _Job(url, backup, form, now, who, key, name, as_it_is, mend)
    done = _into_file(job) if url.get_backend_name() == "sqlite" else _into_server(job)
    return replace(done, summed=summed)


def form_of(path: Path) -> Form:
    """The form of a backup, by its first bytes."""
    if not path.is_file():
        raise UsageError(f"There is no backup at {path}.", "Name the file.")
    with open(path, "rb") as file:
        first = file.read(16)
    if first == looking.MAGIC:
        return "sqlite"
    if first[:5] == pgdump.MAGIC:
        return "pg_dump"
    if first[:2] == b"\x1f\x8b":
        return "portable"
    raise DataError(f"{path} is no backup of finops.", "Name the right file. Nothing was changed.")


# -- SQLite ---------------------------------------------------------------------------------------------------------


def _into_file(job: _Job) -> Restored:
    """Built beside and named at the end: whoever opens the database finds the old one, or the new one."""
    target = Path(str(job.url.database)).resolve()  # a link stays one: what it leads to is replaced
    if job.form == "pg_dump":
        raise UsageError("A backup by pg_dump goes into PostgreSQL only.", "Take one by --form portable.")
    with explained(str(target)):
        before = putting.content_there(target, job.name)
    with place_explained(target):
        target.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as held:
        for duty in (turns.ACTING, turns.POSTING, turns.TELLING):
            held.enter_context(turns.of_file(target, duty))
        with beside(target, replace=True) as part, in_words(part, part):
            done = _built(job, part, before.head if before else "")
            # As late as can be: from here on to the end nobody else can open what is there.
            aside, lost = putting.aside(target, held, job.now, done.content) if before else ("", None)
    return replace(done, to=shown(job.url), aside=aside, lost=lost)


def _built(job: _Job, part: Path, before: str) -> Restored:
    if job.form == "sqlite":
        with closing(looking.opened(job.backup, BUSY_SECONDS, alone=_is_alone(job.backup))) as db:
            copy(db, part)
        with looking.of_file(part, alone=True) as copied:
            looking.whole(copied, str(job.backup))
    url = URL.create("sqlite+pysqlite", database=str(part))
    engine = engine_of(url, BUSY_SECONDS)
    try:
        with writing(engine, str(part)) as db:
            db.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
            if job.form == "portable":
                _fill(db, job.backup)
            done = _finished(job, db, before)
        with engine.connect() as last:  # one file, without a log beside it
            last.connection.dbapi_connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # type: ignore[union-attr]
    finally:
        engine.dispose()
    with closing(putting.connected(part)) as db_:
        db_.execute("PRAGMA journal_mode = DELETE")
    with looking.of_file(part, alone=True) as copied:
        looking.whole(copied, str(job.backup))
    return done


def _is_alone(path: Path) -> bool:
    """Whether no log of SQLite lies beside it: then it is read without one being made, in a folder of whomever."""
    return not path.with_name(f"{path.name}-wal").exists()


# -- PostgreSQL -----------------------------------------------------------------------------------------------------


def _into_server(job: _Job) -> Restored:
    """In one transaction; by pg_restore in its own, into a database that holds nothing."""
    engine = engine_of(job.url, BUSY_SECONDS)
    where = shown(job.url)
    try:
        with ExitStack() as held:
            ours = [
                held.enter_context(turns.of_session(engine, where, duty)).process
                for duty in (turns.ACTING, turns.POSTING, turns.TELLING)
            ]
            if job.form == "pg_dump":
                with writing(engine, where) as db:
                    putting.alone(db, where, ours)
                    putting.make_room(db, job.name, job.now, keep=False)
                with engine.connect() as db:
                    pgdump.restore(db, job.url, job.backup)
            with writing(engine, where) as db:
                putting.alone(db, where, ours)
                aside, before = "", ""
                if job.form != "pg_dump":
                    aside, before = putting.make_room(db, job.name, job.now)
                    _fill(db, job.backup)
                done = _finished(job, db, before)
                lost = putting.lost_in(db, aside, done.content) if aside else None
            return replace(done, to=where, aside=aside, lost=lost)
    finally:
        engine.dispose()


# -- both -----------------------------------------------------------------------------------------------------------


@contextmanager
def _source(backup: Path) -> Iterator[portable.Source]:
    if form_of(backup) == "portable":
        with portable.opened(backup) as source:
            known(str(backup), source.schema)
            yield source
        return
    with in_words(backup, backup), looking.of_file(backup, alone=_is_alone(backup)) as db:
        looking.whole(db, str(backup))
        content = looking.content_of(db, str(backup), None)
        yield portable.of_database(db, content.schema, NEVER, content.trail.head)


def _fill(db: Connection, backup: Path) -> None:
    """The tables of the backup's own schema, and its rows, in an empty database."""
    with _source(backup) as source:
        upgraded(db, str(backup), source.schema)
        portable.fill(db, source)


def _finished(job: _Job, db: Connection, before: str) -> Restored:
    """Look through what was put there, bring it to this schema, and write down that it was restored."""
    content = looking.content_of(db, str(job.backup), job.key)
    if not content.schema:
        raise DataError(f"{job.backup} holds no state of finops.", "Name the right file. Nothing was changed.")
    fault = content.trail.fault
    if fault and not job.as_it_is:
        fix = NO_KEY if content.trail.unread else "Take an older backup; to restore it all the same, say --as-it-is."
        raise DataError(f"The audit trail of {job.backup} is not whole: nothing was changed. {fault}", fix)
    migrate(db, str(job.backup))
    newest = db.execute(select(audit.c.at).order_by(audit.c.number.desc()).limit(1)).scalar()
    owed = db.execute(select(recipients.c.number).where(recipients.c.status == "waiting")).all()
    db.execute(leases.update().values(fence=leases.c.fence + APART, until=written(job.now), owner=""))
    withdrawn = _mended(db, job)
    evidence = {"backup": job.backup.name, "head": content.trail.head, "before": before, "withdrawn": list(withdrawn)}
    why = "A backup was put in place; what was done since is not on this trail."
    trail.append(db, job.key, job.who, "state restored", "", why, evidence, job.now)
    return Restored(
        "", job.backup, job.form, moment_of(newest) if newest else None, content.schema, content, False, "", None,
        len(owed), withdrawn,
    )  # fmt: skip


def _mended(db: Connection, job: _Job) -> tuple[int, ...]:
    if job.mend is None:
        return ()
    rows = db.execute(select(findings).where(findings.c.status.in_(STANDING)).order_by(findings.c.number)).all()
    approved: Sequence[Record] = records_of(db, list(rows))
    job.mend(Change(db, job.key), list(approved))
    return tuple(record.number for record in approved)


__all__ = ["Restored", "form_of", "restore"]
