"""`state.letters`: put a letter, write down each attempt before it is made, and what became of it after."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, Engine, and_, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from finops.errors import FinopsError

from . import turn as turns
from .engine import reading, writing
from .letters import Attempt, Fate, NewLetter, StoredLetter, attempt_of, recipient_of
from .records import canonical, clean, moment_of, written
from .tables import attempts, letters, recipients

BRIEF = (letters.c.number, letters.c.message_id, letters.c.kind, letters.c.subject, letters.c.link, letters.c.put_at)
DUE = and_(recipients.c.status == "waiting", recipients.c.due_at.is_not(None))


class Letterbook:
    """All letters that are remembered. Safe to share between threads."""

    def __init__(self, engine: Engine, where: str) -> None:
        self._engine = engine
        self._where = where

    def add(self, letter: NewLetter, now: datetime) -> bool:
        """Whether it is new: a letter with this Message-ID is kept once, as it first was."""
        moment = written(now)
        values = {
            "message_id": letter.message_id,
            "kind": clean(letter.kind)[:100],
            "subject": clean(letter.subject),
            "link": clean(letter.link),
            "content": letter.content,
            "put_at": moment,
        }
        with writing(self._engine, self._where) as db:
            dialect = postgresql if db.dialect.name == "postgresql" else sqlite
            statement = dialect.insert(letters).values(values).on_conflict_do_nothing(index_elements=["message_id"])
            number = db.execute(statement.returning(letters.c.number)).scalar()
            if number is None:
                return False
            rows = [
                {"letter": number, "channel": channel, "address": clean(address), "status": "waiting", "tries": 0,
                 "alone": False, "due_at": moment, "note": ""}
                for channel, address in letter.to
            ]  # fmt: skip
            if rows:
                db.execute(insert(recipients), rows)
        return True

    # -- looking --------------------------------------------------------------------------------------------------

    def get(self, number: int) -> StoredLetter:
        with reading(self._engine, self._where) as db:
            found = self._some(db, [number])
        if not found:
            raise FinopsError(f"There is no letter {number}.", "`finops mail list` shows those there are.")
        return found[0]

    def number_of(self, message_id: str) -> int | None:
        with reading(self._engine, self._where) as db:
            return db.execute(select(letters.c.number).where(letters.c.message_id == message_id)).scalar()

    def content(self, number: int) -> bytes:
        """The mail itself, as it was put; b"" once it was cleared."""
        with reading(self._engine, self._where) as db:
            return bytes(db.execute(select(letters.c.content).where(letters.c.number == number)).scalar_one())

    def newest(self, statuses: Collection[str] = (), limit: int = 50) -> list[StoredLetter]:
        """The newest letters; with `statuses`, those that somebody among their recipients has."""
        query = select(letters.c.number).order_by(letters.c.number.desc()).limit(limit)
        if statuses:
            owed = select(recipients.c.letter).where(recipients.c.status.in_(list(statuses)))
            query = query.where(letters.c.number.in_(owed))
        with reading(self._engine, self._where) as db:
            return self._some(db, db.execute(query).scalars().all())

    def count(self) -> dict[str, int]:
        """Recipients of all letters, by status."""
        query = select(recipients.c.status, func.count()).group_by(recipients.c.status)
        with reading(self._engine, self._where) as db:
            return {row[0]: row[1] for row in db.execute(query)}

    def owed_since(self) -> datetime | None:
        """When the oldest letter was put that somebody still waits for."""
        query = select(func.min(letters.c.put_at)).join(recipients, recipients.c.letter == letters.c.number).where(DUE)
        with reading(self._engine, self._where) as db:
            found = db.execute(query).scalar()
        return moment_of(found) if found else None

    def due(self, now: datetime) -> list[tuple[int, str]]:
        """(letter, channel) with somebody to be tried now, oldest first."""
        query = (
            select(recipients.c.letter, recipients.c.channel)
            .where(DUE, recipients.c.due_at <= written(now))
            .group_by(recipients.c.letter, recipients.c.channel)
            .order_by(recipients.c.letter, recipients.c.channel)
        )
        with reading(self._engine, self._where) as db:
            return [(row.letter, row.channel) for row in db.execute(query)]

    def open_attempts(self) -> list[Attempt]:
        """Those whose outcome is not known, oldest first."""
        query = select(attempts).where(attempts.c.ended_at.is_(None)).order_by(attempts.c.number)
        with reading(self._engine, self._where) as db:
            return [attempt_of(row) for row in db.execute(query)]

    def attempts(self, letter: int) -> list[Attempt]:
        query = select(attempts).where(attempts.c.letter == letter).order_by(attempts.c.number)
        with reading(self._engine, self._where) as db:
            return [attempt_of(row) for row in db.execute(query)]

    def unproven(self, after: datetime, before: datetime) -> list[Attempt]:
        """Attempts by which somebody got the mail, handed over between the two, that nobody has looked for since."""
        query = (
            select(attempts)
            .where(attempts.c.outcome == "sent", attempts.c.handed_at.between(written(after), written(before)))
            .order_by(attempts.c.number)
        )
        with reading(self._engine, self._where) as db:
            return [attempt_of(row) for row in db.execute(query)]

    def finds(self, transport: str) -> bool:
        """Whether the last mail of this way out that was looked for afterwards was found."""
        query = (
            select(attempts.c.outcome)
            .where(attempts.c.transport == transport, attempts.c.outcome.in_(["proven", "missing"]))
            .order_by(attempts.c.number.desc())
            .limit(1)
        )
        with reading(self._engine, self._where) as db:
            return db.execute(query).scalar() == "proven"

    # -- sending: only in one's turn --------------------------------------------------------------------------------

    @contextmanager
    def turn(self) -> Iterator[bool]:
        """Be the only process that sends; Busy if another one does. True: who had it before is dead for certain.

        On PostgreSQL the turn ends with the connection, and who lost that may still be at its last attempt.
        """
        if self._engine.dialect.name == "sqlite":
            with turns.of_file(Path(str(self._engine.url.database)), turns.POSTING):
                yield True
            return
        with turns.of_session(self._engine, self._where, turns.POSTING):
            yield False

    def begin(
        self, letter: int, channel: str, transport: str, wire_id: str, to: Collection[int], now: datetime,
        until: datetime, receipt: str = "",
    ) -> int:  # fmt: skip
        """The number of a new attempt, on the disk. Refused while another is open, or for whom is not owed it."""
        values = {
            "letter": letter, "channel": channel, "transport": transport, "wire_id": wire_id,
            "recipients": canonical(sorted(to)), "began_at": written(now), "until": written(until),
            "receipt": clean(receipt), "outcome": "", "said": "",
        }  # fmt: skip
        owed = select(func.count()).where(recipients.c.number.in_(list(to)), recipients.c.status == "waiting")
        under_way = select(attempts.c.number).where(
            attempts.c.letter == letter, attempts.c.channel == channel, attempts.c.ended_at.is_(None)
        )
        with writing(self._engine, self._where) as db:
            if db.execute(owed).scalar_one() != len(to) or db.execute(under_way).first():
                raise turns.Busy(f"Letter {letter} is being sent by another process.", "Nothing was sent twice.")
            return int(db.execute(insert(attempts).values(values).returning(attempts.c.number)).scalar_one())

    def handed(self, attempt: int, now: datetime, settled: Mapping[int, Fate]) -> None:
        """Write down that from here on the mail may arrive, to all but those who are `settled`.

        Refused where somebody has ended the attempt meanwhile.
        """
        with writing(self._engine, self._where) as db:
            self._open(db, attempt, handed_at=written(now))
            for number, fate in settled.items():
                self._become(db, number, fate, now)
            if settled:
                row = db.execute(select(attempts).where(attempts.c.number == attempt)).one()
                left = [number for number in attempt_of(row).recipients if number not in settled]
                db.execute(update(attempts).where(attempts.c.number == attempt).values(recipients=canonical(left)))

    def end(self, attempt: int, outcome: str, said: str, fates: Mapping[int, Fate], now: datetime) -> None:
        """Write down what became of an attempt and of each recipient in it, in one transaction."""
        with writing(self._engine, self._where) as db:
            self._open(db, attempt, ended_at=written(now), outcome=outcome, said=clean(said))
            for number, fate in fates.items():
                self._become(db, number, fate, now)

    def prove(self, attempt: int, outcome: str, said: str, fates: Mapping[int, Fate], now: datetime) -> None:
        """Write down whether a mail that was sent was found again: proven, or missing; and what follows from that."""
        change = update(attempts).where(attempts.c.number == attempt, attempts.c.outcome == "sent")
        with writing(self._engine, self._where) as db:
            db.execute(change.values(outcome=outcome, said=clean(said)))
            for number, fate in fates.items():
                self._become(db, number, fate, now)

    def decide(self, letter: int, before: Collection[str], fate: Fate, now: datetime) -> int:
        """How many recipients of a letter with a status in `before` became `fate`, because a person said so."""
        query = select(recipients.c.number).where(recipients.c.letter == letter, recipients.c.status.in_(list(before)))
        with writing(self._engine, self._where) as db:
            found = db.execute(query).scalars().all()
            for number in found:
                self._become(db, number, fate, now, tries=0)
        return len(found)

    def hurry(self, letter: int, now: datetime) -> None:
        """Let those who wait for a letter be tried now."""
        wait = (recipients.c.letter == letter, recipients.c.status == "waiting", recipients.c.due_at > written(now))
        with writing(self._engine, self._where) as db:
            db.execute(update(recipients).where(*wait).values(due_at=written(now)))

    def clear(self, before: datetime) -> int:
        """Forget the content of letters put before, where everybody has them; how many. What became of them stays."""
        owed = select(recipients.c.letter).where(recipients.c.status != "sent")
        old = (letters.c.put_at < written(before), func.length(letters.c.content) > 0, letters.c.number.not_in(owed))
        with reading(self._engine, self._where) as db:
            found = db.execute(select(letters.c.number).where(*old)).scalars().all()
        if found:
            with writing(self._engine, self._where) as db:
                db.execute(update(letters).where(letters.c.number.in_(found)).values(content=b""))
        return len(found)

    def _open(self, db: Connection, attempt: int, **values: str) -> None:
        changed = db.execute(
            update(attempts).where(attempts.c.number == attempt, attempts.c.ended_at.is_(None)).values(**values)
        )
        if changed.rowcount != 1:
            raise FinopsError(
                f"Attempt {attempt} to send a letter was ended by another process.",
                "Two processes sent at the same time, or the database was changed by hand; see docs/mail.md.",
            )

    def _become(self, db: Connection, number: int, fate: Fate, now: datetime, tries: int | None = None) -> None:
        values = {
            "status": fate.status,
            "note": clean(fate.note),
            "due_at": written(fate.due_at) if fate.due_at else None,
            "ended_at": written(now) if fate.status != "waiting" else None,
        }
        change = update(recipients).where(recipients.c.number == number).values(**values)
        if tries is not None:
            change = change.values(tries=tries)
        elif fate.counts:
            change = change.values(tries=recipients.c.tries + 1)
        if fate.alone is not None:
            change = change.values(alone=fate.alone)
        db.execute(change)

    def _some(self, db: Connection, numbers: Collection[int]) -> list[StoredLetter]:
        rows = db.execute(select(*BRIEF).where(letters.c.number.in_(list(numbers)))).all()
        whom = select(recipients).where(recipients.c.letter.in_(list(numbers))).order_by(recipients.c.number)
        people = [recipient_of(row) for row in db.execute(whom)]
        found = {
            row.number: StoredLetter(
                row.number, row.message_id, row.kind, row.subject, row.link, datetime.fromisoformat(row.put_at),
                tuple(one for one in people if one.letter == row.number),
            )
            for row in rows
        }  # fmt: skip
        return [found[number] for number in numbers if number in found]
