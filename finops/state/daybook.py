"""`state.daybook`: which slot of which duty was worked through, who leads, and which events came in."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, and_, delete, func, insert, or_, select, text, update
from sqlalchemy.dialects import postgresql, sqlite

from .engine import reading, writing
from .records import canonical, clean, moment_of, written
from .runs import WORKED, Lease, SeenEvent, StoredRun, event_of, lease_of, run_of
from .tables import events_seen, leases, runs

OPEN = runs.c.ended_at.is_(None)
TOGETHER = 500  # events a statement


def together(items: list[Any], size: int) -> Iterator[list[Any]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


class Daybook:
    """All runs, leases and events that are remembered. Safe to share between threads."""

    def __init__(self, engine: Engine, where: str) -> None:
        self._engine = engine
        self._where = where

    # -- runs -------------------------------------------------------------------------------------------------------

    def begin(
        self, job: str, slot: datetime, run: str, owner: str, fence: int, now: datetime, *, lease: str = "",
        asked: str = "",
    ) -> int | None:  # fmt: skip
        """The number of a new open run; None: the slot was worked through, or a run of the duty is under way.

        lease: the one that must still be `owner`'s with this `fence`, or nothing is begun. asked: see StoredRun.
        An earlier try of the slot that was held gives way to this one.
        """
        moment = written(slot)
        values = {
            "job": job, "slot": moment, "first_slot": moment, "slots": 1, "asked": asked, "run": run,
            "owner": clean(owner)[:200], "fence": fence, "began_at": written(now), "outcome": "", "why": "",
            "said": "[]", "counts": "{}",
        }  # fmt: skip
        same = and_(runs.c.job == job, runs.c.slot == moment)
        taken = select(runs.c.number).where(
            or_(and_(runs.c.job == job, OPEN), and_(same, runs.c.outcome.in_(list(WORKED))))
        )
        with writing(self._engine, self._where) as db:
            if db.execute(taken).first() or (lease and not self._held(db, lease, owner, fence)):
                return None
            db.execute(delete(runs).where(same, runs.c.outcome == "held"))
            return int(db.execute(insert(runs).values(values).returning(runs.c.number)).scalar_one())

    def end(
        self, number: int, outcome: str, why: str, said: Sequence[str], counts: Mapping[str, int | float], now: datetime
    ) -> bool:
        """Write down what an open run came to. False: somebody closed it meanwhile, and that stands."""
        values = {
            "ended_at": written(now), "outcome": outcome, "why": clean(why),
            "said": canonical([clean(one) for one in said]), "counts": canonical(dict(counts)),
        }  # fmt: skip
        with writing(self._engine, self._where) as db:
            return db.execute(update(runs).where(runs.c.number == number, OPEN).values(values)).rowcount == 1

    def skip(self, job: str, slots: Collection[datetime], why: str, now: datetime, outcome: str = "missed") -> bool:
        """Write down slots that were not begun, as one row. True the first time. outcome: missed, or skipped."""
        if not slots:
            return False
        values = {
            "job": job, "slot": written(max(slots)), "first_slot": written(min(slots)), "slots": len(slots),
            "asked": "", "run": "", "owner": "", "fence": 0, "began_at": written(now), "ended_at": written(now),
            "outcome": outcome, "why": clean(why), "said": "[]", "counts": "{}",
        }  # fmt: skip
        same = [runs.c[name] == values[name] for name in ("job", "slot", "first_slot", "outcome")]
        with writing(self._engine, self._where) as db:
            if db.execute(select(runs.c.number).where(*same)).first():
                return False
            db.execute(insert(runs).values(values))
        return True

    def last(self, job: str, outcomes: Collection[str] = WORKED) -> StoredRun | None:
        """The run of a duty that ended last in one of these ways."""
        query = select(runs).where(runs.c.job == job, runs.c.outcome.in_(list(outcomes)))
        with reading(self._engine, self._where) as db:
            row = db.execute(query.order_by(runs.c.ended_at.desc(), runs.c.number.desc()).limit(1)).first()
        return run_of(row) if row else None

    def newest(self, jobs: Collection[str], outcomes: Collection[str], now: datetime) -> dict[str, StoredRun]:
        """As `last`, of each of these duties that has one. What ended within a day is found without looking further."""
        of_day = select(func.max(runs.c.number)).where(
            runs.c.began_at >= written(now - timedelta(days=1)), runs.c.outcome.in_(list(outcomes))
        )
        with reading(self._engine, self._where) as db:
            rows = db.execute(select(runs).where(runs.c.number.in_(of_day.group_by(runs.c.job)))).all()
        found = {row.job: run_of(row) for row in rows if row.job in jobs}
        older = {job: self.last(job, outcomes) for job in jobs if job not in found}
        return found | {job: run for job, run in older.items() if run is not None}

    def tally(self, since: datetime) -> list[tuple[str, str, int, str]]:
        """Duty, outcome, slots and counts (JSON) of the runs that began since then and are over."""
        columns = (runs.c.job, runs.c.outcome, runs.c.slots, runs.c.counts)
        query = select(*columns).where(runs.c.began_at >= written(since), runs.c.outcome != "")
        with reading(self._engine, self._where) as db:
            return [(row[0], row[1], row[2], row[3]) for row in db.execute(query)]

    def runs(self, since: datetime, job: str | None = None) -> list[StoredRun]:
        """Those that began, or were found not to have begun, since then; oldest first."""
        query = select(runs).where(runs.c.began_at >= written(since)).order_by(runs.c.number)
        with reading(self._engine, self._where) as db:
            return [run_of(row) for row in db.execute(query if job is None else query.where(runs.c.job == job))]

    def open_runs(self) -> list[StoredRun]:
        with reading(self._engine, self._where) as db:
            return [run_of(row) for row in db.execute(select(runs).where(OPEN).order_by(runs.c.number))]

    def of_slot(self, job: str, slot: datetime) -> list[StoredRun]:
        """Everything that is known of one slot, oldest first."""
        query = select(runs).where(runs.c.job == job, runs.c.slot == written(slot)).order_by(runs.c.number)
        with reading(self._engine, self._where) as db:
            return [run_of(row) for row in db.execute(query)]

    def newest_slot(self, job: str) -> datetime | None:
        """The newest slot of which anything is known; runs that somebody asked for have none."""
        with reading(self._engine, self._where) as db:
            found = db.execute(select(func.max(runs.c.slot)).where(runs.c.job == job, runs.c.asked == "")).scalar()
        return moment_of(found) if found else None

    def forget_runs(self, before: datetime) -> int:
        """How many old runs were forgotten. Of each duty the newest slot and the last success stay."""
        newest = select(func.max(runs.c.slot)).where(runs.c.asked == "").group_by(runs.c.job)
        last = select(func.max(runs.c.number)).where(runs.c.outcome.in_(list(WORKED))).group_by(runs.c.job)
        old = (
            runs.c.began_at < written(before), runs.c.ended_at.is_not(None), runs.c.slot.not_in(newest),
            runs.c.number.not_in(last),
        )  # fmt: skip
        with writing(self._engine, self._where) as db:
            return db.execute(delete(runs).where(*old)).rowcount

    # -- leases -----------------------------------------------------------------------------------------------------

    def lease(self, name: str, owner: str, seconds: float, now: datetime, unmoved: Lease | None = None) -> Lease | None:
        """The lease, for so long; None while another has it. By the clock of the server, on SQLite by `now`.

        unmoved: the lease as it was seen at least so many seconds ago. Where it is still the very same, its owner has
        not renewed it, whatever the clocks say.
        """
        with writing(self._engine, self._where) as db:
            time = self._time(db, now)
            row = db.execute(select(leases).where(leases.c.name == name)).first()
            found = lease_of(row) if row else None
            if found and found.owner != owner and found.until > time and found != unmoved:
                return None
            until = time + timedelta(seconds=seconds)
            if found and found.owner == owner and found.until > time:
                ours = Lease(name, owner, found.fence, until, found.taken_at)
            else:
                ours = Lease(name, owner, found.fence + 1 if found else 1, until, time)
            values = {
                "owner": owner, "fence": ours.fence, "until": written(until), "taken_at": written(ours.taken_at)
            }  # fmt: skip
            if found:
                db.execute(update(leases).where(leases.c.name == name).values(values))
            else:
                db.execute(insert(leases).values(name=name, **values))
        return ours

    def renew(self, lease: Lease, seconds: float, now: datetime) -> Lease | None:
        """The lease, for so long from now; None: another has taken it. A late owner keeps what nobody wanted."""
        with writing(self._engine, self._where) as db:
            until = self._time(db, now) + timedelta(seconds=seconds)
            ours = (leases.c.name == lease.name, leases.c.owner == lease.owner, leases.c.fence == lease.fence)
            if db.execute(update(leases).where(*ours).values(until=written(until))).rowcount != 1:
                return None
        return Lease(lease.name, lease.owner, lease.fence, until, lease.taken_at)

    def release(self, lease: Lease, now: datetime) -> None:
        """Let the next one have it at once. Its number is not given again."""
        ours = (leases.c.name == lease.name, leases.c.owner == lease.owner, leases.c.fence == lease.fence)
        with writing(self._engine, self._where) as db:
            db.execute(update(leases).where(*ours).values(until=written(self._time(db, now))))

    def leases(self, now: datetime) -> list[tuple[Lease, bool]]:
        """All that there are, and whether each is held now."""
        with reading(self._engine, self._where) as db:
            time = self._time(db, now)
            found = [lease_of(row) for row in db.execute(select(leases).order_by(leases.c.name))]
        return [(one, one.until > time) for one in found]

    def _held(self, db: Connection, name: str, owner: str, fence: int) -> bool:
        ours = (leases.c.name == name, leases.c.owner == owner, leases.c.fence == fence)
        return db.execute(select(leases.c.name).where(*ours)).first() is not None

    def _time(self, db: Connection, now: datetime) -> datetime:
        """Of the server itself, at this moment: several machines ask it. SQLite is one machine's."""
        if db.dialect.name != "postgresql":
            return now
        found: datetime = db.execute(text("SELECT clock_timestamp()")).scalar_one()
        return found

    # -- events -----------------------------------------------------------------------------------------------------

    def saw_event(self, name: str, kind: str, subject: str, at: datetime, now: datetime) -> bool:
        """True the first time."""
        return self.saw_events([(name, kind, subject, at)], now) == 1

    def saw_events(self, events: Iterable[tuple[str, str, str, datetime]], now: datetime) -> int:
        """How many of these were not seen before: each is its id, kind, subject and time. All are kept, or none.

        In the order of their ids, so that two replicas that get the same ones do not wait for each other.
        """
        rows = {
            clean(name)[:400]: {
                "id": clean(name)[:400], "kind": clean(kind)[:200], "subject": clean(subject), "at": written(at),
                "seen_at": written(now),
            }
            for name, kind, subject, at in events
        }  # fmt: skip
        found = 0
        with writing(self._engine, self._where) as db:
            dialect = postgresql if db.dialect.name == "postgresql" else sqlite
            for some in together([rows[name] for name in sorted(rows)], TOGETHER):
                statement = dialect.insert(events_seen).values(some).on_conflict_do_nothing(index_elements=["id"])
                found += len(db.execute(statement.returning(events_seen.c.id)).all())
        return found

    def events_waiting(self) -> list[SeenEvent]:
        """Those that nothing was done about yet, oldest first."""
        query = select(events_seen).where(events_seen.c.handled_at.is_(None))
        with reading(self._engine, self._where) as db:
            return [event_of(row) for row in db.execute(query.order_by(events_seen.c.seen_at, events_seen.c.id))]

    def event_seen_at(self) -> datetime | None:
        """When an event was last taken in, by whichever replica; None where none was, or none is kept any more."""
        with reading(self._engine, self._where) as db:
            last = db.execute(select(func.max(events_seen.c.seen_at))).scalar_one()
        return moment_of(last) if last else None

    def handled(self, ids: Iterable[str], now: datetime) -> None:
        with writing(self._engine, self._where) as db:
            for some in together(list(ids), TOGETHER):
                those = (events_seen.c.id.in_(some), events_seen.c.handled_at.is_(None))
                db.execute(update(events_seen).where(*those).values(handled_at=written(now)))

    def forget_events(self, before: datetime) -> int:
        """How many old events that were handled were forgotten. Event Grid tries for at most 24 hours."""
        old = (events_seen.c.seen_at < written(before), events_seen.c.handled_at.is_not(None))
        with writing(self._engine, self._where) as db:
            return db.execute(delete(events_seen).where(*old)).rowcount
